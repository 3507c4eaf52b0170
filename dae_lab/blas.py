"""NumPy's and SciPy's linear algebra, with the same sums whatever the environment says of threads."""

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits


@contextmanager
def one_thread() -> Iterator[None]:
    """Have BLAS compute on one thread inside the block.

    A product that is divided among threads is added up in another order, so ``OPENBLAS_NUM_THREADS``,
    ``OMP_NUM_THREADS`` and the number of cores would change what is computed in its last digits. On matrices
    of the size of an image's pixels one thread is as fast.
    """
    with threadpool_limits(1, user_api="blas"):
        yield
