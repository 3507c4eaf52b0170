"""Sources of images behind one interface: the ``load`` of each gives a ``dae_lab.data.images.Dataset``."""
