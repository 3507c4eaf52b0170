"""Sub-seeds: equal everywhere, unrelated to each other, within what TensorFlow takes."""

import random
from itertools import pairwise

import numpy as np

from dae_lab.seeds import derive


def test_values_are_fixed_for_ever():
    """Recorded results can be had again only while these stay."""
    assert derive(0, "init") == 353_686_001
    assert derive(0, "shuffle") == 1_864_311_941
    assert derive(1, "init", 0) == 2_115_692_479
    assert derive(2**40, "x") == 994_649_187


def test_names_and_seeds_are_told_apart():
    calls = [(0,), (1,), (0, "init"), (0, "init", 0), (0, "init", 1), (0, "noise"), (1, "init"), (10, "init")]
    calls += [(1, "0", "init"), (0, "train noise", 11), (0, "train noise", 1, 1)]
    assert len({derive(*call) for call in calls}) == len(calls)
    assert derive(3, "a", 1) == derive(3, "a", "1")


def test_sub_seeds_are_31_bit_and_spread_evenly():
    values = np.array([derive(seed, "init", number) for seed in range(40) for number in range(50)])
    assert values.min() >= 0
    assert values.max() < 2**31
    assert len(set(values)) == len(values)
    counts = np.bincount(values // 2**27, minlength=16)
    assert np.square(counts - 125).sum() / 125 < 37.7  # χ² with 15 degrees of freedom, p = 0.001


def test_neighbours_are_unrelated():
    flips = [(derive(a, "init") ^ derive(b, "init")).bit_count() for a, b in pairwise(range(400))]
    assert abs(np.mean(flips) - 15.5) < 4 * np.sqrt(31 / 4 / 399)


def test_nothing_global_is_read_or_moved():
    before = random.getstate(), np.random.get_state()[1].tolist()
    random.seed(1)
    first = derive(0, "init")
    random.seed(2)
    assert derive(0, "init") == first
    random.setstate(before[0])
    assert np.random.get_state()[1].tolist() == before[1]
