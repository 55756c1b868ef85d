"""Rates standardised to a mix of groups, over draws of a posterior and of reported counts.

Two populations of trials differ in their mix of primary sites; standardised, each is asked for the rate it
would have with the same mix. The last axes are trials, levels (regions) and groups (sites); the leading
ones, anything: draws of a posterior, data sets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import expit

from meta.errors import DataError
from meta.stats.binomial.marginal import mean_rate

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from meta.stats.normal.scales import FloatArray


class Direct(NamedTuple):
    """Reported rates standardised directly.

    Attributes
    ----------
    rate : ndarray, shape (..., L)
        NaN where a group of the mix has no reported patients at that level.
    se : ndarray, shape (..., L)
        Standard error of binomial counts, 0 where only 0 or n respond; NaN as the rate.
    share : ndarray, shape (..., L)
        Share of the mix in groups with reported patients at that level.
    """

    rate: FloatArray
    se: FloatArray
    share: FloatArray


def sum_to_zero(levels: int) -> FloatArray:
    """Code a factor so that its effects add up to zero and no level is the reference.

    Parameters
    ----------
    levels : int
        At least 1.

    Returns
    -------
    ndarray, shape (levels, levels - 1)
        With independent coefficients of standard deviation s, the difference between any two levels has
        standard deviation s. Two levels are -1/2 and +1/2.

    Examples
    --------
    >>> sum_to_zero(2).round(3).tolist()
    [[-0.5], [0.5]]
    """
    coding = np.zeros((levels, levels - 1))
    for k in range(1, levels):  # Helmert's contrasts, each of length 1/sqrt(2)
        coding[:k, k - 1] = -1.0
        coding[k, k - 1] = k
        coding[:, k - 1] /= np.sqrt(2 * k * (k + 1))
    return coding


def mix_of(numbers: ArrayLike) -> FloatArray:
    """Shares of the groups.

    Parameters
    ----------
    numbers : array_like, shape (..., S)
        Patients or weights, >= 0.

    Returns
    -------
    ndarray, shape (..., S)
        They add up to 1.

    Raises
    ------
    DataError
        If a number is negative or not finite, or all are 0.
    """
    weights = np.asarray(numbers, dtype=float)
    whole = weights.sum(axis=-1, keepdims=True)
    if not np.all(np.isfinite(weights)) or np.any(weights < 0) or np.any(whole <= 0):
        raise DataError(
            f"mix: found {weights.tolist()}; numbers of 0 or more, one above 0 at least, are allowed"
        )
    return np.asarray(weights / whole)


def over_new_trials(
    logits: ArrayLike, tau: ArrayLike, omega: ArrayLike = 0.0
) -> tuple[FloatArray, FloatArray]:
    """Rates in new trials: at the median of their trial effects, and averaged over trial effects.

    Parameters
    ----------
    logits : array_like, shape (...)
        Log odds of a group without any trial's effect.
    tau : array_like, shape (...)
        Standard deviation of effects that all groups of a trial share.
    omega : array_like, shape (...)
        Standard deviation of further effects of each group in each trial, averaged over in both answers.

    Returns
    -------
    median : ndarray, shape (...)
        Rate at a trial effect of 0. A weighted sum of groups, too, rises with the trial effect they share,
        so that its median over trials is the weighted sum of these.
    mean : ndarray, shape (...)
        E[expit(logits + N(0, tau^2 + omega^2))].

    Examples
    --------
    >>> median, mean = over_new_trials([-2.0], [1.0])
    >>> median.round(4).tolist(), mean.round(4).tolist()
    ([0.1192], [0.1555])
    """
    eta, t, o = (np.asarray(values, dtype=float) for values in (logits, tau, omega))
    median = mean_rate(eta, o) if np.any(o > 0) else np.broadcast_to(expit(eta), (eta + t).shape)
    return median, mean_rate(eta, np.hypot(t, o))


def over_these_trials(logits: ArrayLike, patients: ArrayLike, level: ArrayLike, levels: int) -> FloatArray:
    """Average rates of the included trials of each level, weighted by their patients.

    Parameters
    ----------
    logits : array_like, shape (..., T, S)
        Log odds of each trial and group, its effects included.
    patients : array_like, shape (T,)
        Weights of the trials.
    level : array_like of int, shape (T,)
        The level of each trial.
    levels : int
        L, how many there are.

    Returns
    -------
    ndarray, shape (..., L, S)
        NaN at a level without patients.
    """
    rates = expit(np.asarray(logits, dtype=float))
    weight = np.where(np.asarray(level) == np.arange(levels)[:, None], np.asarray(patients, dtype=float), 0.0)
    with np.errstate(invalid="ignore"):  # 0/0 where a level has no trial
        return np.asarray((weight / weight.sum(axis=-1, keepdims=True)) @ rates)


def direct(responders: ArrayLike, n: ArrayLike, mix: ArrayLike) -> Direct:
    """Directly standardised rates: the sum over groups of mix times responders per patient.

    Parameters
    ----------
    responders, n : array_like, shape (..., L, S)
        Counts reported for each level and group separately; n = 0 where there are none.
    mix : array_like, shape (S,)
        Shares of the groups, which add up to 1.

    Examples
    --------
    >>> rates = direct([[1, 3], [0, 2]], [[10, 10], [0, 20]], [0.5, 0.5])
    >>> rates.rate.tolist(), rates.share.tolist()
    ([0.2, nan], [1.0, 0.5])
    """
    x, size, w = (np.asarray(values, dtype=float) for values in (responders, n, mix))
    share = np.where(size > 0, w, 0.0).sum(-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        p = np.where(w > 0, x / size, 0.0)
        se = np.sqrt(np.where(w > 0, w**2 * p * (1 - p) / size, 0.0).sum(-1))
    return Direct((w * p).sum(-1), se, share)


def order(values: ArrayLike) -> FloatArray:
    """Probability that one group's value exceeds another's.

    Parameters
    ----------
    values : array_like, shape (D, S)
        Draws.

    Returns
    -------
    ndarray, shape (S, S)
        Row above column; ties count by half, so that a group "exceeds" itself with 1/2.
    """
    draws = np.asarray(values, dtype=float)
    above = (draws[:, :, None] > draws[:, None, :]).mean(0)
    return np.asarray((above + 1 - above.T) / 2)
