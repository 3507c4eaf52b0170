"""What each command would spend seconds on, imported once, by the process that these tests fork them from."""

import matplotlib.figure  # noqa: F401
import mlflow.store.tracking.sqlalchemy_store  # noqa: F401
import scipy.stats  # noqa: F401
import sklearn.datasets  # noqa: F401

import dae_lab.actions  # noqa: F401
from dae_lab.startup import import_tensorflow

import_tensorflow()
