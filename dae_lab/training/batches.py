"""Batches for Keras: uint8 images in memory become float32 (noisy, clean) pairs one batch at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import tensorflow as tf

from dae_lab.config.run import Config
from dae_lab.data.images import Images
from dae_lab.noise import Corruption, corrupted, image_seeds
from dae_lab.seeds import derive

plain = tf.autograph.experimental.do_not_convert
"""For graphs without branches on tensors, whose source TensorFlow need not rewrite at every start."""


def steps_per_epoch(images: Images, config: Config) -> int:
    """How many batches an epoch has; the last may be smaller."""
    whole = -(-len(images) // config.training.batch_size)
    return (
        min(whole, config.training.batches or whole)
        if not config.training.overfit
        else (config.training.batches or 1)
    )


@contextmanager
def training_batches(
    images: Images, corruption: Corruption, config: Config, first_epoch: int
) -> Iterator[tf.data.Dataset]:
    """Batches (noisy, clean), float32 (b, h, w, c) each, of all epochs from ``first_epoch`` (0 first) on.

    The order of an epoch and its noise follow from the run's seed and the epoch alone, so a run that
    goes on in the middle sees what an uninterrupted one sees.
    """
    training = config.training
    steps, size = steps_per_epoch(images, config), training.batch_size
    shuffle = derive(config.seed, "shuffle")
    rows = tf.range(images.rows.start, images.rows.stop)
    arrays = [images.pixels]
    if config.noise.resample == "once":
        arrays.append(corrupted(images, corruption, derive(config.seed, "train noise")))
    seeds = [derive(config.seed, "train noise", epoch) for epoch in range(training.epochs)]
    streams = tf.constant(seeds, tf.int32)

    def order(epoch: Any) -> tf.Tensor:
        if training.overfit:
            return tf.tile(tf.range(min(size, len(images))), [steps])
        shuffled = tf.random.experimental.stateless_shuffle(
            tf.range(len(images)), seed=[shuffle, tf.cast(epoch, tf.int32)]
        )
        return shuffled[: steps * size]

    @plain
    def epoch_of_places(epoch: Any) -> tf.data.Dataset:
        batch = min(size, len(images)) if training.overfit else size
        places = tf.data.Dataset.from_tensor_slices(order(epoch)).batch(batch)
        return places.map(lambda chosen: (chosen, epoch))

    @plain
    def load(chosen: Any, epoch: Any) -> tuple[Any, Any]:
        pixels, *noisy = _taken(arrays, chosen)
        clean = _floats(pixels)
        if not noisy:
            noisy = [corruption(clean, image_seeds(tf.gather(rows, chosen), streams[epoch]))]
        return noisy[0], clean

    epochs = tf.data.Dataset.range(first_epoch, training.epochs)
    try:
        yield epochs.flat_map(epoch_of_places).map(load, num_parallel_calls=1).prefetch(2)
    finally:
        arrays.clear()  # TensorFlow keeps `take` for as long as the process lives


def _floats(pixels: Any) -> Any:
    """``dae_lab.pixels.to_float`` inside a graph, where 47 MB of digits stay uint8 until a batch is made."""
    return tf.cast(pixels, tf.float32) / 255.0 if pixels.dtype == tf.uint8 else pixels


def _taken(arrays: list[np.ndarray], places: Any) -> list[Any]:
    """Those places of each array (n, …), which stays where it is: a graph would hold two copies of it.

    ``take`` looks into the list when a batch is made, so emptying the list lets the arrays go.
    """

    def take(chosen: np.ndarray) -> list[np.ndarray]:
        return [array.take(chosen, axis=0) for array in arrays]

    found = tf.numpy_function(take, [places], [array.dtype for array in arrays], stateful=False)
    for tensor, array in zip(found, arrays, strict=True):
        tensor.set_shape((None, *array.shape[1:]))
    return list(found)


def evaluation_batches(noisy: np.ndarray, images: Images, batch_size: int) -> tf.data.Dataset:
    """Batches (noisy, clean) in order, float32 (b, h, w, c) each, from arrays that stay as they are."""
    noisy_all, pixels = tf.convert_to_tensor(noisy), tf.convert_to_tensor(images.pixels)

    @plain
    def load(start: Any) -> tuple[Any, Any]:
        return noisy_all[start : start + batch_size], _floats(pixels[start : start + batch_size])

    return tf.data.Dataset.range(0, len(noisy), batch_size).map(load).prefetch(1)
