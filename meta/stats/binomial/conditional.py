"""Tests of equal response rates: exact given the total number of responders, and likelihood ratio."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, kl_div

from meta.errors import DataError
from meta.stats.binomial.fixed_total import preparable, table, tail
from meta.stats.binomial.large_tables import approximate_tail
from meta.stats.numeric.codes import Code, CodeArray

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from meta.stats.normal.scales import BoolArray, FloatArray

IntArray = NDArray[np.int64]


class Conditional(NamedTuple):
    """Exact conditional test of homogeneity, each shape (...).

    `statistic` is sum (x_i - n_i S/N)^2 for S responders among N patients, and `expected` its mean under
    homogeneity given S, both in squared responders. `p` is Pr(statistic >= observed | S); `mid_p` counts
    the observed value's own probability by half. `exact` is False where the table is too large for the exact
    distribution; both are then the approximation of :mod:`~meta.stats.binomial.large_tables`.
    """

    statistic: FloatArray
    expected: FloatArray
    p: FloatArray
    mid_p: FloatArray
    exact: BoolArray
    code: CodeArray


class LikelihoodRatio(NamedTuple):
    """Likelihood-ratio test of one common rate against a rate for each trial, each shape (...)."""

    statistic: FloatArray
    df: FloatArray
    p: FloatArray
    code: CodeArray


def conditional_test(responders: ArrayLike, n: ArrayLike, include: ArrayLike = True) -> Conditional:
    """Exact test of equal response rates, given the total number of responders.

    Parameters
    ----------
    responders, n : array_like of int, shape (..., k)
        Counts, 0 <= responders <= n where included; a trial without patients does not count.
    include : array_like of bool, shape (..., k)
        Trials that count; the others contribute nothing.

    Returns
    -------
    Conditional
        p = 1 (and mid-p = 1/2) with Code.NO_VARIATION without a responder or with only responders; NaN
        with Code.FEW_TRIALS below two trials.

    Raises
    ------
    DataError
        If the shapes do not broadcast or an included count is impossible.

    Notes
    -----
    The statistic is the score at zero heterogeneity, with the rate at its estimate S/N. Only the variance
    of the rates between trials matters there, not the shape of their distribution, so that the score is
    the same in the binomial-normal and the beta-binomial model: it is Potthoff & Whittinghill's [1]_ and
    Tarone's [2]_, with its exact conditional instead of its normal distribution. Freeman & Halton's
    test [3]_ conditions on the same total, but orders tables by their probability, which is directed at no
    particular alternative. Times N the statistic is, S given, an integer plus a constant, so that its
    distribution is a finite convolution (:mod:`~meta.stats.binomial.fixed_total`). Where that would take more
    than about a tenth of a second, p is approximate.

    References
    ----------
    .. [1] Potthoff & Whittinghill (1966), Biometrika 53:167-182
    .. [2] Tarone (1979), Biometrika 66:585-590, doi:10.1093/biomet/66.3.585
    .. [3] Freeman & Halton (1951), Biometrika 38:141-149

    Examples
    --------
    >>> test = conditional_test([5, 6, 2, 1], [18, 32, 29, 21])
    >>> round(float(test.p), 4), round(float(test.mid_p), 4)
    (0.136, 0.1343)
    """
    x, size, use = _counts(responders, n, include)
    total, patients = x.sum(-1), size.sum(-1)
    statistic, expected = _moments(x, size)
    fewer = np.minimum(total, patients - total)
    code = _code(use, fewer)
    p = np.where(code == Code.NO_VARIATION, 1.0, np.nan)[..., None] * np.array([1.0, 0.5])
    exact = np.array(code == Code.NO_VARIATION)
    counts = np.where((2 * total > patients)[..., None], size - x, x)  # the test is the same for both
    tables: dict[tuple[int, ...], list[tuple[tuple[np.intp, ...], IntArray]]] = defaultdict(list)
    for cell in map(tuple, np.argwhere(code == Code.OK)):
        trials = np.flatnonzero(use[cell])
        trials = trials[np.lexsort((counts[cell][trials], size[cell][trials]))]
        tables[int(fewer[cell]), *size[cell][trials].tolist()].append((cell, counts[cell][trials]))
    for (s, *sizes), cells in tables.items():
        probabilities, known = _solve(np.array(sizes), s, np.array([observed for _, observed in cells]))
        for (cell, _), values, fine in zip(cells, probabilities, known, strict=True):
            p[cell], exact[cell] = values, fine
    return Conditional(statistic, expected, p[..., 0], p[..., 1], exact, code)


def likelihood_ratio(responders: ArrayLike, n: ArrayLike, include: ArrayLike = True) -> LikelihoodRatio:
    """Likelihood-ratio test of one common rate against a rate for each trial.

    Parameters
    ----------
    responders, n, include
        As in :func:`conditional_test`.

    Returns
    -------
    LikelihoodRatio
        Twice the difference of the log-likelihoods, k - 1 degrees of freedom, and the chi-squared
        p-value, which is unreliable for small counts. Codes as in :func:`conditional_test`.
    """
    x, size, use = _counts(responders, n, include)
    total, patients = x.sum(-1, keepdims=True), size.sum(-1, keepdims=True)
    everyone = np.maximum(patients, 1)
    deviance = kl_div(x, size * total / everyone) + kl_div(size - x, size * (patients - total) / everyone)
    code = _code(use, np.minimum(total, patients - total)[..., 0])
    few = code == Code.FEW_TRIALS
    statistic = np.where(few, np.nan, 2 * np.where(use, deviance, 0.0).sum(-1))
    df = np.where(few, np.nan, use.sum(-1) - 1.0)
    p = np.where(few, np.nan, chdtrc(np.where(few, 1.0, df), np.where(few, 0.0, statistic)))
    return LikelihoodRatio(statistic, df, p, code)


def _counts(responders: ArrayLike, n: ArrayLike, include: ArrayLike) -> tuple[IntArray, IntArray, BoolArray]:
    """Whole numbers, 0 for what is left out, and which trials count."""
    try:
        x, size, use = np.broadcast_arrays(
            np.asarray(responders, dtype=float), np.asarray(n, dtype=float), np.asarray(include, dtype=bool)
        )
    except ValueError as error:
        shapes = "shapes (..., k) that broadcast are allowed"
        raise DataError(f"responders, n and include: {error}; {shapes}") from None
    fine = (x >= 0) & (x <= size) & (x == np.floor(x)) & (size == np.floor(size)) & np.isfinite(size)
    if not fine[use].all():
        wrong = tuple(np.argwhere(use & ~fine)[0])
        raise DataError(
            f"found {x[wrong]:g} responders among {size[wrong]:g} patients; whole numbers with "
            "0 <= responders <= n are allowed"
        )
    return np.where(use, x, 0).astype(np.int64), np.where(use, size, 0).astype(np.int64), use & (size > 0)


def _code(use: BoolArray, fewer: IntArray) -> CodeArray:
    conditions, codes = [use.sum(-1) < 2, fewer == 0], [Code.FEW_TRIALS, Code.NO_VARIATION]
    return np.select(conditions, codes, Code.OK).astype(np.int8)


def _moments(x: IntArray, size: IntArray) -> tuple[FloatArray, FloatArray]:
    """The statistic and its mean given the total."""
    patients = size.sum(-1, keepdims=True)
    rate = x.sum(-1, keepdims=True) / np.maximum(patients, 1)
    few = (size > 0).sum(-1) < 2
    statistic = ((x - size * rate) ** 2).sum(-1)
    return np.where(few, np.nan, statistic), np.where(few, np.nan, _variance(size, rate).sum(-1))


def _variance(size: IntArray, rate: FloatArray) -> FloatArray:
    """Hypergeometric variance of each trial's responders given the total."""
    patients = size.sum(-1, keepdims=True)
    variance: FloatArray = size * rate * (1 - rate) * (patients - size) / np.maximum(patients - 1, 1)
    return variance


