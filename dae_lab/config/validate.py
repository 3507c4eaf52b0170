"""From a composed config to a checked one, or to one sentence that says what is wrong with it."""

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dae_lab.config import shapes
from dae_lab.config.hints import first_line
from dae_lab.config.overrides import given_overrides
from dae_lab.config.places import conf_folder
from dae_lab.config.run import Config
from dae_lab.config.typed import typed
from dae_lab.errors import ConfigError

SMALLEST_SIDE = 3  # pixels: the smallest window over which SSIM takes a variance


def validate(cfg: DictConfig) -> Config:
    """The config as checked dataclasses.

    Raises:
        ConfigError: an unknown or missing key, a value outside its range, a ``_target_`` outside
            ``dae_lab`` and ``keras``, or groups that do not fit each other.
    """
    if HydraConfig.initialized():
        check_choices(given_overrides())
    try:
        plain = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=False)
    except OmegaConfBaseException as error:
        raise ConfigError(f"the config cannot be resolved: {first_line(error)}") from error
    assert isinstance(plain, dict)
    if plain.pop("claim", None):
        raise ConfigError("claim: a claim is judged by many runs; leave hydra/launcher=basic away")
    config: Config = typed(plain, Config, "")
    _check_groups_fit(config)
    image = config.data.image_shape()
    if image is not None:
        check_shapes(config, image)
    return config


def check_choices(overrides: list[str]) -> None:
    """Raise a ConfigError for ``noise=[gaussian]``: Hydra would merge the options listed, key by key."""
    for override in overrides:
        key, _, value = override.lstrip("+").partition("=")
        group = key.partition("@")[0]
        if value.startswith("[") and (conf_folder() / group).is_dir():
            raise ConfigError(
                f"{override}: a group takes one option, as noise=gaussian does; several corruptions in order "
                f"are noise=chain, several runs are -m noise=gaussian,uniform"
            )


def check_shapes(config: Config, image: shapes.Shape) -> None:
    """Raise a ConfigError, showing all shapes, unless an image of (h, w, c) comes out as it went in."""
    if min(image[:2]) < SMALLEST_SIDE:
        raise ConfigError(
            f"data: the images are {shapes.times(image)}; SSIM needs {SMALLEST_SIDE} pixels a side"
        )
    down = config.encoder.trace(image)
    try:
        code = config.latent.code_shape(down[-1][1])
        up = config.decoder.trace(config.latent.features_shape(down[-1][1]), image)
    except ConfigError as error:
        raise ConfigError(f"{error}; the encoder gives {shapes.story(down)}") from error
    if up[-1][1] != image:
        raise ConfigError(
            f"decoder: its output is {shapes.times(up[-1][1])}, the images are {shapes.times(image)}; "
            f"shapes: {shapes.story([*down, ('code', code), *up[1:]])}. Change encoder.strides, "
            f"encoder.pool_strides or decoder.strides so that the image regains its size"
        )


def check_validation(config: Config, images: int) -> None:
    """Raise a ConfigError if training should stop by validation images, and there are none (``images`` 0)."""
    if config.training.early_stopping.patience is not None and images == 0:
        raise ConfigError(
            "training.early_stopping.patience needs validation images; data.validation leaves none"
        )


def _check_groups_fit(config: Config) -> None:
    output = config.decoder.output  # type: ignore[attr-defined]
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
