"""Whether a REML estimate is at the global maximum: the restricted likelihood on a fine grid, written anew.

Nothing here comes from meta: the formula is the textbook one, the grid is finer and reaches further.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

CHUNK = 100_000  # numbers of one array: stays in the processor's cache


def restricted_loglik(y: FloatArray, v: FloatArray, tau2: FloatArray) -> FloatArray:
    """Restricted log-likelihood up to a constant: y, v of shape (B, k), tau2 of shape (B, m)."""
    centred = y - y.mean(-1, keepdims=True)  # no digits lost to a common shift
    weight, first, second, logs = np.zeros((4, *tau2.shape))
    for i in range(y.shape[-1]):
        variance = v[:, i, None] + tau2
        effect = centred[:, i, None]
        weight += 1 / variance
        first += effect / variance
        second += effect**2 / variance
        logs += np.log(variance)
    return -0.5 * (logs + np.log(weight) + second - first**2 / weight)


def grid(y: FloatArray, v: FloatArray, nodes: int) -> FloatArray:
    """Values of tau2 for every row, shape (B, nodes): 0, and evenly in log(tau2 + smallest variance)."""
    smallest = v.min(-1)[:, None]
    reach = 10 * (y.max(-1) - y.min(-1))[:, None] ** 2
    return smallest * ((1 + reach / smallest) ** np.linspace(0, 1, nodes) - 1)


def shortfall(y: FloatArray, v: FloatArray, tau2: FloatArray, nodes: int = 500) -> FloatArray:
    """How far the likelihood at `tau2`, shape (B,), lies below the best of the grid; negative if above."""
    short = np.empty(len(y))
    rows = max(1, CHUNK // nodes)
    for start in range(0, len(y), rows):
        some = slice(start, start + rows)
        best = restricted_loglik(y[some], v[some], grid(y[some], v[some], nodes)).max(-1)
        short[some] = best - restricted_loglik(y[some], v[some], tau2[some, None])[:, 0]
    return short
