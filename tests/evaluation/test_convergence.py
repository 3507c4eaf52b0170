import math

import numpy as np
import pytest

from dae_lab.evaluation.convergence import (
    Plateau,
    Reached,
    area,
    convergence,
    epochs_to_share,
    first_reached,
    plateaus,
)

FALLING = [(0, 0.2), (1, 0.1), (2, 0.05), (3, 0.02), (4, 0.03), (5, 0.01)]
NAN, INF = math.nan, math.inf


def of(*values, start=0):
    return list(enumerate(values, start))


def random_walks(count=30, length=40):
    for seed in range(count):
        steps = np.random.default_rng(seed).normal(-0.002, 0.012, length)
        yield of(*np.exp(np.cumsum(steps)))


# --- reached ---


@pytest.mark.parametrize(("target", "epoch"), [(0.05, 2), (0.049, 3), (0.025, 3), (0.2, 0), (1.0, 0)])
def test_the_first_epoch_at_the_target_or_below(target, epoch):
    assert first_reached(FALLING, target, 100) == Reached(target, epoch, epoch * 100, censored_at=5)


def test_what_was_not_reached_is_censored():
    assert first_reached(FALLING, 0.001, 100) == Reached(0.001, None, None, censored_at=5)


def test_epochs_are_taken_as_numbered():
    assert first_reached([(0, 0.2), (5, 0.1), (20, 0.05)], 0.1, 10) == Reached(0.1, 5, 50, censored_at=20)


@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_what_is_not_finite_has_reached_nothing(value):
    assert first_reached(of(0.2, value, 0.1), 0.1, 1).epoch == 2
    assert first_reached(of(value), 0.1, 1).epoch is None


# --- share of the drop ---


def test_shares_of_the_drop():
    trajectory = of(1.0, 0.5, 0.1, 0.05, 0.0, 0.2)
    assert [epochs_to_share(trajectory, share) for share in (0.5, 0.9, 0.95, 1.0)] == [1, 2, 3, 4]


def test_shares_are_of_the_drop_and_not_of_the_value():
    assert epochs_to_share(of(1.2, 0.7, 0.31, 0.2), 0.85) == 2


@pytest.mark.parametrize("share", [0.1, 0.9, 0.99, 1.0])
def test_shares_as_counted_by_hand(share):
    for trajectory in random_walks():
        values = [value for _, value in trajectory]
        target = values[0] - share * (values[0] - min(values))
        expected = next(epoch for epoch, value in trajectory if value <= target + 1e-15)
        assert epochs_to_share(trajectory, share) == (None if min(values) == values[0] else expected)


@pytest.mark.parametrize("values", [(0.1,), (0.1, 0.1), (0.1, 0.2, 0.3), (NAN, 0.1), (INF, 0.1), (0.1, NAN)])
def test_without_a_drop_there_is_no_share(values):
    assert epochs_to_share(of(*values), 0.9) is None


def test_values_that_are_not_finite_are_passed_over():
    assert epochs_to_share(of(1.0, NAN, -INF, 0.5, INF, 0.0), 0.5) == 3


# --- area ---


def test_as_bad_as_black_throughout_is_one():
    assert area(of(0.112, 0.112, 0.112), 0.112) == pytest.approx(1)


def test_area_of_a_straight_line_and_of_uneven_epochs():
    assert area([(0, 0.2), (10, 0.0)], 0.1) == pytest.approx(1)
    assert area([(0, 0.2), (1, 0.1), (5, 0.1)], 0.1) == pytest.approx((1.5 * 1 + 1 * 4) / 5)


def test_area_of_one_entry():
    assert area(of(0.05), 0.1) == pytest.approx(0.5)


def test_area_does_not_hide_what_is_not_finite():
    assert math.isnan(area(of(0.1, NAN, 0.1), 0.1))
    assert area(of(0.1, INF, 0.1), 0.1) == INF
    assert math.isnan(area(of(0.1, 0.1), 0.0))
    assert math.isnan(area(of(0.1, 0.1), NAN))
    assert math.isnan(area(of(0.1, 0.1), -0.1))


