"""TensorFlow's own convolution kernels of a network alone, one by one, and what a matrix product reaches.

    python kernels.py SYSTEM float32|bfloat16

Forward, and the gradients by input and by kernel, of every convolution at the system's batch.
"""

import json
import sys
import time

from dae_lab.startup import import_tensorflow

import_tensorflow()  # with the kernels that dae_lab has
import tensorflow as tf  # noqa: E402

BATCH = {"spatial_latent": 128, "dense_latent": 32, "shallow_pool": 300}
DOWN = {
    "spatial_latent": [(28, 1, 32, 1), (28, 32, 64, 2), (14, 64, 128, 2)],
    "dense_latent": [(28, 1, 32, 1), (28, 32, 64, 2), (14, 64, 64, 2), (7, 64, 64, 1)],
    "shallow_pool": [(28, 1, 10, 1), (28, 10, 1, 1)],
}
"""Convolutions: the side of what they read, channels before and after, stride."""
UP = {
    "spatial_latent": [(14, 128, 64, 2), (28, 64, 32, 2), (28, 32, 1, 1)],
    "dense_latent": [(7, 64, 64, 1), (14, 64, 64, 2), (28, 64, 32, 2), (28, 32, 1, 1)],
    "shallow_pool": [(28, 10, 10, 1)],
}
"""Transposed ones: the side of what they write, channels before and after, stride."""
REPEATS = 30


def timed(task) -> tuple[float, float]:
    """Milliseconds of ``task()``: the median of wall time, the mean of CPU time."""
    for _ in range(5):
        task()
    walls, cpu = [], time.process_time()
    for _ in range(REPEATS):
        began = time.perf_counter()
        task()
        walls.append(1e3 * (time.perf_counter() - began))
    return sorted(walls)[REPEATS // 2], 1e3 * (time.process_time() - cpu) / REPEATS


def kernels(batch: int, side: int, before: int, after: int, stride: int, dtype: str) -> dict:
    """The three operations of a convolution (batch, side, side, before) → (…, side / stride, after)."""
    large, small = (batch, side, side, before), (batch, side // stride, side // stride, after)
    shape = (3, 3, before, after)
    x, y, k = (tf.cast(tf.random.normal(size), dtype) for size in (large, small, shape))
    how = {"strides": [1, stride, stride, 1], "padding": "SAME"}
    forward = tf.function(lambda: tf.raw_ops.Conv2D(input=x, filter=k, **how))
    by_input = tf.function(
        lambda: tf.raw_ops.Conv2DBackpropInput(input_sizes=large, filter=k, out_backprop=y, **how)
    )
    by_kernel = tf.function(
        lambda: tf.raw_ops.Conv2DBackpropFilter(input=x, filter_sizes=shape, out_backprop=y, **how)
    )
    return {"forward": timed(forward), "by input": timed(by_input), "by kernel": timed(by_kernel)}


def main(system: str, dtype: str) -> None:
    batch, found = BATCH[system], {}
    for side, before, after, stride in DOWN[system]:
        found[f"conv {before}→{after} at {side}"] = kernels(batch, side, before, after, stride, dtype)
        if before == 1:
            del found[f"conv {before}→{after} at {side}"]["by input"]  # nothing learns from it
    for side, before, after, stride in UP[system]:  # its forward is the gradient of one the other way round
        found[f"transposed {before}→{after} at {side}"] = kernels(batch, side, after, before, stride, dtype)
    wall, cpu = (sum(op[place] for ops in found.values() for op in ops.values()) for place in (0, 1))
    a, b = (tf.cast(tf.random.normal((2048, 2048)), dtype) for _ in range(2))
    peak = 2 * 2048**3 / timed(tf.function(lambda: tf.matmul(a, b)))[0] / 1e6
    print(json.dumps({"kernels": found, "wall_ms": wall, "cpu_ms": cpu, "peak_gflops": peak}))


if __name__ == "__main__":
    main(*sys.argv[1:])
