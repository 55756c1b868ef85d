"""Profile-likelihood intervals for functions of (mu, v) in a random-effects model of binomial counts.

A limit is the extreme of a function over the region where the log-likelihood is within a cut-off of its
maximum (:mod:`meta.stats.binomial.region`), found from starts that the coarse table of the likelihood gives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import expit, gammaln, log_expit, xlog1py, xlogy

from meta.stats.binomial.likelihood import Cutoff, Table, cut
from meta.stats.binomial.newton import cross, step_limit
from meta.stats.binomial.region import Tasks, across, by_newton, by_search, evaluated, single
from meta.stats.binomial.terms import Sets, TermsFunction, ceiling
from meta.stats.numeric.codes import Code, CodeArray
from meta.stats.numeric.roots import bracketed_root

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from meta.stats.binomial.likelihood import Located
    from meta.stats.binomial.newton import Peaks
    from meta.stats.binomial.region import Quantity
    from meta.stats.normal.scales import FloatArray

_SIDES = (-1.0, 1.0)


class Limits(NamedTuple):
    """Limits, shape (..., G) for a function of a group's mean, (...) for v; may be infinite.

    NaN where `code` is not Code.OK.
    """

    low: FloatArray
    high: FloatArray
    code: CodeArray


def profile_limits(
    terms: TermsFunction,
    located: Located,
    *,
    of: tuple[Quantity, ...] = ("mu", "v", "mean"),
    level: float = 0.95,
    cutoff: Cutoff = "chi2",
) -> tuple[Limits, ...]:
    """Profile-likelihood intervals of several quantities, computed together.

    Parameters
    ----------
    located : Located
        By :func:`~meta.stats.binomial.likelihood.locate` with the same `terms`.
    of : tuple of {"mu", "v", "mean"} or callable (mu, v) -> Terms
        "mu": each group's mean log odds. "v": the common heterogeneity. "mean": each group's mean response
        rate exp(terms(1, 1, mu, v)), a fraction. A callable gives a function of a group's (mu, v) and
        its derivatives; it must rise with mu.
    cutoff : {"chi2", "f"}
        How far the profile may fall: half the `level` quantile of chi-squared with 1 degree of freedom, or of
        F with 1 and 2(k - G) degrees of freedom (2(k - 1) for one group; Code.NO_DF where that is 0).

    Returns
    -------
    tuple of Limits
        One for each quantity. Code.OK also where the likelihood has no maximum but a supremum. A limit is
        infinite (a mean rate 0 or 1) where the profile never falls below the cut-off: the upper limit of v
        where all arms have no responder or only responders, the lower one of mu (and of a callable) without
        a responder.

    Notes
    -----
    Limits are the extremes of the quantity where the log-likelihood is within the cut-off of its
    maximum (or supremum), the other means and v free.
    """
    s, shape, peak, code, table = located
    floor = peak.value - cut(s.k.sum(-1), (s.k > 0).sum(-1), level, cutoff)
    code = np.where((code == Code.INFINITE_MU) | (code == Code.NO_MAXIMUM), Code.OK, code)
    code = np.where((code == Code.OK) & np.isnan(floor), Code.NO_DF, code)
    many = s.member.shape[0]
    spans = [(i, g) for i, quantity in enumerate(of) for g in ([-1] if quantity == "v" else range(many))]
    limits = np.array([[_known(s, peak, of[i], g, side, floor) for side in _SIDES] for i, g in spans])
    filled = np.array([(s.k if g < 0 else s.k[:, [g]]).any(-1) for _, g in spans])
    codes = np.where((code == Code.OK) & ~filled, Code.NO_TRIALS, code)
    span, end, row = np.nonzero(np.isnan(limits) & (codes == Code.OK)[:, None])
    if row.size:
        kind, group = np.array(spans, dtype=np.intp)[span].T
        part = s.rows(row)
        part = part.only(~part.one_sided | (group[:, None] == np.arange(many)))
        tasks = Tasks(part, group, np.array(_SIDES)[end], floor[row], kind)
        limits[span, end, row] = _solved(terms, of, tasks, peak.rows(row), table.rows(row))
    codes = np.where((codes == Code.OK) & np.isnan(limits).any(1), Code.NOT_CONVERGED, codes).astype(np.int8)
    limits = np.where((codes == Code.OK)[:, None], limits, np.nan)
    out = []
    for i, quantity in enumerate(of):
        mine = [kind == i for kind, _ in spans]
        form = shape if quantity == "v" else (*shape, many)
        low, high = (np.moveaxis(limits[mine, end], 0, -1).reshape(form) for end in (0, 1))
        out.append(Limits(low, high, np.moveaxis(codes[mine], 0, -1).reshape(form)))
    return tuple(out)


def _known(
    s: Sets, peak: Peaks, quantity: Quantity, group: int, side: float, floor: FloatArray
) -> FloatArray:
    """Limits at the end of the range or in closed form, shape (B,); NaN where one must be searched for."""
    if quantity == "v" and side > 0:
        return np.where(s.interior, np.nan, np.inf)
    if quantity == "v":
        return np.where(_at_zero(s) >= floor, 0.0, np.nan)
    one_sided, responders = s.one_sided[:, group], s.by_group(s.x)[:, group]
    infinite = one_sided & ((responders > 0) == (side > 0))
    if quantity != "mean":
        return np.where(infinite, side * np.inf, np.nan)
    out = np.where(infinite, float(side > 0), np.nan)
    rows = np.flatnonzero(~s.interior & ~infinite & (s.k[:, group] > 0) & np.isfinite(floor))
    if rows.size:
        # every arm extreme: the profile of the mean rate p is that of one patient an arm, see ceiling()
        none, everyone = (z[rows, group] for z in s.extremes)
        base = ceiling(s)[rows, group] - (peak.value - floor)[rows]

        def height(t: FloatArray, i: NDArray[np.intp]) -> FloatArray:
            return np.asarray(everyone[i] * log_expit(side * t) + none[i] * log_expit(-side * t) - base[i])

        middle = side * np.log(np.clip(everyone, 1e-9, None) / np.clip(none, 1e-9, None))
        end, _ = bracketed_root(height, np.clip(middle, -700.0, 699.0), np.full(len(rows), 700.0))
        out[rows] = expit(side * end)
    return out


def _at_zero(s: Sets) -> FloatArray:
    """Log-likelihood at v = 0, where each group has one rate, shape (B,)."""
    x, n = s.by_group(s.x), s.by_group(s.n)
    p = x / np.maximum(n, 1)
    ways = gammaln(s.n + 1) - gammaln(s.x + 1) - gammaln(s.n - s.x + 1)
    return np.asarray((xlogy(x, p) + xlog1py(n - x, -p)).sum(-1) + ways.sum(-1))


def _solved(
    terms: TermsFunction, of: tuple[Quantity, ...], t: Tasks, peak: Peaks, table: Table
) -> FloatArray:
    """Limits of a batch of tasks: by Newton's method from the table, by search where that fails."""
    rows = np.flatnonzero(t.s.interior)  # else there is no table, or v is without bound
    out = np.full(len(t.side), np.nan)
    if rows.size:
        part, nodes = t.rows(rows), _nodes(peak.rows(rows), table.rows(rows))
        which, mu, v = _starts(terms, of, part, nodes)
        extreme, converged = by_newton(terms, of, part.rows(which), mu, v)
        best = np.full(len(rows), -np.inf)
        np.maximum.at(
            best, which, np.where(converged, part.side[which] * extreme, np.inf)
        )  # one failed: search
        out[rows] = np.where(np.isfinite(best), part.side * best, np.nan)
    left = np.flatnonzero(np.isnan(out))
    if left.size:
        extreme, converged = by_search(terms, of, t.rows(left), peak.v[left])
        out[left] = np.where(converged, extreme, np.nan)
    mean = np.array([quantity == "mean" for quantity in of])[t.kind]
    out[mean] = np.exp(np.minimum(out[mean], 0.0))  # a logarithm may round to above 0
    return out


