"""Variables of the environment are read as the libraries read them, and none ends a run."""

import json
import mmap
import os
import shutil
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from processes import assert_refused, finish, runs, start

from dae_lab import environment, provenance
from dae_lab.config.registration import register
from dae_lab.config.validate import validate
from dae_lab.errors import ConfigError
from dae_lab.paths import conf_folder

CHECKOUT = Path(__file__).parents[1]

READ = """
import ctypes, sys
library = ctypes.CDLL(sys.argv[1])
for name, mask in ("NumIntraOpThreadsFromEnvironment", -1), ("IsMKLEnabled", 1):
    print(getattr(library, f"_ZN10tensorflow{len(name)}{name}Ev")() & mask)
"""
"""What TensorFlow's own functions read; without its import, which takes a hundred times as long."""


def tensorflow_reads(value: str | None) -> tuple[int, bool]:
    """The number of threads and the switch for oneDNN, as TensorFlow reads ``value``."""
    names = ("TF_NUM_INTRAOP_THREADS", "TF_ENABLE_ONEDNN_OPTS")
    others = {name: text for name, text in os.environ.items() if name not in names}
    here = others if value is None else {**others, **dict.fromkeys(names, value)}
    (library,) = Path(sys.prefix).glob("lib/python*/site-packages/tensorflow/libtensorflow_framework.so.2")
    done = subprocess.run(
        [sys.executable, "-c", READ, library], env=here, capture_output=True, text=True, check=True
    )
    threads, switch = done.stdout.split()
    return int(threads), switch == "1"


@pytest.mark.skipif(sys.platform != "linux", reason="names of functions as in TensorFlow's library for Linux")
def test_values_are_read_as_tensorflow_reads_them(monkeypatch):
    _, default = tensorflow_reads(None)
    values = ["0", "1", "false", "FALSE", "True", "tRuE", "", " ", " 0", "no", "off", "2", "00", "f", "abc"]
    values += [
        " 2 ",
        "+2",
        "-1",
        "2.0",
        "1_0",
        "0x2",
        "\N{ARABIC-INDIC DIGIT TWO}",
        "2147483648",
        "2 2",
        "02",
    ]
    for value in values:
        monkeypatch.setenv("ANYTHING", value)
        read = environment.read_number("ANYTHING"), environment.read_switch("ANYTHING", default)
        assert read == tensorflow_reads(value), value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TF_NUM_INTRAOP_THREADS", "-1"),
        ("TF_NUM_INTRAOP_THREADS", "2147483647"),
        ("TF_NUM_INTEROP_THREADS", "99999"),
    ],
)
def test_numbers_of_threads_that_end_tensorflow_are_refused(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=f"{name}={value}"):
        environment.check_environment()


@pytest.mark.parametrize(
    ("name", "value", "warned"),
    [
        ("TF_NUM_INTRAOP_THREADS", "abc", True),
        ("TF_NUM_INTRAOP_THREADS", "", False),
        ("TF_NUM_INTRAOP_THREADS", "0", False),
        ("TF_NUM_INTEROP_THREADS", "-3", False),
        ("TF_ENABLE_ONEDNN_OPTS", "off", True),
        ("TF_ENABLE_ONEDNN_OPTS", " ", False),
        ("TF_ENABLE_ONEDNN_OPTS", "FALSE", False),
        ("KERAS_BACKEND", "torch", True),
        ("KERAS_BACKEND", "tensorflow", False),
        ("KERAS_MAX_EPOCHS", "1", True),
    ],
)
def test_what_is_not_obeyed_is_said_and_goes_on(monkeypatch, caplog, name, value, warned):
    environment._warn.cache_clear()
    monkeypatch.setenv(name, value)
    environment.check_environment()
    environment.check_environment()
    assert [name in record.getMessage() for record in caplog.records] == [True] * warned


@pytest.mark.parametrize(
    ("value", "refused"), [("1", True), ("true", True), ("x", True), ("0", False), ("", False)]
)
@pytest.mark.parametrize("name", environment.NO_TRAINING)
def test_switches_that_no_training_survives_are_refused(monkeypatch, name, value, refused):
    """Frozen weights gave a test MSE of 0.21 in place of 0.07, and no word of it."""
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match="unset it") if refused else nullcontext():
        environment.check_environment()


