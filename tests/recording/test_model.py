"""The README beside a model that was kept: every way it shows to load the model is taken, as it is shown."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import mlflow
import numpy as np
import pytest
from processes import prepare

from dae_lab import experiment
from dae_lab.noise import corrupted
from dae_lab.seeds import derive

TINY = ("data=digits", "training.epochs=1", "training.batches=2", "evaluation=scores")
BLOCK = re.compile(r"```(python|sh)\n(.*?)```", re.DOTALL)


LONG = pytest.mark.long


@pytest.fixture(scope="module", params=["dense", pytest.param("variational", marks=LONG)])
def kept(request, compose, tmp_path_factory):
    """A model of Keras's layers, and one kept as a graph: its folder, its README, noisy images, their MSE."""
    store = prepare(tmp_path_factory.mktemp("store"))
    config = compose(*TINY, f"latent={request.param}", f"tracking.dir={store}")
    result = experiment.run(config)
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{store}/mlflow.db")
    folder = Path(mlflow.artifacts.download_artifacts(f"runs:/{result.record.run_id}/model"))
    dataset = config.data.load()
    noisy = corrupted(dataset.test, config.noise, derive(0, "evaluation noise"))
    yield folder, BLOCK.findall((folder / "README.md").read_text("utf-8")), noisy, result, store
    mlflow.set_tracking_uri(before)


def is_the_model_of(result, noisy, images) -> None:
    images = np.asarray(images, np.float32)
    assert images.shape == noisy.shape
    dataset = result.config.data.load()
    errors = np.mean((images - dataset.test.pixels / np.float32(255)) ** 2)
    assert errors == pytest.approx(result.evaluation.scores["model"]["mse"], rel=1e-4)


@pytest.mark.parametrize("way", ["mlflow.pyfunc", "mlflow.keras", "mlflow.tensorflow", "data/model"])
def test_every_block_of_python_loads_the_model(kept, monkeypatch, way):
    folder, blocks, noisy, result, _ = kept
    (code,) = [text for kind, text in blocks if kind == "python" and way in text]
    monkeypatch.chdir(folder)
    names = {"noisy": noisy}
    exec(code, names)
    is_the_model_of(result, noisy, names["images"])


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_for(address: str, server: subprocess.Popen) -> None:
    deadline = time.monotonic() + 120
    while True:
        assert server.poll() is None
        assert time.monotonic() < deadline
        try:
            urlopen(address, timeout=5).close()
            return
        except (URLError, OSError):
            time.sleep(0.5)


@pytest.mark.parametrize(
    "kept", ["dense", pytest.param("variational", marks=pytest.mark.long)], indirect=True
)
def test_the_model_is_served_by_the_command_that_is_shown(kept, tmp_path):
    _, blocks, noisy, result, store = kept
    (command,) = [text for kind, text in blocks if kind == "sh" and "serve" in text]
    (code,) = [text for kind, text in blocks if kind == "python" and "urlopen" in text]
    port = str(free_port())
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    settings = {**os.environ, "PATH": path, "MLFLOW_TRACKING_URI": f"sqlite:///{store}/mlflow.db"}
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(
            command.replace("5001", port), shell=True, env=settings, stdout=log, stderr=log, process_group=0
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/ping", server)
        names = {"noisy": noisy}
        exec(code.replace("5001", port), names)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)
    is_the_model_of(result, noisy, names["images"])


def test_the_readme_names_the_run_and_the_shape_and_how_the_store_is_named(kept):
    folder, blocks, _, result, _ = kept
    text = (folder / "README.md").read_text("utf-8")
    assert text.startswith(f"# The denoiser of run {result.record.run_id}\n")
    assert "float32 (n, 8, 8, 1)" in text
    assert ("sh", "export MLFLOW_TRACKING_URI=sqlite:///mlruns/mlflow.db\n") in blocks
    assert len(blocks) == 7
    assert max(map(len, text.splitlines())) <= 120


def test_what_others_read_of_the_card_stays(kept):
    """``mlflow.tensorflow`` is told of the model in keys that ``mlflow.keras`` and ``pyfunc`` do not read."""
    folder, *_ = kept
    card = mlflow.models.Model.load(str(folder))
    assert set(card.flavors) == {"keras", "python_function"}
    assert card.flavors["python_function"]["loader_module"] == "mlflow.keras"
    assert card.flavors["keras"]["data"] == "data"
    assert card.signature.inputs.inputs[0].shape == (-1, 8, 8, 1)
