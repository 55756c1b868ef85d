"""Maximum likelihood of a two-parameter random-effects model of binomial counts, batched.

The model is a function ``terms(x, n, mu, v)`` (:mod:`meta.stats.binomial.terms`): the binomial-normal or the
beta-binomial one. At any fixed v its log-likelihood has one peak in each mu, so that the means can be
profiled out; over v, a coarse table finds the basins and Newton's method the highest peak.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from scipy.special import chdtri, fdtri, logit

from meta.errors import DataError
from meta.stats.binomial.newton import cross, settle
from meta.stats.binomial.sets import Sets, TermsFunction, tally
from meta.stats.binomial.summit import locate
from meta.stats.numeric.codes import Code, CodeArray

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from meta.stats.binomial.newton import Summit
    from meta.stats.binomial.summit import Located
    from meta.stats.normal.scales import BoolArray, FloatArray

Cutoff = Literal["chi2", "f"]


class Maximum(NamedTuple):
    """Maximum-likelihood estimates, NaN or infinite with a code where there are none.

    `mu` and `se_mu` have shape (..., G), `v`, `se_v`, `loglik` (binomial coefficients included),
    `at_boundary` (v = 0) and `code` shape (...), `cov` of (mu_1, ..., mu_G, v) shape (..., G+1, G+1).
    Standard errors are from the observed information; at v = 0 from that of the means alone, and those
    of v are NaN.
    """

    mu: FloatArray
    v: FloatArray
    loglik: FloatArray
    se_mu: FloatArray
    se_v: FloatArray
    cov: FloatArray
    at_boundary: BoolArray
    code: CodeArray


class Fixed(NamedTuple):
    """Estimates of the means at a given v, each shape (..., G) except `loglik`, shape (...)."""

    mu: FloatArray
    loglik: FloatArray
    se: FloatArray
    low: FloatArray
    high: FloatArray
    code: CodeArray


def maximise(
    terms: TermsFunction,
    x: ArrayLike,
    n: ArrayLike,
    include: ArrayLike = True,
    *,
    groups: ArrayLike | None = None,
) -> Maximum:
    """Maximise the likelihood over the groups' means and their common v >= 0.

    Parameters
    ----------
    terms : callable (x, n, mu, v) -> Terms
        One term an arm, for instance :func:`meta.stats.binomial.marginal.marginal_terms`.
    x, n : array_like of int, shape (..., k)
        Responders and patients of each arm.
    include : array_like of bool, shape (..., k), default True
        Arms that count; arms without patients never do.
    groups : array_like of int, shape (k,), optional
        Group index of each arm; one group if left out. A group without arms has mu = NaN.

    Returns
    -------
    Maximum
        The highest peak, to rounding error. Code.INFINITE_MU: a group has no responder (mu = -inf) or
        nobody else (+inf); it adds 0 to the log-likelihood whatever v, and the other groups and v are
        estimated all the same (v = 0 if there is no other). Code.NO_MAXIMUM: every arm has no responder or
        nobody else, both occur in a group, and not all arms are single patients; then v = inf, mu = NaN and
        `loglik` is the supremum. Code.NO_TRIALS: no arm counts.

    Notes
    -----
    With only such extreme arms a group's likelihood is at most (1 - p)^a p^b, p its mean rate and a and b
    its arms of either kind, and comes as close as one likes when v grows, whatever the mixing
    distribution. With one patient an arm v is not identified; the value given is 0.

    Examples
    --------
    >>> from meta.stats.binomial.marginal import marginal_terms
    >>> m = maximise(marginal_terms, [5, 6, 2, 1], [18, 32, 29, 21])
    >>> [round(float(z), 4) for z in (m.mu[0], m.se_mu[0], m.v, m.loglik)]
    [-1.8638, 0.3772, 0.1721, -8.5306]
    """
    return maximum(locate(terms, x, n, include, groups=groups))


def maximum(located: Located) -> Maximum:
    """The estimates of :func:`maximise`, of maxima that have been located.

    Parameters
    ----------
    located : Located

    Returns
    -------
    Maximum
    """
    s, shape, peak, code, _ = located
    variance, se2_v, cov = _covariance(peak)
    many = s.member.shape[0]
    return Maximum(
        peak.mu.reshape(*shape, many),
        peak.v.reshape(shape),
        peak.value.reshape(shape),
        np.sqrt(variance).reshape(*shape, many),
        np.sqrt(se2_v).reshape(shape),
        cov.reshape(*shape, many + 1, many + 1),
        (peak.v == 0).reshape(shape),
        code.reshape(shape),
    )


def _covariance(peak: Summit) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Variances of the means and of v, and the matrix of both."""
    given_v = np.divide(-1.0, peak.d_mumu, out=np.full_like(peak.mu, np.nan), where=peak.d_mumu < 0)
    inner = (peak.v > 0) & (peak.bend < 0)
    se2_v = np.divide(-1.0, peak.bend, out=np.full_like(peak.v, np.nan), where=inner)
    drift = peak.d_muv * given_v  # of the best mean with v
    share = np.where(peak.v > 0, se2_v, 0.0)[:, None, None]
    many = peak.mu.shape[1]
    own, last = np.arange(many), many
    cov = np.empty((len(peak.v), many + 1, many + 1))
    cov[:, :last, :last] = drift[:, :, None] * drift[:, None, :] * share
    cov[:, own, own] += given_v
    cov[:, last, :last] = cov[:, :last, last] = drift * se2_v[:, None]
    cov[:, last, last] = se2_v
    return cov[:, own, own], se2_v, cov