@pytest.mark.parametrize(
    "name",
    [
        "TF_ONEDNN_THREADPOOL_USE_CALLER_THREAD",
        "TF_ENABLE_MAXPOOL_NANPROP",
        "TF_AUTO_MIXED_PRECISION_GRAPH_REWRITE_ALLOWLIST_ADD",
        "TF_DISABLE_JIT_KERNELS",
        "OPENBLAS_CORETYPE",
    ],
)
def test_what_may_change_numbers_is_recorded_and_in_the_fingerprint(monkeypatch, name):
    fingerprint = provenance.code_fingerprint.__wrapped__
    before = fingerprint()
    monkeypatch.setenv(name, "1")
    assert environment.kernel_settings()[name] == "1"
    assert fingerprint() != before


@pytest.mark.skipif(sys.platform != "linux", reason="TensorFlow's library for Linux")
def test_tensorflow_still_knows_the_variable_that_is_refused():
    (library,) = Path(sys.prefix).glob("lib/python*/site-packages/tensorflow/libtensorflow_framework.so.2")
    with library.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        assert content.find(b"TF_ONEDNN_ASSUME_FROZEN_WEIGHTS") >= 0


@pytest.mark.parametrize(
    ("name", "value"), [("MLFLOW_LOGGING_LEVEL", "nope"), ("MLFLOW_CONFIGURE_LOGGING", "maybe")]
)
def test_what_mlflow_cannot_be_imported_with_is_said_in_one_sentence(tmp_path, name, value):
    code, _, errors = finish(start("data=digits", "plan=true", store=tmp_path, **{name: value}))
    assert_refused(code, errors, f"{name}={value}")


@pytest.mark.parametrize("level", ["", "debug", "WARNING"])
def test_levels_that_logging_knows_are_taken(monkeypatch, level):
    monkeypatch.setenv("MLFLOW_LOGGING_LEVEL", level)
    environment.check_mlflow_logging()


def test_a_run_that_tensorflow_would_not_survive_is_not_begun(tmp_path):
    code, _, errors = finish(start("data=digits", store=tmp_path, TF_NUM_INTRAOP_THREADS="-1"))
    assert_refused(code, errors, "TF_NUM_INTRAOP_THREADS=-1")
    assert runs(tmp_path) == []


@pytest.mark.parametrize(
    ("value", "hidden"),
    [
        (None, False),
        ("", True),
        ("-1", True),
        ("0", False),
        ("1,0", False),
        ("NoDevFiles", True),
        ("GPU-1", False),
    ],
)
def test_gpus_are_hidden_as_cuda_hides_them(monkeypatch, value, hidden):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if value is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
    assert environment.hides_gpus() is hidden


@pytest.mark.parametrize("value", ["", "  "])
def test_a_blank_cache_counts_as_not_set(monkeypatch, value):
    monkeypatch.setenv("DAE_LAB_CACHE", value)
    register()
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        config = validate(compose("config", overrides=["data=mnist"]))
    assert {config.data.cache, config.evaluation.cache} == {"~/.cache/dae_lab"}


def test_variables_are_as_before_after_the_block(monkeypatch):
    monkeypatch.setenv("FIRST", "1")
    monkeypatch.setenv("SECOND", "2")
    monkeypatch.delenv("THIRD", raising=False)
    before = dict(os.environ)
    with environment.environment({"FIRST": "one", "THIRD": "three"}, unset=["SECOND"]):
        assert (os.environ["FIRST"], os.environ["THIRD"], "SECOND" in os.environ) == ("one", "three", False)
    assert dict(os.environ) == before


SETPRIV = shutil.which("setpriv")
STRANGER = [SETPRIV, "--reuid", "12345", "--clear-groups"]
"""A user without an entry in the system's list, as of ``docker run --user 12345``."""
READS_ALL = ["--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search"]
"""The user may read all files, as the interpreter may lie in another's home, and write few."""


