"""The simulated figures that docstrings of dae_lab.claims.statistics quote.

    python tests/benchmarks/coverage.py

prints them; it takes some minutes.
"""

import math

import numpy as np
import scipy

from dae_lab.claims.statistics import correlation, paired, sequential

LOOKS = (5, 10, 15, 20)


def found_at_looks(draw, studies: int, looks=LOOKS, statistic: str = "t") -> tuple[float, float]:
    """Shares of studies whose t test finds an effect at some look, and the seeds taken on average."""
    levels = sequential.nominal(looks, looks[-1], 0.05, statistic)
    found, seeds = np.zeros(studies, bool), np.full(studies, looks[-1])
    for start in range(0, studies, 50_000):
        part = slice(start, min(studies, start + 50_000))
        values = draw((part.stop - part.start, looks[-1]))
        for n, error in zip(looks, levels, strict=True):
            t = values[:, :n].mean(axis=1) / values[:, :n].std(axis=1, ddof=1) * math.sqrt(n)
            hit = (np.abs(t) > -scipy.special.stdtrit(n - 1, error / 2)) & ~found[part]
            seeds[part][hit] = n
            found[part] |= hit
    return float(found.mean()), float(seeds.mean())


def sequential_figures(rng: np.random.Generator) -> None:
    print("sequential.nominal, looks at 5, 10, 15 and 20")
    shapes = {
        "normal, 4,000,000 studies": (rng.standard_normal, 4_000_000),
        "uniform": (lambda size: rng.uniform(-1, 1, size), 400_000),
        "lognormal minus lognormal": (
            lambda size: rng.lognormal(size=size) - rng.lognormal(size=size),
            400_000,
        ),
        "exponential": (lambda size: rng.exponential(size=size) - 1, 400_000),
    }
    for name, (draw, studies) in shapes.items():
        print(f"  no effect, {name}: {100 * found_at_looks(draw, studies)[0]:.2f} %")
    for effect in (0.5, 1.0, 2.0):
        share, seeds = found_at_looks(lambda size, by=effect: rng.normal(by, 1, size), 300_000)
        print(f"  effect of {effect:g} sd: {100 * share:.1f} %, {seeds:.1f} seeds")
    for looks in (LOOKS, tuple(range(5, 11))):
        share = found_at_looks(rng.standard_normal, 400_000, looks, "z")[0]
        print(f"  bounds for known variances with t statistics, looks at {looks}: {100 * share:.1f} %")


def bootstrap_figures(rng: np.random.Generator) -> None:
    print("paired.bootstrap_interval, 95 %, 4,000 studies")
    for name, draw in (
        ("normal", rng.standard_normal),
        ("exponential", lambda n: rng.exponential(size=n) - 1),
    ):
        held = []
        for n in (5, 10, 20):
            every = [paired.bootstrap_interval(draw(n), 0.95, rng, 2_000) for _ in range(4_000)]
            held.append(f"{n} seeds {100 * np.mean([one.low <= 0 <= one.high for one in every]):.0f} %")
        print(f"  {name}: {', '.join(held)}")


def correlation_figures(rng: np.random.Generator) -> None:
    print("correlation.fisher_interval, 95 %, 20,000 normal studies")
    for r in (0.0, 0.5, 0.9, 0.97):
        truth, held = 6 / math.pi * math.asin(r / 2), []
        for n in (5, 6, 7, 8, 10, 15, 20, 30):
            x = rng.standard_normal((20_000, n))
            y = r * x + math.sqrt(1 - r * r) * rng.standard_normal((20_000, n))
            ranks = [scipy.stats.rankdata(one, axis=1) - (n + 1) / 2 for one in (x, y)]
            rho = (ranks[0] * ranks[1]).sum(axis=1) / np.square(ranks[0]).sum(axis=1)
            every = {value: correlation.fisher_interval(value, n, 0.95) for value in np.unique(rho).tolist()}
            held.append(
                f"{n}: {100 * np.mean([every[v].low <= truth <= every[v].high for v in rho.tolist()]):.1f}"
            )
        print(f"  true rho {truth:.2f}, pairs: % held: {', '.join(held)}")


if __name__ == "__main__":
    generator = np.random.default_rng(0)
    sequential_figures(generator)
    bootstrap_figures(generator)
    correlation_figures(generator)