def _solve(size: IntArray, total: int, observed: IntArray) -> tuple[FloatArray, BoolArray]:
    """P and mid-p for counts, shape (m, k), of trials of these sizes (ascending) with one total; if exact.

    The score N x^2 - 2 S n_i x may have any multiple of x added, the same for all trials: `shift` is the
    one with the largest common divisor, `unit`, and nearest to leaving the minimum where it is.
    """
    p = np.full((len(observed), 2), np.nan)
    if preparable(size, total):
        patients = int(size.sum())
        slope = 2 * total * size
        unit = int(np.gcd.reduce([2 * patients, *(slope - slope[0]).tolist()]))
        shift = (int(slope[0]) - patients) % unit
        shift -= unit if 2 * shift > unit else 0
        x = [np.arange(min(n, total) + 1) for n in size.tolist()]
        raw = [
            (patients * z * (z - 1) + (patients - b + shift) * z) // unit
            for z, b in zip(x, slope.tolist(), strict=True)
        ]
        scores = [score - score.min() for score in raw]
        levels = np.sum([score[z] for score, z in zip(scores, observed.T, strict=True)], axis=0)
        p = tail(table(size, total, scores), levels)
    exact = ~np.isnan(p[:, 0])
    if not exact.all():
        p[~exact] = approximate_tail(size, total, observed[~exact])[:, None]
    return p, exact
