"""A lab bench for denoising autoencoders: runs are configs, claims are decided by runs."""

__version__ = "0.1.0"
