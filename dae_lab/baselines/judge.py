"""What baselines are worth on the test images of a run: computed once for equal data, noise and seed."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from dae_lab import blas, metrics
from dae_lab.baselines.cache import Cache, code_digest, digest, without_resample
from dae_lab.baselines.fitting import MOST_VALUES, Denoiser, Material, blocks, fits_whole
from dae_lab.baselines.recipes import RECIPES, Recipe
from dae_lab.data.images import Dataset, Images, NoisySet
from dae_lab.errors import DataError
from dae_lab.noise import Corruption
from dae_lab.pixels import to_float
from dae_lab.progress import progress

log = logging.getLogger(__name__)

_LABEL = "Computing baselines, once for these data and this noise:"
_EXAMPLES = 10
_TEST = "test/"  # in the file, before the names of metrics


@dataclass(frozen=True, eq=False)
class Baseline:
    """What one baseline is worth.

    title: for tables and figures, as ``best linear 3×3 filter``.
    note: how it was fitted or tuned, one line, as ``σ = 0.8 pixels, chosen on 100 validation images``.
    test: for each metric, its value for each test image, float32 (n,), as ``metrics.table`` gives.
    validation: mean MSE on the validation images; None where there are none.
    examples: its answers to the first ten test images, float32 (min(n, 10), h, w, c); within [0, 1]
        unless it is the noisy image itself.
    """

    title: str
    note: str
    test: dict[str, np.ndarray]
    validation: float | None
    examples: np.ndarray


def judge(
    wanted: str,
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
    """The baselines ``wanted``, by name, the noisy image itself first; from the cache where they are in it.

    Args:
        wanted: ``trivial``, ``linear`` (and trivial ones) or ``all``.
        data: baselines are fitted on its training images, and tuned on others than its test images.
        corruption: what training images are made noisy with.
        noise: the corruption's config, plain; with the images and the seed it names what is cached.
        test, validation: noisy images, float32 (n, h, w, c), and the clean ones; test images may be the
            first of ``data.test``, validation images may be none.
        code_size: how many values the model's code has; ``pca`` gets as many.
        seed: the run's; the training noise derives from it.
        cache: the folder whose sub-folder ``baselines`` keeps what was computed.

    Raises:
        DataError: noisy images, or what a baseline makes of them, are not finite.
    """
    recipes = _possible(RECIPES[wanted], data.train.shape, code_size)
    files = _files(recipes, data, noise, test, validation, code_size, seed)
    kept = Cache(cache / "baselines", _to_arrays, partial(_from_arrays, test[0].shape))
    found = {name: kept.load(files[name]) for name in recipes}
    missing = [name for name, baseline in found.items() if baseline is None]
    if missing:
        material = Material(data, corruption, validation, code_size, seed)
        with blas.one_thread(), progress(_LABEL, total=len(missing)) as advance:
            for name in missing:
                compute = partial(_judged, name, recipes[name], material, test, validation)
                found[name] = kept.once(files[name], compute)
                advance()
    return {name: baseline for name, baseline in found.items() if baseline is not None}


def _possible(
    recipes: Mapping[str, Recipe], shape: tuple[int, int, int], code_size: int
) -> dict[str, Recipe]:
    """Those that can be had for images (h, w, c).

    Components as many as an image has values give back the noisy image, which is a baseline already.
    """
    if code_size >= int(np.prod(shape)) and "pca" in recipes:
        log.info("baseline pca is left out: the code has as many values as the image, or more")
        recipes = {name: recipe for name, recipe in recipes.items() if name != "pca"}
    if fits_whole(shape):
        return dict(recipes)
    for name in (name for name, recipe in recipes.items() if recipe.whole):
        most, values = f"{MOST_VALUES:,}", f"{int(np.prod(shape)):,}"
        log.info("baseline %s is left out: it takes images of at most %s values, not %s", name, most, values)
    return {name: recipe for name, recipe in recipes.items() if not recipe.whole}


def _files(
    recipes: Mapping[str, Recipe],
    data: Dataset,
    noise: Mapping[str, Any],
    test: NoisySet,
    validation: NoisySet,
    code_size: int,
    seed: int,
) -> dict[str, str]:
    """The name of each baseline's file: its own, and a hash of all that can change its numbers."""
    rows = [str(images.rows) for _, images in (test, validation)]
    config = without_resample(noise)
    common = digest(code_digest(), data.fingerprint, config, seed, rows, test[0], validation[0])
    width = {"pca": code_size}
    return {name: f"{name}-{digest(name, common, width.get(name))[:16]}" for name in recipes}


def _judged(
    name: str,
    recipe: Recipe,
    material: Material,
    test: NoisySet,
    validation: NoisySet,
) -> Baseline:
    denoise, note = recipe.denoiser(material)
    answers = np.concatenate([answer for answer, _ in _answers(denoise, *test)])
    errors = [metrics.mse(clean, answer) for answer, clean in _answers(denoise, *validation)]
    table = metrics.table(test[1].pixels, answers)
    _need_finite(name, [*table.values(), *errors])
    mean = float(np.concatenate(errors).mean(dtype=np.float64)) if errors else None
    return Baseline(recipe.title, note, table, mean, answers[:_EXAMPLES].copy())


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
    found = Baseline(
        title=str(arrays["title"]),
        note=str(arrays["note"]),
        test={name: arrays[_TEST + name] for name in metrics.METRICS},
        validation=float(validation[0]) if len(validation) else None,
        examples=arrays["examples"],
    )
    for values in found.test.values():
        if values.shape != shape[:1] or not np.isfinite(values).all():
            raise ValueError("its values are not those of these test images")
    if found.examples.shape != (min(shape[0], _EXAMPLES), *shape[1:]):
        raise ValueError("its examples are of another shape")
    return found
