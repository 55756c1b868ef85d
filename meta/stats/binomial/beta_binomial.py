"""Likelihood of beta-binomial counts: x of n where the trials' true rates follow a beta distribution.

The rates have mean p = expit(mu) and intraclass correlation rho; with g = rho/(1 - rho) the probability is

    C(n, x) prod_{j<x} (p + j g) prod_{j<n-x} (1 - p + j g) / prod_{j<n} (1 + j g),

smooth at g = 0, the binomial. Everything here is sums over j of logarithms and powers of a + j g. Their
first terms are added one by one; the others by Euler and Maclaurin's formula, which from there on is exact to
rounding and, unlike differences of gamma functions, loses nothing as g goes to 0.
"""

from __future__ import annotations

from functools import lru_cache
from math import lgamma, log, pi
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.polynomial.polynomial import polyval
from scipy.special import expit

from meta.stats.binomial.terms import Terms

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from meta.stats.normal.scales import BoolArray, FloatArray

_DIRECT = 12  # terms added one by one: from there on h = g/(a + 12 g) <= 1/12
# Arms with x = 0 or n take the long sum if it is not long, or if the others would lose four digits or more
_SHORT, _RARE, _STEEP = 32, 0.01, 3000
_SINGLE, _GAUSS = 32, 12  # terms of such an arm added one by one; nodes that stand for a block of the others
_INNER, _EDGE = 4096, 512  # elements held at once
_FAR = 150.0  # log odds, from where on squares of reciprocals might overflow
_NEAR = 0.1  # below, closed forms cancel and series converge in 18 terms

_K = np.arange(1, 9)
_BERNOULLI = np.array([1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510])
_STIRLING = _BERNOULLI / (2 * _K * (2 * _K - 1))
_STIRLING_1 = _STIRLING * (2 * _K - 1)
_STIRLING_2 = (_STIRLING_1 * (2 * _K - 2))[1:]
_POWER = np.arange(1, 19)
_KAPPA = (-1.0) ** (_POWER + 1) / (_POWER * (_POWER + 1))
_FACTORIALS = np.array([lgamma(m + 1) - (m + 0.5) * log(m) + m if m else 0.0 for m in range(_DIRECT)])


class _Sums(NamedTuple):
    """Sums over j < m, with d = a + j g, of log d and of the powers of j and d in the names."""

    log: FloatArray
    per_d: FloatArray
    j_per_d: FloatArray
    per_d2: FloatArray
    j_per_d2: FloatArray
    j2_per_d2: FloatArray


def terms(x: ArrayLike, n: ArrayLike, mu: ArrayLike, g: ArrayLike) -> Terms:
    """Log-likelihood of each count, with its derivatives by `mu` and `g`.

    Parameters
    ----------
    x, n : array_like
        Responders and patients, whole numbers with 0 <= x <= n; a trial with n = 0 contributes zeros.
    mu : array_like
        Log odds of the mean rate.
    g : array_like
        rho/(1 - rho) for the intraclass correlation rho of a trial's patients, at least 0.

    Returns
    -------
    Terms
        Shape to which all four broadcast.

    Examples
    --------
    >>> float(np.exp(terms(1, 2, 0.0, 0.5).value).round(12))  # rates uniform, counts too
    0.333333333333
    """
    shape = np.broadcast_shapes(*(np.shape(z) for z in (x, n, mu, g)))
    flat = [np.broadcast_to(np.asarray(z, dtype=float), shape).ravel() for z in (x, n, mu, g)]
    beyond = flat[2] - np.clip(flat[2], -_FAR, _FAR)
    flat[2] = flat[2] - beyond
    out = np.empty((6, flat[0].size))
    long = _long(*flat)
    for rows, one, size in ((np.flatnonzero(long), _edge, _EDGE), (np.flatnonzero(~long), _inner, _INNER)):
        for start in range(0, len(rows), size):
            some = rows[start : start + size]
            out[:, some] = one(*(z[some] for z in flat))
    out[0] += out[1] * beyond  # a straight line from there on
    return Terms(*out.reshape(6, *shape))


def _long(x: FloatArray, n: FloatArray, mu: FloatArray, g: FloatArray) -> BoolArray:
    """Arms with x = 0 or n where the shorter sums would cancel, or are not shorter."""
    rare = expit(np.where(x == 0, mu, -mu))
    long: BoolArray = ((x == 0) | (x == n)) & ((n <= _SHORT) | (rare < _RARE) | (n * g > _STEEP * rare))
    return long


