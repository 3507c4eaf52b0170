"""From a composed config to a checked one, or to one sentence that says what is wrong with it."""

from dataclasses import replace
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dae_lab.config.overrides import given_overrides
from dae_lab.config.run import Config, parse_config
from dae_lab.errors import ConfigError
from dae_lab.parts import shapes
from dae_lab.parts.suggestions import first_line
from dae_lab.paths import check_utf8, conf_folder

SMALLEST_SIDE = 3  # pixels: the smallest window over which SSIM takes a variance
NEAREST = 100  # pixels by which a size that is suggested differs at most


def validate(cfg: DictConfig) -> Config:
    """The config of a run, checked.

    Raises:
        ConfigError: an unknown or missing key, a value outside its range, a ``_target_`` outside
            ``dae_lab`` and ``keras``, or groups that do not fit each other.
    """
    if HydraConfig.initialized():
        check_choices(given_overrides())
        check_working_folder(HydraConfig.get())  # type: ignore[arg-type]
    try:
        plain = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=False)
    except OmegaConfBaseException as error:
        raise ConfigError(f"the config cannot be resolved: {first_line(error)}") from error
    assert isinstance(plain, dict)
    _check_text(plain)
    if plain.pop("claim", None):
        raise ConfigError(
            "claim: give it on the command line, as claim=mse_stalls, without hydra/launcher=basic"
        )
    config = parse_config({str(key): value for key, value in plain.items()})
    _check_groups_fit(config)
    image = config.data.image_shape()
    if image is not None:
        check_shapes(config, image)
    return config


def _check_text(tree: Any, path: str = "") -> None:
    """Raise a ConfigError for a value that cannot be written as UTF-8."""
    if isinstance(tree, str):
        check_utf8(path, tree)
    elif isinstance(tree, (dict, list)):
        for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
            _check_text(value, f"{path}.{key}".lstrip("."))


def check_working_folder(hydra: DictConfig) -> None:
    """Raise a ConfigError for ``hydra.job.chdir=true``: a run writes nothing to the current folder."""
    if hydra.job.chdir:
        raise ConfigError(
            "hydra.job.chdir=true: a run writes nothing to the current folder, and relative paths such as "
            "tracking.dir would change their meaning; leave it out, files of a run go to tracking.dir"
        )


def check_choices(overrides: list[str]) -> None:
    """Raise a ConfigError for ``noise=[gaussian]``: Hydra would merge the options listed, key by key."""
    for override in overrides:
        key, _, value = override.lstrip("+").partition("=")
        group = key.partition("@")[0]
        if value.startswith("[") and (conf_folder() / group).is_dir():
            raise ConfigError(
                f"{override}: a group takes one option, as noise=gaussian does; several corruptions in order "
                f"are noise=chain, several runs are noise=gaussian,uniform"
            )


def check_shapes(config: Config, image: shapes.Shape) -> None:
    """Raise a ConfigError, showing all shapes, unless an image of (h, w, c) comes out as it went in."""
    if min(image[:2]) < SMALLEST_SIDE:
        raise ConfigError(
            f"data: the images are {shapes.format_shape(image)}; SSIM needs {SMALLEST_SIDE} pixels a side"
            f"{_sizes_that_fit(config, image)}"
        )
    down: shapes.ShapePath = []
    try:
        down = config.encoder.shape_path(image)
        code, up = _code_and_decoder(config, down, image)
    except ConfigError as error:
        given = f"; the encoder gives {shapes.format_path(down)}" if down else ""
        raise ConfigError(f"{error}{given}{_sizes_that_fit(config, image)}") from error
    if up[-1][1] != image:
        padding = (
            ", or set encoder.padding and decoder.padding to same" if _fits_padded(config, image) else ""
        )
        raise ConfigError(
            f"decoder: its output is {shapes.format_shape(up[-1][1])}, the images are "
            f"{shapes.format_shape(image)}; shapes: {shapes.format_path([*down, ('code', code), *up[1:]])}. "
            f"Change encoder.strides, encoder.pool_strides or decoder.strides so that the image regains "
            f"its size{padding}{_sizes_that_fit(config, image)}"
        )


def _code_and_decoder(
    config: Config, down: shapes.ShapePath, image: shapes.Shape
) -> tuple[shapes.Shape, shapes.ShapePath]:
    """The shape of the code, and the shapes from there to the output."""
    features = down[-1][1]
    code = config.latent.code_shape(features)
    return code, config.decoder.shape_path(config.latent.features_shape(features), image)


