"""What judging costs beside training, on full MNIST."""

import time
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np
import pytest

from dae_lab.baselines.trivial import mean_image
from dae_lab.evaluation.evaluate import Evaluation, evaluate
from dae_lab.evaluation.pairs import Pairs
from dae_lab.model.autoencoder import build, first_kernels
from dae_lab.report import text
from dae_lab.report.page import page
from dae_lab.report.pictures import pictures
from dae_lab.training import fit
from dae_lab.training.batches import TrainingData


def seconds(task) -> tuple[float, float]:
    """Wall and CPU seconds of ``task()``."""
    wall, cpu = time.perf_counter(), time.process_time()
    task()
    return time.perf_counter() - wall, time.process_time() - cpu


@pytest.mark.long
def test_judging_takes_less_than_an_epoch_and_beats_the_linear_denoiser(compose, tmp_path, capsys):
    """`spatial_latent`, 10,000 test images, baselines cached, report drawn; medians of three in turn."""
    config = compose("experiment=spatial_latent", "training.epochs=3", f"evaluation.cache={tmp_path}")
    fit.set_determinism(config.training.deterministic)
    data, corruption = config.data.load(), config.noise
    model = build(config, data.train.shape, np.zeros(1))
    mean = mean_image(data.train.pixels)
    training_data = TrainingData(data.train, corruption, config.training, config.seed)
    steps = training_data.steps_per_epoch
    model, history = fit.prepare(model, config, steps, Path(tmp_path))
    epochs, judgings = [], []
    found: list[Evaluation] = []

    def judge():
        """All that a run does for it, from the noise of the test images to the page."""
        trajectory = [(0, 0.2), (1, 0.1)]
        pairs = Pairs.make(data, corruption, config.evaluation, config.seed)
        noise, seed = asdict(config.noise), config.seed
        found.append(evaluate(model, pairs, config.evaluation, noise, seed, trajectory, steps, mean))
        drawn = pictures(found[-1], history, trajectory, first_kernels(model), "sigma = 0.5", "bce")
        page("benchmark", found[-1], drawn, "", {})

    class Judge(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.began = time.perf_counter(), time.process_time()

        def on_epoch_end(self, epoch, logs=None):
            wall, cpu = self.began
            epochs.append((time.perf_counter() - wall, time.process_time() - cpu))
            if epoch == 0:
                judge()  # computes the baselines; nobody's time
            judgings.append(seconds(judge))

    fit.fit(model, training_data, None, tmp_path, history, recorders=[Judge()])
    epoch, judging = np.median(epochs, axis=0), np.median(judgings, axis=0)
    first = found[0]
    verdict, headline = text.verdict(first), text.headline(first)
    with capsys.disabled():
        print(f"\none epoch: {epoch[0]:.1f} s wall, {epoch[1]:.1f} s CPU")
        print(f"judging it: {judging[0]:.1f} s wall, {judging[1]:.1f} s CPU")
        print(f"ratio: {judging[0] / epoch[0]:.2f} wall, {judging[1] / epoch[1]:.2f} CPU")
        print(f"after one epoch: {verdict} {headline}")
    assert judging[0] < epoch[0]
    assert first.comparisons["ridge"].verdict == "beats"
    title = first.baselines["ridge"].title
    assert verdict.startswith("It denoises")
    assert title not in verdict  # which names a baseline that is not beaten,
    assert f"The best of them, “{title}”" in headline  # as this names the hardest to beat
    assert headline.startswith(f"The model beats {len(first.names('beats'))} of {len(first.baselines)} ")
