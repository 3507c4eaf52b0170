"""The schema of one whole run: its groups, and how it is trained, judged and recorded."""

from dataclasses import dataclass
from pathlib import Path

from dae_lab.config.data import Data
from dae_lab.config.decoder import Decoder
from dae_lab.config.encoder import Encoder
from dae_lab.config.fields import Checked, check_folder, choice, number, required, text
from dae_lab.config.latent import Latent
from dae_lab.config.loss import Loss
from dae_lab.config.noise import Noise
from dae_lab.config.optimizer import Optimizer
from dae_lab.config.paths import check_utf8
from dae_lab.config.server import adopt_credentials, as_address, check_address, is_experiment_name
from dae_lab.errors import ConfigError
from dae_lab.metrics import recorded_in

LONGEST_PATH = 4_096  # characters


@dataclass
class EarlyStopping(Checked):
    """Stop when ``monitor`` has not improved by ``min_delta`` for ``patience`` epochs; null: never."""

    patience: int | None = number(minimum=1)
    monitor: str = required()
    min_delta: float = number(minimum=0, maximum=1e9)

    def __post_init__(self) -> None:
        super().__post_init__()
        known = [f"val/{metric.name}" for metric in recorded_in("val")]  # with those registered from outside
        if self.monitor not in known:
            raise ConfigError(f"monitor must be one of {', '.join(known)}; got {self.monitor!r}")


@dataclass
class Training(Checked):
    """How the model is trained.

    batches: how many batches an epoch has; null: as many as the training images give.
    precision: of the network's computations; ``auto`` measures which is faster, see
        ``dae_lab.training.precision``. Weights, loss and optimiser are float32 in each.
    overfit: train on the first batch alone, over and over: a model that cannot learn it has a bug.
    steps_per_execution: training steps in one call into TensorFlow, at most: the largest such number
        that divides the steps of an epoch is taken.
    deterministic: the same seed gives the same bits, on the same machine with the same number of threads.
    profile: time every kind of operation over the whole training, and keep the table.
    checkpoint_s: seconds that pass at least between two checkpoints; 0: after every epoch.
    on_collapse: what becomes of a model that is stuck with the same output for every input: ``warn``
        trains on, ``stop`` ends training, judges the model and closes its run as FAILED.
    """

    epochs: int = number(minimum=1, maximum=1_000_000)
    batch_size: int = number(minimum=1, maximum=1_000_000)
    batches: int | None = number(minimum=1, maximum=1_000_000)
    overfit: bool = required()
    precision: str = choice("float32", "mixed_bfloat16", "auto")
    steps_per_execution: int = number(minimum=1, maximum=1_000_000)
    deterministic: bool = required()
    checkpoint_s: float = number(minimum=0, maximum=1e9)
    profile: bool = required()
    on_collapse: str = choice("warn", "stop")
    early_stopping: EarlyStopping = required()


@dataclass
class Evaluation(Checked):
    """How the trained model is judged: on at most ``limit`` images (null: all), ``batch_size`` at a time.

    baselines: ``trivial`` answers (noisy, black, constant, mean image), ``linear`` fits as well, or
        ``all``: scikit-image's filters too.
    levels: noise the model is tried on, in multiples of the strength it was trained on.
    corruptions: other noise it is tried on, a name each.
    images: how many test images are used for that, and for the geometry of the code; 0: neither is done.
    target_mse: a validation MSE; it is reported when training first reached it.
    report: draw the figures and write the report page.
    cache: the folder in which baselines are kept.
    """

    batch_size: int = number(minimum=1, maximum=1_000_000)
    limit: int | None = number(minimum=1)
    baselines: str = choice("trivial", "linear", "all")
    levels: list[float] = number(minimum=0, maximum=100)
    corruptions: dict[str, Noise] = required()
    images: int = number(minimum=0)
    target_mse: float | None = number(above=0)
    report: bool = required()
    cache: str = text(longest=LONGEST_PATH)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_folder("cache", self.cache)
        steps = [round(100 * level) for level in self.levels]
        if len(set(steps)) < len(steps):
            raise ConfigError(
                f"levels must differ by at least 0.01, the step they are recorded by; got {list(self.levels)}"
            )


@dataclass
class Tracking(Checked):
    """Where runs are recorded.

    dir: the folder of the database, artifacts, checkpoints and locks.
    uri: null for the sqlite database in ``dir``, or an MLflow server, ``http(s)://…``. A user name and
        password in it are moved to MLflow's variables, see ``dae_lab.config.server``.
    experiment: the MLflow experiment that collects the runs.
    grids: how many reconstruction grids are logged between the first and the last epoch.
    grid_images: images in a grid.
    log_model: keep the trained model as an artifact.
    reuse: ``finished`` does not train again what has finished under the same fingerprint; ``never``
        trains afresh.
    patience: seconds that a run, when it has ended, waits for a server that has gone away; after that
        its record stays in ``dir``/spool until it can be pushed.
    """

    dir: str = text(longest=LONGEST_PATH)
    uri: str | None = text(longest=LONGEST_PATH)
    experiment: str = text()
    grids: int = number(minimum=0, maximum=1_000)
    grid_images: int = number(minimum=1, maximum=1_000)
    log_model: bool = required()
    reuse: str = choice("finished", "never")
    patience: float = number(minimum=0, maximum=1_000_000)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_folder("dir", self.dir)
        check_utf8("dir", Path(self.dir).absolute())
        if any(mark in self.dir for mark in "?#%"):
            raise ConfigError(
                f"dir must not contain ? # or %, which mean something else in the database's address; "
                f"got {self.dir!r}"
            )
        if self.uri is not None:
            self.uri = adopt_credentials(as_address(self.uri))
            check_address("uri", self.uri)
        if not is_experiment_name(self.experiment):
            raise ConfigError(f"experiment must not contain / or start with a dot; got {self.experiment!r}")


@dataclass
class Sweep(Checked):
    """How the runs of one command are summed up, and when they are given up.

    metric: what the best run is the best in, and what a sweeper searches for.
    direction: whether less or more of it is better.
    fail_fast: the first failure ends the sweep.
    max_failures: one failure more than that ends it; null: no number does.
    """

    metric: str = text()
    direction: str = choice("minimize", "maximize")
    fail_fast: bool = required()
    max_failures: int | None = number(minimum=0)


ACTIONS = ("plan", "replay", "sync", "relocate", "regenerate")
"""What a command does instead of training; only the command line asks for it."""


@dataclass
class Config(Checked):
    """One run, and what is to be done with it.

    plan: only say what would be trained.
    replay: the id of a recorded run that is trained again in place of this one.
    sync: push the records that wait in ``tracking.dir`` for their server, and train nothing.
    relocate: have a store that was moved or copied use its new folder, and train nothing.
    regenerate: the name of a claim whose page is made again from its files, without a store.
    """

    plan: bool = required()
    replay: str | None = text()
    sync: bool = required()
    relocate: bool = required()
    regenerate: str | None = text()
    name: str = text()
    seed: int = number(minimum=0, maximum=2**63 - 1)
    data: Data = required()
    noise: Noise = required()
    encoder: Encoder = required()
    latent: Latent = required()
    decoder: Decoder = required()
    loss: Loss = required()
    optimizer: Optimizer = required()
    training: Training = required()
    evaluation: Evaluation = required()
    tracking: Tracking = required()
    sweep: Sweep = required()