def _fits(config: Config, image: shapes.Shape) -> bool:
    """Whether an image of (h, w, c) comes out as it went in."""
    try:
        return _code_and_decoder(config, config.encoder.shape_path(image), image)[1][-1][1] == image
    except ConfigError:
        return False


def _fits_padded(config: Config, image: shapes.Shape) -> bool:
    """Whether it does with ``padding: same``."""
    stacks = {name: getattr(config, name) for name in ("encoder", "decoder")}
    same = {
        name: replace(stack, padding="same") for name, stack in stacks.items() if hasattr(stack, "padding")
    }
    return _fits(replace(config, **same), image)


def _sizes_that_fit(config: Config, image: shapes.Shape) -> str:
    """The nearest smaller and larger size that this network takes; empty where data have one size."""
    if config.data.SHAPE is not None:
        return ""
    channels, steps = image[2], range(NEAREST)
    sizes = []
    for direction in (-1, 1):  # sides do not depend on each other
        candidates = [[side + direction * step for step in steps] for side in image[:2]]
        nearest = [
            next(
                (side for side in sides if side >= SMALLEST_SIDE and _fits(config, (side, side, channels))), 0
            )
            for sides in candidates
        ]
        if all(nearest):
            sizes.append(nearest)
    if not sizes:
        return ""
    if hasattr(config.data, "size"):
        listed = " or ".join(f"data.size=[{height},{width}]" for height, width in sizes)
    else:
        listed = "images of " + " or ".join(f"{height}×{width}" for height, width in sizes)
    return f"; this network takes {listed}"


def check_validation(config: Config, images: int) -> None:
    """Raise a ConfigError if training should stop by validation images, and there are none (``images`` 0)."""
    if config.training.early_stopping.patience is not None and images == 0:
        raise ConfigError(
            "training.early_stopping.patience needs validation images; data.validation leaves none"
        )


def _check_groups_fit(config: Config) -> None:
    output = config.decoder.output
    if output.residual and output.activation != "linear":
        raise ConfigError(
            "decoder.output.residual adds the output to the noisy image, so decoder.output.activation "
            f"must be linear; got {output.activation}"
        )
    if output.residual and output.bias == "data":
        raise ConfigError(
            "decoder.output.bias=data starts the output from the mean pixel, but decoder.output.residual "
            "adds the output to the noisy image: set decoder.output.bias to zero"
        )
    stopping, data = config.training.early_stopping, config.data
    if stopping.patience is not None:
        if data.validation == []:
            check_validation(config, 0)
        if data.validation and data.test and overlap(data.validation, data.test):
            raise ConfigError(
                f"training.early_stopping.patience would choose by the test images: data.validation "
                f"{data.validation} shares rows with data.test {data.test}; give it rows of its own"
            )
    if config.training.overfit and config.noise.resample != "once":
        raise ConfigError("training.overfit learns one fixed batch by heart: set noise.resample to once")
    _check_effects(config)


def _check_effects(config: Config) -> None:
    """Refuse what would change nothing."""
    pools = getattr(config.encoder, "pool_sizes", [2])
    steps = getattr(config.encoder, "pool_strides", [1])
    if max(pools, default=1) == 1 and max(steps, default=1) > 1:
        raise ConfigError(
            f"encoder.pool_strides {list(steps)} needs encoder.pool_sizes above 1; got {list(pools)}"
        )
    schedule, epochs = config.optimizer.schedule, config.training.epochs
    if config.training.batches is not None:
        return  # cut short for a look, as by debug=smoke: what comes later is kept as it is
    if schedule.drops and min(schedule.drops) >= epochs:
        raise ConfigError(
            f"optimizer.schedule.drops {list(schedule.drops)} are never reached: training.epochs is {epochs}"
        )
    if schedule.warmup_epochs >= epochs:
        raise ConfigError(
            f"optimizer.schedule.warmup_epochs must be less than training.epochs, {epochs}; "
            f"got {schedule.warmup_epochs:g}"
        )


def overlap(first: list[int], second: list[int]) -> bool:
    """Whether two half-open ranges of rows share any."""
    return max(first[0], second[0]) < min(first[1], second[1])
