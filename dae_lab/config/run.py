"""The schema of one whole run: its groups, and how it is trained, judged and recorded."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator

from dae_lab.config.server import adopt_credentials, as_address, check_address, is_experiment_name
from dae_lab.data.source import DataSource
from dae_lab.losses import Loss
from dae_lab.metrics import recorded_in
from dae_lab.model.decoder import Decoder
from dae_lab.model.encoder import Encoder
from dae_lab.model.latent import Latent
from dae_lab.noise import Corruption
from dae_lab.optimizers import Optimizer
from dae_lab.parts.part import OWN_PACKAGES, add_extensions
from dae_lab.parts.schema import FilePath, Line, LongLine, Name, Schema, option, parse_schema, refuse
from dae_lab.paths import check_utf8


class EarlyStopping(Schema):
    """Stops training when a metric of the validation images no longer improves."""

    patience: int | None = option("epochs without improvement after which training stops; null: never", ge=1)
    monitor: str = option("the metric, as `val/mse`")
    min_delta: float = option("smallest change that counts as an improvement", ge=0, le=1e9)

    def __post_init__(self) -> None:
        names = [f"val/{metric.name}" for metric in recorded_in("val")]  # with those registered from outside
        if self.monitor not in names:
            raise ValueError(f"monitor must be one of {', '.join(names)}; got {self.monitor!r}")


class Training(Schema):
    """How the model is trained."""

    epochs: int = option("passes over the training images", ge=1, le=1_000_000)
    batch_size: int = option("images in a batch", ge=1, le=1_000_000)
    batches: int | None = option(
        "batches in an epoch; null: as many as the training images give", ge=1, le=1_000_000
    )
    overfit: bool = option(
        "train on the first batch alone, over and over: a model that cannot learn it has a bug"
    )
    precision: Literal["float32", "mixed_bfloat16", "auto"] = option(
        "of the network's computations; `auto` measures which is faster. Weights, loss and optimiser: float32"
    )
    steps_per_execution: int = option(
        "training steps in one call into TensorFlow, at most: the largest such number that divides the "
        "steps of an epoch is taken",
        ge=1,
        le=1_000_000,
    )
    deterministic: bool = option(
        "the same seed gives the same bits, on the same machine with the same number of threads"
    )
    checkpoint_s: float = option(
        "seconds between two checkpoints, at least; 0: after every epoch", ge=0, le=1e9
    )
    profile: bool = option("time every kind of operation over the whole training, and keep the table")
    on_collapse: Literal["warn", "stop"] = option(
        "what is done with a model that gives the same output for every input: `warn` trains on, `stop` ends "
        "training, evaluates the model and closes its run as FAILED"
    )
    early_stopping: EarlyStopping = option("when training ends before its last epoch")


class Evaluation(Schema):
    """How the trained model is evaluated."""

    batch_size: int = option("images in a batch", ge=1, le=1_000_000)
    limit: int | None = option("test images that are used, at most; null: all", ge=1)
    baselines: Literal["trivial", "linear", "all"] = option(
        "`trivial` answers (noisy, black, constant, mean image), `linear` fits as well, or `all`: "
        "scikit-image's filters too"
    )
    levels: list[Annotated[float, option(ge=0, le=100)]] = option(
        "noise the model is tried on, in multiples of the strength it was trained on"
    )
    corruptions: dict[Name, Corruption] = option("other noise the model is tried on, a name each")
    images: int = option("test images for that, and for the geometry of the code; 0: neither is done", ge=0)
    target_mse: float | None = option("a validation MSE; it is reported when training first reached it", gt=0)
    report: bool = option("draw the figures and write the report page")
    cache: FilePath = option("the folder in which baselines are kept")

    def __post_init__(self) -> None:
        steps = [round(100 * level) for level in self.levels]
        if len(set(steps)) < len(steps):
            raise ValueError(
                f"levels must differ by at least 0.01, the step they are recorded by; got {list(self.levels)}"
            )


def _adopt_address(address: str) -> str:
    """``address`` without user name and password, which are moved to MLflow's variables."""
    return adopt_credentials(as_address(address))


