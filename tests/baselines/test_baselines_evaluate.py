"""Baselines from the data to their worth, against NumPy, and what the cache is named after."""

import logging
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from dae_lab.baselines.evaluate import evaluate_baselines
from dae_lab.baselines.fitting import FittingData
from dae_lab.baselines.registry import BASELINES
from dae_lab.errors import DataError
from dae_lab.metrics import image_metrics
from dae_lab.noise import Gaussian, Identity, SaltAndPepper, corrupted
from dae_lab.pixels import to_float
from dae_lab.scoring import score_images
from dae_lab.seeds import derive

ALL = (
    *("noisy", "black", "constant", "mean_image"),
    *("linear_3x3", "linear_5x5", "ridge", "pca"),
    *("median", "gaussian_filter", "total_variation", "non_local_means", "wavelet"),
)
UNCLIPPED = {"clip": False, "resample": "once"}


def judged(made, cache: Path, wanted="all", noise=None, test=None, code_size=6, seed=0):
    noise = asdict(made.corruption) if noise is None else noise
    arguments = (wanted, made.data, made.corruption, noise, test or made.test, made.validation)
    return evaluate_baselines(*arguments, code_size=code_size, seed=seed, cache=cache)


def mse(answers, images) -> float:
    return float(np.mean((answers - to_float(images.pixels)) ** 2, dtype=np.float64))


def files(folder: Path) -> dict[str, int]:
    """Name and time of writing of each file kept."""
    return {path.name: path.stat().st_mtime_ns for path in (folder / "baselines").glob("*.npz")}


@pytest.mark.parametrize(("wanted", "count"), [("trivial", 4), ("linear", 8)])
def test_names_come_in_order(problem, tmp_path, wanted, count):
    assert tuple(judged(problem(), tmp_path, wanted)) == ALL[:count]


@pytest.mark.parametrize("shape", [(20, 30, 1), (8, 9, 3)])
def test_every_baseline_is_told_whole(problem, tmp_path, shape):
    made = problem(shape=shape)
    found = judged(made, tmp_path)
    assert tuple(found) == ALL
    assert len({baseline.title for baseline in found.values()}) == 13
    for baseline in found.values():
        assert list(baseline.test) == [metric.name for metric in image_metrics()]
        assert {(values.shape, str(values.dtype)) for values in baseline.test.values()} == {
            ((12,), "float32")
        }
        assert baseline.examples.shape == (10, *shape)
        assert baseline.examples.dtype == np.float32
        first = score_images(made.test[1][:10].pixels, baseline.examples)
        for name, values in first.items():
            np.testing.assert_allclose(baseline.test[name][:10], values, rtol=1e-4, atol=1e-6)
        assert baseline.note
        assert "\n" not in baseline.note


def test_trivial_answers_are_worth_what_numpy_says(problem, tmp_path):
    made = problem()
    found = judged(made, tmp_path, "trivial")
    train = to_float(made.data.train.pixels)
    for name, answer in {"black": 0, "constant": train.mean(), "mean_image": train.mean(axis=0)}.items():
        assert found[name].test["mse"].mean() == pytest.approx(mse(answer, made.test[1]), rel=1e-5)
        assert found[name].validation == pytest.approx(mse(answer, made.validation[1]), rel=1e-5)
    assert found["noisy"].test["mse"].mean() == pytest.approx(mse(*made.test), rel=1e-5)
    assert found["noisy"].validation == pytest.approx(mse(*made.validation), rel=1e-5)
    np.testing.assert_array_equal(found["noisy"].examples, made.test[0][:10])


def test_what_is_tuned_removes_noise(problem, tmp_path):
    made = problem(train=400, validation=40, test=40)
    errors = {name: baseline.test["mse"].mean() for name, baseline in judged(made, tmp_path).items()}
    assert max(errors[name] for name in ("ridge", *ALL[8:])) < errors["noisy"]
    assert errors["linear_5x5"] < errors["linear_3x3"] < errors["noisy"]


def test_without_noise_nothing_tuned_does_harm(problem, tmp_path):
    made = problem(train=200, corruption=Identity(clip=False, resample="once"))
    for name, baseline in judged(made, tmp_path, code_size=6272).items():
        if name not in ("black", "constant", "mean_image"):
            assert baseline.test["mse"].max() < 1e-7, name


@pytest.mark.parametrize(
    ("train", "validation", "test", "shape"),
    [(1, 0, 1, (5, 3, 3)), (5, 0, 3, (7, 9, 1)), (25, 1, 3, (7, 9, 1))],
)
def test_few_images(problem, tmp_path, train, validation, test, shape):
    """Under noise that is far outside [0, 1]."""
    made = problem(train, validation, test, shape, Gaussian(sigma=20.0, **UNCLIPPED))
    found = judged(made, tmp_path)
    assert tuple(found) == ALL
    assert {len(baseline.examples) for baseline in found.values()} == {test}
    assert {baseline.validation is None for baseline in found.values()} == {validation == 0}


