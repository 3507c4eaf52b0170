"""Kernels are shown weight by weight, on one scale about zero."""

import numpy as np
import pytest
from legible import check, words

from dae_lab.errors import DataError
from dae_lab.figures.kernels import kernels, kernels_figure
from dae_lab.figures.style import house_style


def weights(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def shown(figure) -> list[np.ndarray]:
    """The tiles of the picture, found by the gaps between them: (kh, kw) or (kh, kw, 3) each, enlarged."""
    drawn = np.ma.filled(figure.axes[0].images[0].get_array().astype(float), np.nan)
    gap = np.isnan(drawn) if drawn.ndim == 2 else (drawn == 0.85).all(axis=-1)
    rows, columns = (runs(~gap.all(axis=axis)) for axis in (1, 0))
    cells = [(row, column) for row in rows for column in columns]
    return [drawn[row, column] for row, column in cells if not gap[row, column].all()]


def runs(flags: np.ndarray) -> list[slice]:
    edges = np.flatnonzero(np.diff(np.r_[0, flags.astype(int), 0]))
    return [slice(start, stop) for start, stop in edges.reshape(-1, 2)]


@pytest.mark.parametrize("shape", [(3, 3, 1, 32), (5, 3, 1, 7), (1, 1, 1, 3), (7, 7, 1, 1), (3, 3, 1, 100)])
def test_each_weight_of_a_grey_kernel_has_its_place(shape):
    given = weights(*shape)
    with house_style():
        figure = kernels_figure(given)
        check(figure)
        tiles = shown(figure)
    assert len(tiles) == min(64, shape[-1])
    for number, drawn in enumerate(tiles):
        scale = drawn.shape[0] // shape[0]
        np.testing.assert_allclose(drawn, given[:, :, 0, number].repeat(scale, 0).repeat(scale, 1), rtol=1e-6)
    image = figure.axes[0].images[0]
    assert image.get_clim() == pytest.approx((-np.abs(given).max(), np.abs(given).max()))
    assert ("the first 64 of 100" in words(figure)) == (shape[-1] == 100)


def test_channels_of_a_filter_stand_side_by_side():
    given = weights(3, 3, 2, 5)
    with house_style():
        tiles = shown(kernels_figure(given))
    np.testing.assert_allclose(
        [tile[::20, ::20] for tile in tiles],
        [given[:, :, channel, number] for number in range(5) for channel in (0, 1)],
        rtol=1e-6,
    )


def test_three_channels_are_a_colour_with_grey_for_zero():
    given = weights(5, 5, 3, 96)
    given[0, 0, :, 0] = 0
    with house_style():
        figure = kernels_figure(given)
        check(figure)
        tiles = shown(figure)
        assert "grey is 0" in words(figure)
        assert "the first 64 of 96" in words(figure)
    assert len(tiles) == 64
    assert tiles[0][0, 0].tolist() == [0.5, 0.5, 0.5]
    np.testing.assert_allclose(
        tiles[9][::12, ::12], 0.5 + given[..., 9] / (2 * np.abs(given).max()), rtol=1e-5, atol=1e-6
    )


def test_odd_weights_are_drawn_without_a_warning():
    broken = weights(3, 3, 1, 4)
    broken[0, 0, 0, :2] = [np.nan, np.inf]
    with house_style():
        figure = kernels_figure(broken)
        check(figure)
        assert "2 weights are not finite" in words(figure)
        assert np.isfinite(figure.axes[0].images[0].get_clim()).all()
        check(kernels_figure(np.zeros((3, 3, 1, 1))))
        check(kernels_figure(weights(3, 3, 1, 2) * 1e-7))


@pytest.mark.parametrize("shape", [(784, 32), (3, 3, 1, 0)])
def test_what_is_no_convolution_is_refused(shape):
    with pytest.raises(DataError, match="kernels are"):
        kernels(np.zeros(shape))


def test_it_is_a_picture():
    picture = kernels(weights(3, 3, 1, 8))
    assert (picture.mode, picture.width) == ("RGB", 1120)
