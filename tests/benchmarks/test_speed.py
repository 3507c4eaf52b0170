"""A step of training, against the scripts a user would have written: the articles' own, and PyTorch's.

Every contender is a process of its own that trains on real MNIST; they take turns, several times, so that
what else the machine does meets all of them. Of each the first epoch is left out, in which graphs are built.
"""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import numpy as np
import pytest
from conftest import composed

from dae_lab.config.construct import construct

RIVALS = Path(__file__).parent / "rivals"
SIZES = {"spatial_latent": (7680, 3), "dense_latent": (9600, 3), "shallow_pool": (3000, 21)}
"""Images and epochs: 60, 300 and 10 steps an epoch."""
ROUNDS = int(os.environ.get("DAE_LAB_ROUNDS", "3"))
SCRIPT, FLOAT32, FAST = "Keras script", "dae_lab", "dae_lab, training=fast"
TORCH = {f"PyTorch {p} {m}": (p, m) for p in ("float32", "bfloat16") for m in ("eager", "compiled")}


def told(script: str, *arguments: str) -> dict:
    """What a contender's last line says; its own words if it fails."""
    command = [sys.executable, str(RIVALS / script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def contenders(system: str, mnist: Path) -> dict[str, tuple[str, ...]]:
    """Name → script and arguments."""
    images, epochs = map(str, SIZES[system])
    found = {
        SCRIPT: ("keras_script.py", system, str(mnist), images, epochs),
        FLOAT32: ("lab_script.py", system, images, epochs, "noise.resample=epoch"),
        FAST: ("lab_script.py", system, images, epochs, "training=fast"),
    }
    if find_spec("torch"):
        for name, how in TORCH.items():
            found[name] = ("torch_script.py", system, str(mnist), images, epochs, *how)
    return found


def one_round(system: str, mnist: Path) -> dict[str, dict[str, float]]:
    """Milliseconds a step, wall and CPU, of every contender, one after the other."""
    found = {}
    for name, (script, *arguments) in contenders(system, mnist).items():
        known = told(script, *arguments)
        found[name] = {key: 1e3 * median(known[key][1:]) for key in ("wall", "cpu")} | {"loss": known["loss"]}
    return found


def ratio(rounds: Sequence[dict], name: str, other: str, key: str = "wall") -> tuple[float, float, float]:
    """Median, least and greatest over the rounds of ``name`` ÷ ``other``."""
    each = [one[name][key] / one[other][key] for one in rounds]
    return median(each), min(each), max(each)


def table(system: str, rounds: Sequence[dict], limit: dict[str, dict]) -> str:
    """All contenders of one system, for a person."""
    lines = [
        f"\n{system}: ms a step, wall and CPU; ÷ the {SCRIPT}'s [least, greatest of {len(rounds)} rounds]"
    ]
    for name in rounds[0]:
        wall, cpu = (median(one[name][key] for one in rounds) for key in ("wall", "cpu"))
        middle, low, high = ratio(rounds, name, SCRIPT)
        lines.append(f"{name:28}{wall:8.1f}{cpu:8.1f}   {middle:.2f} [{low:.2f}, {high:.2f}]")
    for dtype, known in limit.items():
        lines.append(f"{'kernels alone, ' + dtype:28}{known['wall_ms']:8.1f}{known['cpu_ms']:8.1f}")
    return "\n".join(lines)


@pytest.fixture(scope="module")
def mnist(tmp_path_factory) -> Path:
    """MNIST's training images as the scripts read them."""
    file = tmp_path_factory.mktemp("data") / "mnist.npz"
    images = construct(composed("experiment=spatial_latent").data).train
    np.savez(file, train=images.pixels[..., 0])
    return file


@pytest.fixture(scope="module")
def report():
    """What was measured of each system; written to ``DAE_LAB_SPEED``, a file, where that is set."""
    found: dict[str, dict] = {"cores": os.cpu_count(), "machine": platform.machine(), "systems": {}}
    yield found
    if place := os.environ.get("DAE_LAB_SPEED"):
        Path(place).write_text(json.dumps(found, indent=1) + "\n")


@pytest.mark.long
@pytest.mark.parametrize("system", SIZES)
def test_a_step_is_faster_than_in_the_script_a_user_would_have_written(system, mnist, report, capsys):
    """Fast ÷ script ≤ 0.6, fast ÷ PyTorch's best ≤ 0.85; float32 with fresh noise ÷ script ≤ 1."""
    limit = {dtype: told("kernels.py", system, dtype) for dtype in ("float32", "bfloat16")}
    rounds = [one_round(system, mnist) for _ in range(ROUNDS)]
    report["systems"][system] = {"rounds": rounds, "kernels": limit}
    with capsys.disabled():
        print(table(system, rounds, limit))
    assert ratio(rounds, FLOAT32, SCRIPT)[0] <= 1
    assert ratio(rounds, FAST, SCRIPT)[0] <= 0.6
    torch = [name for name in rounds[0] if name in TORCH]
    if not torch:
        pytest.skip("PyTorch is not installed (pip install dae-lab[torch]): not compared with it")
    best = min(torch, key=lambda name: median(one[name]["wall"] for one in rounds))
    assert ratio(rounds, FAST, best)[0] <= 0.85