@pytest.mark.skipif(
    SETPRIV is None or os.name != "posix" or os.getuid() != 0, reason="needs root and setpriv"
)
def test_a_user_whom_the_system_does_not_know_can_train(tmp_path):
    """Takes as long as a run does in a new process."""
    store = tmp_path / "store"
    store.mkdir(mode=0o777)
    store.chmod(0o777)
    known = ("HOME", "USER", "LOGNAME", "LNAME", "USERNAME")
    here = {name: value for name, value in os.environ.items() if name not in known}
    here |= {
        "PYTHONDONTWRITEBYTECODE": "1",
        "DAE_LAB_CACHE": "",
        "PYTHONPATH": str(CHECKOUT),
        "TMPDIR": str(store),
    }
    short = ["data=digits", "training.batches=1", "training.epochs=1", "evaluation=scores"]
    command = [*STRANGER, *READS_ALL, sys.executable, "-m", "dae_lab.run", *short, f"tracking.dir={store}"]
    done = subprocess.run(
        command, env=here, cwd=store, capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode == 0, done.stderr
    (run,) = runs(store)
    assert run.data.tags["mlflow.user"] == "12345"
    if (CHECKOUT / ".git").exists() and shutil.which("git"):
        assert run.data.tags["mlflow.source.git.commit"]


@pytest.mark.parametrize("value", ["", "0", "1"])
def test_tracebacks_are_shown_where_hydra_would_show_them(tmp_path, value):
    code, _, errors = finish(start("noise=gausian", store=tmp_path, HYDRA_FULL_ERROR=value))
    if value == "1":
        assert code == 1
        assert "Traceback" in errors
        assert "MissingConfigException" in errors
    else:
        assert_refused(code, errors, "did you mean noise=gaussian")


KERAS = """
import json, os, sys
before = dict(os.environ)
from dae_lab.startup import import_tensorflow, keras_downloads
import_tensorflow()
import keras
from pathlib import Path
config = keras.config
print(json.dumps([config.backend(), config.floatx(), config.dtype_policy().name, config.epsilon(),
                  config.image_data_format(), config.max_epochs()]))
folder, origin = Path(sys.argv[1]), Path(sys.argv[2])
with keras_downloads(folder):
    keras.utils.get_file("kept.txt", origin.as_uri(), cache_subdir="datasets")
left = {name: value for name, value in os.environ.items() if name.startswith("KERAS")}
assert left == {name: value for name, value in before.items() if name.startswith("KERAS")}
"""


def test_keras_has_its_defaults_whatever_a_person_has_set(tmp_path):
    """Takes as long as TensorFlow takes to import in a new process."""
    home, folder = tmp_path / "home", tmp_path / "downloads"
    home.mkdir()
    wishes = {"backend": "jax", "floatx": "bfloat16", "epsilon": 1, "image_data_format": "channels_first"}
    (home / "keras.json").write_text(json.dumps([wishes]))  # Keras would not survive any of it
    origin = tmp_path / "origin.txt"
    origin.write_text("data")
    here = os.environ | {
        "KERAS_BACKEND": "torch",
        "KERAS_HOME": str(home),
        "KERAS_MAX_EPOCHS": "one",
        "KERAS_NNX_ENABLED": "1",
    }
    command = [sys.executable, "-c", KERAS, folder, origin]
    done = subprocess.run(command, env=here, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    wanted = ["tensorflow", "float32", "float32", 1e-7, "channels_last", None]
    assert json.loads(done.stdout.splitlines()[0]) == wanted
    assert json.loads((home / "keras.json").read_text()) == [wishes]
    assert (folder / "kept.txt").read_text() == "data"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["downloads", "home", "origin.txt"]


ONEDNN = (
    "from dae_lab import provenance, startup; before = provenance.onednn(); startup.import_tensorflow(); "
)


def test_onednn_is_recorded_as_tensorflow_has_it():
    """Takes as long as TensorFlow takes to import in a new process."""
    here = os.environ | {"TF_ENABLE_ONEDNN_OPTS": "False"}
    command = [sys.executable, "-c", ONEDNN + "print(before, provenance.onednn())"]
    done = subprocess.run(command, env=here, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
