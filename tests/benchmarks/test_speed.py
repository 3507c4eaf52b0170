"""A step of training, against the scripts a user would have written: the articles' own, and PyTorch's.

Every contender is a process of its own that trains on real MNIST; they take turns, several times, so that
what else the machine does meets all of them. Of each the first epoch is left out, in which graphs are built.
"""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import numpy as np
import pytest

from dae_lab.config.construct import construct
from dae_lab.figures.arms import Panel, arms

RIVALS = Path(__file__).parent / "rivals"
MEASURED = Path(__file__).parents[2] / ".bench"
"""Where the numbers and the figure go."""
SIZES = {"spatial_latent": (7680, 3), "dense_latent": (9600, 3), "shallow_pool": (3000, 21)}
"""Images and epochs: 60, 300 and 10 steps an epoch."""
ROUNDS = int(os.environ.get("DAE_LAB_ROUNDS", "5"))
SCRIPT, FLOAT32, FAST = "Keras script", "dae_lab", "dae_lab, fast"
TORCH = {f"PyTorch {p} {m}": (p, m) for p in ("float32", "bfloat16") for m in ("eager", "compiled")}

Round = Mapping[str, Mapping[str, float]]
"""By contender: milliseconds a step, ``wall`` and ``cpu``; ``peak_mib``, and the last epoch's ``loss``."""


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


def one_round(system: str, mnist: Path) -> Round:
    """Every contender, one after the other."""
    found = {}
    for name, (script, *arguments) in contenders(system, mnist).items():
        known = told(script, *arguments)
        steps = {key: 1e3 * median(known[key][1:]) for key in ("wall", "cpu")}
        found[name] = {**steps, "peak_mib": known["peak_mib"], "loss": known["loss"]}
    return found


def ratio(rounds: Sequence[Round], name: str, other: str, key: str = "wall") -> tuple[float, float, float]:
    """Median, least and greatest over the rounds of ``name`` ÷ ``other``."""
    each = [one[name][key] / one[other][key] for one in rounds]
    return median(each), min(each), max(each)


def table(system: str, rounds: Sequence[Round], limit: Mapping[str, Mapping[str, float]]) -> str:
    """All contenders of one system, for a person."""
    lines = [
        f"\n{system}: a step's wall and CPU ms, peak MiB; wall ÷ the {SCRIPT}'s "
        f"[least, greatest of {len(rounds)} rounds]"
    ]
    for name in rounds[0]:
        wall, cpu, peak = (median(one[name][key] for one in rounds) for key in ("wall", "cpu", "peak_mib"))
        middle, low, high = ratio(rounds, name, SCRIPT)
        lines.append(f"{name:26}{wall:8.1f}{cpu:8.1f}{peak:8.0f}   {middle:.2f} [{low:.2f}, {high:.2f}]")
    for dtype, known in limit.items():
        peak = f"a product of matrices: {known['peak_gflops']:.0f} GFLOP/s"
        lines.append(
            f"{'kernels alone, ' + dtype:26}{known['wall_ms']:8.1f}{known['cpu_ms']:8.1f}           {peak}"
        )
    return "\n".join(lines)


def panel(system: str, rounds: Sequence[Round], limit: Mapping[str, Mapping[str, float]]) -> Panel:
    """Milliseconds a step; the dashed line is what the convolutions alone take in bfloat16."""
    values = [[one[name]["wall"] for one in rounds] for name in rounds[0]]
    ends = [(min(each), max(each)) for each in values]
    return Panel(f"{system} ms a step", values, [*map(median, values)], ends, (limit["bfloat16"]["wall_ms"],))


@pytest.fixture(scope="module")
def mnist(compose, tmp_path_factory) -> Path:
    """MNIST's training images as the scripts read them."""
    file = tmp_path_factory.mktemp("data") / "mnist.npz"
    np.savez(file, train=construct(compose("experiment=spatial_latent").data).train.pixels[..., 0])
    return file


@pytest.fixture(scope="module")
def report():
    """What was measured of each system, written down at the end: as JSON, and as a figure."""
    found: dict = {"cores": os.cpu_count(), "machine": platform.machine(), "systems": {}}
    yield found
    MEASURED.mkdir(exist_ok=True)
    (MEASURED / "speed.json").write_text(json.dumps(found, indent=1) + "\n")
    systems = found["systems"].items()
    if systems:
        panels = [panel(name, known["rounds"], known["kernels"]) for name, known in systems]
        names = [*next(iter(found["systems"].values()))["rounds"][0]]
        arms(names, panels).save(MEASURED / "speed.png", optimize=True)


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


@pytest.mark.long
def test_full_mnist_takes_half_the_memory_of_the_article_s_script(mnist, capsys):
    """One epoch of ``spatial_latent`` on 60,000 digits; of the framework a whole run, judged and reported."""
    theirs = told("keras_script.py", "spatial_latent", str(mnist), "60000", "1")["peak_mib"]
    own = ("experiment=spatial_latent", "training=fast", "training.epochs=1")
    ours = told("overhead.py", "whole", str(mnist.parent / "store"), *own, "evaluation=default")["peak_mib"]
    with capsys.disabled():
        print(f"\npeak memory: the {SCRIPT} {theirs:.0f} MiB, a whole run {ours:.0f} MiB")
    assert ours <= theirs / 2
