"""A grid shows the pixels it is given, all rows alike, and nothing is cut off."""

from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import ImageFont

from dae_lab.figures.grid import CELL, reconstruction_grid, tile

GAP, TOP = 4, 26
LINE, HEADING, GROUP_GAP, LEGEND = 17, 26, 18, 30
FONT = ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans.ttf"), 14)
PURPLE = [204, 121, 167]


def grid(rows: dict[str, np.ndarray], titles: list[str], **extras) -> np.ndarray:
    return np.asarray(reconstruction_grid(rows, titles, **extras))


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


def test_groups_stand_apart_under_their_headings():
    rows = {"clean": np.zeros((5, 28, 28, 1))}
    apart = grid(rows, [""] * 5, groups=[("best", 2), ("median", 1), ("worst", 2)])
    plain = grid(rows, [""] * 5)
    assert apart.shape[0] == plain.shape[0] + HEADING
    left = 12 + int(FONT.getlength("clean"))
    columns = left + np.arange(5) * (84 + GAP) + np.array([0, 0, 1, 2, 2]) * GROUP_GAP
    black = np.flatnonzero((apart[TOP + HEADING + 1 :, left:] == 0).all(axis=(0, 2)).astype(int))
    assert black.size == 0  # the gap under the cells is white
    dark = (apart[TOP + HEADING : TOP + HEADING + 84, left:] == 0).all(axis=(0, 2))
    expected = np.zeros(len(dark), bool)
    for column in columns - left:
        expected[column : column + 84] = True
    np.testing.assert_array_equal(dark, expected)
    grey = (apart[HEADING - 3] < 255).any(axis=-1)  # the line under a heading, as long as its columns
    assert grey.sum() == 5 * 84 + 2 * GAP
    assert (apart[: HEADING - 4].min(axis=(0, 2)) < 255).any()


def test_groups_must_have_all_columns():
    with pytest.raises(ValueError, match="3 columns, but there are 2"):
        grid({"clean": np.zeros((2, 8, 8, 1))}, ["", ""], groups=[("best", 3)])


def test_a_title_may_have_two_lines():
    rows = {"clean": np.ones((2, 28, 28, 1))}
    canvas = grid(rows, ["7\n0.0123", "2"])
    assert canvas.shape[0] == TOP + LINE + 84 + GAP
    left = 12 + int(FONT.getlength("clean"))
    dark = canvas[: TOP + LINE, left:].min(axis=2) < 128
    assert dark[: TOP - 6, :84].any()  # the first line of the first title
    assert not dark[: TOP - 6, 84:].any()  # a single line stands where the last lines stand
    assert dark[TOP:, 84:].any()


def test_a_title_that_is_too_wide_is_cut_and_stays_in_its_column():
    rows = {"clean": np.ones((2, 28, 28, 1))}
    canvas = grid(rows, ["golden retriever, asleep", ""])
    left = 12 + int(FONT.getlength("clean"))
    dark = canvas[:TOP].min(axis=(0, 2)) < 255
    assert dark[left : left + 84].any()
    assert not dark[:left].any()
    assert not dark[left + 84 :].any()


def test_a_narrow_image_leaves_its_title_room():
    narrow = grid({"clean": np.zeros((2, 84, 4, 1))}, ["0.0123", "0.0456"])
    dark = np.flatnonzero(narrow[:TOP].min(axis=(0, 2)) < 255)
    width = int(FONT.getlength("0.0123")) + int(FONT.getlength("0.0456"))
    assert np.ptp(dark) > width - 4  # side by side, not over each other


def test_errors_go_from_blue_over_white_to_red():
    """Too dark is blue, too bright red; of colour images the mean over the channels counts; more is cut."""
    rows = {"clean": np.zeros((5, 8, 8, 3))}
    errors = np.ones((5, 8, 8, 3)) * np.array([-7, -1, 0, 1, 0.5])[:, None, None, None]
    errors[4] = [1.5, 0.5, -0.5]
    canvas = grid(rows, [""] * 5, errors=errors)
    colours = [cell(canvas, {"clean": rows["clean"], "error": errors}, 1, k)[40, 40] for k in range(5)]
    blue, red = [11, 60, 140], [215, 48, 31]
    half = np.rint((np.array(red) + 255) / 2)
    np.testing.assert_array_equal(colours, [blue, blue, [255, 255, 255], red, half])
    legend = canvas[-LEGEND:]
    for colour in (blue, red):
        assert (legend == colour).all(axis=-1).any()
    assert canvas.shape[0] == TOP + 2 * (88 + GAP) + LEGEND


def test_the_legend_is_whole_beside_a_single_image():
    one = {"clean": np.ones((1, 28, 28, 1))}
    canvas = grid(one, ["7"], errors=np.zeros((1, 28, 28, 1)))
    dark = canvas.min(axis=2) < 255
    assert dark[-LEGEND:].any()
    assert not dark[:, 0].any()
    assert not dark[:, -1].any()


def test_pixels_that_are_not_finite_are_shown_as_such():
    """Neither black, as a collapsed model is, nor white."""
    image = np.zeros((1, 28, 28, 1))
    image[0, 0, :3, 0] = [np.nan, np.inf, -np.inf]
    error = np.where(np.isfinite(image), image, np.nan)
    canvas = grid({"clean": np.zeros((1, 28, 28, 1)), "model": image}, [""], errors=error)
    shown = {"clean": image, "model": image, "error": error}
    for line in (1, 2):
        assert (cell(canvas, shown, line, 0)[:3, :9] == PURPLE).all()
        assert not (cell(canvas, shown, line, 0)[3:] == PURPLE).all(axis=-1).any()
    assert (canvas[-LEGEND:] == PURPLE).all(axis=-1).any()
    assert grid({"clean": np.zeros((1, 28, 28, 1))}, [""]).shape[0] == TOP + 84 + GAP  # no legend else


@pytest.mark.parametrize("shape", [(28, 28, 1), (20, 30, 1), (32, 32, 3), (200, 300, 1)])
def test_tiles_lie_edge_to_edge_in_reading_order(shape):
    images = np.random.default_rng(0).random((7, *shape), dtype=np.float32)
    canvas = np.asarray(tile(images, 3))
    height, width = shape[:2]
    scale = canvas.shape[0] // (3 * height)
    assert scale >= 1
    assert canvas.shape == (3 * height * scale, 3 * width * scale, 3)
    for place, image in enumerate(images):
        y, x = place // 3 * height * scale, place % 3 * width * scale
        expected = np.rint(image * 255).astype(np.uint8).repeat(scale, 0).repeat(scale, 1)
        shown = canvas[y : y + height * scale, x : x + width * scale]
        np.testing.assert_array_equal(shown, np.broadcast_to(expected, shown.shape))
    assert (canvas[2 * height * scale :, width * scale :] == 255).all()  # no image


def test_a_caption_stands_under_the_tiles():
    images = np.zeros((1, 8, 8, 1))
    caption = ["decoded from a grid over the plane,", "−2σ to 2σ"]
    canvas, plain = np.asarray(tile(images, 1, caption)), np.asarray(tile(images, 1))
    assert canvas.shape[0] == plain.shape[0] + 2 * LINE + 4
    dark = canvas[plain.shape[0] :].min(axis=2) < 255
    assert dark[:LINE].any()
    assert dark[LINE:].any()
    assert not np.any([dark[-1], dark[0]])
    assert not dark[:, -1].any()