def _nodes(peak: Peaks, table: Table) -> Table:
    """The table with the peak as one more node, in the order of v."""
    joined = Table(
        np.concatenate([table.v, peak.v[:, None]], axis=1),
        np.concatenate([table.value, peak.value[:, None]], axis=1),
        table.slope,
        np.concatenate([table.mu, np.nan_to_num(peak.mu, posinf=0.0, neginf=0.0)[:, None]], axis=1),
        np.concatenate([table.information, -np.nan_to_num(peak.d_mumu)[:, None]], axis=1),
    )
    order = np.argsort(joined.v, axis=1, kind="stable")
    v, value = (np.take_along_axis(z, order, axis=1) for z in (joined.v, joined.value))
    mu, information = (
        np.take_along_axis(z, order[..., None], axis=1) for z in (joined.mu, joined.information)
    )
    return Table(v, value, table.slope, mu, information)


def _starts(
    terms: TermsFunction, of: tuple[Quantity, ...], t: Tasks, nodes: Table
) -> tuple[NDArray[np.intp], FloatArray, FloatArray]:
    """Starts for Newton's method, one or more a task: indices of tasks, mu and v."""
    of_v, of_mu = np.flatnonzero(t.group < 0), np.flatnonzero(t.group >= 0)
    which, mu, v = of_v, *_crossing(t.rows(of_v), nodes.rows(of_v))
    if not of_mu.size:
        return which, mu, v
    part, at = t.rows(of_mu), nodes.rows(of_mu)
    above = at.value > part.floor[:, None]
    task, node = np.nonzero(above)
    edge, height = _edges(terms, of, part.rows(task), at.rows(task), node)
    heights = np.full(above.shape, -np.inf)
    heights[task, node] = height
    padded = np.pad(heights, ((0, 0), (1, 1)), constant_values=-np.inf)
    peaks = ((heights > padded[:, :-2]) & (heights >= padded[:, 2:]))[task, node]
    return (
        np.concatenate([which, of_mu[task[peaks]]]),
        np.concatenate([mu, edge[peaks]]),
        np.concatenate([v, at.v[task, node][peaks]]),
    )


