"""What a person gets wrong is refused in one sentence: the key, what was given, what would be right."""

import re
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from dae_lab.config.error_messages import explain_error
from dae_lab.config.run import EarlyStopping, Evaluation
from dae_lab.config.validate import check_choices, check_shapes, check_validation
from dae_lab.errors import ConfigError
from dae_lab.metrics import recorded_in
from dae_lab.parts.part import shipped_targets
from dae_lab.parts.schema import parse_schema


def refusal(compose, *overrides: str) -> str:
    try:
        compose(*overrides)
    except ConfigError as error:
        return str(error)
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        return explain_error(error) or ""
    pytest.fail(f"{overrides} was accepted")


LOSSES = ", ".join(shipped_targets("loss"))
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
    "+foo=1": "foo: there is no such key; the config has plan, replay,",
    "latent.z_dim=3": "z_dim belongs to latent=contractive, latent=dense, latent=sparse, latent=variational",
    "decoder/output=dense": "decoder.output.layer is missing: give it a value; "
    "layer belongs to decoder/output=conv, decoder/output=conv_transpose",
    "decoder=mlp decoder/output=conv": "decoder.output.layer: there is no such key; decoder.output has",
    "NOISE=gaussian": "NOISE: there is no such key; did you mean noise? the config has",
    "Noise.sigma=1": "Noise: there is no such key; did you mean noise?",
    "=x": "=x: a key is missing before the =",
    "noise": "noise: a value is missing; write noise=…",
    "tracking.dir=~/x": "tracking.dir=~/x: this value could not be read; put values with ~ ( ) = { } , or "
    "spaces in quotes, as 'tracking.dir=\"~/x\"'",
    "tracking.dir=a=b": "tracking.dir=a=b: this value could not be read; put values with",
    "tracking.dir=x{": "tracking.dir=x{: this value could not be read; put values with",
    "+experiment=dense_latent": "leave out the +, or give the group once: experiment=dense_latent",
    "+noise=gaussian": "noise is chosen twice: leave out the +, or give the group once: noise=…",
    # types and ranges
    "noise.sigma=abc": "noise.sigma must be a number; got 'abc'",
    "training.epochs=1.5": "training.epochs must be a whole number; got 1.5",
    "training.epochs=null": "training.epochs must have a value; null is not allowed",
    "training.deterministic=maybe": "training.deterministic must be true or false; got 'maybe'",
    "name=[a]": "name must be text; got ['a']",
    "name=": "name must not be empty; got ''",
    "encoder.filters=null": "encoder.filters must have a value; null is not allowed",
    "encoder.filters=32": "encoder.filters must be a list, as [32, 64]; got 32",
    "encoder.filters={a:1}": "encoder.filters must be a list, as [32, 64]",
    "evaluation.corruptions=[]": "evaluation.corruptions must map names to options, as {}; got []",
    "evaluation.report=5": "evaluation.report must be true or false; got 5",
    "evaluation.levels=[1,1.001]": "evaluation.levels must differ by at least 0.01",
    "evaluation.cache='~nosuchuser/x'": "evaluation.cache: the home folder in ~nosuchuser/x is not known",
    "data=mnist data.cache='~nosuchuser/x'": "data.cache: the home folder in ~nosuchuser/x is not known",
    "data=mnist data.cache=": "data.cache must not be empty",
    "data=folder data.path='~nosuchuser/x'": "data.path: the home folder in ~nosuchuser/x is not known",
    "data=npz data.path='~nosuchuser/x'": "data.path: the home folder in ~nosuchuser/x is not known",
    "encoder.filters=[32,a]": "encoder.filters[1] must be a whole number; got 'a'",
    "encoder.filters=[32,null]": "encoder.filters[1] must have a value; null is not allowed",
    "encoder.filters=[[32],64]": "encoder.filters[0] must be a whole number; got [32]",
    "encoder.filters=[{a:1}]": "encoder.filters[0] must be a whole number; got {'a': 1}",
    "loss=weighted loss.weights=3": "loss.weights must map names to values",
    "loss=weighted loss.weights.bce=[1]": "loss.weights.bce must be a number; got [1]",
    "tracking.dir=": "tracking.dir must not be empty; got ''",
    "tracking.uri=": "tracking.uri must not be empty; got ''",
    "tracking.experiment=": "tracking.experiment must not be empty; got ''",
    "tracking.dir=a?b": "tracking.dir must not contain ? # or %, which mean something else",
    "tracking.dir='a#b'": "tracking.dir must not contain ? # or %, which mean something else",
    "tracking.dir=a%b": "tracking.dir must not contain ? # or %, which mean something else",
    "tracking.experiment=a/b": "tracking.experiment must not contain / or start with a dot; got 'a/b'",
    "tracking.experiment=.a": "tracking.experiment must not contain / or start with a dot; got '.a'",
    "noise=chain noise.steps=3": "noise.steps must map names to values",
    "latent=3": "a group takes the name of one of its options, as latent=dense does",
    "latent=null": "a group takes the name of one of its options, as latent=dense does",
    "experiment=null": "for no experiment and no debug, leave experiment=… and debug=… away",
    "noise.sigma=-1": "noise.sigma must be at least 0; got -1",
    "noise.sigma=nan": "noise.sigma must be a finite number; got nan",
    "optimizer.learning_rate=inf": "optimizer.learning_rate must be a finite number; got inf",
    "optimizer.learning_rate=0": "optimizer.learning_rate must be greater than 0; got 0",
    "encoder.dropout=1": "encoder.dropout must be less than 1; got 1",
    "training.batch_size=0": "training.batch_size must be at least 1; got 0",
    "training.epochs=-1": "training.epochs must be at least 1; got -1",
    "encoder.activation=rellu": "encoder.activation must be one of linear, relu, leaky_relu,",
    "evaluation.limit=???": "evaluation.limit is missing: give it a value",
    "data=npz": "data.path is missing: give it a value",
    "~noise": "noise is missing: give it a value",
    "training.batches=${oc.env:NOT_THERE}": "the config cannot be resolved: training.batches: KeyError "
    "raised while resolving interpolation: \"Environment variable 'NOT_THERE' not found\"",
    "name=${nothing}": "Interpolation key 'nothing' not found",
    "noise=chain noise.steps.gaussian.sigma=-1": "noise.steps.gaussian.sigma must be at least 0",
    # absurd sizes
    "encoder.filters=[65537]": "encoder.filters[0] must be at most 65,536; got 65537",
    "decoder.filters=[99999,1]": "decoder.filters[0] must be at most 65,536; got 99999",
    "encoder=mlp encoder.units=[65537]": "encoder.units[0] must be at most 65,536; got 65537",
    "latent=dense latent.z_dim=65537": "latent.z_dim must be at most 65,536; got 65537",
    "latent=conv1x1 latent.channels=65537": "latent.channels must be at most 65,536; got 65537",
    "latent=vector_quantised latent.codes=65537": "latent.codes must be at most 65,536; got 65537",
    "encoder.kernel_sizes=[1025]": "encoder.kernel_sizes[0] must be at most 1,024; got 1025",
    "encoder.strides=[1025]": "encoder.strides[0] must be at most 1,024; got 1025",
    "encoder.pool_sizes=[1025]": "encoder.pool_sizes[0] must be at most 1,024; got 1025",
    "decoder.output.kernel_size=1025": "decoder.output.kernel_size must be at most 1,024; got 1025",
    "decoder.output.stride=1025": "decoder.output.stride must be at most 1,024; got 1025",
    "encoder.slope=11": "encoder.slope must be at most 10; got 11",
    "training.batch_size=1000001": "training.batch_size must be at most 1,000,000; got 1000001",
    "evaluation.batch_size=1000001": "evaluation.batch_size must be at most 1,000,000; got 1000001",
    "training.epochs=1000001": "training.epochs must be at most 1,000,000; got 1000001",
    "optimizer.learning_rate=1e10": "optimizer.learning_rate must be at most 1e+09; got 10000000000.0",
    "noise.sigma=1001": "noise.sigma must be at most 1,000; got 1001",
    "noise=blur noise.sigma=1001": "noise.sigma must be at most 1,000; got 1001",
    "noise=uniform noise.width=1001": "noise.width must be at most 1,000; got 1001",
    "noise=poisson noise.peak=1e-4": "noise.peak must be at least 0.001; got 0.0001",
    "noise=poisson noise.peak=1e10": "noise.peak must be at most 1e+09; got 10000000000.0",
    "seed=9223372036854775808": "seed must be at most 9,223,372,036,854,775,807; got 9223372036854775808",
    "data=folder data.path=x data.size=[1000000,1000000]": "data.size[0] must be at most 10,000; got 1000000",
    "tracking.grids=1000000000": "tracking.grids must be at most 1,000; got 1000000000",
    "tracking.grid_images=1000000000": "tracking.grid_images must be at most 1,000; got 1000000000",
    "tracking.patience=1e300": "tracking.patience must be at most 1,000,000; got 1e+300",
    "training.batches=1000001": "training.batches must be at most 1,000,000; got 1000001",
    "training.steps_per_execution=1000001": "training.steps_per_execution must be at most 1,000,000",
    "evaluation.limit=99999999999999999999": "evaluation.limit must be at most 9,223,372,036,854,775,807",
    f"encoder.filters=[{','.join(['3'] * 1001)}]": "encoder.filters must have at most 1,000 items; got 1,001",
    f"name={'x' * 251}": "name must have at most 250 characters; got 251",
    f"tracking.experiment={'x' * 251}": "tracking.experiment must have at most 250 characters; got 251",
    f"replay={'x' * 5000}": "replay must have at most 250 characters; got 5,000",
    f"tracking.dir={'x' * 4097}": "tracking.dir must have at most 4,096 characters; got 4,097",
    'name="a\x1b[31mb"': r"name must not contain control characters; got 'a\x1b[31mb'",
    "tracking.experiment='a\u202eb'": r"tracking.experiment must not contain control characters",
    r"decoder.output.stride=\${name}": "decoder.output.stride must be a whole number; got '${name}'",
    r"encoder.filters=[3,\${name}]": "encoder.filters[1] must be a whole number; got '${name}'",
    "noise.sigma=${noise.sigma}": "noise.sigma: Recursive interpolation detected",
    # what is built
    "loss._target_=[a]": f"loss._target_ must be one of {LOSSES}; got ['a']",
    "loss._target_={a:1}": f"loss._target_ must be one of {LOSSES}; got {{'a': 1}}",
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
    "validation images; data.validation leaves none",
    "training.early_stopping.patience=3 data.validation=[4400,4501]": "would choose by the test images: "
    "data.validation [4400, 4501] shares rows with data.test [4500, 5000]; give it rows of its own",
    # without effect
    "encoder.pool_strides=[2]": "encoder.pool_strides [2] needs encoder.pool_sizes above 1; got [1]",
    "optimizer.schedule.drops=[5]": "optimizer.schedule.drops is for decay=step, and decay is none: set "
    "drops to []; got [5]",
    "optimizer.schedule.decay=step": "optimizer.schedule.drops is empty, so decay=step would change nothing",
    "optimizer/schedule=step optimizer.schedule.drops=[8,5]": "optimizer.schedule.drops must increase from "
    "epoch to epoch, as [5, 8]; got [8, 5]",
    "optimizer/schedule=step optimizer.schedule.drops=[5,5]": "optimizer.schedule.drops must increase",
    "optimizer/schedule=step training.epochs=5": "optimizer.schedule.drops [5, 8] are never reached: "
    "training.epochs is 5",
    "optimizer/schedule=warmup training.epochs=1": "optimizer.schedule.warmup_epochs must be less than "
    "training.epochs, 1; got 1",
    "loss=weighted loss.weights.bce=0 loss.weights.ssim=0": "loss.weights are all 0, so nothing would be "
    "learnt; give bce, ssim a share",
    "data=folder data.path=x data.size=[2,28]": "data: the images are 2×28×1; SSIM needs 3 pixels a side",
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


