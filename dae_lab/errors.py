"""What a person can do wrong. These errors reach the terminal as one sentence, without a traceback."""

import re
from typing import Any

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""Control characters and changes of the reading direction: nobody reads them, but terminals obey them."""

LONGEST_MESSAGE = 2_000  # characters


class UserError(Exception):
    """A mistake a person can mend: the message says what was wrong, where, and what would be right."""


class ConfigError(UserError, ValueError):
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


def printable(text: str) -> str:
    r"""``text`` for a terminal: control characters are escaped, the middle of what is very long is left out.

    >>> printable("\x1b[31mred")
    '\\x1b[31mred'
    """
    half = LONGEST_MESSAGE // 2
    short = text if len(text) <= LONGEST_MESSAGE else f"{text[:half]} … {text[-half:]}"
    return CONTROL.sub(lambda found: ascii(found[0])[1:-1], short)


def describe_error(error: BaseException) -> str:
    """What is said of an error that nobody foresaw: its kind, and the first line of its message.

    >>> describe_error(MemoryError())
    'MemoryError'
    """
    return ": ".join(filter(None, [type(error).__name__, *str(error).strip().splitlines()[:1]]))
