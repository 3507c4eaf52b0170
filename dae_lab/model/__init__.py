"""From schemas to Keras models."""