# --- plateaus ---


def test_a_plateau_between_two_falls():
    found = plateaus(of(0.3, 0.2, 0.112, 0.1121, 0.112, 0.1119, 0.112, 0.05, 0.02))
    assert found == [Plateau(2, 6, pytest.approx(0.112))]


def test_plateaus_are_long_enough_and_as_long_as_they_hold():
    assert plateaus(of(*[0.1] * 4)) == []
    assert plateaus(of(*[0.1] * 5)) == [Plateau(0, 4, pytest.approx(0.1))]
    assert plateaus(of(*[0.1] * 50)) == [Plateau(0, 49, pytest.approx(0.1))]


def test_a_steep_fall_is_none_and_a_slow_one_is_a_stair():
    assert plateaus(of(*0.9 ** np.arange(30.0))) == []
    assert len(plateaus(of(*0.997 ** np.arange(60.0)))) > 3


def test_zero_is_a_level():
    assert plateaus(of(*[0.0] * 6)) == [Plateau(0, 5, 0.0)]


@pytest.mark.parametrize("value", [NAN, INF])
def test_what_is_not_finite_ends_a_plateau(value):
    found = plateaus(of(*[0.1] * 6, value, *[0.1] * 5, value, *[value] * 6))
    assert [(plateau.first, plateau.last) for plateau in found] == [(0, 5), (7, 11)]


def test_plateaus_are_what_their_definition_says():
    def holds(values):
        level = sum(values) / len(values)
        return all(abs(value - level) <= 0.01 * level for value in values)

    total = 0
    for trajectory in random_walks():
        values = [value for _, value in trajectory]
        free = 0
        for plateau in [*plateaus(trajectory), None]:
            starts = len(values) if plateau is None else plateau.first
            assert not any(holds(values[i : i + 5]) for i in range(free, min(starts, len(values) - 4)))
            if plateau:
                inside = values[plateau.first : plateau.last + 1]
                assert len(inside) >= 5
                assert all(holds(inside[:end]) for end in range(5, len(inside) + 1))
                assert plateau.level == pytest.approx(sum(inside) / len(inside))
                assert free <= plateau.first
                free = plateau.last + 1
                assert free == len(values) or not holds(values[plateau.first : free + 1])
                total += 1
    assert total > 20


# --- all of it ---


def test_the_measures_of_one_training():
    stuck = of(0.23, *[0.112] * 10)
    found = convergence(stuck, {"black": 0.112, "wanted": 0.02}, scale=0.112, steps_per_epoch=430)
    assert found.reached["black"] == Reached(0.112, 1, 430, censored_at=10)
    assert found.reached["wanted"] == Reached(0.02, None, None, censored_at=10)
    assert found.epochs_to == {90: 1, 95: 1, 99: 1}
    assert found.area == area(stuck, 0.112) > 1
    assert found.plateaus == [Plateau(1, 10, pytest.approx(0.112))]
    assert found.ends_on_plateau
    assert not convergence([*stuck, (11, 0.05)], {}, 0.112, 430).ends_on_plateau
    assert not convergence(FALLING, {}, 0.112, 430).ends_on_plateau


def test_plain_numbers_come_out_of_arrays_numbers():
    found = convergence([(np.int64(i), np.float32(v)) for i, v in of(*[0.1] * 6)], {"a": 0.2}, 0.1, 2)
    assert type(found.reached["a"].epoch) is int
    assert type(found.area) is float
    assert type(found.plateaus[0].first) is int


def test_no_trajectory_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        convergence([], {}, 0.1, 1)
    with pytest.raises(ValueError, match="ascend"):
        first_reached([(1, 0.1), (1, 0.2)], 0.1, 1)