def _edges(
    terms: TermsFunction, of: tuple[Quantity, ...], t: Tasks, nodes: Table, node: NDArray[np.intp]
) -> tuple[FloatArray, FloatArray]:
    """Edge in mu at one node a task, and the quantity there times the side: a guess, and one step from it."""
    rows, target = np.arange(len(node)), t.target
    v, excess = nodes.v[rows, node], nodes.value[rows, node] - t.floor
    information = np.where(target, nodes.information[rows, node], 0.0).sum(-1)
    peak = np.where(target, nodes.mu[rows, node], 0.0).sum(-1)
    guess = peak + t.side * np.sqrt(2 * excess / np.maximum(information, 1e-12))
    infinite = np.flatnonzero((t.s.one_sided & target).any(-1))
    if infinite.size:
        one = single(t.rows(infinite))
        start = -t.side[infinite] * np.log(2 * one.n.sum(-1) + 1)
        guess[infinite], _ = cross(
            terms, one, start, -t.side[infinite] * np.inf, v[infinite], -excess[infinite]
        )
    mu = np.where(target, guess[:, None], nodes.mu[rows, node])
    likelihood, g = evaluated(terms, of, t, mu, v)
    limit = np.where(target, step_limit(likelihood.d_mumu), 0.0).sum(-1)
    step = np.clip(across(likelihood, t), -limit, limit)
    height = g.value + (g.d_mu + g.d_mumu * step / 2) * step
    return mu + np.where(target, step[:, None], 0.0), t.side * height


def _crossing(t: Tasks, nodes: Table) -> tuple[FloatArray, FloatArray]:
    """About where the profile over v crosses the floor for the last time on the task's side."""
    rows, last = np.arange(len(t.side)), nodes.v.shape[1] - 1
    above = nodes.value >= t.floor[:, None]
    inner = np.where(t.side > 0, last - above[:, ::-1].argmax(-1), above.argmax(-1))
    outer = np.clip(inner + t.side.astype(np.intp), 0, last)
    high, low = nodes.value[rows, inner] - t.floor, nodes.value[rows, outer] - t.floor
    share = np.where(low < 0, high / np.where(low < 0, high - low, 1.0), 0.0)
    mu = nodes.mu[rows, inner] + share[:, None] * (nodes.mu[rows, outer] - nodes.mu[rows, inner])
    scale = t.s.scale
    ends = [np.log(nodes.v[rows, node] + scale) for node in (inner, outer)]
    return mu, np.maximum(np.exp(ends[0] + share * (ends[1] - ends[0])) - scale, 0.0)
