"""What a person can do wrong. These errors reach the terminal as one sentence, without a traceback."""

from typing import Any


class UserError(Exception):
    """A mistake a person can mend: the message says what was wrong, where, and what would be right."""


class ConfigError(UserError):
    """A value, key or combination in the config that makes no sense. Names the key first."""


class DataError(UserError):
    """Images that are missing, broken or not what they claim to be. Names the file first."""


class TrackingError(UserError):
    """The store of runs cannot be opened or reached. Names its address first."""


class TrainingError(UserError):
    """A training that cannot go on, as when its loss is no longer a finite number.

    evaluation: what the model is worth all the same, a ``dae_lab.evaluation.evaluate.Evaluation``; or None.
    result: then also the run's ``dae_lab.experiment.Result``.
    """

    def __init__(self, message: str, evaluation: Any = None) -> None:
        super().__init__(message)
        self.evaluation = evaluation
        self.result: Any = None


def unexpected(error: BaseException) -> str:
    """What is said of an error that nobody foresaw: its kind, and the first line of its message.

    >>> unexpected(MemoryError())
    'MemoryError'
    """
    return ": ".join(filter(None, [type(error).__name__, *str(error).strip().splitlines()[:1]]))