PHOTOS = ("data=folder", "data.path=x")
WITHOUT_PADDING = ("encoder.padding=valid", "decoder.padding=valid")
MISFITS = {
    ("data.size=[27,45]", *WITHOUT_PADDING): ["data.size=[25,45]", "data.size=[29,45]", "padding"],
    ("data.size=[28,28]", *WITHOUT_PADDING): ["data.size=[25,25]", "data.size=[29,29]", "padding"],
    ("data.size=[5,5]", *WITHOUT_PADDING): ["data.size=[9,9]"],
    ("data.size=[2,45]",): ["data.size=[3,45]"],
    ("data.size=[28,28]", "decoder.strides=[2,1]"): [],
    ("data.size=[28,28]", "encoder=mlp"): [],
}
"""What does not fit, and what is named that would."""


@pytest.mark.parametrize("overrides", MISFITS)
def test_what_is_named_where_sizes_do_not_fit_cures(compose, overrides):
    message, cures = refusal(compose, *PHOTOS, *overrides), MISFITS[overrides]
    assert re.findall(r"data\.size=\[\d+,\d+\]", message) == [cure for cure in cures if "size" in cure]
    assert ("set encoder.padding and decoder.padding to same" in message) == ("padding" in cures)
    for cure in cures:
        cured = ["encoder.padding=same", "decoder.padding=same"] if cure == "padding" else [cure]
        compose(*PHOTOS, *overrides, *cured)


