"""Sub-seeds: every random number of a run derives from its one ``seed`` through a name.

Two arms of a comparison with the same seed so get the same initial weights (where their layers
agree), the same order of images and the same noise, and no draw of one kind shifts another.
"""

import hashlib


def derive(seed: int, *names: str | int) -> int:
    """The sub-seed of ``seed`` called ``names``: an integer in [0, 2³¹), equal on every machine.

    Taken from SHA-256, so that neighbouring seeds and names give unrelated numbers.

    >>> derive(0, "init") == derive(0, "init") != derive(1, "init")
    True
    """
    text = "/".join(str(part) for part in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1
