"""No NaN passes through any of the statistics, and importing them imports nothing heavy."""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dae_lab.claims.statistics import censored, correlation, equivalence, paired, proportion
from dae_lab.claims.statistics.interval import Interval

RNG = np.random.default_rng(0)
GOOD = [1.0, 2.0, 3.0]

STATISTICS = {
    "mean_interval": lambda x: paired.mean_interval(x, 0.95),
    "bootstrap_interval": lambda x: paired.bootstrap_interval(x, 0.95, RNG),
    "sign_flip": paired.sign_flip,
    "wilcoxon": paired.wilcoxon,
    "superiority": lambda x: paired.superiority(x, 0.95),
    "two_one_sided": lambda x: equivalence.two_one_sided(x, 1),
    "rank_correlation, x": lambda x: correlation.rank_correlation(x, GOOD, 0.95, RNG),
    "rank_correlation, y": lambda x: correlation.rank_correlation(GOOD, x, 0.95, RNG),
    "mcnemar": lambda x: proportion.mcnemar([0, 1, 1], x),
    "paired_difference": lambda x: proportion.paired_difference(x, [0, 1, 1], 0.95),
    "times": lambda x: censored.Times(x, np.ones(len(x), bool)),
}


@pytest.mark.parametrize("name", list(STATISTICS))
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_refused(name, bad):
    with pytest.raises(ValueError, match=r"finite|no probability"):
        STATISTICS[name]([1.0, bad, 0.0])


@pytest.mark.parametrize("name", [name for name in STATISTICS if name not in ("holm", "times")])
def test_a_table_is_refused(name):
    with pytest.raises(ValueError, match="one number a seed"):
        STATISTICS[name](np.zeros((3, 3)))


@pytest.mark.parametrize("level", [0, -1, 1.5, math.nan])
def test_levels_outside_0_and_1_are_refused(level):
    for found in (
        lambda: paired.mean_interval(GOOD, level),
        lambda: paired.bootstrap_interval(GOOD, level, RNG),
        lambda: paired.superiority(GOOD, level),
        lambda: proportion.exact_interval(1, 2, level),
        lambda: proportion.paired_difference([0], [1], level),
        lambda: correlation.rank_correlation(GOOD, GOOD, level, RNG),
    ):
        with pytest.raises(ValueError, match="level"):
            found()


def test_intervals_move():
    assert Interval(0.25, math.inf, 0.9).shifted(-0.25) == Interval(0, math.inf, 0.9)


def test_importing_them_is_cheap():
    folder = Path(__file__).parents[3] / "dae_lab/claims/statistics"
    modules = [path.stem for path in folder.glob("[a-z]*.py")]
    assert len(modules) == 12
    heavy = ("tensorflow", "mlflow", "pandas", "scipy.stats", "matplotlib")
    code = f"""
import importlib, sys
for name in {modules!r}:
    importlib.import_module("dae_lab.claims.statistics." + name)
assert not set({heavy!r}) & set(sys.modules), set({heavy!r}) & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