def fixed(
    terms: TermsFunction,
    x: ArrayLike,
    n: ArrayLike,
    include: ArrayLike,
    v: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    level: float = 0.95,
    cutoff: Cutoff = "chi2",
) -> Fixed:
    """Maximise over the means at given v, with likelihood intervals at that v.

    Parameters
    ----------
    terms, x, n, include, groups
        As of :func:`maximise`.
    v : array_like, shape (...)
        Heterogeneity, >= 0; broadcast against the leading axes of the counts.
    level, cutoff
        Of the intervals, as of :func:`meta.stats.binomial.profile.profile_intervals`.

    Returns
    -------
    Fixed
        Code.INFINITE_MU as of :func:`maximise`, by group, with the one limit that is finite; Code.NO_TRIALS
        for a group without arms. A limit is NaN where the cut-off has no degree of freedom.

    Raises
    ------
    DataError
        If v is negative or not finite.
    """
    at = np.asarray(v, dtype=float)
    if not (np.isfinite(at) & (at >= 0)).all():
        raise DataError("v: found a value that is negative or not finite; v >= 0 is allowed")
    s, shape = tally(x, n, include, groups, lead=at.shape)
    at = np.broadcast_to(at, shape).reshape(-1)
    flat = _settled(terms, s, at)
    drop = cut(s.k.sum(-1), (s.k > 0).sum(-1), level, cutoff)
    loglik = np.where(flat.code == Code.NO_TRIALS, 0.0, flat.loglik)
    low, high = (_fallen(terms, s, flat, loglik - drop[:, None], at, side) for side in (-1.0, 1.0))
    form = (*shape, s.member.shape[0])
    return Fixed(
        flat.mu.reshape(form),
        loglik.sum(-1).reshape(shape),
        flat.se.reshape(form),
        low.reshape(form),
        high.reshape(form),
        flat.code.reshape(form),
    )


def cut(k: FloatArray, many: FloatArray, level: float, cutoff: Cutoff) -> FloatArray:
    """How far the log-likelihood may fall; NaN without a degree of freedom.

    Parameters
    ----------
    k, many : ndarray, shape (...)
        Trials, and means.
    level : float
    cutoff : {"chi2", "f"}
    """
    if cutoff == "chi2":
        return np.full(np.shape(k), float(chdtri(1, 1 - level)) / 2)
    df = 2 * (k - many)
    with np.errstate(invalid="ignore"):
        return np.where(df > 0, fdtri(1, np.maximum(df, 1), level), np.nan) / 2


def _settled(terms: TermsFunction, s: Sets, v: FloatArray) -> Fixed:
    """Means at given v of a flat batch, without limits; `loglik` by group."""
    one_sided, filled = s.one_sided, s.k > 0
    inner = s.only(~one_sided)
    x, patients = inner.by_group(inner.x), inner.by_group(inner.n)
    start = logit(np.where(x > 0, x, 0.5) / np.where(x > 0, patients, 1.0))
    ridge = settle(terms, inner, start, v)
    infinite = np.where(s.by_group(s.x) > 0, np.inf, -np.inf)
    mu = np.where(one_sided, infinite, np.where(filled, ridge.mu, np.nan))
    with np.errstate(divide="ignore", invalid="ignore"):
        se = np.where(ridge.d_mumu < 0, 1 / np.sqrt(-ridge.d_mumu), np.nan)
    code = np.where(ridge.converged[:, None], Code.OK, Code.NOT_CONVERGED)
    code = np.where(one_sided, Code.INFINITE_MU, np.where(filled, code, Code.NO_TRIALS))
    empty = np.full_like(mu, np.nan)
    return Fixed(mu, ridge.value, se, empty, empty, code.astype(np.int8))


def _fallen(
    terms: TermsFunction,
    s: Sets,
    at: Fixed,
    level: FloatArray,
    v: FloatArray,
    side: float,
) -> FloatArray:
    """Where each group's log-likelihood has fallen to a level on one side of its peak."""
    mu, se = at.mu, at.se
    out = np.where(np.isinf(mu) & (np.sign(mu) == side), mu, np.nan)
    rows, group = np.nonzero((s.k > 0) & np.isnan(out) & np.isfinite(level))
    x, n = (z[rows] * s.member[group] for z in (s.x, s.n))
    one = Sets(x, n, np.zeros_like(s.group), np.ones((1, len(s.group))))
    peak, spread = mu[rows, group], se[rows, group]
    total = n.sum(-1)
    # about where the fall is 2, from a peak or, if that is infinite, from half a patient of the other kind
    start = np.where(
        np.isfinite(peak), peak + 2 * side * np.nan_to_num(spread), -side * np.log(2 * total + 1)
    )
    edge, reached = cross(terms, one, start, peak, v[rows], level[rows, group])
    out[rows, group] = np.where(reached, edge, np.nan)
    return out
