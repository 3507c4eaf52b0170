"""Seconds of one training: by Keras's ``fit`` alone, or as ``dae_lab.run`` does it, recorded and watched.

    python overhead.py bare|whole FOLDER [OVERRIDE …]

``whole`` is all between the model that is built and the model that is trained: the first validation, grids,
curves, checkpoints, the watch for a collapse. ``bare`` trains and validates on the same batches.
"""

import sys
from pathlib import Path

from clock import Clock
from hydra import compose, initialize_config_dir
from numpy import zeros

from dae_lab import experiment
from dae_lab.config.construct import construct
from dae_lab.config.places import conf_folder, register
from dae_lab.config.validate import validate
from dae_lab.startup import import_tensorflow


def bare(config, clock: Clock) -> float:
    """Train as ``config`` says, with nothing beside; gives the last loss."""
    import_tensorflow()
    from dae_lab.evaluation.sets import Sets
    from dae_lab.model.autoencoder import build
    from dae_lab.training import fit
    from dae_lab.training.batches import evaluation_batches, steps_per_epoch, training_batches

    fit.set_up(config)
    data, corruption = construct(config.data), construct(config.noise)
    sets = Sets.of(data, corruption, config)
    model, _ = fit.prepare(build(config, data.train.shape, zeros(1)), data.train, config, Path())
    clock.start()
    with training_batches(data.train, corruption, config, 0) as batches:
        history = model.fit(
            batches,
            epochs=config.training.epochs,
            steps_per_epoch=steps_per_epoch(data.train, config),
            validation_data=evaluation_batches(*sets.validation, config.evaluation.batch_size),
            shuffle=False,
            verbose=0,
        )
    clock.stop()
    return history.history["loss"][-1]


def whole(config, clock: Clock) -> float:
    """Train as ``dae_lab.run`` does; gives the last loss."""
    train = experiment._train

    def timed(*given) -> None:
        clock.start()
        train(*given)
        clock.stop()

    experiment._train = timed
    return experiment.run(config).record.values["train/loss"]


if __name__ == "__main__":
    way, folder, *overrides = sys.argv[1:]
    register()
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        own = [f"tracking.dir={folder}", "evaluation=scores", *overrides]
        config = validate(compose("config", overrides=own))
    clock = Clock(1)
    clock.tell({"bare": bare, "whole": whole}[way](config, clock))
