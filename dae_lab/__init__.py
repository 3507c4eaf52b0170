"""A lab bench for denoising autoencoders: runs are configs, claims are decided by runs."""

import sys
from pathlib import Path

from dae_lab import snapshot

if sys.flags.optimize:
    from dae_lab.assertions import keep_assertions

    keep_assertions()

__version__ = "0.1.0"

snapshot.install(__name__, Path(__file__).resolve().parent)
