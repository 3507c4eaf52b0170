"""What baselines learn from: training images under training-like noise, and a few images to tune on."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dae_lab.baselines.moments import Moments, neighbourhoods
from dae_lab.data.images import Dataset, Images
from dae_lab.pixels import blocks as block_slices
from dae_lab.pixels import to_float
from dae_lab.seeds import derive

if TYPE_CHECKING:  # it imports TensorFlow, which the names of baselines do without
    from dae_lab.noise import Corruption

Denoiser = Callable[[np.ndarray], np.ndarray]
"""Noisy images, float32 (n, h, w, c) for any n, to reconstructions of the same shape and type."""

WIDEST = 5
"""Side of the largest linear filter; the smaller ones see a part of what it sees."""

MOST_VALUES = 4096
"""h·w·c up to which a map of the whole image is fitted: its covariance takes h·w·c squared numbers."""

TUNING_IMAGES = 200
_HELD_OUT = 1000  # training images kept for tuning where no validation image may be used,
_HELD_OUT_SHARE = 10  # but no more than a tenth of them,
_FEWEST = 20  # and none of fewer than these
_BLOCK_VALUES = 400_000  # pixel values in a block; their neighbourhoods then take 80 MB


class Fitted(NamedTuple):
    """A denoiser, and in one line how it was fitted or tuned."""

    denoise: Denoiser
    note: str

    def clipped(self) -> "Fitted":
        """The denoiser with its answers cut to [0, 1], see ``clip_to_range``; its note says so."""
        return Fitted(lambda noisy: clip_to_range(self.denoise(noisy)), f"{self.note}; cut to [0, 1]")


def clip_to_range(images: np.ndarray) -> np.ndarray:
    """``images`` with what is below 0 or above 1 set to 0 or 1; NaN stays.

    Clean images lie in [0, 1], so no pixel is farther from the clean one than before: of an interval's points
    the nearest to a value beyond it is also the nearer one to every value within it.
    """
    return np.clip(images, 0, 1)


@dataclass(frozen=True, eq=False)
class Tuning:
    """Images a parameter is chosen by; none is a test image.

    noisy, clean: float32 (n, h, w, c) with 1 ≤ n ≤ 200.
    kind: what they are, as ``validation images``.
    """

    noisy: np.ndarray
    clean: np.ndarray
    kind: str

    @property
    def title(self) -> str:
        """As ``200 validation images``."""
        return f"{len(self.clean)} {self.kind}"

    def at_most(self, count: int) -> "Tuning":
        """The first ``count`` of them."""
        return Tuning(self.noisy[:count], self.clean[:count], self.kind)

    def error(self, answers: np.ndarray) -> float:
        """The MSE of answers (n, h, w, c) to the noisy images."""
        return float(np.mean(np.square(answers - self.clean), dtype=np.float64))

    def best(self, strengths: Sequence[float], answers: Callable[[float], np.ndarray]) -> float:
        """The strength whose answers, cut to [0, 1], have the least MSE; of equals, the first.

        One that gives NaN is chosen, as ``argmin`` does, so that it is not passed over in silence.
        """
        errors = [self.error(clip_to_range(answers(strength))) for strength in strengths]
        return strengths[int(np.argmin(errors))]

    @property
    def noise_level(self) -> float:
        """The root mean square of noisy - clean, in units of the pixel range."""
        return self.error(self.noisy) ** 0.5


class FittingData:
    """The data that baselines may learn from. What several of them need is computed once, at its first use.

    Attributes:
        train: the clean images that maps are fitted on: all but those kept for tuning.
        all_train: pixels of all training images.
        code_size: how many values the model's code has.
    """

    def __init__(
        self,
        data: Dataset,
        corruption: "Corruption",
        validation: tuple[np.ndarray, Images],
        code_size: int,
        seed: int,
    ) -> None:
        self._corruption, self._seed, self._validation = corruption, seed, validation
        self.train, self._tuning_images, self._tuning_kind = split_for_tuning(data, validation[1])
        self.all_train, self.code_size = data.train.pixels, code_size

    @cached_property
    def tuning(self) -> Tuning:
        """The first 200 of the images to tune on: classes that come in turn, or shuffled, stay balanced."""
        from dae_lab.noise import corrupted

        images = self._tuning_images[:TUNING_IMAGES]
        clean = to_float(images.pixels)
        if self._tuning_images is self._validation[1]:
            return Tuning(self._validation[0][:TUNING_IMAGES], clean, self._tuning_kind)
        # Images that were fitted under one noise are tuned under another, or no fit would be too close.
        stream = "baseline tuning noise" if self._tuning_images is self.train else "baseline noise"
        noisy = corrupted(images, self._corruption, derive(self._seed, stream))
        return Tuning(noisy, clean, self._tuning_kind)

    @cached_property
    def image_moments(self) -> Moments:
        """Moments of noisy and clean training images (h·w·c,)."""
        values = int(np.prod(self.train.shape))
        moments = Moments(values, values)
        for noisy, clean in self._pairs():
            moments.add(noisy.reshape(-1, values), clean.reshape(-1, values))
        return moments

    @cached_property
    def neighbourhood_moments(self) -> Moments:
        """Moments of noisy 5×5 neighbourhoods (25·c,) and their clean middle pixels (c,)."""
        if fits_whole(self.train.shape):  # a fifth of the time, and both may be wanted
            return self.image_moments.of_neighbourhoods(self.train.shape, WIDEST)
        channels = self.train.shape[-1]
        moments = Moments(WIDEST**2 * channels, channels)
        for noisy, clean in self._pairs():
            moments.add(neighbourhoods(noisy, WIDEST), clean.reshape(-1, channels))
        return moments

    def _pairs(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Noisy and clean training images, float32 (n, h, w, c), block by block."""
        from dae_lab.noise import corrupted

        stream = derive(self._seed, "baseline noise")
        for block in blocks(self.train):
            yield corrupted(block, self._corruption, stream), to_float(block.pixels)


def blocks(images: Images) -> Iterator[Images]:
    """The images, as many at a time as have 400,000 values, at least one."""
    return (images[block] for block in block_slices(images.pixels.shape, _BLOCK_VALUES))


def fits_whole(shape: tuple[int, int, int]) -> bool:
    """Whether images (h, w, c) are small enough to fit a map of the whole image."""
    return int(np.prod(shape)) <= MOST_VALUES


def split_for_tuning(data: Dataset, validation: Images) -> tuple[Images, Images, str]:
    """Choose the images to fit on and the images to tune on.

    Baselines are tuned on the validation images, unless a row of theirs is a test row too, as in article B's
    presets; then on the last training images, which are not fitted; and where these are too few to spare any,
    on all of them.

    Returns:
        The images to fit on, the images to tune on, and what the latter are, as ``validation images``.
    """
    train = data.train
    if len(validation) and set(validation.rows).isdisjoint(data.test.rows):
        return train, validation, "validation images"
    if len(train) < _FEWEST:
        return train, train, "training images, the very ones that were fitted"
    held_out = min(_HELD_OUT, len(train) // _HELD_OUT_SHARE)
    return train[:-held_out], train[-held_out:], "training images that were not fitted"