def test_float_images_are_worth_what_their_bytes_are(problem, tmp_path, images):
    pixels = images(82)
    found = judged(problem(pixels=pixels), tmp_path / "bytes", "linear")
    again = judged(problem(pixels=to_float(pixels)), tmp_path / "floats", "linear")
    for name in found:
        assert again[name].note == found[name].note
        np.testing.assert_allclose(again[name].test["mse"], found[name].test["mse"], rtol=1e-4)


def test_training_noise_is_that_of_its_own_stream(problem, tmp_path):
    """All that is fitted to noisy images follows from it: here the 3×3 filter, by lstsq on the very noise."""
    made = problem()
    noisy = corrupted(made.data.train, made.corruption, derive(5, "baseline noise"))
    found = judged(made, tmp_path, "linear", seed=5)["linear_3x3"]

    def columns(images):
        padded = np.pad(images[..., 0], ((0, 0), (1, 1), (1, 1)))
        shifted = [padded[:, i : i + 12, j : j + 10].ravel() for i in range(3) for j in range(3)]
        return np.column_stack([*shifted, np.ones(images.size)])

    weights = np.linalg.lstsq(columns(noisy), to_float(made.data.train.pixels).ravel())[0]
    expected = (columns(made.test[0]) @ weights).reshape(made.test[0].shape)[:10]
    assert expected.min() < 0  # so the cut is tried
    np.testing.assert_allclose(found.examples, np.clip(expected, 0, 1), atol=1e-5)


@pytest.mark.parametrize("sigma", [0.05, 0.3, 20.0])
def test_every_baseline_but_the_noisy_image_answers_within_the_range_of_images(problem, tmp_path, sigma):
    made = problem(corruption=Gaussian(sigma=sigma, **UNCLIPPED))
    found = judged(made, tmp_path)
    assert tuple(found) == ALL
    for name in ALL[1:]:
        examples = found[name].examples
        assert examples.min() >= 0, name
        assert examples.max() <= 1, name
    np.testing.assert_array_equal(found["noisy"].examples, made.test[0][:10])
    said = {name for name, baseline in found.items() if baseline.note.endswith("; cut to [0, 1]")}
    assert said == set(ALL[4:])


def test_the_cut_brings_no_image_farther_from_the_clean_one(problem, tmp_path, images):
    """Of black and white images, as digits nearly are, much of the error of a linear map lies beyond them."""
    pixels = np.where(images(82) < 128, 0, 255).astype(np.uint8)
    made = problem(corruption=Gaussian(sigma=0.3, **UNCLIPPED), pixels=pixels)
    found, data = judged(made, tmp_path), FittingData(made.data, made.corruption, made.validation, 6, 0)
    for name in ALL[4:]:
        uncut = BASELINES[name].fit(data).denoise(made.test[0])
        before = ((uncut - to_float(made.test[1].pixels)) ** 2).mean(axis=(1, 2, 3))
        assert (found[name].test["mse"] <= before + 1e-7).all(), name
        cut = np.clip(uncut, 0, 1)
        assert found[name].test["mse"].mean() == pytest.approx(mse(cut, made.test[1]), rel=1e-5)
    for name in ("linear_3x3", "linear_5x5", "ridge"):
        uncut = BASELINES[name].fit(data).denoise(made.test[0])
        assert found[name].test["mse"].mean() < 0.99 * mse(uncut, made.test[1]), name


def test_what_is_kept_is_found_again(problem, tmp_path):
    made = problem()
    first, written = judged(made, tmp_path), files(tmp_path)
    again = judged(made, tmp_path)
    assert files(tmp_path) == written
    assert sorted(name.rpartition("-")[0] for name in written) == sorted(ALL)
    for name, baseline in first.items():
        same = again[name]
        told = (baseline.title, baseline.note, baseline.validation)
        assert (same.title, same.note, same.validation) == told
        np.testing.assert_array_equal(same.examples, baseline.examples)
        for metric, values in baseline.test.items():
            np.testing.assert_array_equal(same.test[metric], values)
            assert same.test[metric].dtype == np.float32


def test_no_validation_is_kept_as_none(problem, tmp_path):
    made = problem(validation=0)
    assert judged(made, tmp_path, "trivial")["noisy"].validation is None
    assert judged(made, tmp_path, "trivial")["noisy"].validation is None