def _inner(x: FloatArray, n: FloatArray, mu: FloatArray, g: FloatArray) -> Terms:
    """Terms where the sums do not cancel.

    All of a + j g are divided by c = 1 + n g, which cancels in the likelihood and keeps the sums short.
    """
    p, q, c = expit(mu), expit(-mu), 1 + n * g
    sums = _sums(np.stack([p, q, np.ones_like(p)]) / c, np.stack([x, n - x, n]), np.stack(3 * [g]) / c)
    yes, no, all_ = (_Sums(*part) for part in np.moveaxis(np.stack(sums), 1, 0))
    pq, squared = p * q, c**2
    own = p**2 * yes.per_d2 + q**2 * no.per_d2
    return Terms(
        value=_log_choose(x, n) + (yes.log + no.log - all_.log),
        d_mu=pq * (yes.per_d - no.per_d) / c,
        d_v=(yes.j_per_d + no.j_per_d - all_.j_per_d) / c,
        # p'' (p + j g) - p'^2 of the logarithm's second derivative taken together, as they would cancel
        d_mumu=pq * ((q - p) * g * (yes.j_per_d2 - no.j_per_d2) - own) / squared,
        d_muv=pq * (no.j_per_d2 - yes.j_per_d2) / squared,
        d_vv=(all_.j2_per_d2 - yes.j2_per_d2 - no.j2_per_d2) / squared,
    )


def _log_choose(x: FloatArray, n: FloatArray) -> FloatArray:
    """Log C(n, x) by Stirling's series: gammaln(5000) alone would lose 12 digits to cancellation."""
    inside = (x > 0) & (x < n)
    a, m = np.where(inside, x, 1.0), np.where(inside, n, 2.0)
    b = m - a
    entropy = -a * np.log(a / m) - b * np.log(b / m)
    value = entropy + np.log(m / (2 * pi * a * b)) / 2 + _stirling(m) - _stirling(a) - _stirling(b)
    return np.where(inside, value, 0.0)


def _stirling(m: FloatArray) -> FloatArray:
    """Log m! less (m + 1/2) log m - m + log(2 pi)/2."""
    few = m < _DIRECT
    table = _FACTORIALS[np.where(few, m, 1).astype(np.intp)] - log(2 * pi) / 2
    per = 1 / np.where(few, _DIRECT, m)
    return np.where(few, table, per * polyval(per**2, _STIRLING))


def _edge(x: FloatArray, n: FloatArray, mu: FloatArray, g: FloatArray) -> Terms:
    """Terms for x = 0 and x = n: prod_{j<n} (1 - p/(1 + j g)) with the rate p of what did not happen.

    Every sum has terms of one sign, so that nothing cancels however small p is.
    """
    sign = np.where(x == 0, 1.0, -1.0)
    p, q = expit(sign * mu), expit(-sign * mu)
    kinds, kind = np.unique(n, return_inverse=True)
    rules = [_summation(int(m)) for m in kinds]
    j, weight = np.zeros((2, max(len(nodes) for nodes, _ in rules), len(kinds)))
    for column, (nodes, weights) in enumerate(rules):
        j[: len(nodes), column], weight[: len(nodes), column] = nodes, weights
    j, weight = j[:, kind], weight[:, kind]
    rise = j * g
    d, r = 1 / (q + rise), 1 / (1 + rise)
    pr = p * r
    small = pr < 0.5
    logs = np.where(small, np.log1p(-np.where(small, pr, 0.0)), -np.log(d * (1 + rise)))
    parts = (logs, d, j * pr * d, d**2, j * d**2, j**2 * pr * d * (d + r))
    sums = [(weight * part).sum(0) for part in parts]
    value, per_d, d_v, per_d2, j_per_d2, minus_d_vv = sums
    pq = p * q
    return Terms(
        value=value,
        d_mu=-sign * pq * per_d,
        d_v=d_v,
        d_mumu=pq * ((p - q) * g * j_per_d2 - q**2 * per_d2),
        d_muv=sign * pq * j_per_d2,
        d_vv=-minus_d_vv,
    )


