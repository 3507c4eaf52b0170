"""What can be asked for: schemas, their checks, and the fingerprint. Imports no TensorFlow."""
