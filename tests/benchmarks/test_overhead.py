"""What a run costs beside its training, and how long a person waits for the first step."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import pytest

RIVALS = Path(__file__).parent / "rivals"
ROUNDS = int(os.environ.get("DAE_LAB_ROUNDS", "3"))


def seconds(way: str, folder: Path, *overrides: str) -> float:
    """Wall seconds of one training, see ``rivals/overhead.py``."""
    command = [sys.executable, str(RIVALS / "overhead.py"), way, str(folder), *overrides]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])["wall"][0]


@pytest.mark.long
@pytest.mark.parametrize(
    ("system", "rounds", "limit"), [("shallow_pool", ROUNDS, 0.05), ("spatial_latent", 1, 0.02)]
)
def test_what_is_not_training_costs_next_to_nothing(tmp_path, capsys, system, rounds, limit):
    """20 epochs, recorded and watched ÷ the same by ``fit`` alone: at most 5 % more, at most 2 % more."""
    own, ratios = (f"experiment={system}", "training=fast", "training.epochs=20"), []
    for number in range(rounds):
        bare, whole = (seconds(way, tmp_path / f"{number}", *own) for way in ("bare", "whole"))
        ratios.append(whole / bare)
        with capsys.disabled():
            print(f"\n{system}: by fit alone {bare:.1f} s, recorded and watched {whole:.1f} s")
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
