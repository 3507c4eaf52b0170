"""A grid shows the pixels it is given, all rows alike, and nothing is cut off."""

import numpy as np
import pytest
from PIL import ImageFont

from dae_lab.figures import CELL, reconstruction_grid

GAP, TOP = 4, 26
FONT = ImageFont.load_default(size=15)


def grid(rows: dict[str, np.ndarray], titles: list[str]) -> np.ndarray:
    return np.asarray(reconstruction_grid(rows, titles))


def cell(canvas: np.ndarray, rows: dict[str, np.ndarray], line: int, column: int) -> np.ndarray:
    """The pixels of one image, found by where rows and columns are said to stand."""
    height, width = next(iter(rows.values())).shape[1:3]
    scale = max(1, -(-CELL // max(height, width)))
    left = 12 + max(int(FONT.getlength(name)) for name in rows)
    y, x = TOP + line * (height * scale + GAP), left + column * (width * scale + GAP)
    return canvas[y : y + height * scale, x : x + width * scale]


@pytest.mark.parametrize("shape", [(28, 28, 1), (8, 8, 1), (32, 32, 3), (20, 30, 1), (100, 90, 3)])
def test_every_cell_shows_its_image_enlarged_without_smoothing(shape):
    rng = np.random.default_rng(0)
    rows = {name: rng.random((3, *shape), dtype=np.float32) for name in ("clean", "noisy", "reconstruction")}
    canvas = grid(rows, ["7", "2", "1"])
    scale = max(1, -(-CELL // max(shape[:2])))
    for line, images in enumerate(rows.values()):
        for column, image in enumerate(images):
            levels = np.rint(image * 255).astype(np.uint8)
            expected = np.broadcast_to(
                levels.repeat(scale, 0).repeat(scale, 1), (*cell_size(shape, scale), 3)
            )
            np.testing.assert_array_equal(cell(canvas, rows, line, column), expected)


def cell_size(shape: tuple[int, ...], scale: int) -> tuple[int, int]:
    return shape[0] * scale, shape[1] * scale


def test_the_canvas_holds_all_cells_and_labels():
    rows = {"clean": np.zeros((2, 28, 28, 1)), "reconstruction": np.zeros((2, 28, 28, 1))}
    label = 12 + int(FONT.getlength("reconstruction"))
    assert grid(rows, ["0", "1"]).shape == (TOP + 2 * (84 + GAP), label + 2 * (84 + GAP), 3)


def test_rows_share_one_grey_scale_and_values_outside_are_cut():
    """A dim row stays dim: no row is stretched to its own extremes."""
    rows = {
        "dim": np.full((1, 28, 28, 1), 0.2),
        "bright": np.full((1, 28, 28, 1), 0.8),
        "below": np.full((1, 28, 28, 1), -3.0),
        "above": np.full((1, 28, 28, 1), 3.0),
    }
    canvas = grid(rows, ["0"])
    assert [set(cell(canvas, rows, line, 0).ravel()) for line in range(4)] == [{51}, {204}, {0}, {255}]


@pytest.mark.parametrize("titles", [["0"], ["ankle boot", "automobile"]])
@pytest.mark.parametrize("names", [["clean", "noisy", "reconstruction"], ["a rather long name of a row"]])
def test_labels_are_drawn_whole(titles, names):
    """Away from the cells the outermost pixels of the canvas are white: no letter touches its edge."""
    rows = {name: np.ones((len(titles), 28, 28, 1)) for name in names}  # white, so that only text is dark
    dark = grid(rows, titles).min(axis=2) < 255
    assert dark.any()
    assert not np.any([dark[0], dark[-1]])
    assert not np.any([dark[:, 0], dark[:, -1]])
    cells = [cell(dark, rows, line, column) for line in range(len(names)) for column in range(len(titles))]
    assert not np.any(cells)
    first_cell = 12 + max(int(FONT.getlength(name)) for name in names)
    assert dark[TOP:, :first_cell].any()
    assert dark[:TOP, first_cell:].any()
