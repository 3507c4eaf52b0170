"""Numbers as text, for pages, tables and the terminal."""

import math


def significant(value: float, digits: int = 4) -> str:
    """A number with so many significant digits and a true minus sign; a dash for NaN.

    >>> significant(-0.123456)
    '−0.1235'
    """
    if not math.isfinite(value):
        return "–" if math.isnan(value) else ("∞" if value > 0 else "−∞")
    return f"{value:.{digits}g}".replace("-", "−")


def percent(share: float) -> str:
    """A share in per cent, two digits at least.

    >>> percent(0.69), percent(0.083)
    ('69 %', '8.3 %')
    """
    digits = 0 if abs(share) >= 0.1 or share == 0 else 1
    return f"{100 * share:.{digits}f} %"


def level_percent(level: float) -> str:
    """A confidence level in per cent, with as many digits as tell it from 100.

    >>> level_percent(0.95), level_percent(0.99998527)
    ('95', '99.9985')
    """
    rest = 100 * (1 - level)
    if not rest > 0:
        return "100"
    return f"{100 * level:.{max(0, 1 - math.floor(math.log10(rest)))}f}".removesuffix(".0")
