"""What every binomial likelihood here consists of: one term a trial, with its derivatives.

A random-effects model of binomial counts is a function ``terms(x, n, mu, v) -> Terms``: `mu` is the
centre on the logit scale, `v` >= 0 the heterogeneity in that model's own parameter (tau2 of the
binomial-normal, rho/(1 - rho) of the beta-binomial), and v = 0 the plain binomial with expit(mu).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from meta.stats.normal.scales import FloatArray


class Terms(NamedTuple):
    """Log-likelihood contributions log Pr(x | n, mu, v), element by element, and their derivatives.

    Every field has the shape to which x, n, mu and v broadcast. `value` includes the binomial
    coefficient. `d_mu` and `d_v` are the first, `d_mumu`, `d_muv` and `d_vv` the second partial
    derivatives; at v = 0 those by v are taken from the right. A trial without patients (n = 0)
    contributes zeros throughout, so that n = 0 is how a trial is left out.
    """

    value: FloatArray
    d_mu: FloatArray
    d_v: FloatArray
    d_mumu: FloatArray
    d_muv: FloatArray
    d_vv: FloatArray
