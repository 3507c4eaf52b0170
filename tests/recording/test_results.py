"""What is recorded of a judged model: numbers under their names, a table, everything as JSON."""

import json
import math
from pathlib import Path

import pytest
from processes import client, prepare, runs, trajectory

from dae_lab import experiment
from dae_lab.recording.names import is_recorded, metric_names, value_range

SHORT = ("training.epochs=3", "training.batches=6", "training.batch_size=16", "tracking.log_model=false")


@pytest.fixture(scope="module")
def judged(compose, tmp_path_factory):
    """A dense code of two values, judged in full on 60 digits."""
    store = tmp_path_factory.mktemp("store")
    dense = ("latent=dense", "latent.z_dim=2", "evaluation.limit=60", "evaluation.target_mse=10")
    result = experiment.run(compose(*SHORT, *dense, f"tracking.dir={prepare(store)}"))
    (run,) = runs(store)
    text = client(store).download_artifacts(run.info.run_id, "evaluation.json")
    return result.evaluation, run, trajectory(store, run), json.loads(Path(text).read_text())


def test_every_baseline_and_class_has_its_number(judged):
    found, _, curves, _ = judged
    assert len(found.baselines) == 13
    for name in found.baselines:
        assert curves[f"baseline_mse/{name}"] == [(0, found.scores[name]["mse"])]
    assert [curves[f"class_nmse/{label}"][0][1] for label in range(10)] == [
        found.classes[label].nmse.mean for label in range(10)
    ]
    # weighted by energy, the classes add up to the whole
    energy = sum(score.images * score.energy for score in found.classes.values())
    total = sum(score.images * score.mse for score in found.classes.values()) / energy
    assert curves["test/nmse"][0][1] == pytest.approx(total, rel=1e-6)


def test_levels_are_steps(judged):
    found, _, curves, _ = judged
    assert [step for step, _ in curves["noise_level/mse"]] == [0, 25, 50, 75, 100, 125, 150, 200]
    at_training = dict(curves["noise_level/mse"])[100]
    assert at_training == pytest.approx(found.scores["model"]["mse"], rel=1e-5)
    assert curves["corruption_mse/masking"][0][1] == found.robustness.corruptions["masking"].mse


def test_what_was_not_reached_is_censored_not_dropped(judged):
    found, _, curves, told = judged
    assert curves["convergence/epoch_below_target_mse"] == [(0, 0)]  # 10: reached before training
    assert "convergence/epoch_below_ridge" not in curves
    ridge = told["convergence"]["reached"]["ridge"]
    assert (ridge["epoch"], ridge["step"], ridge["censored_at"]) == (None, None, 3)
    assert ridge["target"] == found.baselines["ridge"].validation


def test_collapse_and_what_was_beaten_are_tags(judged):
    found, run, _, told = judged
    assert run.data.tags["collapse"] == found.collapse.label == told["collapse"]["label"]
    beaten = [name for name, item in found.comparisons.items() if item.verdict == "beats"]
    assert run.data.tags["beats"] == (", ".join(beaten) or "none")


def test_the_code_has_its_geometry(judged):
    found, _, curves, told = judged
    view = told["geometry"]["code"]
    assert view["size"] == 2
    assert len(view["classes"]) == 10
    assert "plane" not in view
    assert curves["code/effective_rank"][0][1] == found.geometry.views["code"].effective_rank
    assert found.decoded.shape == (144, 28, 28, 1)


def test_the_description_is_a_table_of_all(judged):
    found, run, _, _ = judged
    lines = run.data.tags["mlflow.note.content"].splitlines()
    tables = [line for line in lines if line.startswith("| ")]
    assert len(tables) == (2 + len(found.baselines)) + (1 + len(found.classes))
    assert tables[-1].startswith(f"| 9 | {found.classes[9].images} |")
    assert tables[-1].endswith("| class_nmse/9 |")


def test_names_are_known_before(judged, compose):
    _, _, curves, _ = judged
    dense = ("latent=dense", "latent.z_dim=2", "evaluation.target_mse=10")
    config = compose(*SHORT, *dense)
    assert [name for name in curves if not is_recorded(name, metric_names(config))] == []
    # what is promised and not there: what this model did not reach, and what 60 digits do not tell
    missing = {name for name in metric_names(config) if "*" not in name} - curves.keys()
    given = {name for name in missing if not name.startswith(("convergence/", "corruption_", "code/rho_"))}
    at_times = {"collapse/saturated", "watch/saturated", "watch/gradient_norm"}
    assert given <= {"time/epoch_s", "time/run_s", "time/cpu_s", *at_times}


@pytest.mark.parametrize(
    ("name", "bounds"),
    [
        ("val/mse", (0, math.inf)),
        ("test/psnr", (-math.inf, math.inf)),
        ("test/ssim", (-1, 1)),
        ("train/step_loss", (-math.inf, math.inf)),
        ("code/rho_silhouette_plane", (-1, 1)),
        ("code/knn_accuracy", (0, 1)),
        ("convergence/epochs_to_99", (0, math.inf)),
    ],
)
def test_every_recorded_number_has_its_range(name, bounds):
    assert value_range(name) == bounds


def test_a_spatial_code_and_scores_alone(compose):
    spatial, alone = metric_names(compose()), metric_names(compose("evaluation=scores"))
    flat = metric_names(compose("encoder=mlp", "latent=spatial", "decoder=mlp"))
    assert is_recorded("pooled/silhouette", spatial)
    wide = metric_names(compose("encoder.strides=[1]", "decoder.strides=[1]"))
    assert is_recorded("code/silhouette", flat)
    assert is_recorded("pooled/silhouette", wide)
    assert not is_recorded("flattened/silhouette", wide)
    assert not is_recorded("pooled/silhouette", flat)
    assert not is_recorded("code/silhouette", spatial)
    assert not is_recorded("pooled/silhouette", alone)
    assert not is_recorded("val/msse", spatial)
