"""Batches for Keras: uint8 images in memory become float32 (noisy, clean) pairs one batch at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import tensorflow as tf

from dae_lab.config.run import Training
from dae_lab.data.images import Images
from dae_lab.noise import Corruption, corrupted, image_seeds
from dae_lab.seeds import derive

without_autograph = tf.autograph.experimental.do_not_convert
"""For graphs without branches on tensors, whose source TensorFlow need not rewrite at every start."""


@dataclass(frozen=True, eq=False)
class TrainingData:
    """What a model learns from, and in which portions.

    Attributes:
        images: the clean training images.
        corruption: what makes them noisy.
        settings: the section ``training`` of the config.
        seed: the run's.
    """

    images: Images
    corruption: Corruption
    settings: Training
    seed: int

    @cached_property
    def steps_per_epoch(self) -> int:
        """How many batches an epoch has; the last may be smaller."""
        if self.settings.overfit:
            return self.settings.batches or 1
        batches = -(-len(self.images) // self.settings.batch_size)
        return min(batches, self.settings.batches or batches)


@contextmanager
def training_batches(data: TrainingData, first_epoch: int) -> Iterator[tf.data.Dataset]:
    """Batches (noisy, clean), float32 (b, h, w, c) each, of all epochs from ``first_epoch`` (0 first) on.

    The order of an epoch and its noise follow from the run's seed and the epoch alone, so a run that
    goes on in the middle sees what an uninterrupted one sees.
    """
    images, corruption, settings = data.images, data.corruption, data.settings
    steps, size = data.steps_per_epoch, settings.batch_size
    shuffle = derive(data.seed, "shuffle")
    rows = tf.range(images.rows.start, images.rows.stop)
    arrays = [images.pixels]
    if corruption.resample == "once":
        arrays.append(corrupted(images, corruption, derive(data.seed, "train noise")))
    seeds = [derive(data.seed, "train noise", epoch) for epoch in range(settings.epochs)]
    streams = tf.constant(seeds, tf.int32)

    def order(epoch: Any) -> tf.Tensor:
        if settings.overfit:
            return tf.tile(tf.range(min(size, len(images))), [steps])
        shuffled = tf.random.experimental.stateless_shuffle(
            tf.range(len(images)), seed=[shuffle, tf.cast(epoch, tf.int32)]
        )
        return shuffled[: steps * size]

    @without_autograph
    def epoch_of_positions(epoch: Any) -> tf.data.Dataset:
        batch = min(size, len(images)) if settings.overfit else size
        positions = tf.data.Dataset.from_tensor_slices(order(epoch)).batch(batch)
        return positions.map(lambda chosen: (chosen, epoch))

    @without_autograph
    def load(chosen: Any, epoch: Any) -> tuple[Any, Any]:
        pixels, *noisy = _take(arrays, chosen)
        clean = _to_float(pixels)
        if not noisy:
            noisy = [corruption(clean, image_seeds(tf.gather(rows, chosen), streams[epoch]))]
        return noisy[0], clean

    epochs = tf.data.Dataset.range(first_epoch, settings.epochs)
    try:
        yield epochs.flat_map(epoch_of_positions).map(load, num_parallel_calls=1).prefetch(2)
    finally:
        arrays.clear()  # TensorFlow keeps `take` for as long as the process lives


def _to_float(pixels: Any) -> Any:
    """``dae_lab.pixels.to_float`` inside a graph, where 47 MB of digits stay uint8 until a batch is made."""
    return tf.cast(pixels, tf.float32) / 255.0 if pixels.dtype == tf.uint8 else pixels


def _take(arrays: list[np.ndarray], positions: Any) -> list[Any]:
    """The rows at ``positions`` of each array (n, …), which is not copied: a graph would hold it twice.

    ``take`` looks into the list when a batch is made, so emptying the list lets the arrays go.
    """

    def take(chosen: np.ndarray) -> list[np.ndarray]:
        return [array.take(chosen, axis=0) for array in arrays]

    rows = tf.numpy_function(take, [positions], [array.dtype for array in arrays], stateful=False)
    for tensor, array in zip(rows, arrays, strict=True):
        tensor.set_shape((None, *array.shape[1:]))
    return list(rows)


def evaluation_batches(noisy: np.ndarray, images: Images, batch_size: int) -> tf.data.Dataset | None:
    """Batches (noisy, clean) in order, float32 (b, h, w, c) each; None where there are no images."""
    if not len(images):
        return None
    noisy_all, pixels = tf.convert_to_tensor(noisy), tf.convert_to_tensor(images.pixels)

    @without_autograph
    def load(start: Any) -> tuple[Any, Any]:
        return noisy_all[start : start + batch_size], _to_float(pixels[start : start + batch_size])

    return tf.data.Dataset.range(0, len(noisy), batch_size).map(load).prefetch(1)
