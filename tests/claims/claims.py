"""Claims and their runs, made by hand; the records are real."""

from dae_lab.claims.claim import Claim, load_claim
from dae_lab.claims.evidence import gather
from dae_lab.claims.judge import Verdict, judge
from dae_lab.claims.measurement import Runs

OUTCOME = {
    "kind": "value",
    "metric": "test/mse",
    "relative_to": None,
    "at": None,
    "share": None,
    "target": None,
    "tolerance": 0.1,
    "from_epoch": 0,
    "comparable": None,
    "among": [],
}
"""The test MSE at the end."""


def seeds(minimum: int = 5, maximum: int = 10, batch: int = 5, **more: object) -> dict:
    """How many seeds; as few as are trained may support a claim, and nothing stops early."""
    rest = {"first": 0, "support": 2, "futility": 0, "beyond": "none", "limit": 100}
    return {**rest, "minimum": minimum, "maximum": maximum, "batch": batch, **more}


def plain(**changes: object) -> dict:
    """A claim as YAML gives it: the test MSE of ``a`` is above that of ``b``."""
    whole = {
        "id": "X1",
        "statement": "a is worse than b",
        "source": "nobody",
        "quotation": "",
        "confound": "",
        "scale": "",
        "base": [],
        "arms": {"a": ["loss=mse"], "b": ["loss=bce"]},
        "seeds": seeds(),
        "error": 0.05,
        "definition": {
            "outcome": OUTCOME,
            "effect": "a - b",
            "rule": "difference",
            "margin": 0.0,
            "votes": True,
        },
        "alternatives": {},
        "guards": {"improved": [], "not_collapsed": [], "reached": 0.5},
        "causes": {},
        "history": [],
        "labels": {},
        "bridges": {},
        "notebook": "experiments",
    }
    return {**whole, **changes}


def made(**changes: object) -> Claim:
    return load_claim(plain(**changes))


def recorded(store, values, collapse="none", curve=(0.2, 0.1)):
    """A finished run with these metrics, this tag and this validation MSE."""
    with store.open_run("a run", "f" * 64, {"collapse": collapse}, resume=False) as record:
        record.log_metrics(values, step=0)
        record.log_series([("val/mse", value, epoch) for epoch, value in enumerate(curve)])
    return store.read(record.run_id)


def runs(store, **arms):
    """Runs by arm and seed, from the test MSE of each seed."""
    return {
        arm: {seed: recorded(store, {"test/mse": value}) for seed, value in enumerate(values)}
        for arm, values in arms.items()
    }


def judged(claim: Claim, every: Runs, n: int, divisor: int = 1) -> Verdict:
    """The verdict by the runs of the first ``n`` seeds."""
    return judge(claim, gather(claim, every, n), divisor)
