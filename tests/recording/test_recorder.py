"""When grids are drawn."""

import pytest

from dae_lab.recording.recorder import grid_epochs


@pytest.mark.parametrize(
    ("epochs", "grids", "expected"),
    [
        (15, 5, {1, 3, 6, 9, 12, 15}),
        (3, 10, {1, 2, 3}),
        (1, 1, {1}),
        (500, 1, {1, 500}),
        (10, 0, set()),
    ],
)
def test_grids_are_spread_over_the_epochs(epochs, grids, expected):
    assert grid_epochs(epochs, grids) == expected
