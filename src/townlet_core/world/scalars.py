"""Numbers of single precision, typed once: compiled and plain kernels must compute with the same types."""

from __future__ import annotations

import numpy as np

from townlet_core.world.kernel import kernel

f32 = np.float32
ZERO, HALF, ONE = f32(0), f32(0.5), f32(1)


@kernel
def clip(value, low, high):
    """A number held within bounds."""
    return low if value < low else (high if value > high else value)
