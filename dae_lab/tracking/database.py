"""A database whose every question and write is done, once it has begun."""

from functools import wraps
from types import MethodType
from typing import Any

from mlflow.tracking import MlflowClient

from dae_lab.process import delayed


class DatabaseClient(MlflowClient):
    """MLflow's client of a sqlite database, in whose calls Ctrl-C, SIGTERM and SIGHUP are heard at their end.

    An exception in the middle of a transaction keeps its connection, and with it the database's lock, for as
    long as it is on its way: the run that it stops could not be closed.
    """

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name.startswith("_") or not isinstance(found, MethodType):
            return found

        @wraps(found)
        def undivided(*args: Any, **kwargs: Any) -> Any:
            with delayed():
                return found(*args, **kwargs)

        return undivided
