"""What a person can do wrong. These errors reach the terminal as one sentence, without a traceback."""


class UserError(Exception):
    """A mistake a person can mend: the message says what was wrong, where, and what would be right."""


class ConfigError(UserError):
    """A value, key or combination in the config that makes no sense. Names the key first."""


class DataError(UserError):
    """Images that are missing, broken or not what they claim to be. Names the file first."""


class TrackingError(UserError):
    """The store of runs cannot be opened or reached. Names its address first."""


class TrainingError(UserError):
    """A training that cannot go on, as when its loss is no longer a finite number."""
