"""A step of training, against the scripts a user would have written: the articles' own, and PyTorch's.

Every contender is a process of its own that trains on real MNIST; they take turns, several times, so that
what else the machine does meets all of them. Of each the first epoch is left out, in which graphs are built.
"""

import json
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import numpy as np
import pytest
from contest import ROUNDS, told
from matplotlib.figure import Figure

from dae_lab import provenance
from dae_lab.figures import style
from dae_lab.figures.arms import Panel, arms_figure

MEASURED = Path(__file__).parents[2] / ".bench"
"""Where the numbers and the figure go."""
SIZES = {"spatial_latent": (8064, 2), "dense_latent": (10400, 2), "shallow_pool": (3000, 11)}
"""Images and epochs: 63, 325 and 10 steps an epoch, so 7, 5 and 5 in one call, as with all images."""
HALF = provenance.computes_bfloat16()
LIMITS = {
    "spatial_latent": (1.0, 0.6 if HALF else 0.95),
    "dense_latent": (1.0, 0.7 if HALF else 1.0),
    "shallow_pool": (1.0, 0.6 if HALF else 0.95),
}
"""Float32 with fresh noise ÷ script, and fast ÷ script, at most.

A processor that has no bfloat16 gains less. Rounds on a shared machine differ, and so may their medians, see
experiments/speed.
"""
SCRIPT, SCRIPT_HALF, FLOAT32, FAST = "Keras script", "Keras script bfloat16", "dae_lab", "dae_lab, fast"
PRECISIONS = ("float32", "bfloat16") if HALF else ("float32",)
"""Elsewhere bfloat16 takes PyTorch seven to ten times as long as float32."""
TORCH = {f"PyTorch {p} {m}": (p, m) for p in PRECISIONS for m in ("eager", "compiled")}

Round = Mapping[str, Mapping[str, float]]
"""By contender: milliseconds a step, ``wall`` and ``cpu``; ``peak_mib``, and the last epoch's ``loss``."""


def contenders(system: str, mnist: Path) -> dict[str, tuple[str, ...]]:
    """Name → script and arguments."""
    images, epochs = map(str, SIZES[system])
    script = ("keras_script.py", system, str(mnist), images, epochs)
    found = {SCRIPT: script, SCRIPT_HALF: (*script, "mixed_bfloat16")} if HALF else {SCRIPT: script}
    found |= {
        FLOAT32: ("lab_script.py", system, images, epochs, "noise.resample=epoch"),
        FAST: ("lab_script.py", system, images, epochs, "training=fast"),
    }
    if find_spec("torch"):
        for name, how in TORCH.items():
            found[name] = ("torch_script.py", system, str(mnist), images, epochs, *how)
    return found


def one_round(system: str, mnist: Path, number: int) -> Round:
    """Every contender, one after the other; another one begins each round."""
    found, known = {}, contenders(system, mnist)
    names = [*known]
    for name in names[number:] + names[:number]:
        script, *arguments = known[name]
        measured = told(script, *arguments)
        steps = {key: 1e3 * median(measured[key][1:]) for key in ("wall", "cpu")}
        found[name] = {**steps, "peak_mib": measured["peak_mib"], "loss": measured["loss"]}
    return {name: found[name] for name in names}


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
            f"{'its kernels, ' + dtype:26}{known['wall_ms']:8.1f}{known['cpu_ms']:8.1f}           {peak}"
        )
    return "\n".join(lines)


def panel(system: str, rounds: Sequence[Round], limit: Mapping[str, Mapping[str, float]]) -> Panel:
    """Milliseconds a step; the dashed line is what TensorFlow's convolutions take alone, at best."""
    values = [[one[name]["wall"] for one in rounds] for name in rounds[0]]
    ends = [(min(each), max(each)) for each in values]
    return Panel(
        f"{system}, ms",
        values,
        [*map(median, values)],
        ends,
        (limit[PRECISIONS[-1]]["wall_ms"],),
    )


@style.as_image
def figure(names: Sequence[str], panels: Sequence[Panel]) -> Figure:
    """``arms``, from zero on, so that twice as far is twice as long."""
    drawn = arms_figure(names, panels)
    for axes in drawn.axes:
        axes.set_xlim(left=0)
    return drawn


@pytest.fixture(scope="module")
def mnist(compose, tmp_path_factory) -> Path:
    """MNIST's training images as the scripts read them."""
    file = tmp_path_factory.mktemp("data") / "mnist.npz"
    np.savez(file, train=compose("experiment=spatial_latent").data.load().train.pixels[..., 0])
    return file


@pytest.fixture(scope="module")
def report():
    """What was measured of each system, written down at the end: as JSON, and as a figure."""
    installed = provenance.packages()
    versions = {name: installed.get(name) for name in ("keras", "numpy", "tensorflow", "torch")}
    found: dict = {"processor": provenance.cpu(), "packages": versions}
    found |= {"commit": provenance.git().get("commit"), "systems": {}}
    yield found
    systems = found["systems"].items()
    if systems:
        MEASURED.mkdir(exist_ok=True)
        (MEASURED / "speed.json").write_text(json.dumps(found, indent=1) + "\n")
        panels = [panel(name, known["rounds"], known["kernels"]) for name, known in systems]
        names = [*next(iter(found["systems"].values()))["rounds"][0]]
        figure(names, panels).save(MEASURED / "speed.png", optimize=True)


@pytest.fixture(scope="module")
def measured(mnist, report):
    """The rounds of one system, run when they are first asked for."""

    def rounds(system: str) -> list[Round]:
        if system not in report["systems"]:
            kernels = {dtype: told("kernels.py", system, dtype) for dtype in PRECISIONS}
            found = [one_round(system, mnist, number) for number in range(ROUNDS)]
            report["systems"][system] = {"rounds": found, "kernels": kernels}
        return report["systems"][system]["rounds"]

    return rounds


@pytest.mark.long
@pytest.mark.parametrize("system", SIZES)
def test_a_step_is_faster_than_in_the_script_a_user_would_have_written(system, measured, report, capsys):
    """As ``LIMITS`` has it."""
    rounds = measured(system)
    with capsys.disabled():
        print(table(system, rounds, report["systems"][system]["kernels"]))
    float32, fast = LIMITS[system]
    assert ratio(rounds, FLOAT32, SCRIPT)[0] <= float32
    assert ratio(rounds, FAST, SCRIPT)[0] <= fast
    assert ratio(rounds, FAST, FLOAT32)[1] <= 1.02, "the precision that was measured as faster is slower"


@pytest.mark.long
@pytest.mark.parametrize("system", SIZES)
@pytest.mark.skipif(not find_spec("torch"), reason="PyTorch is not installed: pip install dae-lab[torch]")
def test_a_step_is_faster_than_in_pytorch(system, measured):
    """Fast ÷ the best of PyTorch's settings ≤ 0.85; where there is no bfloat16, ≤ 1."""
    rounds = measured(system)
    best = min(TORCH, key=lambda name: median(one[name]["wall"] for one in rounds))
    assert ratio(rounds, FAST, best)[0] <= (0.85 if HALF else 1)
