"""Fitting a model: batches, checkpoints, progress. Knows nothing of where runs are recorded."""
