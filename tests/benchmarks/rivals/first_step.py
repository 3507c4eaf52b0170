"""``python -m dae_lab.run``, which says when its first training step has ended.

python first_step.py [OVERRIDE …]
"""

import sys

from dae_lab import run, startup

import_tensorflow = startup.import_tensorflow


def import_and_listen() -> None:
    import_tensorflow()
    from dae_lab.training.callbacks import TerminateOnNonFinite

    after_step = TerminateOnNonFinite.on_train_batch_end

    def say_first(self: TerminateOnNonFinite, batch: int, logs: dict | None = None) -> None:
        print("first step", file=sys.stderr, flush=True)
        TerminateOnNonFinite.on_train_batch_end = after_step
        after_step(self, batch, logs)

    TerminateOnNonFinite.on_train_batch_end = say_first


if __name__ == "__main__":
    startup.import_tensorflow = import_and_listen
    run.main()
