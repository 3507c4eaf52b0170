"""Shapes a stack of layers passes through, computed without TensorFlow.

A config whose shapes do not fit is so refused in milliseconds, showing the whole path.
"""

from dae_lab.errors import ConfigError

Shape = tuple[int, ...]
ShapePath = list[tuple[str, Shape]]
"""Steps in order: what a layer is called, and the shape (h, w, c) or (units,) that leaves it."""


def format_shape(shape: Shape) -> str:
    """``(28, 28, 1)`` → ``28×28×1``."""
    return "×".join(map(str, shape))


def format_path(path: ShapePath) -> str:
    """``28×28×1 → conv 14×14×32 → …``, for messages."""
    return " → ".join(f"{name} {format_shape(shape)}".strip() for name, shape in path)


def convolved(shape: Shape, filters: int, kernel: int, stride: int, padding: str) -> Shape:
    """The shape after a convolution (or a pooling, with as many filters as channels)."""
    if padding == "same":
        return (*(-(-side // stride) for side in shape[:2]), filters)
    return (*((side - kernel) // stride + 1 for side in shape[:2]), filters)


def transposed(shape: Shape, filters: int, kernel: int, stride: int, padding: str) -> Shape:
    """The shape after a transposed convolution, as Keras computes it."""
    extra = 0 if padding == "same" else max(kernel - stride, 0)
    return (*(side * stride + extra for side in shape[:2]), filters)


def excess(shape: Shape, size: Shape, stride: int) -> tuple[int, int]:
    """Rows and columns by which ``shape`` (h, w, …) exceeds ``size`` (h, w) by less than ``stride``.

    Larger differences come from strides that do not fit each other, and count as 0.
    """
    rows, columns = (
        side - wanted if 0 < side - wanted < stride else 0
        for side, wanted in zip(shape[:2], size, strict=True)
    )
    return rows, columns


def need_image(shape: Shape, group: str, instead: str) -> None:
    """Raise a ConfigError unless ``shape``, which ``group`` is given, is (h, w, c)."""
    if len(shape) != 3:
        raise ConfigError(
            f"{group} needs an image-shaped input (h×w×c), but is given {format_shape(shape)} values: "
            f"choose {instead}, or an encoder that keeps images"
        )


def need_room(path: ShapePath, group: str) -> None:
    """Raise a ConfigError if the last layer of ``path`` leaves nothing of the image."""
    if min(path[-1][1]) < 1:
        raise ConfigError(
            f"{group} shrinks the image to nothing: {format_path(path)}; "
            f"lower {group}.kernel_sizes, or set {group}.padding to same"
        )