class Tracking(Schema):
    """Where runs are recorded."""

    dir: FilePath = option("the folder of the database, artifacts, checkpoints and locks")
    uri: Annotated[LongLine, AfterValidator(_adopt_address)] | None = option(
        "null for the SQLite database in `dir`, or an MLflow server, `http(s)://…`; a user name and password "
        "in it are moved to MLflow's variables"
    )
    experiment: Line = option("the MLflow experiment that collects the runs")
    grids: int = option(
        "reconstruction grids that are logged between the first and the last epoch", ge=0, le=1_000
    )
    grid_images: int = option("images in a grid", ge=1, le=1_000)
    log_model: bool = option("keep the trained model as an artifact")
    reuse: Literal["finished", "never"] = option(
        "`finished` does not train again what has finished under the same fingerprint, `never` trains again"
    )
    patience: float = option(
        "seconds that a run, when it has ended, waits for a server that does not answer; then its record "
        "stays in `dir`/spool until it can be pushed",
        ge=0,
        le=1_000_000,
    )

    def __post_init__(self) -> None:
        check_utf8("dir", Path(self.dir).absolute())
        if any(mark in self.dir for mark in "?#%"):
            raise ValueError(
                f"dir must not contain ? # or %, which mean something else in the database's address; "
                f"got {self.dir!r}"
            )
        if self.uri is not None:
            check_address("uri", self.uri)
        if not is_experiment_name(self.experiment):
            raise ValueError(f"experiment must not contain / or start with a dot; got {self.experiment!r}")


class Sweep(Schema):
    """How the runs of one command are summed up, and when they are given up."""

    metric: Line = option("what the best run is the best in, and what a sweeper searches for")
    direction: Literal["minimize", "maximize"] = option("whether less or more of it is better")
    fail_fast: bool = option("the first failure ends the sweep")
    max_failures: int | None = option("one failure more than that ends it; null: no number does", ge=0)


ACTIONS = ("plan", "replay", "sync", "relocate", "regenerate")
"""What a command does instead of training."""

COMMAND_LINE_KEYS = (*ACTIONS, "trust", "extensions")
"""Keys that only the command line may set: no config file, claim or record."""


def _check_package(name: str) -> str:
    if not name.isidentifier() or name in OWN_PACKAGES:
        raise refuse(f"must be a package of your own, as trust=[my_lab]; got {name!r}")
    return name


class Config(Schema):
    """One run, and what is to be done with it."""

    plan: bool = option("only say what would be trained, and how long it would take")
    replay: Line | None = option("the id of a recorded run that is trained again in place of this one")
    sync: bool = option("push the records that wait in `tracking.dir` for their server, and train nothing")
    relocate: bool = option("have a store that was moved or copied use its new folder, and train nothing")
    regenerate: Line | None = option(
        "the name of a claim whose page is made again from its files, without a store"
    )
    trust: list[Annotated[str, AfterValidator(_check_package)]] = option(
        "packages of your own whose classes a `_target_` may name"
    )
    extensions: FilePath | None = option("a folder in which such packages are, if they are not installed")
    name: Line = option("what the run is called in the tables and in MLflow")
    seed: int = option("every random number descends from it", ge=0, le=2**63 - 1)
    data: DataSource = option("the images")
    noise: Corruption = option("what makes the images noisy")
    encoder: Encoder = option("from a noisy image to features")
    latent: Latent = option("from features to the code, and back")
    decoder: Decoder = option("from the code to a reconstruction")
    loss: Loss = option("what training minimises")
    optimizer: Optimizer = option("how it minimises it")
    training: Training = option("how long, and in which precision")
    evaluation: Evaluation = option("how the trained model is evaluated")
    tracking: Tracking = option("where the run is recorded")
    sweep: Sweep = option("how the runs of one command are summed up")


def parse_config(plain: Mapping[str, Any]) -> Config:
    """The config of a run; its ``trust`` and ``extensions`` say which code its parts may come from.

    Args:
        plain: all keys, interpolations resolved; who calls this answers for where ``trust`` is from.

    Raises:
        ConfigError: see ``dae_lab.parts.schema.parse_schema``.
    """
    trust, folder = plain.get("trust"), plain.get("extensions")
    add_extensions(folder if isinstance(folder, str) else None)
    named = [name for name in trust if isinstance(name, str)] if isinstance(trust, list) else []
    return parse_schema(plain, Config, trust=named)
