"""The names of the metrics that a run records, known before it begins. Imports no TensorFlow."""

import math
from collections.abc import Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

from dae_lab.baselines.registry import select_baselines
from dae_lab.collapse import FIXED
from dae_lab.config.run import Config
from dae_lab.errors import ConfigError
from dae_lab.metrics import METRICS, recorded_in
from dae_lab.model.latent import WIDEST

LABELS = {"collapse": ("none", "unknown", *FIXED, "identity")}
"""Tags that describe the result of a run, and their possible values."""

CURVES = ("train/loss", "val/", "watch/")
"""Metrics that have a value each epoch begin with one of these."""
COUNTS = ("convergence/epoch", "convergence/step", "test/baselines_beaten")
"""Metrics whose names begin so are whole numbers."""

VIEW = ("active_units", "effective_rank", "silhouette", "knn_accuracy", "probe_accuracy")
"""What is recorded of each view of the code."""
_CORRELATED = ("overlap", "silhouette", "silhouette_plane")


def metric_names(config: Config) -> list[str]:
    """Return the metrics that a run of ``config`` may record; ``*`` stands for what depends on the data.

    A run leaves out what does not exist, such as the epoch of a target that it did not reach.
    """
    asked = config.evaluation
    baselines = select_baselines(asked.baselines)
    names = ["train/loss", "train/step_loss", "time/epoch_s", "time/run_s", "time/cpu_s"]
    names += [*(f"test/{metric.name}" for metric in recorded_in("test")), "test/baselines_beaten"]
    names += [f"baseline_mse/{name}" for name in baselines]
    names += ["class_nmse/*"]
    names += [f"collapse/{name}" for name in ("variance_ratio", "saturated", "gradient_norm")]
    if config.data.validation != []:
        targets = [*baselines, *(["target_mse"] if asked.target_mse else [])]
        names += [f"val/{metric.name}" for metric in recorded_in("val")]
        names += [f"watch/{name}" for name in ("variance_ratio", "saturated", "gradient_norm")]
        names += ["convergence/area", *(f"convergence/epochs_to_{share}" for share in (90, 95, 99))]
        names += [f"convergence/{unit}_below_{one}" for unit in ("epoch", "step") for one in targets]
    if asked.images:
        names += ["noise_level/mse", "noise_level/noisy_mse"] if asked.levels else []
        names += [f"corruption_{of}/{name}" for of in ("mse", "noisy_mse") for name in asked.corruptions]
        kinds = (*VIEW, *(f"rho_{name}" for name in _CORRELATED))
        names += [f"{view}/{kind}" for view in _views(config) for kind in kinds]
    return names


def _views(config: Config) -> tuple[str, ...]:
    """Return the views of the code; both of a spatial one if its size depends on the data."""
    if hasattr(config.latent, "z_dim") or hasattr(config.encoder, "units"):
        return ("code",)
    image = config.data.image_shape()
    if (
        image is not None
        and math.prod(config.latent.code_shape(config.encoder.shape_path(image)[-1][1])) > WIDEST
    ):
        return ("pooled",)
    return ("flattened", "pooled")


def is_recorded(name: str, known: Sequence[str]) -> bool:
    """Whether the metric ``name`` is one of ``known``, as ``metric_names`` returns them."""
    return "*" not in name and any(fnmatchcase(name, pattern) for pattern in known)


def need_recorded(key: str, wanted: str, known: Sequence[str]) -> None:
    """Raise a ConfigError if the metric ``wanted``, which a person gave for ``key``, is none of ``known``."""
    if not is_recorded(wanted, known):
        meant = get_close_matches(wanted, known, n=3)
        hint = f"did you mean {' or '.join(meant)}?" if meant else f"there are {', '.join(known)}"
        raise ConfigError(f"{key}: runs like these record no {wanted}; {hint}")


def falling_metrics() -> list[str]:
    """Names of the metrics that become smaller as a model learns, without their part, as ``mse``."""
    return [metric.name for metric in recorded_in("val") if not metric.rises]


def value_range(recorded: str) -> tuple[float, float]:
    """The least and the greatest value that a recorded metric, as ``val/mse``, can have."""
    name = recorded.rpartition("/")[2].removeprefix("step_")
    if name in METRICS:
        return METRICS[name].low, METRICS[name].high
    if name.startswith(("rho_", "silhouette")):
        return -1.0, 1.0
    return 0.0, 1.0 if name.endswith("_accuracy") else math.inf
