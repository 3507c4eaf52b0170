"""Evaluates baselines on the test images of a run, once for equal data, noise and seed."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from dae_lab import blas
from dae_lab.baselines.cache import Cache, code_digest, digest, without_resample
from dae_lab.baselines.fitting import MOST_VALUES, Denoiser, FittingData, blocks, fits_whole
from dae_lab.baselines.registry import BaselineMethod, select_baselines
from dae_lab.data.images import Dataset, Images, NoisySet
from dae_lab.errors import DataError
from dae_lab.metrics import image_metrics, mse
from dae_lab.noise import Corruption
from dae_lab.pixels import to_float
from dae_lab.progress import progress
from dae_lab.scoring import score_images

log = logging.getLogger(__name__)

_LABEL = "Computing baselines, once for these data and this noise:"
_EXAMPLES = 10
_TEST = "test/"  # in the file, before the names of metrics


@dataclass(frozen=True, eq=False)
class Baseline:
    """The scores of one baseline.

    title: for tables and figures, as ``best linear 3×3 filter``.
    note: how it was fitted or tuned, one line, as ``σ = 0.8 pixels, chosen on 100 validation images``.
    test: for each metric, its value for each test image, float32 (n,), as ``score_images`` gives.
    validation: mean MSE on the validation images; None where there are none.
    examples: its answers to the first ten test images, float32 (min(n, 10), h, w, c); within [0, 1]
        unless it is the noisy image itself.
    """

    title: str
    note: str
    test: dict[str, np.ndarray]
    validation: float | None
    examples: np.ndarray


def evaluate_baselines(
    choice: str,
    data: Dataset,
    corruption: Corruption,
    noise: Mapping[str, Any],
    test: NoisySet,
    validation: NoisySet,
    *,
    code_size: int,
    seed: int,
    cache: Path,
) -> dict[str, Baseline]:
    """Evaluate the baselines of ``choice``, or load them from the cache.

    Args:
        choice: ``trivial``, ``linear`` (and trivial ones) or ``all``.
        data: baselines are fitted on its training images, and tuned on others than its test images.
        corruption: what training images are made noisy with.
        noise: the corruption's config, plain; with the images and the seed it names what is cached.
        test, validation: noisy images, float32 (n, h, w, c), and the clean ones; test images may be the
            first of ``data.test``, validation images may be none.
        code_size: how many values the model's code has; ``pca`` gets as many.
        seed: the run's; the training noise derives from it.
        cache: the folder whose sub-folder ``baselines`` keeps what was computed.

    Returns:
        The baselines by name, the noisy image itself first.

    Raises:
        DataError: noisy images, or a baseline's answers to them, are not finite.
    """
    methods = _applicable(select_baselines(choice), data.train.shape, code_size)
    files = _file_names(methods, data, noise, test, validation, code_size, seed)
    cache_folder = Cache(cache / "baselines", _to_arrays, partial(_from_arrays, test[0].shape))
    baselines = {name: cache_folder.load(files[name]) for name in methods}
    missing = [name for name, baseline in baselines.items() if baseline is None]
    if missing:
        fitting_data = FittingData(data, corruption, validation, code_size, seed)
        with blas.one_thread(), progress(_LABEL, total=len(missing)) as advance:
            for name in missing:
                compute = partial(_evaluate, name, methods[name], fitting_data, test, validation)
                baselines[name] = cache_folder.load_or_compute(files[name], compute)
                advance()
    return {name: baseline for name, baseline in baselines.items() if baseline is not None}


def _applicable(
    methods: Mapping[str, BaselineMethod], shape: tuple[int, int, int], code_size: int
) -> dict[str, BaselineMethod]:
    """The methods that apply to images (h, w, c).

    Components as many as an image has values give back the noisy image, which is a baseline already.
    """
    if code_size >= int(np.prod(shape)) and "pca" in methods:
        log.info("baseline pca is left out: the code has as many values as the image, or more")
        methods = {name: method for name, method in methods.items() if name != "pca"}
    if fits_whole(shape):
        return dict(methods)
    for name in (name for name, method in methods.items() if method.whole_image):
        most, values = f"{MOST_VALUES:,}", f"{int(np.prod(shape)):,}"
        log.info("baseline %s is left out: it takes images of at most %s values, not %s", name, most, values)
    return {name: method for name, method in methods.items() if not method.whole_image}


def _file_names(
    methods: Mapping[str, BaselineMethod],
    data: Dataset,
    noise: Mapping[str, Any],
    test: NoisySet,
    validation: NoisySet,
    code_size: int,
    seed: int,
) -> dict[str, str]:
    """The name of each baseline's file: the baseline's, and a hash of all that can change its numbers."""
    rows = [str(images.rows) for _, images in (test, validation)]
    config = without_resample(noise)
    scores = [metric.name for metric in image_metrics()]
    common = digest(code_digest(), scores, data.fingerprint, config, seed, rows, test[0], validation[0])
    width = {"pca": code_size}
    return {name: f"{name}-{digest(name, common, width.get(name))[:16]}" for name in methods}


def _evaluate(
    name: str,
    method: BaselineMethod,
    data: FittingData,
    test: NoisySet,
    validation: NoisySet,
) -> Baseline:
    denoise, note = method.fit_denoiser(data)
    answers = np.concatenate([answer for answer, _ in _answers(denoise, *test)])
    errors = [mse(clean, answer) for answer, clean in _answers(denoise, *validation)]
    scores = score_images(test[1].pixels, answers)
    _need_finite(name, [*scores.values(), *errors])
    mean = float(np.concatenate(errors).mean(dtype=np.float64)) if errors else None
    return Baseline(method.title, note, scores, mean, answers[:_EXAMPLES].copy())


def _answers(denoise: Denoiser, noisy: np.ndarray, images: Images) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Answers to the noisy images, and the clean images, float32 (n, h, w, c), block by block."""
    start = 0
    for block in blocks(images):
        yield denoise(noisy[start : start + len(block)]), to_float(block.pixels)
        start += len(block)


def _need_finite(name: str, values: list) -> None:
    if not all(np.isfinite(some).all() for some in values):
        raise DataError(
            f"baseline {name}: what it makes of the noisy images is not finite; "
            f"look at the noise, or leave this baseline out by evaluation.baselines=trivial"
        )


def _to_arrays(baseline: Baseline) -> dict[str, np.ndarray]:
    """No objects, so that no pickle is needed to read them again."""
    return {
        "title": np.array(baseline.title),
        "note": np.array(baseline.note),
        "validation": np.array([] if baseline.validation is None else [baseline.validation]),
        "examples": baseline.examples,
        **{_TEST + name: values for name, values in baseline.test.items()},
    }


def _from_arrays(shape: tuple[int, ...], arrays: Mapping[str, np.ndarray]) -> Baseline:
    """A baseline for test images of that shape, (n, h, w, c).

    Raises:
        ValueError: the arrays are not those of such a baseline.
    """
    validation = arrays["validation"]
    baseline = Baseline(
        title=str(arrays["title"]),
        note=str(arrays["note"]),
        test={metric.name: arrays[_TEST + metric.name] for metric in image_metrics()},
        validation=float(validation[0]) if len(validation) else None,
        examples=arrays["examples"],
    )
    for values in baseline.test.values():
        if values.shape != shape[:1] or not np.isfinite(values).all():
            raise ValueError("its values are not those of these test images")
    if baseline.examples.shape != (min(shape[0], _EXAMPLES), *shape[1:]):
        raise ValueError("its examples are of another shape")
    return baseline
