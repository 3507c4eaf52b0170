"""Several claims judged together: the error rate is that of the whole family."""

from collections.abc import Callable, Mapping


def holm(decides: Mapping[str, Callable[[int], bool]]) -> dict[str, int]:
    """By what each claim's own error rate is divided, so that of the family is no larger.

    Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 1979:
    of m claims those that are decided at α/m are, the rest may use α/(m-1) for each that was, and so on
    until none is added. With intervals of group-sequential looks, claim by claim, it holds as well (Ye, Li,
    Liu & Yao, "A group sequential Holm procedure with multiple primary endpoints", Statistics in Medicine
    2013).

    Args:
        decides: by name, whether the claim is decided at its error rate divided by that number; it must
            not be decided at a smaller rate where it is not at a larger one.

    >>> p = {"a": 0.01, "b": 0.04, "c": 0.02}
    >>> holm({name: lambda by, own=own: own <= 0.05 / by for name, own in p.items()})
    {'a': 3, 'b': 1, 'c': 2}
    """
    found: dict[str, int] = {}
    while left := [name for name in decides if name not in found]:
        fresh = [name for name in left if decides[name](len(left))]
        found |= dict.fromkeys(fresh or left, len(left))
    return {name: found[name] for name in decides}
