"""Baselines: denoisers without a network, which a network must beat on the same noisy images.

Images lie in [0, 1], so every baseline answers within it: what a fit or a filter gives beyond is cut, which
brings each pixel nearer to the clean one or leaves it as it is, and parameters are chosen by the MSE of what
is left. The noisy image alone stays as it is: its MSE says how much noise there is to remove.
"""
