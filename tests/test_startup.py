import os
import re
import subprocess
import sys

import keras
import pytest

from dae_lab.errors import ConfigError
from dae_lab.startup import check_keras, hidden


def test_what_is_hidden_cannot_be_imported_until_the_block_ends():
    sys.modules.pop("wave", None)
    with hidden("wave"), pytest.raises(ImportError):
        import wave
    import wave

    with hidden("wave"):  # in use already: it stays
        import wave as again
    assert again is wave is sys.modules["wave"]


def test_tensorflow_comes_without_what_its_wrappers_use_and_that_can_still_be_imported():
    asked = "from dae_lab.startup import import_tensorflow; import_tensorflow(); import sys"
    shown = (
        "print('matplotlib' in sys.modules, 'sklearn' in sys.modules); import sklearn.svm, matplotlib.pyplot"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"{asked}; {shown}"], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "False"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("floatx", "float64"),
        ("dtype_policy", "mixed_float16"),
        ("epsilon", 0.01),
        ("image_data_format", "channels_first"),
        ("max_epochs", 1),
        ("max_steps_per_epoch", 1),
    ],
)
def test_other_settings_of_keras_are_refused_and_the_advice_helps(name, value):
    check_keras()
    getattr(keras.config, f"set_{name}")(value)
    try:
        with pytest.raises(ConfigError, match=name) as refused:
            check_keras()
    finally:
        exec(re.search(r"call (\S+\(.*\)) first", str(refused.value)).group(1))
    check_keras()


def test_another_backend_of_keras_is_refused(monkeypatch):
    monkeypatch.setattr(keras.config, "backend", lambda: "torch")  # none is installed beside TensorFlow
    with pytest.raises(ConfigError, match="KERAS_BACKEND=tensorflow"):
        check_keras()


def test_flags_that_xla_does_not_know_are_refused():
    """Takes as long as TensorFlow takes to import in a new process."""
    asked = (
        "from dae_lab.startup import import_tensorflow, ConfigError\n"
        "try: import_tensorflow()\nexcept ConfigError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", asked],
        env={**os.environ, "TF_XLA_FLAGS": "--nonsense"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "TF_XLA_FLAGS" in done.stdout