@lru_cache(maxsize=4096)
def _summation(n: int) -> tuple[FloatArray, FloatArray]:
    """Nodes and weights with which a function of j, summed over j < n, is that sum to rounding error.

    The first terms are added one by one. The others lie in blocks that begin as far from 0 as they are
    long: the functions are analytic but for points at 0 and below, and Gauss' formula for sums (of the
    discrete Chebyshev polynomials) converges there like 5.8^(-2 m) with m nodes.
    """
    nodes, weights = [np.arange(min(n, _SINGLE), dtype=float)], [np.ones(min(n, _SINGLE))]
    start = _SINGLE
    while start < n:
        size = min(start, n - start)
        if size <= _GAUSS:
            own, factors = np.arange(size, dtype=float), np.ones(size)
        else:
            i = np.arange(1.0, _GAUSS)
            beside = np.sqrt(i**2 * (size**2 - i**2) / (4 * (4 * i**2 - 1)))
            own, vectors = np.linalg.eigh(np.diag(beside, 1) + np.diag(beside, -1))
            own, factors = own + (size - 1) / 2, size * vectors[0] ** 2
        nodes.append(start + own)
        weights.append(factors)
        start += size
    return np.concatenate(nodes), np.concatenate(weights)


def _sums(a: FloatArray, m: FloatArray, g: FloatArray) -> _Sums:
    """The sums over j < m, element by element."""
    total = np.zeros((6, *a.shape))
    factors = np.ones((2, *a.shape))  # logarithms of products: two of six factors cannot underflow
    for j in range(min(_DIRECT, int(m.max()))):
        live = j < m
        d = np.where(live, a + j * g, 1.0)
        per = live / d
        square = per**2
        factors[j % 2] *= d
        total[1] += per
        total[3] += square
        if j:
            total[2] += j * per
            total[4] += j * square
            total[5] += j**2 * square
    total[0] = np.log(factors).sum(0)
    more = m > _DIRECT
    if more.any():
        total[:, more] += _rest(a[more] + _DIRECT * g[more], m[more] - _DIRECT, g[more])
    return _Sums(*total)


def _rest(b: FloatArray, m: FloatArray, g: FloatArray) -> _Sums:
    """The sums from j = 12 on, from sum_{i<m} log(b + i g) = m log b + G(g/b) and its derivatives."""
    h = g / b
    value, first, second = _logs(m, h)
    per_d = (m - h * first) / b
    i_per_d = first / b
    per_d2 = (m - 2 * h * first - h**2 * second) / b**2
    i_per_d2 = (first + h * second) / b**2
    i2_per_d2 = -second / b**2
    return _Sums(
        log=m * np.log(b) + value,
        per_d=per_d,
        j_per_d=_DIRECT * per_d + i_per_d,
        per_d2=per_d2,
        j_per_d2=_DIRECT * per_d2 + i_per_d2,
        j2_per_d2=_DIRECT**2 * per_d2 + 2 * _DIRECT * i_per_d2 + i2_per_d2,
    )


def _logs(m: FloatArray, h: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """G(h) = sum_{i<m} log(1 + i h) with its first two derivatives, for 0 <= h <= 1/12."""
    t = m * h
    end = 1 / (1 + t)
    last = h * end
    kappa, kappa_1, kappa_2 = _kappa(t)
    at_h, at_last = h**2, last**2
    slope = polyval(at_last, _STIRLING_1)
    curve = last * polyval(at_last, _STIRLING_2)
    value = m * kappa - np.log1p(t) / 2 + last * polyval(at_last, _STIRLING) - h * polyval(at_h, _STIRLING)
    first = m**2 * kappa_1 - m * end / 2 + slope * end**2 - polyval(at_h, _STIRLING_1)
    second = m**3 * kappa_2 + (m * end) ** 2 / 2 + curve * end**4 - 2 * m * slope * end**3
    return value, first, second - h * polyval(at_h, _STIRLING_2)


def _kappa(t: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Mean of log(1 + u t) over 0 < u < 1, ((1 + t) log(1 + t) - t)/t, with its first two derivatives."""
    near = t < _NEAR
    small, large = np.where(near, t, 0.0), np.where(near, 1.0, t)
    log = np.log1p(large)
    series = (
        small * polyval(small, _KAPPA),
        polyval(small, _KAPPA * _POWER),
        polyval(small, (_KAPPA * _POWER * (_POWER - 1))[1:]),
    )
    closed = (
        ((1 + large) * log - large) / large,
        (large - log) / large**2,
        (large**2 / (1 + large) - 2 * (large - log)) / large**3,
    )
    value, first, second = (np.where(near, s, c) for s, c in zip(series, closed, strict=True))
    return value, first, second
