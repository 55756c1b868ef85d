"""tau as a smooth function of a variable on the whole line, so that equal steps there integrate over it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import expit

if TYPE_CHECKING:
    from meta.stats.normal.scales import FloatArray
    from meta.stats.posterior.priors import TauPrior


class TauAxis(NamedTuple):
    """tau as a function of t on the whole line, its density vanishing doubly exponentially at both ends."""

    low: float
    high: float
    centre: float

    @classmethod
    def of(cls, prior: TauPrior) -> TauAxis:
        """The axis for a prior: over its support, resolved best about its median."""
        return cls(*prior.support, float(prior.quantile(0.5)))

    def tau(self, t: FloatArray) -> FloatArray:
        """Value of tau, shape of `t`."""
        t = np.clip(t, -6.0, 6.0)  # tau from 1e-137 to 1e137 of the centre
        if np.isfinite(self.high):
            return np.asarray(self.low + (self.high - self.low) * expit(np.pi * np.sinh(t)))
        return self.centre * np.exp(np.pi / 2 * np.sinh(t))

    def log_slope(self, t: FloatArray) -> FloatArray:
        """Log of dtau/dt, shape of `t`."""
        if np.isfinite(self.high):
            z = np.pi * np.sinh(t)
            both = -np.logaddexp(0, z) - np.logaddexp(0, -z)  # log of expit(z) expit(-z)
            return np.asarray(np.log((self.high - self.low) * np.pi * np.cosh(t)) + both)
        return np.asarray(np.log(self.centre * np.pi / 2 * np.cosh(t)) + np.pi / 2 * np.sinh(t))
