"""Training of a model: batches, checkpoints, progress. It does not know where runs are recorded."""
