"""Sources of images behind one interface: every loader returns a ``Dataset``.

Importing this room costs NumPy and no more; what a loader needs beyond it is imported when it is called.
"""

from dae_lab.data.images import Dataset, Images

__all__ = ["Dataset", "Images"]
