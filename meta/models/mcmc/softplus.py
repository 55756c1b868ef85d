"""The unbounded parameter that stands for a standard deviation; compiled as part of the density."""

from __future__ import annotations

import numpy as np


def softplus(v: float) -> tuple[float, float]:
    """The standard deviation log(1 + exp(v)) that an unbounded parameter stands for, and its slope.

    Upwards it grows like v rather than like exp(v), as a logarithm would have it: the density is bent less
    where effects are large, and a trajectory needs a quarter fewer steps.
    """
    small = np.exp(-abs(v))
    return max(v, 0.0) + np.log1p(small), (1.0 if v > 0 else small) / (1 + small)
