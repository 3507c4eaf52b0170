"""Claims made by hand."""

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
