import subprocess
import sys

import pytest

from dae_lab.startup import hidden


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
