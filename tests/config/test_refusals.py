"""What a person gets wrong is refused in one sentence: the key, what was given, what would be right."""

import subprocess
import sys

import pytest
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from dae_lab.config.explain import explain
from dae_lab.config.fields import Checked, number
from dae_lab.config.loss import SCHEMAS
from dae_lab.errors import ConfigError


def refusal(compose, *overrides: str) -> str:
    try:
        compose(*overrides)
    except ConfigError as error:
        return str(error)
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        return explain(error) or ""
    pytest.fail(f"{overrides} was accepted")


LOSSES = ", ".join(schema._target_ for schema in SCHEMAS.values())
MISTAKES = {
    # names
    "noise.sgima=0.3": "noise.sgima: there is no such key; did you mean sigma? noise has",
    "sed=3": "sed: there is no such key; did you mean seed? the config has data, noise,",
    "nois=gaussian": "nois: there is no such key; did you mean noise?",
    "loss=msee": "loss=msee: there is no such option; did you mean loss=mse? loss has bce, charbonnier,",
    "loss=": "loss=: there is no such option; loss has bce, charbonnier,",
    "experiment=shalow_pool": "did you mean experiment=shallow_pool?",
    "optimizer/schedule=cosin": "did you mean optimizer/schedule=cosine? optimizer/schedule has constant,",
    "+noise.foo=1": "noise.foo: there is no such key; noise has clip, resample, sigma",
    "+training.early_stopping.foo=1": "training.early_stopping.foo: there is no such key;",
    "+foo=1": "foo: there is no such key; the config has name, seed, data,",
    "latent.z_dim=3": "z_dim belongs to latent=contractive, latent=dense, latent=sparse, latent=variational",
    "decoder/output=dense": "decoder.output.layer is missing: give it a value; "
    "layer belongs to decoder/output=conv, decoder/output=conv_transpose",
    "decoder=mlp decoder/output=conv": "decoder.output.layer: there is no such key; decoder.output has",
    # types and ranges
    "noise.sigma=abc": "noise.sigma: Value 'abc' of type 'str' could not be converted to Float",
    "training.epochs=1.5": "training.epochs: Value '1.5' of type 'float' could not be converted to Integer",
    "encoder.filters=null": "encoder.filters: field 'filters' is not Optional",
    "noise=chain noise.steps=3": "noise.steps must map names to options; got 3",
    "latent=3": "a group takes the name of one of its options, as latent=dense does",
    "latent=null": "a group takes the name of one of its options, as latent=dense does",
    "noise.sigma=-1": "noise.sigma must be at least 0; got -1.0",
    "noise.sigma=nan": "noise.sigma must be a finite number; got nan",
    "optimizer.learning_rate=inf": "optimizer.learning_rate must be a finite number; got inf",
    "optimizer.learning_rate=0": "optimizer.learning_rate must be greater than 0; got 0.0",
    "encoder.dropout=1": "encoder.dropout must be less than 1; got 1.0",
    "training.batch_size=0": "training.batch_size must be at least 1; got 0",
    "training.epochs=-1": "training.epochs must be at least 1; got -1",
    "encoder.activation=rellu": "encoder.activation must be one of linear, relu, leaky_relu,",
    "evaluation.limit=???": "evaluation.limit is missing: give it a value",
    "data=npz": "data.path is missing: give it a value",
    "~noise": "noise is missing: give it a value",
    "name=${nothing}": "Interpolation key 'nothing' not found",
    "noise=chain noise.steps.gaussian.sigma=-1": "noise.steps.gaussian.sigma must be at least 0",
    # what is built
    "loss._target_=os.system": f"loss._target_ must be one of {LOSSES}; got 'os.system'",
    "loss._target_=dae_lab.losses.Msee": f"loss._target_ must be one of {LOSSES}; got 'dae_lab.losses.Msee'",
    "loss._target_=dae_lab.noise.Blur": f"loss._target_ must be one of {LOSSES}; got",
    "noise=chain noise.steps.gaussian._target_=os.system": "noise.steps.gaussian._target_ must be one of",
    "loss=weighted loss.terms.bce._target_=os.system": f"loss.terms.bce._target_ must be one of {LOSSES};",
    # combinations
    "encoder.kernel_sizes=[3,5]": "encoder.kernel_sizes has 2 values [3, 5] for 3 layers (filters "
    "[32, 64, 128]); give one value a layer, or one for all",
    "encoder=residual encoder.padding=valid": "encoder.padding must be one of same; got 'valid'",
    "decoder=residual decoder.padding=valid": "decoder.padding must be one of same; got 'valid'",
    "encoder=mlp": "decoder needs an image-shaped input (h×w×c), but is given 128 values: choose decoder=mlp",
    "encoder=mlp latent=conv1x1 decoder=mlp": "latent needs an image-shaped input (h×w×c), but is given 128 "
    "values: choose latent=dense, or an encoder that keeps images; the encoder gives image 28×28×1 → dense",
    "encoder.kernel_sizes=[30] encoder.padding=valid": "encoder shrinks the image to nothing: image 28×28×1 "
    "→ conv -1×-1×32; lower encoder.kernel_sizes, or set encoder.padding to same",
    "optimizer.clipvalue=1 optimizer.global_clipnorm=1": "choose one, set the other to null",
    "training.overfit=true": "training.overfit learns one fixed batch by heart: set noise.resample to once",
    "decoder.output.residual=true": "so decoder.output.activation must be linear; got sigmoid",
    "decoder.output.residual=true decoder.output.activation=linear decoder.output.bias=data": "set "
    "decoder.output.bias to zero",
    "training.early_stopping.patience=3 data.validation=[]": "training.early_stopping.patience needs "
    "data.validation, which is empty",
    "training.early_stopping.patience=3 data.validation=[4400,4501]": "would choose by the test images: "
    "data.validation [4400, 4501] shares rows with data.test [4500, 5000]; give it rows of its own",
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_what_would_be_right(compose, mistake):
    message = refusal(compose, *mistake.split())
    assert MISTAKES[mistake] in message
    assert "\n" not in message


def test_a_decoder_that_misses_the_image_size_shows_all_shapes(compose):
    assert refusal(compose, "decoder.strides=[2,1]") == (
        "decoder: its output is 14×14×1, the images are 28×28×1; shapes: image 28×28×1 → conv 28×28×32 → "
        "conv 14×14×64 → conv 7×7×128 → code 7×7×128 → conv_transpose 14×14×64 → conv_transpose 14×14×32 → "
        "output 14×14×1. Change encoder.strides, encoder.pool_strides or decoder.strides so that the image "
        "regains its size"
    )


@pytest.mark.parametrize(
    "overrides",
    [
        ["training.early_stopping.patience=3", "data.validation=[4400,4500]"],
        ["training.overfit=true", "noise.resample=once"],
        ["decoder.output.residual=true", "decoder.output.activation=linear"],
        ["data.validation=[4500,5000]"],
    ],
)
def test_their_neighbours_are_accepted(compose, overrides):
    compose(*overrides)


def test_an_error_that_is_no_mistake_of_a_persons_is_left_alone():
    assert explain(ValueError("a bug")) is None


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: [1.0, value]])
def test_a_field_takes_finite_numbers_only(value, wrap):
    from dataclasses import dataclass
    from typing import Any

    @dataclass
    class One(Checked):
        number: Any = number()

    with pytest.raises(ConfigError, match=r"number must be a finite number; got -?(nan|inf)"):
        One(number=wrap(value))
    with pytest.raises(ConfigError, match="number is missing: give it a value"):
        One()


def test_a_mistake_is_refused_before_tensorflow_is_imported():
    code = (
        "import sys; from dae_lab.config import explain, validate; from dae_lab import help; "
        "print([name for name in ('tensorflow', 'keras', 'mlflow', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
