"""Integrands of the marginal likelihood of one trial: one integral in two log-concave forms."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import log_ndtr, logit

if TYPE_CHECKING:
    from collections.abc import Callable

    from meta.stats.normal.scales import FloatArray

WIDE = 5.0  # tau from which an arm without a responder is integrated by parts
# A gamma-like flank, e^(x theta - n e^theta), has a wider spectrum than the Gaussian of its curvature:
# |Gamma(x + i w)| against Gamma(x) at w = 2 pi / step. This much more curvature makes up for it.
_FLANK = 4.5
_INV_SQRT_2PI = 1 / np.sqrt(2 * np.pi)
_HALF_LOG_2PI = np.log(2 * np.pi) / 2


class Cells(NamedTuple):
    """Flat arrays of one length."""

    x: FloatArray
    n: FloatArray
    mu: FloatArray
    tau: FloatArray

    def at(self, rows: np.ndarray) -> Cells:
        """Some of them."""
        return Cells(*(z[rows] for z in self))


Look = tuple["FloatArray", "FloatArray"]


class Integrand(NamedTuple):
    """A log-concave integrand of a standardised variable, with what multiplies it for derivatives.

    `look(cells, z)` is what the others share, so that no exponential is taken twice. `log(cells, z, look)` is
    the integrand's logarithm, `bend(...)` that one's derivative and minus its second one, `factors(...)` the
    four functions whose averages are the derivatives of L by mu, over L.
    """

    look: Callable[[Cells, FloatArray], Look]
    log: Callable[[Cells, FloatArray, Look], FloatArray]
    bend: Callable[[Cells, FloatArray, Look], tuple[FloatArray, FloatArray]]
    factors: Callable[[Cells, FloatArray, Look], tuple[FloatArray, ...]]
    start: Callable[[Cells], FloatArray]
    allowance: Callable[[Cells], FloatArray]


# ---- theta = mu + tau z: binomial likelihood times standard normal density; smooth at tau = 0


def _exponential(theta: FloatArray) -> FloatArray:
    """e^-|theta|, from which the rate and its logarithms follow: this is where the time goes."""
    small = np.abs(theta)
    np.negative(small, out=small)
    return np.exp(small, out=small)


def _softplus(theta: FloatArray, small: FloatArray) -> FloatArray:
    """log(1 + e^theta)."""
    size = np.log1p(small)
    size += np.maximum(theta, 0.0)
    return size


def _rate(theta: FloatArray, small: FloatArray) -> FloatArray:
    """expit(theta)."""
    return np.asarray(np.where(theta < 0, small, 1.0) / (1.0 + small))


def _plain_look(c: Cells, z: FloatArray) -> Look:
    theta = c.tau * z
    theta += c.mu
    return theta, _exponential(theta)


def _plain_log(c: Cells, z: FloatArray, look: Look) -> FloatArray:
    log = _softplus(*look)
    log *= -c.n
    log += look[0] * c.x
    log -= z * z / 2 + _HALF_LOG_2PI
    return log


def _plain_bend(c: Cells, z: FloatArray, look: Look) -> tuple[FloatArray, FloatArray]:
    p = _rate(*look)
    expected = c.n * p
    return c.tau * (c.x - expected) - z, 1 + c.tau**2 * expected * (1 - p)


def _plain_factors(c: Cells, _: FloatArray, look: Look) -> tuple[FloatArray, ...]:
    """The derivatives of the binomial likelihood with respect to theta, over itself."""
    p = _rate(*look)
    a, b = c.x - c.n * p, c.n * p * (1 - p)
    b1, b2 = b * (1 - 2 * p), b * (1 - 6 * p * (1 - p))
    a2 = a * a
    return a, a2 - b, a * (a2 - 3 * b) - b1, a2 * (a2 - 6 * b) + 3 * b * b - 4 * a * b1 - b2


def _plain_start(c: Cells) -> FloatArray:
    """Between mu and the observed log odds, by the precision of each."""
    observed = logit((c.x + 0.5) / (c.n + 1))
    variance = 1 / (c.x + 0.5) + 1 / (c.n - c.x + 0.5)
    return np.asarray(c.tau * (observed - c.mu) / (variance + c.tau**2))


PLAIN = Integrand(
    _plain_look,
    _plain_log,
    _plain_bend,
    _plain_factors,
    _plain_start,
    lambda c: _FLANK * c.tau**2,
)


# ---- no responder and a wide normal: (1-p)^n is nearly a step, so that the integrand has a plateau as wide
# as the normal and a cliff of width 1. By parts, L is the average of Phi((theta - mu)/tau) over the density
# n p (1-p)^n of theta (the logit of a Beta(1, n) variable), which is of width 1 whatever tau.


def _parts_look(c: Cells, z: FloatArray) -> Look:
    return _exponential(z), np.asarray(log_ndtr((z - c.mu) / c.tau))


def _parts_log(c: Cells, z: FloatArray, look: Look) -> FloatArray:
    return np.asarray(np.log(c.n) + z - (c.n + 1) * _softplus(z, look[0]) + look[1])


def _ratio(c: Cells, z: FloatArray, log_below: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The standardised deviation s, and phi(s)/Phi(s)."""
    s = (z - c.mu) / c.tau
    return s, _INV_SQRT_2PI * np.exp(-(s**2) / 2 - log_below)


def _parts_bend(c: Cells, z: FloatArray, look: Look) -> tuple[FloatArray, FloatArray]:
    p, (s, r) = _rate(z, look[0]), _ratio(c, z, look[1])
    slope = 1 - (c.n + 1) * p + r / c.tau
    return slope, (c.n + 1) * p * (1 - p) + np.maximum(r * (r + s), 0.0) / c.tau**2


def _parts_factors(c: Cells, z: FloatArray, look: Look) -> tuple[FloatArray, ...]:
    """The derivatives of Phi((theta - mu)/tau) with respect to mu, over itself."""
    s, r = _ratio(c, z, look[1])
    r = -r / c.tau
    return r, r * s / c.tau, r * (s**2 - 1) / c.tau**2, r * s * (s**2 - 3) / c.tau**3


BY_PARTS = Integrand(
    _parts_look,
    _parts_log,
    _parts_bend,
    _parts_factors,
    lambda c: -np.log(c.n),
    lambda c: np.full(len(c.n), _FLANK),
)
