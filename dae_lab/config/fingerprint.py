"""The fingerprint: equal for two runs exactly if they must give the same numbers on one machine."""

import hashlib
import json
from dataclasses import asdict

from dae_lab.config.run import COMMAND_LINE_KEYS, Config
from dae_lab.parts.part import own_code

WITHOUT_EFFECT = (*COMMAND_LINE_KEYS, "data", "name", "sweep", "tracking")
"""Groups that do not change a number. The data have a fingerprint of their own, wherever they lie."""


def fingerprint(config: Config, data: str, code: str) -> str:
    """SHA-256, 64 hex digits, of the config that matters, the data's fingerprint and the code's.

    The source of packages of a person's own whose parts the config names is a part of the code.
    """
    matters = {key: value for key, value in asdict(config).items() if key not in WITHOUT_EFFECT}
    for key in ("checkpoint_s", "profile"):
        del matters["training"][key]
    for key in ("report", "cache"):
        del matters["evaluation"][key]
    text = json.dumps([matters, data, code + own_code(matters)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def kept(config: Config) -> list[str]:
    """What a run leaves behind beside its numbers: ``model``, ``report``, ``profile``."""
    wanted = {
        "model": config.tracking.log_model,
        "report": config.evaluation.report,
        "profile": config.training.profile,
    }
    return [name for name, so in wanted.items() if so]


def workload(config: Config) -> str:
    """Sixteen hex digits, equal for runs whose epochs take equally long on one machine.

    Those with the same data, network, batches and evaluation; they may differ in their number of epochs.
    """
    parts = ("data", "encoder", "latent", "decoder", "training", "evaluation")
    content = {part: asdict(getattr(config, part)) for part in parts}
    for part, key in (("training", "epochs"), ("data", "cache"), ("evaluation", "cache")):
        content[part].pop(key, None)
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