def test_sizes_of_arrays_are_named_as_sizes(compose):
    config = compose("data=npz", "data.path=x", *WITHOUT_PADDING)
    with pytest.raises(ConfigError, match=r"; this network takes images of 25×45 or 29×45$"):
        check_shapes(config, (27, 45, 3))


def test_data_of_one_size_are_not_told_to_have_another(compose):
    assert "this network takes" not in refusal(compose, *WITHOUT_PADDING)


@pytest.mark.parametrize("network", [(), ("decoder=upsample_conv",), ("encoder=unet", "decoder=unet")])
@pytest.mark.parametrize("size", ["[27,45]", "[101,101]", "[3,3]", "[28,29]"])
def test_images_need_not_be_a_multiple_of_the_strides(compose, network, size):
    compose(*PHOTOS, f"data.size={size}", *network)


@pytest.mark.parametrize(
    "overrides",
    [
        ["training.early_stopping.patience=3", "data.validation=[4400,4500]"],
        ["training.overfit=true", "noise.resample=once"],
        ["decoder.output.residual=true", "decoder.output.activation=linear"],
        ["data.validation=[4500,5000]"],
        ["seed=9223372036854775807"],
        ["noise=poisson", "noise.peak=0.001"],
        ["tracking.uri=null", "tracking.experiment=a.b"],
        ["encoder.pool_sizes=[2]", "encoder.pool_strides=[1]"],
        ["loss=weighted", "loss.weights.bce=0"],
        ["optimizer/schedule=step", "training.epochs=6"],
        ["optimizer/schedule=step", "debug=smoke"],
        ["optimizer/schedule=warmup", "debug=smoke"],
    ],
)
def test_their_neighbours_are_accepted(compose, overrides):
    compose(*overrides)


