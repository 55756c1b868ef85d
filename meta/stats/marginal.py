"""The marginal likelihood of one trial in the binomial-normal model, by quadrature of controlled error.

x ~ Binomial(n, expit(theta)) with theta ~ N(mu, tau2): everything exact in this package is made of
log L(mu, tau2) = log of the integral of C(n, x) p^x (1-p)^(n-x) N(theta; mu, tau2) over theta.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import expit, gammaln, log_ndtr, logit

from meta.stats.terms import Terms

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike

    from meta.stats.scales import FloatArray

_DROP = 34.0  # nats below the peak at which the integrand is cut: 2e-15 of it
_STEP = 0.75  # of a standard deviation: a Gaussian is integrated to exp(-2 pi^2 / 0.75^2) = 6e-16
# A gamma-like flank, e^(x theta - n e^theta), has a wider spectrum than the Gaussian of its curvature:
# |Gamma(x + i w)| against Gamma(x) at w = 2 pi / step. This much more curvature makes up for it.
_FLANK = 4.5
_WIDE = 5.0  # tau from which an arm without a responder is integrated by parts, see _by_parts
_NODES = 16_000  # integrand values held at once, so that they stay in the processor's cache
_NEWTON = 60  # steps at most; 4 to 8 are usual
_INV_SQRT_2PI = 1 / np.sqrt(2 * np.pi)
_HALF_LOG_2PI = np.log(2 * np.pi) / 2


class _Cells(NamedTuple):
    """Flat arrays of one length."""

    x: FloatArray
    n: FloatArray
    mu: FloatArray
    tau: FloatArray

    def at(self, rows: np.ndarray) -> _Cells:
        return _Cells(*(z[rows] for z in self))


class _Integrand(NamedTuple):
    """A log-concave integrand of a standardised variable, with what multiplies it for derivatives.

    `log(cells, z)` is its logarithm, `bend(cells, z)` that one's derivative and minus its second one,
    `factors(cells, z)` the four functions whose averages are the derivatives of L by mu, over L.
    """

    log: Callable[[_Cells, FloatArray], FloatArray]
    bend: Callable[[_Cells, FloatArray], tuple[FloatArray, FloatArray]]
    factors: Callable[[_Cells, FloatArray], tuple[FloatArray, ...]]
    start: Callable[[_Cells], FloatArray]
    allowance: Callable[[_Cells], FloatArray]


def log_marginal(x: ArrayLike, n: ArrayLike, mu: ArrayLike, tau: ArrayLike) -> FloatArray:
    """Log marginal likelihood of x responders among n, binomial coefficient included.

    Parameters
    ----------
    x, n : array_like of int, shape (...)
        Responders and patients of an arm.
    mu, tau : array_like, shape (...)
        Mean and standard deviation of the true log odds; finite, tau >= 0.

    Returns
    -------
    ndarray, shape (...)
        Of the shape to which the four broadcast. Relative error of the likelihood below 1e-11 for n up to
        5,000 and any tau (tests/unit/stats/test_marginal.py).

    Notes
    -----
    The trapezoidal rule on the interval where the integrand, which is log-concave, is within e^-34 of its
    peak. That rule converges geometrically for analytic integrands [1]_; its step follows from the
    curvature at the peak, so that each cell gets as many nodes as it needs.

    References
    ----------
    .. [1] Trefethen & Weideman (2014), SIAM Rev 56:385-458, doi:10.1137/130932132

    Examples
    --------
    >>> float(log_marginal(0, 10, 0.0, 0.0).round(6))      # 10 log(1/2)
    -6.931472
    """
    return _integrated(x, n, mu, tau, derivatives=False)[0]


def mean_rate(mu: ArrayLike, tau: ArrayLike) -> FloatArray:
    """Mean response rate E[expit(theta)], theta ~ N(mu, tau2): a fraction.

    Parameters
    ----------
    mu, tau : array_like, shape (...)
        As of :func:`log_marginal`.

    Returns
    -------
    ndarray, shape (...)

    Notes
    -----
    One patient responds with this probability, so it is the marginal likelihood of 1 of 1.
    """
    return np.exp(log_marginal(1, 1, mu, tau))


def marginal_terms(x: ArrayLike, n: ArrayLike, mu: ArrayLike, tau2: ArrayLike) -> Terms:
    """Log marginal likelihood with first and second derivatives with respect to mu and tau2.

    Parameters
    ----------
    x, n, mu
        As of :func:`log_marginal`.
    tau2 : array_like, shape (...)
        Variance of the true log odds, >= 0.

    Returns
    -------
    Terms
        Each of the shape to which the four broadcast.

    Notes
    -----
    L is the convolution of the binomial likelihood with a normal density, hence solves the heat equation
    dL/dtau2 = (d2L/dmu2)/2: derivatives in tau2 are even derivatives in mu and exist at tau2 = 0 as well.
    """
    v = np.asarray(tau2, dtype=float)
    value, (c1, c2, c3, c4) = _integrated(x, n, mu, np.sqrt(v), derivatives=True)
    return Terms(value, c1, c2 / 2, d_mumu=c2 - c1**2, d_muv=(c3 - c1 * c2) / 2, d_vv=(c4 - c2**2) / 4)


def _integrated(
    x: ArrayLike, n: ArrayLike, mu: ArrayLike, tau: ArrayLike, *, derivatives: bool
) -> tuple[FloatArray, tuple[FloatArray, ...]]:
    given = np.broadcast_arrays(*(np.asarray(z, dtype=float) for z in (x, n, mu, tau)))
    shape, cells = given[0].shape, _Cells(*(z.ravel() for z in given))
    value = gammaln(cells.n + 1) - gammaln(cells.x + 1) - gammaln(cells.n - cells.x + 1)
    moments = np.empty((4 if derivatives else 0, len(cells.x)))
    wide = (cells.tau > _WIDE) & (cells.n > 0)
    none, everyone = wide & (cells.x == 0), wide & (cells.x == cells.n)
    moments[:, cells.n == 0] = 0.0  # of nothing the likelihood is 1
    for rows, integrand, sign in (
        (np.flatnonzero((cells.n > 0) & ~none & ~everyone), _PLAIN, 1.0),
        (np.flatnonzero(none), _BY_PARTS, 1.0),
        (np.flatnonzero(everyone), _BY_PARTS, -1.0),  # non-responders are the responders of -theta
    ):
        if rows.size:
            part = cells.at(rows)
            if sign < 0:
                part = part._replace(x=part.n - part.x, mu=-part.mu)
            log_l, averages = _trapezoid(integrand, part, derivatives=derivatives)
            value[rows] += log_l
            for j, average in enumerate(averages):
                moments[j, rows] = average * sign ** (j + 1)
    return value.reshape(shape), tuple(moment.reshape(shape) for moment in moments)


def _trapezoid(
    integrand: _Integrand, cells: _Cells, *, derivatives: bool
) -> tuple[FloatArray, list[FloatArray]]:
    """Log of the integral, and the averages of the factors under it."""
    peak, curvature = _peak(integrand, cells)
    top = integrand.log(cells, peak)
    low, high = (_edge(integrand, cells, peak, top, side / np.sqrt(curvature)) for side in (-1.0, 1.0))
    step = _STEP / np.sqrt(curvature + integrand.allowance(cells))
    nodes = np.ceil((high - low) / step) + 1
    nodes = 8 * np.ceil(nodes / 8).astype(np.intp)  # few different lengths, so few passes
    log_l, averages = np.empty(len(peak)), [np.empty(len(peak)) for _ in range(4 if derivatives else 0)]
    order = np.argsort(nodes, kind="stable")
    start = 0
    while start < len(order):
        size = nodes[order[start]]
        many = max(_NODES // size, 1)
        rows = order[start : start + many]
        rows = rows[nodes[rows] == size]
        start += len(rows)
        part, width = cells.at(rows), (high - low)[rows] / (size - 1)
        z = low[rows] + width * np.arange(size)[:, None]  # nodes first: sums then add whole rows
        weight = integrand.log(part, z)
        weight -= top[rows]
        np.exp(weight, out=weight)
        total = weight.sum(0)
        log_l[rows] = top[rows] + np.log(width * total)
        if derivatives:
            for average, factor in zip(averages, integrand.factors(part, z), strict=True):
                average[rows] = (weight * factor).sum(0) / total
    return log_l, averages


def _peak(integrand: _Integrand, cells: _Cells) -> tuple[FloatArray, FloatArray]:
    """About where the integrand is largest, and its curvature: a tenth of a standard deviation will do."""
    z = integrand.start(cells)
    low, high, last = np.full(len(z), -np.inf), np.full(len(z), np.inf), np.full(len(z), np.inf)
    for _ in range(_NEWTON):
        slope, curvature = integrand.bend(cells, z)
        move = slope / curvature
        if (np.abs(move) * np.sqrt(curvature) < 0.1).all():
            break
        low, high = np.where(slope > 0, z, low), np.where(slope < 0, z, high)
        new = z + move
        bounded = np.isfinite(low) & np.isfinite(high)
        middle = np.where(bounded, low, new) / 2 + np.where(bounded, high, new) / 2
        # Newton's steps may go to and fro across a cliff: where they do not shrink, the bracket is halved
        fine = (new > low) & (new < high) & ((np.abs(move) < last / 2) | ~bounded)
        last = np.abs(move)
        z = np.where(fine, new, middle)
    return z, curvature


def _edge(
    integrand: _Integrand, cells: _Cells, peak: FloatArray, top: FloatArray, deviation: FloatArray
) -> FloatArray:
    """Where the integrand has fallen by _DROP on one side, or a little beyond.

    The logarithm is concave: from anywhere, a Newton step ends on the far side of the crossing.
    """
    z: FloatArray = peak + deviation * np.sqrt(2 * _DROP)
    for _ in range(3):
        slope, _ = integrand.bend(cells, z)
        z += (top - _DROP - integrand.log(cells, z)) / slope
    return z


# ---- theta = mu + tau z: binomial likelihood times standard normal density; smooth at tau = 0


def _softplus(theta: FloatArray) -> FloatArray:
    """log(1 + e^theta), with as few copies as possible: this is where the time goes."""
    size = np.abs(theta)
    np.negative(size, out=size)
    np.exp(size, out=size)
    np.log1p(size, out=size)
    size += np.maximum(theta, 0.0)
    return size


def _plain_log(c: _Cells, z: FloatArray) -> FloatArray:
    theta = c.tau * z
    theta += c.mu
    log = _softplus(theta)
    log *= -c.n
    theta *= c.x
    log += theta
    log -= z * z / 2 + _HALF_LOG_2PI
    return log


def _plain_bend(c: _Cells, z: FloatArray) -> tuple[FloatArray, FloatArray]:
    p = expit(c.mu + c.tau * z)
    expected = c.n * p
    return c.tau * (c.x - expected) - z, 1 + c.tau**2 * expected * (1 - p)


def _plain_factors(c: _Cells, z: FloatArray) -> tuple[FloatArray, ...]:
    """The derivatives of the binomial likelihood with respect to theta, over itself."""
    p = expit(c.mu + c.tau * z)
    a, b = c.x - c.n * p, c.n * p * (1 - p)
    b1, b2 = b * (1 - 2 * p), b * (1 - 6 * p * (1 - p))
    a2 = a * a
    return a, a2 - b, a * (a2 - 3 * b) - b1, a2 * (a2 - 6 * b) + 3 * b * b - 4 * a * b1 - b2


def _plain_start(c: _Cells) -> FloatArray:
    """Between mu and the observed log odds, by the precision of each."""
    observed = logit((c.x + 0.5) / (c.n + 1))
    variance = 1 / (c.x + 0.5) + 1 / (c.n - c.x + 0.5)
    return np.asarray(c.tau * (observed - c.mu) / (variance + c.tau**2))


_PLAIN = _Integrand(
    _plain_log,
    _plain_bend,
    _plain_factors,
    _plain_start,
    lambda c: _FLANK * c.tau**2,
)


# ---- no responder and a wide normal: (1-p)^n is nearly a step, so that the integrand has a plateau as wide
# as the normal and a cliff of width 1. By parts, L is the average of Phi((theta - mu)/tau) over the density
# n p (1-p)^n of theta (the logit of a Beta(1, n) variable), which is of width 1 whatever tau.


def _parts_log(c: _Cells, z: FloatArray) -> FloatArray:
    return np.asarray(np.log(c.n) + z - (c.n + 1) * _softplus(z) + log_ndtr((z - c.mu) / c.tau))


def _ratio(c: _Cells, z: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The standardised deviation s, and phi(s)/Phi(s)."""
    s = (z - c.mu) / c.tau
    return s, _INV_SQRT_2PI * np.exp(-(s**2) / 2 - log_ndtr(s))


def _parts_bend(c: _Cells, z: FloatArray) -> tuple[FloatArray, FloatArray]:
    p, (s, r) = expit(z), _ratio(c, z)
    slope = 1 - (c.n + 1) * p + r / c.tau
    return slope, (c.n + 1) * p * (1 - p) + np.maximum(r * (r + s), 0.0) / c.tau**2


def _parts_factors(c: _Cells, z: FloatArray) -> tuple[FloatArray, ...]:
    """The derivatives of Phi((theta - mu)/tau) with respect to mu, over itself."""
    s, r = _ratio(c, z)
    r = -r / c.tau
    return r, r * s / c.tau, r * (s**2 - 1) / c.tau**2, r * s * (s**2 - 3) / c.tau**3


_BY_PARTS = _Integrand(
    _parts_log,
    _parts_bend,
    _parts_factors,
    lambda c: -np.log(c.n),
    lambda c: np.full(len(c.n), _FLANK),
)
