"""The profile names what a training step spends its time on."""

from collections import Counter

import keras
import numpy as np

from dae_lab.training.profile import LINES, Profile, as_table


def test_a_training_names_its_operations_and_layers():
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3, name="first")])
    model.compile(optimizer="sgd", loss="mse")
    profile = Profile()
    ones = np.ones((8, 8, 8, 1)), np.ones((8, 6, 6, 4))
    model.fit(*ones, batch_size=2, shuffle=False, verbose=0, callbacks=[profile])
    head, *lines = profile.table.splitlines()
    assert head.endswith("operation (4 steps)")
    assert any("Conv2D" in line and "first" in line for line in lines)
    assert 1 <= len(lines) <= LINES


def test_the_table_is_sorted_and_its_shares_are_of_everything():
    times = Counter({f"Add  layer{number}": float(number) for number in range(40)})
    lines = as_table(times, steps=2).splitlines()[1:]
    assert len(lines) == LINES
    assert lines[0].split() == ["19.500", "5.0%", "Add", "layer39"]
    assert as_table(Counter(), steps=1).count("\n") == 1
