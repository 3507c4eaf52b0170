"""One run in this process: what it records."""

import json
import re
import time
from pathlib import Path

import mlflow
import numpy as np
import pytest
import yaml
from PIL import Image
from processes import client, prepare, runs, trajectory

from dae_lab import experiment
from dae_lab.errors import ConfigError, TrainingError, UserError
from dae_lab.noise import corrupted
from dae_lab.seeds import derive

SHORT = ("training.epochs=2", "training.batches=3", "training.batch_size=16")
SMALL = (*SHORT, "evaluation=scores", "evaluation.limit=40")


@pytest.fixture
def place(tmp_path):
    """Where a test's run is recorded."""
    return f"tracking.dir={prepare(tmp_path)}"


@pytest.fixture(scope="module")
def finished(compose, tmp_path_factory):
    store = tmp_path_factory.mktemp("store")
    config = compose(*SMALL, f"tracking.dir={prepare(store)}")
    return store, config, experiment.run(config, "as a test")


@pytest.mark.parametrize("year", [1970, 1979, 2108])
def test_a_clock_that_no_checkpoint_could_be_dated_by_is_refused(compose, place, monkeypatch, year):
    """The clock of this machine cannot be set by a test."""
    moment = time.struct_time((year, 1, 1, 0, 0, 0, 0, 1, 0))
    monkeypatch.setattr(time, "localtime", lambda seconds=None: moment)
    with pytest.raises(UserError, match=f"clock says that it is the year {year}"):
        experiment.run(compose(*SMALL, place))


def test_params_and_tags_say_what_was_run(finished):
    store, _, _ = finished
    (run,) = runs(store)
    params = run.data.params
    assert params["noise.sigma"] == "0.5"
    assert params["encoder.filters"] == "[32, 64, 128]"
    assert params["model/parameters"] == "185217"
    assert int(params["model/encoder_parameters"]) + int(params["model/decoder_parameters"]) == 185217
    assert len(params["data/fingerprint"]) == 64
    assert "cores" in params["machine/cpu"]
    assert params["machine/gpu"]
    tags = run.data.tags
    assert (tags["seed"], tags["experiment"]) == ("0", "none")
    assert len(tags["fingerprint"]) == 64
    assert run.info.run_name == "as a test seed 0"
    assert "| model |" in tags["mlflow.note.content"]
    (dataset,) = run.inputs.dataset_inputs
    assert dataset.dataset.name == "mnist_5k"


def test_every_epoch_and_first_step_is_recorded_once(finished):
    store, _, result = finished
    (run,) = runs(store)
    curves = trajectory(store, run)
    for name in ("train/loss", "val/loss", "val/mse", "val/psnr", "val/ssim", "val/bce"):
        assert [step for step, _ in curves[name]] == ([1, 2] if name == "train/loss" else [0, 1, 2])
    assert [step for step, _ in curves["train/step_loss"]] == [1, 2, 3, 4, 5, 6]
    assert len(client(store).get_metric_history(run.info.run_id, "time/epoch_s")) == 2
    scores = result.evaluation.scores
    assert {metric: curves[f"test/{metric}"] for metric in scores["model"]} == {
        metric: [(0, value)] for metric, value in scores["model"].items()
    }
    for name in ("noisy", "black", "constant", "mean_image"):
        assert curves[f"baseline_mse/{name}"] == [(0, scores[name]["mse"])]


def test_step_losses_are_what_the_epoch_loss_averages(finished):
    store, _, _ = finished
    (run,) = runs(store)
    curves = trajectory(store, run)
    steps = [value for _, value in curves["train/step_loss"]]
    epochs = [value for _, value in curves["train/loss"]]
    np.testing.assert_allclose([np.mean(steps[:3]), np.mean(steps[3:])], epochs, rtol=1e-5)


def test_artifacts_are_config_packages_and_pictures(finished):
    store, config, result = finished
    (run,) = runs(store)
    folder = Path(client(store).download_artifacts(run.info.run_id, ""))
    resolved = yaml.safe_load(folder.joinpath("config.yaml").read_text())
    assert resolved["training"]["epochs"] == config.training.epochs
    assert resolved["noise"]["_target_"] == "dae_lab.noise.Gaussian"
    assert f"mlflow=={mlflow.__version__}" in folder.joinpath("packages.txt").read_text()
    images = [item.path for item in client(store).list_artifacts(run.info.run_id, "images")]
    steps = {int(path.split("+step+")[1].split("+")[0]) for path in images}
    assert steps == {0, 1, 2}
    assert Path(result.record.locate_artifact("reconstructions.png")).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("latent", ["spatial", "variational", "sparse", "vector_quantised", "contractive"])
def test_the_model_loads_by_pyfunc_and_denoises_alike(compose, tmp_path, latent, place):
    config = compose(*SMALL, "training.epochs=1", f"latent={latent}", place)
    result = experiment.run(config)
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    loaded = mlflow.pyfunc.load_model(f"runs:/{result.record.run_id}/model")
    assert loaded.metadata.signature.inputs.inputs[0].shape == (-1, 28, 28, 1)
    dataset = config.data.load()
    noisy = corrupted(dataset.test[:40], config.noise, derive(0, "evaluation noise"))
    error = np.mean((loaded.predict(noisy) - dataset.test.pixels[:40] / 255) ** 2)
    assert error == pytest.approx(result.evaluation.scores["model"]["mse"], rel=1e-4)


def test_without_validation_nothing_is_validated(compose, tmp_path, place):
    light = ("data.validation=[]", "tracking.log_model=false")
    experiment.run(compose(*SMALL, *light, place))
    (run,) = runs(tmp_path)
    assert not [name for name in run.data.metrics if name.startswith("val/")]
    assert "train/loss" in run.data.metrics


