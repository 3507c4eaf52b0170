"""dae_lab's own training, by its configs: its steps alone; ``overhead.py`` has what a run does beside them.

python lab_script.py SYSTEM IMAGES EPOCHS [OVERRIDE …]
"""

import sys
import tempfile
from pathlib import Path

from clock import Clock
from hydra import compose, initialize_config_dir
from numpy import zeros

from dae_lab.config.registration import register
from dae_lab.config.validate import validate
from dae_lab.paths import conf_folder
from dae_lab.startup import import_tensorflow


def main(system: str, images: int, epochs: int, overrides: list[str]) -> None:
    register()
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        own = [f"experiment={system}", f"data.train=[0,{images}]", f"training.epochs={epochs}", *overrides]
        config = validate(compose("config", overrides=own))
    data = config.data.load()
    import_tensorflow()
    import keras

    from dae_lab.model.autoencoder import build
    from dae_lab.training import fit
    from dae_lab.training.batches import TrainingData
    from dae_lab.training.precision import decide

    config, _ = decide(config, data.train.shape)
    corruption = config.noise
    training_data = TrainingData(data.train, corruption, config.training, config.seed)
    clock = Clock(training_data.steps_per_epoch)

    class Timed(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            clock.start()

        def on_epoch_end(self, epoch, logs=None):
            clock.stop()

    fit.set_determinism(config.training.deterministic)
    model = build(config, data.train.shape, zeros(1))
    with tempfile.TemporaryDirectory() as folder:
        model, history = fit.prepare(model, config, training_data.steps_per_epoch, Path(folder))
        fit.fit(model, training_data, None, Path(folder), history, recorders=[Timed()])
    clock.tell(history[-1]["train/loss"])


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
