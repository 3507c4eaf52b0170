"""Claims and their runs, made by hand; the records are real."""

from dae_lab.claims.spec import Claim, claim


def plain(**changes: object) -> dict:
    """A claim as YAML gives it: the test MSE of ``a`` is above that of ``b``."""
    outcome = {
        "kind": "value",
        "metric": "test/mse",
        "relative_to": None,
        "at": None,
        "share": None,
        "target": None,
        "among": [],
    }
    whole = {
        "id": "X1",
        "statement": "a is worse than b",
        "source": "nobody",
        "quotation": "",
        "confound": "",
        "scale": "",
        "base": [],
        "arms": {"a": ["loss=mse"], "b": ["loss=bce"]},
        "seeds": {"minimum": 5, "maximum": 10, "batch": 5},
        "error": 0.05,
        "definition": {"outcome": outcome, "effect": "a - b", "rule": "difference", "margin": 0.0},
        "alternatives": {},
        "guards": {"improved": [], "not_collapsed": [], "reached": 0.5},
        "causes": {},
        "notebook": "experiments",
    }
    return {**whole, **changes}


def made(**changes: object) -> Claim:
    return claim(plain(**changes))


def recorded(store, values, collapse="none", curve=(0.2, 0.1)):
    """A finished run with these metrics, this tag and this validation MSE."""
    with store.record("a run", "f" * 64, {"collapse": collapse}, afresh=True) as record:
        record.metrics(values, step=0)
        record.series([("val/mse", value, epoch) for epoch, value in enumerate(curve)])
    return store.read(record.run_id)


def runs(store, **arms):
    """Runs by arm and seed, from the test MSE of each seed."""
    return {
        arm: {seed: recorded(store, {"test/mse": value}) for seed, value in enumerate(values)}
        for arm, values in arms.items()
    }
