"""Whether two arms are as good as equal."""

import scipy
from numpy.typing import ArrayLike

from dae_lab.claims.statistics.interval import finite
from dae_lab.claims.statistics.paired import mean_and_error


def two_one_sided(differences: ArrayLike, margin: float) -> float:
    """The p of two one-sided t tests that the mean difference lies beyond ±margin: the larger of theirs.

    Schuirmann, "A comparison of the two one-sided tests procedure and the power approach", 1987. p < α is
    the same as a Student's interval at level 1 - 2α inside (-margin, margin). Fewer than two differences: 1.
    Raises ValueError for a margin that is negative, infinite or NaN.
    """
    values = finite(differences)
    if not 0 <= margin < float("inf"):
        raise ValueError(f"A margin must be 0 or a finite number above, not {margin}.")
    if len(values) < 2:
        return 1.0
    mean, error = mean_and_error(values)
    room = margin - abs(mean)  # to the nearer of the two margins, whose test has the larger p
    if error == 0:
        return 0.0 if room > 0 else 1.0
    return float(scipy.special.stdtr(len(values) - 1, -room / error))
