"""Draws of a posterior under one prior as draws under another: weighted by the ratio of the priors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from meta.stats.scales import FloatArray


def normal_ratio(effects: ArrayLike, old: float, new: float) -> FloatArray:
    """Logarithm of the ratio of two normal priors, up to a constant.

    Parameters
    ----------
    effects : array_like, shape (D, P)
        Draws of effects that are independent and normal around 0 a priori.
    old, new : float
        Their prior standard deviations.

    Returns
    -------
    ndarray, shape (D,)
    """
    squares = np.square(np.asarray(effects, dtype=float)).sum(-1)
    return np.asarray(squares * (1 / old**2 - 1 / new**2) / 2)


def weights(log_ratio: ArrayLike) -> tuple[FloatArray, float]:
    """Weights of draws, and how many equally weighted draws they are worth.

    Parameters
    ----------
    log_ratio : array_like, shape (D,)
        Logarithms of new over old density, up to a constant.

    Returns
    -------
    weight : ndarray, shape (D,)
        They add up to 1.
    effective : float
        1 / sum of squares (Kish), from 1 to D. Small where the new prior puts its mass where there are few
        draws; then believe nothing.
    """
    values = np.asarray(log_ratio, dtype=float)
    raw = np.exp(values - values.max())
    weight = raw / raw.sum()
    return weight, float(1 / np.sum(weight**2))


def quantiles(draws: ArrayLike, weight: ArrayLike, p: ArrayLike) -> FloatArray:
    """Weighted quantiles.

    Parameters
    ----------
    draws, weight : array_like, shape (D,)
    p : array_like, shape (m,)

    Returns
    -------
    ndarray, shape (m,)
        Linear between draws; with equal weights as by ``numpy.quantile(..., method="hazen")``.

    Examples
    --------
    >>> quantiles([3.0, 1.0, 2.0], [0.25, 0.25, 0.5], [0.5]).tolist()
    [2.0]
    """
    values, w = np.asarray(draws, dtype=float), np.asarray(weight, dtype=float)
    order = np.argsort(values)
    middle = np.cumsum(w[order]) - w[order] / 2
    return np.asarray(np.interp(np.asarray(p, dtype=float), middle, values[order]))
