"""Codes and views of them, for tests."""

import numpy as np

from dae_lab.evaluation.code_geometry import code_geometry


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def clusters(classes=4, each=25, size=6, apart=1.5, seed=0):
    """Codes (n, d) and labels (n,) of Gaussian clusters; every class gets its own spread."""
    labels = np.repeat(np.arange(classes), each)
    centres, spread = apart * normal(classes, size, seed=seed + 1), 0.5 + np.arange(classes) / 4
    noise = normal(len(labels), size, seed=seed + 2)
    return (centres[labels] + spread[labels, None] * noise).astype(np.float32), labels


def view_of(codes, labels=None, class_errors=None, fit=None):
    (view,) = code_geometry(codes, labels, class_errors or {}, fit).views.values()
    return view


def square(x, y, side=1.0):
    return np.array([[x, y], [x + side, y], [x + side, y + side], [x, y + side]], np.float32)
