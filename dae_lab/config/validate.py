"""From a composed config to a checked one, or to one sentence that says what is wrong with it."""

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dae_lab.config import shapes
from dae_lab.config.hints import first_line
from dae_lab.config.run import Config
from dae_lab.config.typed import typed
from dae_lab.errors import ConfigError


def validate(cfg: DictConfig) -> Config:
    """The config as checked dataclasses.

    Raises:
        ConfigError: an unknown or missing key, a value outside its range, a ``_target_`` outside
            ``dae_lab`` and ``keras``, or groups that do not fit each other.
    """
    try:
        plain = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=False)
    except OmegaConfBaseException as error:
        raise ConfigError(f"the config cannot be resolved: {first_line(error)}") from error
    config: Config = typed(plain, Config, "")
    _check_groups_fit(config)
    image = config.data.image_shape()
    if image is not None:
        check_shapes(config, image)
    return config


def check_shapes(config: Config, image: shapes.Shape) -> None:
    """Raise a ConfigError, showing all shapes, unless an image of (h, w, c) comes out as it went in."""
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
            raise ConfigError("training.early_stopping.patience needs data.validation, which is empty")
        if data.validation and data.test and overlap(data.validation, data.test):
            raise ConfigError(
                f"training.early_stopping.patience would choose by the test images: data.validation "
                f"{data.validation} shares rows with data.test {data.test}; give it rows of its own"
            )
    if config.training.overfit and config.noise.resample != "once":
        raise ConfigError("training.overfit learns one fixed batch by heart: set noise.resample to once")


def overlap(first: list[int], second: list[int]) -> bool:
    """Whether two half-open ranges of rows share any."""
    return max(first[0], second[0]) < min(first[1], second[1])
