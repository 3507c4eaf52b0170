"""Seconds that a run of ``dae_lab.run`` spends beside its training, from the built model to the trained one.

    python overhead.py FOLDER [OVERRIDE …]

Beside the training is what the callbacks do (records, the watch for a collapse, checkpoints, progress), and
what comes before and after ``fit``: the first validation, the first and the last grid. Both are timed within
one run, since two runs one after the other differ by more than what is looked for. Noise that is drawn once,
the validations after each epoch, and building their graph count as training; so does what grids, drawn by a
thread of their own, keep training from, and the first gradient's norm, which is part of a step.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from clock import peak_mib
from hydra import compose, initialize_config_dir

from dae_lab import experiment
from dae_lab.config.registration import register
from dae_lab.config.validate import validate
from dae_lab.paths import conf_folder
from dae_lab.startup import import_tensorflow


class Stopwatch:
    """Adds up the seconds that functions take."""

    seconds = 0.0

    def timing(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*given: Any, **named: Any) -> Any:
            began = time.perf_counter()
            try:
                return function(*given, **named)
            finally:
                self.seconds += time.perf_counter() - began

        return timed


def main(folder: str, overrides: list[str]) -> None:
    register()
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        own = [f"tracking.dir={folder}", "evaluation=scores", *overrides]
        config = validate(compose("config", overrides=own))
    config.data.load()  # fetched where they are missing, before anything is timed
    import_tensorflow()
    from keras.callbacks import CallbackList

    from dae_lab.training import fit

    whole, building, fitting, callbacks = Stopwatch(), Stopwatch(), Stopwatch(), Stopwatch()
    for name in [name for name in vars(CallbackList) if name.startswith("on_")]:
        setattr(CallbackList, name, callbacks.timing(getattr(CallbackList, name)))
    fit.fit = fitting.timing(fit.fit)
    validate_first, build_graph = fit.evaluate_untrained, building.timing(fit.evaluate_untrained)
    fit.evaluate_untrained = lambda *given: (build_graph(*given), validate_first(*given))[1]
    experiment._train = whole.timing(experiment._train)
    experiment.run(config)
    beside = whole.seconds - building.seconds - fitting.seconds + callbacks.seconds
    print(json.dumps({"training": whole.seconds - beside, "beside": beside, "peak_mib": peak_mib()}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
