"""The graphs of the last run: the next run of this process with the same network uses them again."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from dae_lab.metrics import image_metrics
from dae_lab.model.autoencoder import Autoencoder, state

if TYPE_CHECKING:
    from dae_lab.config.run import Config

BAKED = ("encoder", "latent", "decoder", "loss", "optimizer", "training")
"""What of a config becomes part of the graphs. Seeds do not: they are in variables and in the data."""

_last: dict[str, Autoencoder] = {}
"""The model of the last run, by what its graphs depend on; one, so that memory does not grow."""


def reuse_graphs(fresh: Autoencoder, config: "Config", steps: int) -> Autoencoder:
    """``fresh``, or the last run's model in the state of ``fresh``, if its graphs are the same.

    What is no variable stays as it was first built: the seeds that layers and initialisers name in a kept
    model's config are the first run's, though every number is this run's own.

    Args:
        fresh: built and compiled, its optimiser built too, untrained.
        config: what it was built from.
        steps: in an epoch; a schedule of the learning rate may depend on it.
    """
    groups = asdict(config)
    key = json.dumps(
        [{name: groups[name] for name in BAKED}, fresh.input_shape, steps, repr(image_metrics())]
    )
    known = _last.get(key)
    _last.clear()
    _last[key] = known or fresh
    if known is None:
        return fresh
    for ours, its in zip(state(known), state(fresh), strict=True):
        ours.assign(its)
    return known
