"""How claims are decided: intervals, exact tests and verdicts over seeds.

The unit of replication is the seed. Two arms share their seeds, so that everything is paired by seed:
most functions take the *differences*, float (n,), one a seed, of which positive ones favour the claim.
NaN or infinite numbers raise ValueError, everywhere; what is random takes a ``numpy.random.Generator``.

Pure NumPy and SciPy. The modules say ``import scipy``, whose parts load at their first use: importing them
costs nothing more than NumPy.
"""
