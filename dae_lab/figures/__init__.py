"""Figures of results. The only room that imports matplotlib; it knows arrays and titles, no models.

Figures are drawn with Agg and ignore the user's settings, so those must not end the import of
matplotlib: a backend in ``MPLBACKEND`` that is not installed, as a notebook's, or a damaged ``matplotlibrc``.
"""

import logging
import sys
from contextlib import chdir
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from dae_lab.environment import environment


def _import_matplotlib() -> None:
    """Import matplotlib without warnings; without the user's settings where they end the import."""
    logger = logging.getLogger("matplotlib")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        import_module("matplotlib.style")
    except (OSError, ValueError):
        for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
            del sys.modules[name]
        spec = find_spec("matplotlib")
        defaults = Path(spec.origin or "").parent / "mpl-data" if spec else Path()
        with environment({"MPLBACKEND": "agg"}), chdir(defaults):  # it reads the file of this folder first
            import_module("matplotlib.style")
    finally:
        import_module("matplotlib.figure")
        logger.setLevel(level)


_import_matplotlib()
