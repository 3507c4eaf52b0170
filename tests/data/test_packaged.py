"""The images that come inside a package."""

import time

import numpy as np

from dae_lab.data.packaged import Digits, Mnist5k

MNIST_5K = {"train": [0, 4000], "validation": [4000, 4500], "test": [4500, 5000]}


def test_mnist_5k_is_stratified_and_real():
    dataset = Mnist5k(**MNIST_5K).load()
    assert dataset.train.shape == (28, 28, 1)
    assert dataset.train.pixels.dtype == np.uint8
    for part in (dataset.train, dataset.validation, dataset.test):
        np.testing.assert_array_equal(np.bincount(part.labels), np.full(10, len(part) // 10))
    np.testing.assert_array_equal(dataset.train.labels[:12], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1])
    mean = dataset.train.pixels.mean() / 255
    assert 0.12 < mean < 0.14  # MNIST's mean is 0.1307


def test_mnist_5k_reads_fast_and_the_same():
    Mnist5k(**MNIST_5K).load()
    start = time.process_time()
    dataset = Mnist5k(**MNIST_5K).load()
    assert time.process_time() - start < 0.3
    assert dataset.fingerprint == Mnist5k(**MNIST_5K).load().fingerprint


def test_article_a_slices_are_stratified_too():
    dataset = Mnist5k(train=[0, 3000], validation=[], test=[3000, 3100]).load()
    np.testing.assert_array_equal(np.bincount(dataset.train.labels), np.full(10, 300))
    np.testing.assert_array_equal(np.bincount(dataset.test.labels), np.full(10, 10))


def test_digits_span_the_range():
    dataset = Digits(train=[0, 1437], validation=[1437, 1617], test=[1617, 1797]).load()
    assert dataset.train.pixels.shape == (1437, 8, 8, 1)
    assert dataset.train.pixels.dtype == np.uint8
    assert set(np.unique(dataset.train.pixels)) == {round(grey * 255 / 16) for grey in range(17)}
    assert dataset.train.labels.dtype == np.int64
