"""Optimisers are Keras's own with the config's arguments; schedules follow their formulas."""

from math import cos, pi

import keras
import numpy as np
import pytest

STEPS, EPOCHS = 10, 20


def built(compose, *overrides: str) -> keras.Optimizer:
    return compose(*overrides).optimizer.build(STEPS, EPOCHS)


CLASSES = {
    "adam": (
        keras.optimizers.Adam,
        {"learning_rate": 0.02, "beta_1": 0.8, "beta_2": 0.98, "epsilon": 1e-3},
    ),
    "adamw": (
        keras.optimizers.AdamW,
        {"learning_rate": 0.02, "beta_1": 0.8, "beta_2": 0.98, "epsilon": 1e-3, "weight_decay": 0.3},
    ),
    "sgd": (keras.optimizers.SGD, {"learning_rate": 0.02, "momentum": 0.7, "nesterov": True}),
    "rmsprop": (
        keras.optimizers.RMSprop,
        {"learning_rate": 0.02, "rho": 0.8, "momentum": 0.7, "epsilon": 1e-3},
    ),
}


@pytest.mark.parametrize("option", CLASSES)
@pytest.mark.parametrize("clipping", ["global_clipnorm", "clipvalue"])
def test_a_keras_class_gets_the_arguments_of_the_config(compose, option, clipping):
    kind, arguments = CLASSES[option]
    arguments = {**arguments, clipping: 2.5}
    overrides = [f"optimizer.{key}={value}" for key, value in arguments.items()]
    optimizer = built(compose, f"optimizer={option}", *overrides)
    assert type(optimizer) is kind
    found = optimizer.get_config()
    assert {key: found[key] for key in arguments} == pytest.approx(arguments)


@pytest.mark.parametrize("option", CLASSES)
def test_defaults_of_the_config_are_those_of_keras_but_for_the_learning_rate(compose, option):
    kind, _ = CLASSES[option]
    changed = {"sgd": {"momentum": 0.9}}.get(option, {})
    found, expected = built(compose, f"optimizer={option}").get_config(), kind(**changed).get_config()
    for own in ("name", "learning_rate"):
        del found[own], expected[own]
    assert found == expected


def rates(compose, *overrides: str) -> np.ndarray:
    """The learning rate, in units of the peak, of every step of a run."""
    optimizer = built(compose, "optimizer.learning_rate=0.02", *overrides)
    found = []
    for step in range(STEPS * EPOCHS):
        optimizer.iterations.assign(step)
        found.append(float(optimizer.learning_rate) / 0.02)
    return np.array(found)


def warmed(step: int, epochs: float) -> float:
    return min((step + 1) / (epochs * STEPS), 1.0)


def half_cosine(step: int, start: float, floor: float) -> float:
    done = np.clip((step / STEPS - start) / (EPOCHS - start), 0, 1)
    return floor + (1 - floor) * (1 + cos(pi * done)) / 2


SCHEDULES = {
    "optimizer/schedule=constant": lambda step: 1.0,
    "optimizer/schedule=warmup": lambda step: warmed(step, 1),
    "optimizer/schedule=warmup optimizer.schedule.warmup_epochs=2.5": lambda step: warmed(step, 2.5),
    "optimizer/schedule=cosine": lambda step: half_cosine(step, 0, 0),
    "optimizer/schedule=cosine optimizer.schedule.floor=0.1 optimizer.schedule.warmup_epochs=4": (
        lambda step: warmed(step, 4) * half_cosine(step, 4, 0.1)
    ),
    "optimizer/schedule=step": lambda step: 0.1 ** ((step >= 50) + (step >= 80)),
    "optimizer/schedule=step optimizer.schedule.drops=[3] optimizer.schedule.factor=0.5": (
        lambda step: 0.5 if step >= 30 else 1.0
    ),
}


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_schedule_follows_its_formula(compose, schedule):
    expected = [SCHEDULES[schedule](step) for step in range(STEPS * EPOCHS)]
    np.testing.assert_allclose(rates(compose, *schedule.split()), expected, rtol=1e-4, atol=1e-6)


def test_a_cosine_ends_at_its_floor_a_step_before_the_end(compose):
    found = rates(compose, "optimizer/schedule=cosine", "optimizer.schedule.floor=0.2")
    assert found[0] == pytest.approx(1)
    assert found[-1] == pytest.approx(0.2, abs=1e-3)
    assert np.all(np.diff(found) < 0)


def test_a_rate_that_never_changes_is_a_plain_number(compose):
    """So that what is recorded of the optimiser says it."""
    assert built(compose).get_config()["learning_rate"] == pytest.approx(5e-4)
