"""The private names of libraries are still there, and do what they are used for."""

import pytest
import tensorflow as tf

from dae_lab import compat


def test_determinism_can_be_switched_off_again():
    tf.config.experimental.enable_op_determinism()
    try:
        with pytest.raises(RuntimeError, match="determinism"):  # a draw without a seed
            tf.random.uniform((1,))
    finally:
        compat.disable_op_determinism()
    assert tf.random.uniform((1,)) >= 0


def test_tensorflow_says_whether_it_computes_with_onednn():
    assert compat.uses_onednn() in (True, False)


def test_a_profile_can_be_read(tmp_path):
    tf.profiler.experimental.start(str(tmp_path))
    tf.linalg.matmul(tf.ones((50, 50)), tf.ones((50, 50))).numpy()
    tf.profiler.experimental.stop()
    (file,) = tmp_path.rglob("*.xplane.pb")
    assert len(compat.parse_profile(file.read_bytes()).planes) > 0