def test_the_cache_is_named_after_all_that_changes_a_number(problem, tmp_path):
    made = problem()
    judged(made, tmp_path, "linear")

    def new(made=made, wanted="trivial", **changed) -> set[str]:
        """The baselines that are computed anew, now that this has changed."""
        before = files(tmp_path)
        judged(made, tmp_path, wanted, **changed)
        return {name.rpartition("-")[0] for name in files(tmp_path).keys() - before.keys()}

    every, noise = set(ALL[:4]), asdict(made.corruption)
    assert new() == set()
    assert new(noise={**noise, "resample": "epoch"}) == set()
    assert new(code_size=7, wanted="linear") == {"pca"}
    assert new(seed=1) == every
    assert new(noise={**noise, "sigma": 0.25}) == every
    assert new(test=(made.test[0][:5], made.test[1][:5])) == every
    assert new(test=(made.test[0] + 1, made.test[1])) == every
    assert new(made._replace(validation=(made.validation[0][:0], made.validation[1][:0]))) == every
    pixels = made.data.train.pixels.copy()
    whole = np.concatenate([pixels, made.data.validation.pixels, made.data.test.pixels])
    whole[0, 0, 0, 0] ^= 1
    assert new(problem(pixels=whole)) == every


def test_a_cache_that_cannot_be_written_changes_no_number(problem, tmp_path, caplog):
    made = problem()
    (tmp_path / "file").write_text("in the way")
    found, kept = judged(made, tmp_path / "file", "trivial"), judged(made, tmp_path / "folder", "trivial")
    for name, baseline in found.items():
        np.testing.assert_array_equal(baseline.test["mse"], kept[name].test["mse"])
    assert len([record for record in caplog.records if record.levelno == logging.WARNING]) == 1


def test_maps_of_whole_images_are_left_out_where_images_are_large(problem, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    made = problem(4, 0, 2, (64, 65, 1), SaltAndPepper(amount=0.2, salt=0.5, **UNCLIPPED))
    assert tuple(judged(made, tmp_path, "linear")) == ALL[:6]
    assert caplog.messages == [
        f"baseline {name} is left out: it takes images of at most 4,096 values, not 4,160"
        for name in ("ridge", "pca")
    ]


@pytest.mark.parametrize("where", ["test", "validation"])
def test_noisy_images_that_are_not_finite_are_refused(problem, tmp_path, where):
    made = problem()
    noisy, images = getattr(made, where)
    broken = noisy.copy()
    broken[1, 2, 3, 0] = np.nan
    with pytest.raises(DataError, match=r"^baseline noisy: .* is not finite"):
        judged(made._replace(**{where: (broken, images)}), tmp_path)
    assert files(tmp_path) == {}


def test_mnist(full_mnist, tmp_path):
    """The costs of doing nothing and of the mean image, at σ = 0.5 clipped; found again in no time."""
    corruption = Gaussian(sigma=0.5, clip=True, resample="once")
    test, none = full_mnist.test, full_mnist.validation
    noisy = corrupted(test, corruption, derive(0, "evaluation noise"))

    def found():
        config, nothing = asdict(corruption), np.empty((0, 28, 28, 1), np.float32)
        sets = (full_mnist, corruption, config, (noisy, test), (nothing, none))
        return evaluate_baselines("trivial", *sets, code_size=64, seed=0, cache=tmp_path)

    errors = {name: baseline.test["mse"].mean(dtype=np.float64) for name, baseline in found().items()}
    assert errors["noisy"] == pytest.approx(0.1157, abs=3e-4)
    assert errors["mean_image"] == pytest.approx(0.0674, abs=2e-4)
    assert errors["black"] == pytest.approx(0.1140, abs=1e-4)
    start = time.process_time()
    found()
    assert time.process_time() - start < 0.2


def test_linear_baselines_of_mnist(full_mnist, tmp_path):
    """At σ = 0.5 clipped. Without the cut to [0, 1] they have 0.0315, 0.0295, 0.0192 and 0.0307."""
    corruption = Gaussian(sigma=0.5, clip=True, resample="once")
    noisy = corrupted(full_mnist.test, corruption, derive(0, "evaluation noise"))
    sets = (full_mnist, corruption, asdict(corruption), (noisy, full_mnist.test))
    nothing = (np.empty((0, 28, 28, 1), np.float32), full_mnist.validation)
    found = evaluate_baselines("linear", *sets, nothing, code_size=64, seed=0, cache=tmp_path)
    errors = {name: found[name].test["mse"].mean(dtype=np.float64) for name in ALL[4:8]}
    expected = {"linear_3x3": 0.0278, "linear_5x5": 0.0259, "ridge": 0.0175, "pca": 0.0305}
    assert errors == pytest.approx(expected, abs=1e-4)
