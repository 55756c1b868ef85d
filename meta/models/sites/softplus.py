"""The unbounded parameter that stands for a standard deviation, and the prior; part of the density."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from meta.stats.normal.scales import FloatArray

LOG_2, LOG_ROOT_2_PI = float(np.log(2)), float(np.log(2 * np.pi) / 2)


def softplus(v: float) -> tuple[float, float]:
    """The standard deviation log(1 + exp(v)) that an unbounded parameter stands for, and its slope.

    Upwards it grows like v rather than like exp(v), as a logarithm would have it: the density is bent less
    where effects are large, and a trajectory needs a quarter fewer steps.
    """
    small = np.exp(-abs(v))
    return max(v, 0.0) + np.log1p(small), (1.0 if v > 0 else small) / (1 + small)


def prior_with(softplus: Callable[..., tuple[float, float]]) -> Callable[..., float]:
    """Make the function of the prior from :func:`softplus`."""

    def prior(q: FloatArray, effects: int, gradient: FloatArray) -> float:
        """Log density of `effects` standard normals and of what is a half-normal's, and its gradient."""
        value = 0.0
        for p in range(len(q)):
            if p < effects:
                value -= q[p] ** 2 / 2 + LOG_ROOT_2_PI
                gradient[p] = -q[p]
            else:
                scale, slope = softplus(q[p])
                value += q[p] - scale - scale**2 / 2 + LOG_2 - LOG_ROOT_2_PI  # log slope = q - scale
                gradient[p] = 1 - slope * (1 + scale)
        return value

    return prior
