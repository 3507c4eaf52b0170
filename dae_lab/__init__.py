"""A lab bench for denoising autoencoders: runs are configs, claims are decided by runs."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from dae_lab import snapshot

if sys.flags.optimize:
    from dae_lab.assertions import keep_assertions

    keep_assertions()

__version__ = "0.1.0"

snapshot.install(__name__, Path(__file__).resolve().parent)

_EXPORTS = {
    "Corruption": "noise",
    "DataSource": "data.source",
    "Decoder": "model.decoder",
    "Encoder": "model.encoder",
    "Latent": "model.latent",
    "Loss": "losses",
    "Schema": "parts.schema",
    "option": "parts.schema",
}
"""What parts of a person's own are made of, and the module that has it."""


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        return getattr(import_module(f"{__name__}.{_EXPORTS[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
