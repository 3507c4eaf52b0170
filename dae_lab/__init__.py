"""A lab bench for denoising autoencoders: runs are configs, claims are decided by runs."""

from pathlib import Path

from dae_lab import snapshot

__version__ = "0.1.0"

snapshot.install(__name__, Path(__file__).resolve().parent)