def test_what_stops_by_validation_images_needs_some(compose):
    patient = compose("training.early_stopping.patience=3")
    check_validation(patient, 1)
    check_validation(compose(), 0)
    with pytest.raises(ConfigError, match=r"needs validation images; data\.validation leaves none"):
        check_validation(patient, 0)


@pytest.mark.parametrize(
    "override",
    ["noise=[gaussian]", "+experiment=[dense_latent,conv_only]", "decoder/output@decoder.output=[conv]"],
)
def test_a_group_takes_one_option(override):
    with pytest.raises(ConfigError) as refused:
        check_choices(["seed=1", override])
    assert str(refused.value).startswith(f"{override}: a group takes one option")


def test_a_list_is_no_choice_where_a_key_takes_one():
    check_choices(["data.train=[0,10]", "noise=gaussian", "+x=[1]"])


def test_a_run_looks_at_how_its_groups_were_chosen(tmp_path):
    command = [sys.executable, "-m", "dae_lab.run", "noise=[gaussian]", f"tracking.dir={tmp_path}"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: noise=[gaussian]: a group takes one option, as noise=gaussian ")


def test_a_sweeps_folder_that_cannot_be_made_is_named():
    with pytest.raises(OSError, match="/dev/null/sweeps") as refused:
        Path("/dev/null/sweeps").mkdir()
    assert explain_error(refused.value) == (
        "/dev/null/sweeps cannot be written (Not a directory); choose a folder you may write to, "
        "tracking.dir=… (or hydra.run.dir, hydra.sweep.dir)"
    )


def test_a_file_that_a_run_misses_is_no_folder_of_a_sweep(tmp_path):
    with pytest.raises(FileNotFoundError) as missed:
        exec("open(path)", {"__name__": "dae_lab.experiment", "path": tmp_path / "missing"})
    assert explain_error(missed.value) is None


def test_the_cache_stands_in_the_home_of_whoever_runs(compose, monkeypatch):
    monkeypatch.delenv("DAE_LAB_CACHE", raising=False)
    monkeypatch.delenv("HOME", raising=False)
    for option in ("mnist", "fashion_mnist", "cifar10"):
        assert compose(f"data={option}", "name=without_home").data.cache == "~/.cache/dae_lab"


def test_early_stopping_monitors_a_recorded_validation_metric():
    for metric in recorded_in("val"):
        EarlyStopping(patience=1, monitor=f"val/{metric.name}", min_delta=0)
    with pytest.raises(ConfigError, match=r"monitor must be one of val/loss, .*; got 'val/nmse'"):
        EarlyStopping(patience=1, monitor="val/nmse", min_delta=0)


def test_an_error_that_is_no_mistake_of_a_persons_is_left_alone():
    assert explain_error(ValueError("a bug")) is None
    assert explain_error(OSError("a bug")) is None


def test_a_mistake_is_refused_before_tensorflow_is_imported():
    code = (
        "import sys; from dae_lab.config import error_messages, validate; from dae_lab import help; "
        "print([name for name in ('tensorflow', 'keras', 'mlflow', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", ["", "a b", "x/y", "<b>", "日本", "a" * 51])
def test_names_that_users_give_become_parts_of_names(compose, name):
    plain = asdict(compose().evaluation)
    plain["corruptions"] = {name: plain["corruptions"]["blur"]}
    with pytest.raises(ConfigError, match=r"evaluation\.corruptions: names take letters"):
        parse_schema(plain, Evaluation, "evaluation")
    plain["corruptions"] = {5: plain["corruptions"][name]}  # YAML's 5 is a number
    assert list(parse_schema(plain, Evaluation, "evaluation").corruptions) == ["5"]
