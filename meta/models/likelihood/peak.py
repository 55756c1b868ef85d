"""Maximum of the likelihood of a model of counts, with the limits that its options ask for."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from scipy.special import expit, ndtri, stdtrit

from meta.data import Counts, GroupedCounts
from meta.models.contract import IntervalWords, PoolingModel
from meta.stats.binomial.likelihood import Maximum, locate, maximum
from meta.stats.binomial.marginal import mean_rate
from meta.stats.binomial.profile import Limits, profile_limits
from meta.stats.numeric.codes import Code

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from meta.stats.binomial.terms import TermsFunction
    from meta.stats.normal.scales import FloatArray

LikelihoodInterval = Literal["profile", "profile-t", "wald-t", "wald"]
INTERVALS: dict[LikelihoodInterval, IntervalWords] = {
    "profile": IntervalWords(
        "profile likelihood", "profile-likelihood interval", "profile-likelihood intervals"
    ),
    "profile-t": IntervalWords(
        "profile likelihood with the F(1, 2(k-1)) cut-off",
        "profile-likelihood interval with the F(1, 2(k-1)) cut-off",
        "profile-likelihood intervals with a cut-off from the F distribution",
    ),
    "wald-t": IntervalWords(
        "Wald, t with df = trials - means",
        "Wald interval, t with df = trials - means",
        "Wald intervals by the t distribution",
    ),
    "wald": IntervalWords("Wald, normal quantiles", "Wald interval", "Wald intervals"),
}


class LikelihoodModel(PoolingModel):
    """Options and words that both likelihood models share."""

    __slots__ = ()

    @property
    @abstractmethod
    def interval(self) -> LikelihoodInterval:
        """How limits are found."""

    @property
    def unbatched(self) -> None:
        """Nothing."""

    def in_words(self) -> str:
        """The kind of interval."""
        return INTERVALS[self.interval].short


class Family(NamedTuple):
    """A likelihood: its name, its terms, and whether its second parameter is tau2 (else rho/(1 - rho))."""

    name: str
    terms: TermsFunction
    normal: bool


def method_of(family: Family, options: LikelihoodModel) -> str:
    """How estimates and intervals are made."""
    return f"{family.name} maximum likelihood, {INTERVALS[options.interval].method}"


class Peak(NamedTuple):
    """The maximum for G groups that share v, with limits of the means, of v and of the mean rates.

    `df`, shape (...), are the degrees of freedom of Wald limits, infinite for the others.
    """

    top: Maximum
    mu: Limits
    v: Limits
    mean: Limits
    df: FloatArray


def peak_of(family: Family, options: LikelihoodModel, data: Counts | GroupedCounts) -> Peak:
    """Maximise, and find the limits that the options ask for.

    Parameters
    ----------
    data : Counts or GroupedCounts
        Of grouped counts every group is to have trials.
    """
    groups = data.group if isinstance(data, GroupedCounts) else None
    return peaks(family, options, data.responders, data.n, groups=groups)


def peaks(
    family: Family,
    options: LikelihoodModel,
    x: ArrayLike,
    n: ArrayLike,
    include: ArrayLike = True,
    *,
    groups: ArrayLike | None = None,
) -> Peak:
    """Maximise the likelihoods of any number of data sets, and find the limits that the options ask for.

    Parameters
    ----------
    x, n, include, groups
        As of :func:`meta.stats.likelihood.maximise`.
    """
    located = locate(family.terms, x, n, include, groups=groups)
    top = maximum(located)
    none = np.full(np.shape(top.v), np.inf)
    if options.interval in ("profile", "profile-t"):
        cutoff: Literal["chi2", "f"] = "chi2" if options.interval == "profile" else "f"
        limits = profile_limits(family.terms, located, level=options.level, cutoff=cutoff)
        return Peak(top, limits[0], limits[1], limits[2], none)
    used = none if options.interval == "wald" else _df(x, n, include, groups)
    upper = (1 + options.level) / 2
    t = stdtrit(np.where((used > 0) & np.isfinite(used), used, 1.0), upper)
    quantile = np.where(np.isinf(used), ndtri(upper), np.where(used > 0, t, np.nan))
    mu, mean = _wald(family, top, quantile[..., None])
    gone = np.full(none.shape, np.nan)
    return Peak(top, mu, Limits(gone, gone, np.full(none.shape, Code.OK, dtype=np.int8)), mean, used)


def _df(x: ArrayLike, n: ArrayLike, include: ArrayLike, groups: ArrayLike | None) -> FloatArray:
    """Trials less means, of groups that have trials."""
    _, size, use = np.broadcast_arrays(x, n, include)
    used = np.asarray(use, dtype=bool) & (np.asarray(size) > 0)
    labels = np.zeros(used.shape[-1], dtype=int) if groups is None else np.asarray(groups)
    filled = sum(used[..., labels == group].any(-1) for group in np.unique(labels))
    return np.asarray(used.sum(-1) - filled, dtype=float)


def rates(family: Family, mu: FloatArray, v: FloatArray) -> FloatArray:
    """Mean rates, 0 or 1 where mu is infinite, NaN where there is no estimate; shape of `mu`.

    Parameters
    ----------
    mu, v : ndarray
        Of the same shape.
    """
    if not family.normal:
        return np.asarray(expit(mu))
    finite = np.isfinite(mu) & np.isfinite(v)
    mean = mean_rate(np.where(finite, mu, 0.0), np.sqrt(np.where(finite, v, 0.0)))
    return np.where(finite, mean, expit(mu))


def _wald(family: Family, top: Maximum, quantile: FloatArray) -> tuple[Limits, Limits]:
    """Wald limits of mu, and of the mean rate by the delta method on the logit scale."""
    half = quantile * top.se_mu
    code = np.broadcast_to(np.asarray(top.code)[..., None], top.mu.shape)
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
