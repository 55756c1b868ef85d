"""Responders by group where a trial reports only sums over groups.

A trial's patients fall into groups (primary sites), n_s of them in group s, and each responds with the
probability p_s of its group. A reported row gives the responders of one group, or the sum over several.
Given the rates, disjoint rows are independent, so that a trial's probability is a product over its rows and
a row's a convolution of binomial distributions. Everything is on the log scale and every term is positive:
nothing cancels, and no rate is too near 0 or 1.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import log_expit

from meta.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, NDArray

    from meta.data.counts import IntArray
    from meta.stats.normal.scales import FloatArray

_CELLS = 2**21  # numbers held at once by a convolution: 16 MB


class Split(NamedTuple):
    """How a row's responders may be distributed over its groups.

    Attributes
    ----------
    probability : ndarray, shape (..., S, L)
        Probability that group s has 0, 1 … L - 1 of the responders, L = max(x) + 1.
    expected : ndarray, shape (..., S)
        Expected responders of each group; they add up to the row's.
    """

    probability: FloatArray
    expected: FloatArray


def log_probability(logits: ArrayLike, n: ArrayLike, x: ArrayLike) -> FloatArray:
    """Log probability that independent Binomial(n_s, expit(logits_s)) add up to x.

    Parameters
    ----------
    logits : array_like, shape (..., S)
        Log odds of a response in each group; infinite ones are rates of exactly 0 or 1.
    n : array_like of int, shape (..., S)
        Patients of each group, >= 0; a group with none contributes nothing, whatever its logit.
    x : array_like of int, shape (...)
        Responders of all groups together.

    Returns
    -------
    ndarray, shape (...)
        Natural logarithm of the probability, with binomial coefficients; -inf where x is impossible.

    Raises
    ------
    DataError
        If the shapes do not broadcast, or n is negative.

    Notes
    -----
    Exact but for rounding: about 1e-13 (relative to the largest log term, where that is beyond 1000) for
    totals of hundreds of patients. Time and memory grow with S (x + 1)^2.

    Examples
    --------
    >>> p = log_probability([-1.0, 0.0], [3, 2], 2)     # 0 + 2, 1 + 1 or 2 + 0
    >>> round(float(np.exp(p)), 6)
    0.352938
    """
    eta, size, total, shape = _broadcast(logits, n, x)
    log_p = np.full(total.shape, -np.inf)
    length = _length(size, total)
    for cells in _slabs(len(total), length):
        terms = _log_pmf(eta[cells], size[cells], length)
        sums = terms[:, 0]
        for s in range(1, terms.shape[1]):
            sums = _convolve(sums, terms[:, s])
        log_p[cells] = _at(sums, total[cells])
    return log_p.reshape(shape)


def split(logits: ArrayLike, n: ArrayLike, x: ArrayLike) -> Split:
    """How a row's responders are distributed over its groups, given their sum.

    Parameters
    ----------
    logits, n, x
        As of :func:`log_probability`.

    Returns
    -------
    Split
        NaN where x is impossible.

    Raises
    ------
    DataError
        As for :func:`log_probability`.

    Notes
    -----
    Group s has j of x responders with probability proportional to that of j in s times that of x - j in all
    the others, which is a convolution of the groups before s with those after it.

    Examples
    --------
    >>> split([-1.0, 0.0], [3, 2], 2).expected.round(4)
    array([0.8356, 1.1644])
    """
    eta, size, total, shape = _broadcast(logits, n, x)
    length = _length(size, total)
    shares = np.full((*eta.shape, length), np.nan)
    for cells in _slabs(len(total), length):
        shares[cells] = _given_total(_log_pmf(eta[cells], size[cells], length), total[cells])
    probability = shares.reshape((*shape, *shares.shape[1:]))
    return Split(probability, probability @ np.arange(length, dtype=float))


@lru_cache(maxsize=4096)
def log_choose(n: int) -> FloatArray:
    """Logarithms of the binomial coefficients of n over 0 … n, right to the last digit.

    Returns
    -------
    ndarray, shape (n + 1,)
        Read-only. Differences of log-gamma functions lose 1e-12 at n = 1000.
    """
    half = [math.log(math.comb(n, j)) for j in range(n // 2 + 1)]
    table = np.array(half + half[: (n + 1) // 2][::-1])
    table.setflags(write=False)
    return table


def _broadcast(
    logits: ArrayLike, n: ArrayLike, x: ArrayLike
) -> tuple[FloatArray, IntArray, IntArray, tuple[int, ...]]:
    """Logits and sizes (B, S), totals (B,), and the shape that the B cells had."""
    eta, size, total = np.asarray(logits, dtype=float), np.asarray(n), np.asarray(x)
    if np.any(size < 0):
        raise DataError(f"n: found {size.min()}; 0 or more patients are allowed")
    try:
        eta, size, total = np.broadcast_arrays(eta, size, total[..., np.newaxis])
    except ValueError:
        raise DataError(
            f"shapes: found logits {eta.shape}, n {size.shape} and x {total.shape}; shapes (..., S), "
            "(..., S) and (...) that broadcast are allowed"
        ) from None
    *shape, groups = eta.shape
    if groups == 0:
        raise DataError("logits: found no group; one or more are allowed")
    flat = (-1, groups) if 0 not in eta.shape else (0, groups)
    whole = np.int64
    return (
        eta.reshape(flat),
        size.reshape(flat).astype(whole),
        total.reshape(flat)[:, 0].astype(whole),
        tuple(shape),
    )


def _length(size: IntArray, total: IntArray) -> int:
    """Length of all vectors: as many as the largest number of responders that is asked for and possible."""
    possible = np.minimum(total, size.sum(-1))
    return int(possible.max(initial=0)) + 1


def _slabs(cells: int, length: int) -> Iterator[slice]:
    step = max(1, _CELLS // length**2)
    for start in range(0, cells, step):
        yield slice(start, start + step)


def _log_pmf(eta: FloatArray, size: IntArray, length: int) -> FloatArray:
    """Log probabilities of 0, 1 … length - 1 responders of each group, shape (B, S, length)."""
    distinct, where = np.unique(size, return_inverse=True)
    table = np.full((len(distinct), length), -np.inf)
    for row, n in zip(table, distinct.tolist(), strict=True):
        row[: n + 1] = log_choose(n)[:length]
    j = np.arange(length)
    rest = np.maximum(size[..., None] - j, 0)
    with np.errstate(invalid="ignore"):  # 0 times -inf, which is chosen against
        yes = np.where(j > 0, j * log_expit(eta)[..., None], 0.0)
        no = np.where(rest > 0, rest * log_expit(-eta)[..., None], 0.0)
    return np.asarray(table[where.reshape(size.shape)] + yes + no)


def _convolve(a: FloatArray, b: FloatArray) -> FloatArray:
    """Logarithms of sum_j exp(a[t - j] + b[j]), t = 0, 1 … as far as they go, along the last axis."""
    if a.shape[-1] == 1:
        return a + b
    t = np.arange(a.shape[-1])
    used = t[np.isfinite(b).any(axis=tuple(range(b.ndim - 1)))]  # of a small group, few
    lag = t[:, None] - used
    terms = np.where(lag >= 0, a[..., lag], -np.inf) + b[..., None, used]
    return _log_sum(terms)


def _log_sum(terms: FloatArray) -> FloatArray:
    if terms.shape[-1] == 0:
        return np.full(terms.shape[:-1], -np.inf)
    peak = terms.max(axis=-1, keepdims=True)
    peak = np.where(np.isfinite(peak), peak, 0.0)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.exp(terms - peak).sum(axis=-1)) + peak[..., 0])


def _at(sums: FloatArray, total: IntArray) -> FloatArray:
    """The entry of each row of `sums` at its total; -inf outside."""
    inside = (total >= 0) & (total < sums.shape[-1])
    entry = np.take_along_axis(sums, np.where(inside, total, 0)[:, None], axis=-1)[:, 0]
    return np.where(inside, entry, -np.inf)


def _given_total(terms: FloatArray, total: IntArray) -> FloatArray:
    """Probabilities of each group's responders given their sum, shape (B, S, L)."""
    cells, groups, length = terms.shape
    nothing = np.full((cells, length), -np.inf)
    nothing[:, 0] = 0.0
    before, after = [nothing], [nothing]
    for s in range(groups - 1):
        before.append(_convolve(before[-1], terms[:, s]))
        after.append(_convolve(after[-1], terms[:, groups - 1 - s]))
    j = np.arange(length)
    rest: NDArray[np.int64] = total[:, None] - j
    joint = np.empty_like(terms)
    for s in range(groups):
        others = _convolve(before[s], after[groups - 1 - s])
        there = np.take_along_axis(others, np.clip(rest, 0, length - 1), axis=-1)
        joint[:, s] = terms[:, s] + np.where((rest >= 0) & (rest < length), there, -np.inf)
    whole = _log_sum(joint)
    with np.errstate(invalid="ignore"):  # -inf less -inf where the total is impossible
        return np.asarray(np.exp(joint - whole[..., None]))
