"""The marginal likelihood of one trial in the binomial-normal model, by quadrature of controlled error.

x ~ Binomial(n, expit(theta)) with theta ~ N(mu, tau2): everything exact in this package is made of
log L(mu, tau2) = log of the integral of C(n, x) p^x (1-p)^(n-x) N(theta; mu, tau2) over theta.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import gammaln

from meta.stats.binomial.integrands import BY_PARTS, PLAIN, WIDE, Cells
from meta.stats.binomial.terms import Terms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import ArrayLike

    from meta.stats.binomial.integrands import Integrand
    from meta.stats.normal.scales import FloatArray

    Method = Callable[[Integrand, Cells], tuple[FloatArray, list[FloatArray]]]


class _Rule(NamedTuple):
    """How fine the quadrature is.

    `drop`: nats below the peak at which the integrand is cut, e^-30 = 9e-14 of it. `step`: of a standard
    deviation; a Gaussian is integrated to 2 exp(-2 pi^2 / 0.8^2) = 8e-14, and to 6e-17 with a step of 0.72.
    """

    drop: float
    step: float


_VALUE, _DERIVATIVES = _Rule(30.0, 0.8), _Rule(34.0, 0.72)  # polynomials amplify what is neglected
_NODES = 16_000  # integrand values held at once, so that they stay in the processor's cache
_IDLE = 2_000  # integrand values computed in vain at most, to save a pass
_NEWTON = 60  # steps at most; 4 to 8 are usual


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
        5,000 and any tau (tests/unit/stats/binomial/test_marginal.py).

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
    return _integrated(x, n, mu, tau, _value)[0]


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
    return np.minimum(np.exp(log_marginal(1, 1, mu, tau)), 1.0)


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
    value, (c1, c2, c3, c4) = _integrated(x, n, mu, np.sqrt(v), _with_derivatives, averages=4)
    return Terms(value, c1, c2 / 2, d_mumu=c2 - c1**2, d_muv=(c3 - c1 * c2) / 2, d_vv=(c4 - c2**2) / 4)


def approximate_log_marginal(x: ArrayLike, n: ArrayLike, mu: ArrayLike, tau: ArrayLike) -> FloatArray:
    """Log marginal likelihood by Laplace's method, several times faster: enough to locate a posterior.

    Parameters
    ----------
    x, n, mu, tau
        As of :func:`log_marginal`.

    Returns
    -------
    ndarray, shape (...)
        Within 0.2 (tests/unit/stats/binomial/test_marginal.py).
    """
    return _integrated(x, n, mu, tau, _laplace)[0]


def _integrated(
    x: ArrayLike, n: ArrayLike, mu: ArrayLike, tau: ArrayLike, method: Method, *, averages: int = 0
) -> tuple[FloatArray, tuple[FloatArray, ...]]:
    """Logarithms of the integrals, and averages of the integrand's factors under it."""
    given = np.broadcast_arrays(*(np.asarray(z, dtype=float) for z in (x, n, mu, tau)))
    shape, cells = given[0].shape, Cells(*(z.ravel() for z in given))
    value = np.broadcast_to(
        _log_choose(np.asarray(x, dtype=float), np.asarray(n, dtype=float)), shape
    ).flatten()
    moments = np.empty((averages, len(cells.x)))
    wide = (cells.tau > WIDE) & (cells.n > 0)
    none, everyone = wide & (cells.x == 0), wide & (cells.x == cells.n)
    moments[:, cells.n == 0] = 0.0  # of nothing the likelihood is 1
    for rows, integrand, sign in (
        (np.flatnonzero((cells.n > 0) & ~none & ~everyone), PLAIN, 1.0),
        (np.flatnonzero(none), BY_PARTS, 1.0),
        (np.flatnonzero(everyone), BY_PARTS, -1.0),  # non-responders are the responders of -theta
    ):
        if rows.size:
            part = cells.at(rows)
            if sign < 0:
                part = part._replace(x=part.n - part.x, mu=-part.mu)
            log_l, averages_of_part = method(integrand, part)
            value[rows] += log_l
            for j, average in enumerate(averages_of_part):
                moments[j, rows] = average * sign ** (j + 1)
    return value.reshape(shape), tuple(moment.reshape(shape) for moment in moments)


def _log_choose(x: FloatArray, n: FloatArray) -> FloatArray:
    """Logarithm of the binomial coefficient."""
    return np.asarray(gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1))


def _laplace(integrand: Integrand, cells: Cells) -> tuple[FloatArray, list[FloatArray]]:
    peak, curvature = _peak(integrand, cells)
    top = integrand.log(cells, peak, integrand.look(cells, peak))
    return top + np.log(2 * np.pi / curvature) / 2, []


def _value(integrand: Integrand, cells: Cells) -> tuple[FloatArray, list[FloatArray]]:
    return _trapezoid(integrand, cells, _VALUE, derivatives=False)


