"""What is computed with BLAS is the same whatever the environment says of threads."""

import os
import subprocess
import sys

import pytest

EIGENVECTORS = """
import hashlib
import numpy as np
import scipy.linalg
from dae_lab import blas

images = np.random.RandomState(0).rand(600, 784)
with blas.one_thread():
    axes = scipy.linalg.eigh(images.T @ images)[1]
    weights = np.linalg.lstsq(images.T @ images, axes)[0]
print(hashlib.sha256(axes.tobytes() + weights.tobytes()).hexdigest())
"""


def computed(**variables: str) -> str:
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")
    others = {name: value for name, value in os.environ.items() if name not in names}
    command = [sys.executable, "-c", EIGENVECTORS]
    return subprocess.run(command, env=others | variables, capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core has one thread")
@pytest.mark.parametrize("name", ["OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"])
def test_numbers_of_threads_change_no_bit(name):
    assert computed(**{name: "1"}) == computed(**{name: "2"})