def test_a_failed_run_says_why(compose, tmp_path, place):
    config = compose(*SMALL, "optimizer.learning_rate=1e9", "training.batches=8", place)
    with pytest.raises(TrainingError, match="learning rate"):
        experiment.run(config)
    (run,) = runs(tmp_path)
    assert run.info.status == "FAILED"
    assert run.data.tags["reason"].startswith("the training loss became")


def test_a_last_step_that_ruins_the_model_is_seen(compose, tmp_path, place):
    """The training loss of a step is that before its update, so only judging can tell."""
    short = ("training.epochs=1", "training.batches=1", "evaluation.limit=20", "data.validation=[]")
    wild = ("optimizer.learning_rate=1e9", "loss=mse", "decoder.output.activation=linear")
    config = compose(*short, *wild, place)
    with pytest.raises(TrainingError, match="on the test images"):
        experiment.run(config)
    (run,) = runs(tmp_path)
    assert run.info.status == "FAILED"
    assert len(client(tmp_path).search_logged_models([run.info.experiment_id])) == 1  # it is not lost


def test_black_test_images_have_no_energy_and_harm_no_run(compose, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (60, 28, 28), np.uint8)
    pixels[50:] = 0
    np.savez(tmp_path / "images.npz", images=pixels)
    store = prepare(tmp_path / "store")
    config = compose("data=npz", f"data.path={tmp_path}/images.npz", *SHORT, f"tracking.dir={store}")
    result = experiment.run(config)
    (run,) = runs(store)
    assert (run.info.status, run.data.tags["collapse"]) == ("FINISHED", "unknown")
    assert np.isnan(result.evaluation.scores["model"]["nmse"])
    assert "test/nmse" not in run.data.metrics
    assert "It cannot be told" in Path(result.record.locate_artifact("report.html")).read_text()


def test_an_epoch_that_was_cut_reaches_no_target(compose, tmp_path, place):
    """Article B's collapse, stopped in its only epoch: the steps that were never taken are not counted."""
    stuck = ("loss=mse", "optimizer.learning_rate=0.01", "training.on_collapse=stop", "training.epochs=1")
    config = compose(*stuck, "evaluation=scores", "training.batch_size=25", place)
    with pytest.raises(TrainingError, match=r"black for every input.*training was stopped") as stopped:
        experiment.run(config)
    (run,) = runs(tmp_path)
    assert run.data.metrics["test/mse"] == pytest.approx(
        float(re.search(r"MSE (\S+) ", str(stopped.value))[1]), abs=5e-5
    )
    assert not [name for name in run.data.metrics if name.startswith("convergence/step_below")]


def test_shapes_unknown_before_loading_are_checked_before_training(compose, tmp_path):
    file = tmp_path / "odd.npz"
    np.savez(file, images=np.arange(40 * 81, dtype=np.uint8).reshape(40, 9, 9))
    config = compose(
        "data=npz", f"data.path={file}", "decoder.strides=[4]", f"tracking.dir={tmp_path / 'store'}"
    )
    with pytest.raises(ConfigError, match=r"decoder: its output is .*, the images are 9×9×1"):
        experiment.run(config)
    assert not (tmp_path / "store").exists()


def test_a_profile_names_the_convolutions(compose, tmp_path, place):
    config = compose(*SMALL, "training.profile=true", "tracking.log_model=false", place)
    result = experiment.run(config)
    table = Path(result.record.locate_artifact("profile.txt")).read_text()
    assert "ms/step" in table
    assert "Conv2D" in table


def test_code_that_has_changed_since_it_was_planned_trains_nothing(compose, tmp_path):
    config = compose("debug=smoke", f"tracking.dir={tmp_path}")
    with pytest.raises(ConfigError, match="not those that this run was planned with"):
        experiment.run(config, planned="0" * 64)
    assert not (tmp_path / "mlflow.db").exists()


def test_a_run_that_kept_no_report_is_trained_again_for_one(compose, tmp_path, place):
    lean = (*SMALL, "tracking.log_model=false", place)
    first = experiment.run(compose(*lean))
    assert experiment.run(compose(*lean)).reused
    again = experiment.run(compose(*lean, "tracking.log_model=true"))
    assert not again.reused
    assert experiment.run(compose(*lean)).record.run_id == again.record.run_id != first.record.run_id


def test_class_names_and_doubtful_images_are_recorded(compose, tmp_path, place, caplog):
    """A folder of dim pictures of two classes, called 10 and 9."""
    pixels = np.random.default_rng(0).integers(0, 2, (2, 20, 8, 8), dtype=np.uint8)
    for name, images in zip(("10", "9"), pixels, strict=True):
        (tmp_path / "own" / name).mkdir(parents=True)
        for number, image in enumerate(images):
            Image.fromarray(image).save(tmp_path / "own" / name / f"{number}.png")
    own = ("data=folder", f"data.path={tmp_path / 'own'}", "data.size=[8,8]", "tracking.log_model=false")
    experiment.run(compose(*SMALL, *own, place))
    (run,) = runs(tmp_path)
    assert run.data.params["data/classes"] == "0 = 9, 1 = 10"
    assert re.search(r"^\| 10 \| \d \| .* class_nmse/1 \|$", run.data.tags["mlflow.note.content"], re.M)
    path = client(tmp_path).download_artifacts(run.info.run_id, "evaluation.json")
    told = json.loads(Path(path).read_text())["classes"]
    assert {number: item["name"] for number, item in told.items()} == {"0": "9", "1": "10"}
    warnings = [item.message for item in caplog.records if item.levelname == "WARNING"]
    assert len([text for text in warnings if "pixels lie between 0 and 1" in text]) == 1
    assert "pixels lie between 0 and 1" in run.data.params["data/warnings"]
