"""Distributions of true rates over trials to simulate from, each by its centre and the spread of log odds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import betainc, betaincinv, expit, logit, ndtr, polygamma

from meta.results.calibration import Mixing, Truth
from meta.stats.binomial.marginal import mean_rate

if TYPE_CHECKING:
    from meta.stats.normal.scales import FloatArray

_LEAST, _MOST = 1e-6, 1e12  # sums of a beta distribution's two shapes: log odds with sd from 1e6 to 1e-6


def draw(truth: Truth, generator: np.random.Generator, shape: tuple[int, ...]) -> FloatArray:
    """True rates of trials, shape `shape`."""
    if truth.tau == 0:
        return np.full(shape, truth.rate)
    if truth.mixing is Mixing.BETA:
        return generator.beta(*beta_shapes(truth), shape)
    if truth.mixing is Mixing.NORMAL:
        apart = generator.standard_normal(shape)
    else:
        apart = generator.choice([-1.0, 1.0], shape)
    return np.asarray(expit(logit(truth.rate) + truth.tau * apart))


def mean(truth: Truth) -> float:
    """Mean rate over trials."""
    if truth.tau == 0 or truth.mixing is Mixing.BETA:
        return truth.rate
    if truth.mixing is Mixing.NORMAL:
        return float(mean_rate(logit(truth.rate), truth.tau))
    return float(_points(truth).mean())


def median(truth: Truth) -> float | None:
    """Median rate over trials; None of two points, between which any rate would be one."""
    if truth.tau == 0 or truth.mixing is Mixing.NORMAL:
        return truth.rate
    return float(betaincinv(*beta_shapes(truth), 0.5)) if truth.mixing is Mixing.BETA else None


def below(truth: Truth, rate: Any, *, inclusive: bool) -> FloatArray:
    """Share of trials with a true rate below `rate`, or at most `rate`; shape that of `rate`."""
    at = np.asarray(rate, dtype=float)
    if truth.tau == 0 or truth.mixing is Mixing.TWO_POINT:
        points = _points(truth)
        less = points <= at[..., None] if inclusive else points < at[..., None]
        return np.asarray(less.mean(-1))
    if truth.mixing is Mixing.BETA:
        return np.asarray(betainc(*beta_shapes(truth), np.clip(at, 0, 1)))
    with np.errstate(divide="ignore"):  # log odds of 0 and 1
        return np.asarray(ndtr((logit(np.clip(at, 0, 1)) - logit(truth.rate)) / truth.tau))


def beta_shapes(truth: Truth) -> tuple[float, float]:
    """Shapes of the beta distribution with mean `rate` whose log odds have standard deviation `tau`.

    Log odds of a beta variable have variance trigamma(a) + trigamma(b).
    """

    def excess(log_total: float) -> float:
        total = np.exp(log_total)
        variance = polygamma(1, truth.rate * total) + polygamma(1, (1 - truth.rate) * total)
        return float(np.log(variance) - 2 * np.log(truth.tau))

    total = np.exp(brentq(excess, np.log(_LEAST), np.log(_MOST)))
    return truth.rate * total, (1 - truth.rate) * total


def _points(truth: Truth) -> FloatArray:
    apart = truth.tau * np.array([-1.0, 1.0])
    return np.asarray(expit(logit(truth.rate) + apart))
