"""The names under which numbers are recorded, known before a run begins. Imports no TensorFlow."""

import math
from collections.abc import Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

from dae_lab.collapse import FIXED
from dae_lab.config.run import VALIDATION_METRICS, Config
from dae_lab.errors import ConfigError
from dae_lab.model.latent import WIDEST

LABELS = {"collapse": ("none", "unknown", *FIXED, "identity")}
"""Tags that say how a run ended, and what they may be."""

CURVES = ("train/loss", "val/", "watch/")
"""Metrics that have a value each epoch begin with one of these."""
FALLING = ("loss", "mse", "mae", "bce", "bce_excess")
"""Metrics that end so become smaller as a model learns."""
COUNTS = ("convergence/epoch", "convergence/step", "test/baselines_beaten")
"""Metrics that begin so come whole."""

_TRIVIAL = ("noisy", "black", "constant", "mean_image")
_LINEAR = ("linear_3x3", "linear_5x5", "ridge", "pca")
_CLASSICAL = ("median", "gaussian_filter", "total_variation", "non_local_means", "wavelet")
BASELINES = {
    "trivial": _TRIVIAL,
    "linear": (*_TRIVIAL, *_LINEAR),
    "all": (*_TRIVIAL, *_LINEAR, *_CLASSICAL),
}
"""By ``evaluation.baselines``: those that a model is held against, unless the images do not allow it."""

VIEW = ("active_units", "effective_rank", "silhouette", "knn_accuracy", "probe_accuracy")
"""What is recorded of each view of the code."""
_CORRELATED = ("overlap", "silhouette", "silhouette_plane")


def metric_names(config: Config) -> list[str]:
    """What a run of ``config`` may record; ``*`` stands for what the data decide, such as a class.

    A run leaves out what cannot be given of it, such as a target that it did not reach.
    """
    asked = config.evaluation
    scores = [name for name in VALIDATION_METRICS if name != "loss"]
    baselines = BASELINES[asked.baselines]
    names = ["train/loss", "train/step_loss", "time/epoch_s", "time/run_s", "time/cpu_s"]
    names += [f"test/{name}" for name in (*scores, "nmse", "baselines_beaten")]
    names += [f"baseline_mse/{name}" for name in baselines]
    names += ["class_nmse/*"]
    names += [f"collapse/{name}" for name in ("variance_ratio", "saturated", "gradient_norm")]
    if config.data.validation != []:
        targets = [*baselines, *(["target_mse"] if asked.target_mse else [])]
        names += [f"val/{name}" for name in VALIDATION_METRICS]
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
    """The views of the code; of a spatial one both, where the data decide how wide it is."""
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
    """Whether the metric ``name`` is one of ``known``, as ``metric_names`` gives them."""
    return "*" not in name and any(fnmatchcase(name, pattern) for pattern in known)


def need_recorded(key: str, wanted: str, known: Sequence[str]) -> None:
    """Raise a ConfigError if the metric ``wanted``, which a person gave for ``key``, is none of ``known``."""
    if not is_recorded(wanted, known):
        meant = get_close_matches(wanted, known, n=3)
        hint = f"did you mean {' or '.join(meant)}?" if meant else f"there are {', '.join(known)}"
        raise ConfigError(f"{key}: runs like these record no {wanted}; {hint}")


def least_and_greatest(metric: str) -> tuple[float, float]:
    """Between what the values of ``metric`` lie."""
    name = metric.rpartition("/")[2]
    if name.startswith(("rho_", "ssim", "silhouette")):
        return -1.0, 1.0
    if name.endswith("_accuracy"):
        return 0.0, 1.0
    return (-math.inf if name in ("loss", "step_loss", "psnr", "bce_excess") else 0.0), math.inf