def _with_derivatives(integrand: Integrand, cells: Cells) -> tuple[FloatArray, list[FloatArray]]:
    return _trapezoid(integrand, cells, _DERIVATIVES, derivatives=True)


def _trapezoid(
    integrand: Integrand, cells: Cells, rule: _Rule, *, derivatives: bool
) -> tuple[FloatArray, list[FloatArray]]:
    """Log of the integral, and the averages of the factors under it."""
    low, high, top, step = _range(integrand, cells, rule)
    nodes = np.ceil((high - low) / step).astype(np.intp) + 1
    widths = (high - low) / (nodes - 1)
    log_l, averages = np.empty(len(low)), [np.empty(len(low)) for _ in range(4 if derivatives else 0)]
    for rows, size in _passes(nodes):
        part, width = cells.at(rows), widths[rows]
        z = low[rows] + width * np.arange(size)[:, None]  # nodes first: sums then add whole rows
        look = integrand.look(part, z)
        weight = integrand.log(part, z, look)
        weight -= top[rows]
        np.exp(weight, out=weight)
        if nodes[rows[0]] < size:  # a cell's own nodes alone, so that its value has nothing to do with others
            weight[np.arange(size)[:, None] >= nodes[rows]] = 0.0
        total = weight.sum(0)
        log_l[rows] = top[rows] + np.log(width * total)
        if derivatives:
            for average, factor in zip(averages, integrand.factors(part, z, look), strict=True):
                average[rows] = (weight * factor).sum(0) / total
    return log_l, averages


def _passes(nodes: np.ndarray) -> Iterator[tuple[np.ndarray, int]]:
    """Rows that are integrated at once, and with how many nodes: few passes, and little in vain."""
    order = np.argsort(nodes, kind="stable")
    sizes = nodes[order]
    start = 0
    while start < len(order):
        ahead = sizes[start : start + max(_NODES // int(sizes[start]), 1)]
        idle = ahead * np.arange(1, len(ahead) + 1) - ahead.cumsum()  # nodes more than needed
        end = start + int(np.searchsorted(idle, _IDLE, side="right"))
        yield order[start:end], int(sizes[end - 1])
        start = end


def _range(integrand: Integrand, cells: Cells, rule: _Rule) -> tuple[FloatArray, ...]:
    """Lowest and highest node, the integrand's logarithm at its peak, and the step that it needs."""
    peak, curvature = _peak(integrand, cells)
    top = integrand.log(cells, peak, integrand.look(cells, peak))
    low, high = _edges(integrand, cells, peak, top - rule.drop, np.sqrt(2 * rule.drop / curvature))
    return low, high, top, rule.step / np.sqrt(curvature + integrand.allowance(cells))


def _peak(integrand: Integrand, cells: Cells) -> tuple[FloatArray, FloatArray]:
    """About where the integrand is largest, and its curvature: a tenth of a standard deviation will do."""
    peak = integrand.start(cells)
    curvature = np.empty(len(peak))
    rows, z = np.arange(len(peak)), peak
    low, high, last = np.full((3, len(peak)), np.inf)
    low = -low
    for _ in range(_NEWTON):
        slope, bend = integrand.bend(cells, z, integrand.look(cells, z))
        move = slope / bend
        near = np.abs(move) * np.sqrt(bend) < 0.1
        peak[rows], curvature[rows] = z, bend
        if near.all():
            break
        if near.sum() > len(near) / 2:  # most are there: no need to look at them again
            far = ~near
            rows, cells = rows[far], cells.at(far)
            z, low, high, last, slope, move = (part[far] for part in (z, low, high, last, slope, move))
        low, high = np.where(slope > 0, z, low), np.where(slope < 0, z, high)
        new = z + move
        bounded = np.isfinite(low) & np.isfinite(high)
        middle = np.where(bounded, low, new) / 2 + np.where(bounded, high, new) / 2
        # Newton's steps may go to and fro across a cliff: where they do not shrink, the bracket is halved
        fine = (new > low) & (new < high) & ((np.abs(move) < last / 2) | ~bounded)
        last = np.abs(move)
        z = np.where(fine, new, middle)
    return peak, curvature


def _edges(
    integrand: Integrand, cells: Cells, peak: FloatArray, bottom: FloatArray, guess: FloatArray
) -> FloatArray:
    """Where the integrand's logarithm falls to `bottom` on either side, or a little beyond, shape (2, cells).

    The logarithm is concave: from anywhere, a Newton step ends on the far side of the crossing. One step from
    a Gaussian's edges takes 3 % more nodes than ten, and 37 % at most.
    """
    z: FloatArray = peak + np.multiply.outer([-1.0, 1.0], guess)
    look = integrand.look(cells, z)
    slope, _ = integrand.bend(cells, z, look)
    return np.asarray(z + (bottom - integrand.log(cells, z, look)) / slope)
