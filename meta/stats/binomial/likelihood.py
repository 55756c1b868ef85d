"""Maximum likelihood of a two-parameter random-effects model of binomial counts, batched.

The model is a function ``terms(x, n, mu, v)`` (:mod:`meta.stats.binomial.terms`): the binomial-normal or the
beta-binomial one. At any fixed v its log-likelihood has one peak in each mu, so that the means can be
profiled out. Over v it may have several peaks: a coarse table of the profile finds them, Newton's method
climbs them (:mod:`meta.stats.binomial.newton`), and the highest wins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from scipy.special import chdtri, fdtri, logit

from meta.errors import DataError
from meta.stats.binomial.newton import Peaks, climb, cross, no_peaks, settle
from meta.stats.binomial.terms import Sets, Terms, TermsFunction, ceiling, concave, tally
from meta.stats.numeric.codes import Code, CodeArray

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from meta.stats.normal.scales import BoolArray, FloatArray

Cutoff = Literal["chi2", "f"]

# v of the coarse table: sqrt(v) from below the sampling error of 5,000 patients to a spread from 0 to 1
_TABLE_V = np.concatenate([[0.0], 4.0 ** np.arange(-5, 7)])
_FINEST = 2.0**-14  # spacing of mu in the table where it is closest
_ROUNDS = 8  # at most, to find the means of the table
_CELLS = 1_000_000  # of the coarse table held at once
_RIVAL = 3.0  # nats below the highest node of the table from which a second peak is climbed as well
_TINY = 1e-300


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
        nobody else (+inf); it adds 0 to the log-likelihood at any v, and the other groups and v are
        estimated without it (v = 0 if there is no other). Code.NO_MAXIMUM: every arm has no responder or
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


class Table(NamedTuple):
    """Profile over the means at each of V values of v.

    `v` and the profile log-likelihood `value` and its `slope` in v have shape (B, V); the means `mu` that
    maximise it and their `information` (B, V, G). All approximate.
    """

    v: FloatArray
    value: FloatArray
    slope: FloatArray
    mu: FloatArray
    information: FloatArray

    def rows(self, rows: NDArray[np.intp]) -> Table:
        """Some rows."""
        return Table(*(z[rows] for z in self))


class Located(NamedTuple):
    """A flat batch of data sets, their peaks with codes, and the table that the climb started from.

    `shape` is that of the leading axes before they were made one.
    """

    sets: Sets
    shape: tuple[int, ...]
    peak: Peaks
    code: CodeArray
    table: Table


def locate(
    terms: TermsFunction,
    x: ArrayLike,
    n: ArrayLike,
    include: ArrayLike = True,
    *,
    groups: ArrayLike | None = None,
) -> Located:
    """Find the highest peak of each data set, from which both estimates and profile intervals start.

    Parameters
    ----------
    terms, x, n, include, groups
        As of :func:`meta.stats.binomial.likelihood.maximise`.
    """
    s, shape = tally(x, n, include, groups)
    return Located(s, shape, *highest_peaks(terms, s))


def maximum(located: Located) -> Maximum:
    """Estimates from the peaks that :func:`locate` found."""
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


def _covariance(peak: Peaks) -> tuple[FloatArray, FloatArray, FloatArray]:
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
    """How far the log-likelihood may fall below its maximum; NaN without a degree of freedom.

    Parameters
    ----------
    k, many : ndarray, shape (...)
        Trials, and means.
    cutoff : {"chi2", "f"}
    """
    if cutoff == "chi2":
        return np.full(np.shape(k), float(chdtri(1, 1 - level)) / 2)
    df = 2 * (k - many)
    with np.errstate(invalid="ignore"):
        return np.where(df > 0, fdtri(1, np.maximum(df, 1), level), np.nan) / 2


def _settled(terms: TermsFunction, s: Sets, v: FloatArray) -> Fixed:
    """Estimates of the means of a flat batch at given v, without limits; `loglik` is by group."""
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
    # about 2 below the peak; if that is infinite, the log odds of half a patient of the other kind
    start = np.where(
        np.isfinite(peak), peak + 2 * side * np.nan_to_num(spread), -side * np.log(2 * total + 1)
    )
    edge, reached = cross(terms, one, start, peak, v[rows], level[rows, group])
    out[rows, group] = np.where(reached, edge, np.nan)
    return out


def highest_peaks(
    terms: TermsFunction, s: Sets, start: tuple[FloatArray, FloatArray] | None = None
) -> tuple[Peaks, CodeArray, Table]:
    """Highest peaks of a flat batch, their codes, and the table that the climb started from.

    Rows without a maximum, and one-sided groups, have NaN second derivatives; the table leaves one-sided
    groups out and is NaN in rows where nothing is left.

    Parameters
    ----------
    start : tuple of two ndarrays, shape (B,), optional
        A common mean and a v of each row from which to climb at once: a row has a table only where that does
        not converge, and of several peaks the one that is reached counts.
    """
    count, many = s.k.shape
    one_sided = s.one_sided
    inner = s.only(~one_sided)
    rising = ~inner.interior & (inner.n > 1).any(-1)
    go = np.flatnonzero((inner.n > 0).any(-1) & ~rising)
    peak = no_peaks(count, many)
    table = Table(
        *np.full((3, count, len(_TABLE_V)), np.nan), *np.full((2, count, len(_TABLE_V), many), np.nan)
    )
    block = max(1, _CELLS // (s.n.shape[-1] * len(_TABLE_V)))
    if start is not None:
        for first in range(0, len(go), block):
            rows = go[first : first + block]
            mu = np.repeat(start[0][rows, None], many, axis=1)
            top = climb(terms, inner.rows(rows), mu, start[1][rows], inner.n[rows].max(-1) <= 1)
            for whole, part in zip(peak, top, strict=True):
                whole[rows] = part
        go = go[~peak.converged[go]]
    for first in range(0, len(go), block):
        rows = go[first : first + block]
        top, nodes = _highest(terms, inner.rows(rows))
        for whole, part in zip((*peak, *table), (*top, *nodes), strict=True):
            whole[rows] = part
    filled = s.k > 0
    rising_mu = np.where(s.by_group(s.x) > 0, np.inf, -np.inf)
    peak.mu[~filled] = np.nan
    peak.mu[one_sided] = rising_mu[one_sided]
    alone = filled.any(-1) & ~(inner.n > 0).any(-1)  # one-sided groups and no other
    peak.v[alone], peak.value[alone], peak.converged[alone] = 0.0, 0.0, True
    peak.v[rising], peak.value[rising] = np.inf, ceiling(s).sum(-1)[rising]
    code = np.where(one_sided.any(-1), Code.INFINITE_MU, Code.OK)
    code = np.where(peak.converged, code, Code.NOT_CONVERGED)
    code = np.where(rising, Code.NO_MAXIMUM, np.where(filled.any(-1), code, Code.NO_TRIALS))
    return peak, code.astype(np.int8), table


def _highest(terms: TermsFunction, s: Sets) -> tuple[Peaks, Table]:
    """The highest peak of each row: from the best node of the table, and from a rival."""
    table = _coarse(terms, s)
    hold = s.n.max(-1, initial=0) <= 1  # v is not identified
    best = np.where(hold, 0, table.value.argmax(-1))
    rows = np.arange(len(best))
    padded = np.pad(table.value, ((0, 0), (1, 1)), constant_values=-np.inf)
    local = (table.value > padded[:, :-2]) & (table.value >= padded[:, 2:])
    local &= (table.value > table.value[rows, best, None] - _RIVAL) & ~hold[:, None]
    local[rows, best] = False
    second = np.where(local, table.value, -np.inf).argmax(-1)
    rivals = np.flatnonzero(local.any(-1))
    every, nodes = np.concatenate([rows, rivals]), np.concatenate([best, second[rivals]])
    top = climb(terms, s.rows(every), *_between(table, every, nodes), hold[every])
    if not rivals.size:
        return top, table
    first, other = top.rows(rows), top.rows(np.arange(len(rows), len(every)))
    higher = other.converged & ~(other.value <= first.value[rivals])
    chosen = rows.copy()
    chosen[rivals[higher]] = len(rows) + np.flatnonzero(higher)
    return top.rows(chosen), table


def _between(table: Table, rows: NDArray[np.intp], node: NDArray[np.intp]) -> tuple[FloatArray, FloatArray]:
    """A start between a node and its uphill neighbour: where the slope, interpolated linearly, is zero."""
    slope = table.slope[rows, node]
    other = np.clip(node + np.where(slope > 0, 1, -1), 0, len(_TABLE_V) - 1)
    beyond = table.slope[rows, other]
    turns = np.sign(slope) * np.sign(beyond) < 0
    share = np.where(turns, slope / np.where(turns, slope - beyond, 1.0), 0.0)
    v = (1 - share) * _TABLE_V[node] + share * _TABLE_V[other]
    mu = (1 - share)[:, None] * table.mu[rows, node] + share[:, None] * table.mu[rows, other]
    return mu, v


def _coarse(terms: TermsFunction, s: Sets) -> Table:
    """Tabulate the profile over the means. One-sided groups must have been left out."""
    mu, width = _guess(s)
    spacing = np.clip(2.0 ** np.floor(np.log2(width)), _FINEST, 1.0)
    for _ in range(_ROUNDS):  # mostly the first is enough
        node = np.round(mu / spacing) * spacing
        t = _table(terms, s, node)
        curvature = concave(t.d_mumu)
        # a tail that bends up is no parabola and does not show how far away the peak is
        limit = np.where(t.d_mumu < 0, 3 * width, np.minimum(width, 1.0))
        step = np.clip(-t.d_mu / curvature, -limit, limit)
        mu = node + step
        near = np.abs(step) <= width
        if (near & (t.d_mumu <= 0)).all():
            break
    value = (t.value + np.where(near & (t.d_mumu < 0), -step * curvature * step / 2, 0.0)).sum(-1)
    slope = (t.d_v + t.d_muv * step).sum(-1)
    return Table(np.broadcast_to(_TABLE_V, value.shape), value, slope, mu, -curvature)


def _guess(s: Sets) -> tuple[FloatArray, FloatArray]:
    """Weighted means of empirical log odds at each v, and their standard errors, shape (B, V, G)."""
    y = logit((s.x + 0.5) / (s.n + 1))
    variance = 1 / (s.x + 0.5) + 1 / (s.n - s.x + 0.5)
    w = (s.n > 0)[:, None] / (variance[:, None] + _TABLE_V[:, None])
    total = np.maximum(s.by_group(w), _TINY)
    mu = s.by_group(w * y[:, None]) / total
    x, n = s.by_group(s.x), s.by_group(s.n)
    pooled = logit(np.where((x > 0) & (x < n), x, 0.5) / np.maximum(n, 1))  # exact at v = 0
    scale = s.scale[:, None, None]
    mu += (pooled - mu[:, 0])[:, None] * scale / (scale + _TABLE_V[:, None])
    return mu, np.where(total > _TINY, 1 / np.sqrt(total), 1.0)


def _table(terms: TermsFunction, s: Sets, node: FloatArray) -> Terms:
    """Sums of terms at nodes (B, V, G), each distinct (x, n, mu, v) computed once."""
    most = s.n.max(initial=0) + 1
    kinds, arm = np.unique(s.x * most + s.n, return_inverse=True)
    lattice = np.round(node / _FINEST).astype(np.int64)[..., s.group]
    column = np.arange(len(_TABLE_V))[:, None]
    key = (arm.reshape(s.x.shape)[:, None] * len(_TABLE_V) + column << 32) + lattice + (1 << 31)
    cells, where = np.unique(key, return_inverse=True)
    which, j = np.divmod(cells >> 32, len(_TABLE_V))
    mu = ((cells & (1 << 32) - 1) - (1 << 31)) * _FINEST
    x, n = np.divmod(kinds[which], most)
    at = np.stack(terms(x, n, mu, _TABLE_V[j]))
    return Terms(*s.by_group(at[:, where.reshape(key.shape)]))
