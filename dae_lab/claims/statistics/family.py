"""Several claims judged together: the error rate is that of the whole family."""

from collections.abc import Mapping


def holm(p_values: Mapping[str, float], alpha: float) -> dict[str, bool]:
    """Which hypotheses are rejected so that none is wrongly, but with a probability of at most ``alpha``.

    Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 1979:
    the smallest of m p-values is held against α/m, the next against α/(m-1), until one is too large.
    Raises ValueError as ``adjusted``, and unless alpha is in (0, 1).
    """
    if not 0 < alpha < 1:
        raise ValueError(f"An error rate must lie between 0 and 1, not be {alpha}.")
    return {name: p <= alpha for name, p in adjusted(p_values).items()}


def adjusted(p_values: Mapping[str, float]) -> dict[str, float]:
    """Name → the smallest error rate of the family at which Holm's procedure rejects it, in [0, 1].

    Raises ValueError for a p that is NaN or outside [0, 1].

    >>> adjusted({"a": 0.01, "b": 0.04, "c": 0.03})
    {'a': 0.03, 'b': 0.06, 'c': 0.06}
    """
    for name, p in p_values.items():
        if not 0 <= p <= 1:
            raise ValueError(f"{p} is no probability: {name}.")
    found: dict[str, float] = {}
    largest = 0.0
    for place, name in enumerate(sorted(p_values, key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - place) * p_values[name]))
        found[name] = largest
    return {name: found[name] for name in p_values}
