"""What a run costs beside its training, and how long a person waits for the first step."""

import re
import subprocess
import sys
import time
from statistics import median

import numpy as np
import pytest
from contest import ROUNDS, told

from dae_lab.config.construct import construct


@pytest.mark.long
@pytest.mark.parametrize(
    ("system", "rounds", "limit"), [("shallow_pool", ROUNDS, 0.05), ("spatial_latent", 1, 0.02)]
)
def test_what_is_not_training_costs_next_to_nothing(tmp_path, capsys, system, rounds, limit):
    """20 epochs, recorded and watched ÷ the same by ``fit`` alone: at most 5 % more, at most 2 % more."""
    own, ratios = (f"experiment={system}", "training=fast", "training.epochs=20"), []
    for number in range(rounds):
        order = ("bare", "whole") if number % 2 == 0 else ("whole", "bare")
        found = {way: told("overhead.py", way, str(tmp_path / f"{number}"), *own) for way in order}
        bare, whole = found["bare"], found["whole"]
        ratios.append(whole["wall"][0] / bare["wall"][0])
        with capsys.disabled():
            both = [f"{one['wall'][0]:.1f} s, {one['cpu'][0]:.1f} CPU s" for one in (bare, whole)]
            print(f"\n{system}, 20 epochs: by fit alone {both[0]}; recorded and watched {both[1]}")
    assert median(ratios) <= 1 + limit


@pytest.mark.long
def test_the_first_step_comes_three_seconds_after_tensorflow(tmp_path, capsys):
    """From the command to the end of the first step, in a store that is there, beside TensorFlow's import."""
    command = [sys.executable, "-m", "dae_lab.run", f"tracking.dir={tmp_path}", "tracking.reuse=never"]
    command += ["training.epochs=1", "training.batches=1", "training.steps_per_execution=1"]
    waits = []
    for _ in range(ROUNDS + 1):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import tensorflow"], capture_output=True, check=True)
        alone = time.perf_counter() - began
        began = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as run:
            assert run.stderr is not None
            first = next(time.perf_counter() for line in run.stderr if re.search(r"^epoch 1/1", line))
            run.stderr.read()
        assert run.returncode == 0
        waits.append((alone, first - began))
    waits = waits[1:]  # the first one made the store
    with capsys.disabled():
        for alone, wait in waits:
            print(f"\nTensorFlow alone {alone:.1f} s, command to first step {wait:.1f} s")
    assert median(wait - alone for alone, wait in waits) <= 3


@pytest.mark.long
def test_full_mnist_takes_half_the_memory_of_the_article_s_script(compose, tmp_path, capsys):
    """One epoch of ``spatial_latent`` on 60,000 digits; of the framework a whole run, with its report."""
    file = tmp_path / "mnist.npz"
    np.savez(file, train=construct(compose("experiment=spatial_latent").data).train.pixels[..., 0])
    theirs = told("keras_script.py", "spatial_latent", str(file), "60000", "1")["peak_mib"]
    own = ("experiment=spatial_latent", "training.epochs=1", "evaluation=default")
    ours = {
        name: told("overhead.py", "whole", str(tmp_path / name), *own, f"training={name}")["peak_mib"]
        for name in ("default", "fast")
    }
    with capsys.disabled():
        print(f"\npeak memory: the script {theirs:.0f} MiB, whole runs {ours} MiB")
    assert max(ours.values()) <= theirs / 2
