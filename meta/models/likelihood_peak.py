"""Maximum of the likelihood of a model of counts, with the limits that its options ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

import numpy as np
from scipy.special import expit, ndtri, stdtrit

from meta.data import Counts, GroupedCounts
from meta.stats.codes import Code
from meta.stats.likelihood import Maximum, maximum
from meta.stats.profile import Limits, profile_limits
from meta.stats.summit import locate

if TYPE_CHECKING:
    from meta.stats.proportions import TrialInterval
    from meta.stats.sets import TermsFunction

LikelihoodInterval = Literal["profile", "profile-t", "wald-t", "wald"]
METHODS: dict[LikelihoodInterval, str] = {
    "profile": "profile likelihood",
    "profile-t": "profile likelihood with the F(1, 2(k-1)) cut-off",
    "wald-t": "Wald, t with k-1 df",
    "wald": "Wald, normal quantiles",
}


class Options(Protocol):
    """What both models have."""

    @property
    def interval(self) -> LikelihoodInterval:
        """How limits are found."""

    @property
    def trial_interval(self) -> TrialInterval:
        """Study-level interval."""

    @property
    def level(self) -> float:
        """Of every interval."""


class Family(NamedTuple):
    """A likelihood: its name, its terms, and whether its second parameter is tau2 (else rho/(1 - rho))."""

    name: str
    terms: TermsFunction
    normal: bool


class Peak(NamedTuple):
    """The maximum for G groups that share v, with limits of the means, of v and of the mean rates.

    `df` are the degrees of freedom of Wald limits, infinite for the others.
    """

    top: Maximum
    mu: Limits
    v: Limits
    mean: Limits
    df: float


def peak_of(family: Family, options: Options, data: Counts | GroupedCounts) -> Peak:
    """Maximise, and find the limits that the options ask for.

    Parameters
    ----------
    family : Family
    options : Options
    data : Counts or GroupedCounts
        Of grouped counts every group is to have trials.

    Returns
    -------
    Peak
    """
    groups = data.group if isinstance(data, GroupedCounts) else None
    located = locate(family.terms, data.responders, data.n, groups=groups)
    top = maximum(located)
    many = len(data.names) if isinstance(data, GroupedCounts) else 1
    df = len(data.labels) - many
    if options.interval.startswith("profile"):
        cutoff: Literal["chi2", "f"] = "chi2" if options.interval == "profile" else "f"
        limits = profile_limits(family.terms, located, level=options.level, cutoff=cutoff)
        return Peak(top, limits[0], limits[1], limits[2], np.inf)
    used = np.inf if options.interval == "wald" else float(df)
    upper = (1 + options.level) / 2
    quantile = float(ndtri(upper) if np.isinf(used) else stdtrit(used, upper) if used > 0 else np.nan)
    mu, mean = _wald(family, top, quantile)
    none = np.array(np.nan)
    return Peak(top, mu, Limits(none, none, np.array(Code.OK, dtype=np.int8)), mean, used)


def _wald(family: Family, top: Maximum, quantile: float) -> tuple[Limits, Limits]:
    """Wald limits of mu, and of the mean rate by the delta method on the logit scale."""
    half = quantile * top.se_mu
    code = np.broadcast_to(top.code, top.mu.shape)
    mu = Limits(top.mu - half, top.mu + half, code)
    v = np.broadcast_to(np.asarray(top.v)[..., None], top.mu.shape)
    finite = np.isfinite(top.mu) & np.isfinite(v)
    one = family.terms(np.ones(1), np.ones(1), np.where(finite, top.mu, 0.0), np.where(finite, v, 0.0))
    p = np.exp(one.value)
    slope_mu, slope_v = one.d_mu / (1 - p), one.d_v / (1 - p)  # of logit p
    own = np.arange(top.mu.shape[-1])
    var_mu, cov = top.cov[..., own, own], top.cov[..., -1, :-1]
    var_v = top.cov[..., -1, -1][..., None]
    with_v = np.where(np.isfinite(var_v), 2 * slope_mu * slope_v * cov + slope_v**2 * var_v, 0.0)
    half = quantile * np.sqrt(slope_mu**2 * var_mu + with_v)
    centre = np.log(p) - np.log1p(-p)
    low, high = (np.where(finite, expit(centre + sign * half), np.nan) for sign in (-1, 1))
    return mu, Limits(low, high, code)
