"""What options of a config are made of: checked schemas, and parts that a config names by ``_target_``.

Imports no TensorFlow, Keras or NumPy.
"""
