"""Extremes of a function of (mu, v) over the region where the log-likelihood is above a floor.

Newton's method on the edge of the region finds them for a whole batch. What it does not find is left to a
grid search over v, some hundred times slower: it finds the edge in mu between brackets at each node and zooms
in on the best node. The two share no step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from meta.stats.binomial.newton import cross, leapt, lowest, settle, step_limit
from meta.stats.binomial.terms import Sets, Terms, TermsFunction, concave, in_log
from meta.stats.normal.scales import FloatArray
from meta.stats.numeric.roots import bracketed_root

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from meta.stats.normal.scales import BoolArray

Quantity = Literal["mu", "v", "mean"] | Callable[[FloatArray, FloatArray], Terms]

# Newton's method
_STEPS = 40  # at most; 4 to 7 are usual
_LAST = 1e-6  # standard errors, and of ln(v + scale): a step this small is the last
_LEAP = 1.0  # of ln(v + scale) at most a step
_FAR_LEAP = 5.0  # the same towards a limit of v itself, where the profile is nearly a straight line
# Search
_FAR: FloatArray = np.concatenate([[0.0], 4.0 ** np.arange(-6, 41)])
_ZOOM = 17  # nodes; each round narrows the bracket by 8, and what remains of the quantity is its square
_ROUNDS = 8
_RUNAWAY = 1.0  # quantity's gain from doubling sqrt(v) at the far end, from which it has no bound
_CHUNK = 2_000_000


class Tasks(NamedTuple):
    """Extremes to find, one in each row.

    `s` holds the counts; `group` (T,) the group whose mean the quantity is of, -1 for v; `side` 1.0 for the
    largest and -1.0 for the smallest value; `floor` the log-likelihood at the edge; `kind` the index of the
    quantity.
    """

    s: Sets
    group: NDArray[np.intp]
    side: FloatArray
    floor: FloatArray
    kind: NDArray[np.intp]

    def rows(self, rows: NDArray[np.intp]) -> Tasks:
        """Some rows."""
        return Tasks(self.s.rows(rows), *(z[rows] for z in self[1:]))  # type: ignore[arg-type]

    @property
    def target(self) -> BoolArray:
        """One-hot group of the quantity, shape (T, G)."""
        return np.asarray(self.group[:, None] == np.arange(self.s.member.shape[0]))


def _quantities(
    of: tuple[Quantity, ...], kind: NDArray[np.intp], mu: FloatArray, v: FloatArray, mean: FloatArray
) -> Terms:
    """Values and derivatives of each row's quantity; `mean` those of ln E[rate], shape (6, T)."""
    out = np.zeros((6, len(v)))
    for i, quantity in enumerate(of):
        rows = kind == i
        if callable(quantity):
            if rows.any():
                out[:, rows] = np.stack(quantity(mu[rows], v[rows]))
        elif quantity == "mean":
            out[:, rows] = mean[:, rows]
        else:
            out[0, rows], out[1, rows] = (mu if quantity == "mu" else v)[rows], 1.0
    return Terms(*out)


def evaluated(
    terms: TermsFunction, of: tuple[Quantity, ...], t: Tasks, mu: FloatArray, v: FloatArray
) -> tuple[Terms, Terms]:
    """Log-likelihood by group (T, G) and quantity (T,), from one call of `terms`."""
    target = t.target
    own = np.where(target, mu, 0.0).sum(-1)
    one = np.array([quantity == "mean" for quantity in of])[t.kind].astype(float)[:, None]
    x, n = (np.concatenate([z, one], axis=1) for z in (t.s.x, t.s.n))
    at = np.stack(terms(x, n, np.concatenate([mu[:, t.s.group], own[:, None]], axis=1), v[:, None]))
    return Terms(*t.s.by_group(at[..., :-1])), _quantities(of, t.kind, own, v, at[..., -1])


class _Slope(NamedTuple):
    """The log-likelihood with the means other than the target's profiled out, each (T,).

    Derivatives are by w = ln(v + scale) and the target's mu.
    """

    value: FloatArray
    d_mu: FloatArray
    d_w: FloatArray
    d_mumu: FloatArray
    d_muw: FloatArray
    d_ww: FloatArray


def _profiled(u: Terms, target: BoolArray) -> _Slope:
    curvature = concave(u.d_mumu)
    ratio = np.where(target, 0.0, u.d_muv / curvature)
    gain = np.where(target, 0.0, u.d_mu**2 / curvature)
    own = (np.where(target, z, 0.0).sum(-1) for z in (u.d_mu, u.d_mumu, u.d_muv))
    d_mu, d_mumu, d_muw = own
    return _Slope(
        u.value.sum(-1) - gain.sum(-1) / 2,
        d_mu,
        (u.d_v - ratio * u.d_mu).sum(-1),
        d_mumu,
        d_muw,
        (u.d_vv - ratio * u.d_muv).sum(-1),
    )


def by_newton(
    terms: TermsFunction, of: tuple[Quantity, ...], t: Tasks, mu: FloatArray, v: FloatArray
) -> tuple[FloatArray, BoolArray]:
    """Find extremes by Newton's method from a start.

    Parameters
    ----------
    terms, of, t
        No group may be one-sided.
    mu, v : ndarray, shapes (T, G) and (T,)
        Starts.

    Returns
    -------
    extreme : ndarray, shape (T,)
        Logarithms of mean rates; v itself.
    converged : ndarray of bool, shape (T,)
        Whether the iteration converged to the largest (smallest) value of the quantity along the edge.
    """
    out, converged, rows = np.full(len(v), np.nan), np.zeros(len(v), dtype=bool), np.arange(len(v))
    scale, limit = t.s.scale, mu
    with np.errstate(all="ignore"):  # a step may leave the range of `terms`: not finite, so not converged
        for attempt in range(_STEPS):
            likelihood, quantity = evaluated(terms, of, t, mu, v)
            factor, target = v + scale, t.target
            u, g = in_log(likelihood, factor[:, None]), in_log(quantity, factor)
            at = _profiled(u, target)
            along, right = _along_edge(at, g, t, v)
            outward, rightly = _outward(at, t.side, t.floor)
            of_v = t.group < 0
            most = np.where(of_v, _FAR_LEAP, _LEAP)
            leap = np.clip(np.where(of_v, outward, along), np.maximum(lowest(v, scale), -most), most)
            own = _across(at, leap, t.side, t.floor)
            limit = limit if attempt else step_limit(u.d_mumu)
            curvature = concave(u.d_mumu)
            other = -(u.d_mu + u.d_muv * leap[:, None]) / curvature
            step = np.clip(np.where(target, own[:, None], other), -limit, limit)
            own = np.where(target, step, 0.0).sum(-1)
            done = np.maximum((np.abs(step) * np.sqrt(-curvature)).max(-1), np.abs(leap)) < _LAST
            new_v = leapt(v, scale, leap)
            if done.any():
                g_end = g.value + g.d_mu * own + g.d_v * leap  # second order is beyond rounding
                out[rows[done]] = np.where(of_v, new_v, g_end)[done]
                converged[rows[done]] = np.where(of_v, rightly, right)[done]
            go = ~done & np.isfinite(step).all(-1) & np.isfinite(leap)
            if not go.any():
                break
            mu, v = mu + step, new_v
            if not go.all():
                t, rows = t.rows(np.flatnonzero(go)), rows[go]
                mu, v, scale, limit = mu[go], v[go], scale[go], limit[go]
    return out, converged


def _outward(at: _Slope, side: FloatArray, floor: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Step in w to where the profile over all means is at the floor, and whether it falls outward here."""
    falling = at.d_w * side < 0
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.where(falling, (floor - at.value) / at.d_w, side * _LEAP), falling


def _along_edge(at: _Slope, g: Terms, t: Tasks, v: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Step in w to where the quantity has no slope along the edge, and whether that is the right extreme.

    Along the level line through a point mu moves by s = -l_w/l_mu per unit of w, and the quantity by
    g_w + s g_mu, whose derivative along and across that line makes Newton's step.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        s = -at.d_w / at.d_mu
        slope = g.d_v + s * g.d_mu
        bend = at.d_ww + 2 * s * at.d_muw + s**2 * at.d_mumu
        second = g.d_vv + 2 * s * g.d_muv + s**2 * g.d_mumu - g.d_mu * bend / at.d_mu
        mixed = g.d_muv + s * g.d_mumu - g.d_mu * (at.d_muw + s * at.d_mumu) / at.d_mu
        slope = slope + mixed * (t.floor - at.value) / at.d_mu
        peaked = t.side * second < 0
        leap = np.where(peaked, -slope / second, np.sign(t.side * slope) * _LEAP)
    outside = at.d_mu * t.side < 0
    right = outside & (peaked | ((v == 0) & (t.side * slope <= 0)))
    return np.where(outside & np.isfinite(leap), leap, 0.0), right


def _across(at: _Slope, leap: FloatArray, side: FloatArray, floor: FloatArray) -> FloatArray:
    """Step in mu, for a given step in w, to where the parabola of the log-likelihood is at the floor."""
    slope = at.d_mu + at.d_muw * leap
    excess = at.value + at.d_w * leap + at.d_ww * leap**2 / 2 - floor
    bend = concave(at.d_mumu)
    inside = slope**2 - 2 * bend * excess
    root = np.sqrt(np.maximum(inside, 0.0))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        near = 2 * excess / (side * root - slope)  # the stable form where it falls outward
        far = -(slope + side * root) / bend
    return np.where((side * slope < 0) & (inside > 0), near, far)


def across(likelihood: Terms, t: Tasks) -> FloatArray:
    """Step in mu at the same v to where the parabola of the log-likelihood is at the floor."""
    return _across(_profiled(likelihood, t.target), np.zeros(len(t.side)), t.side, t.floor)


def single(t: Tasks) -> Sets:
    """The arms of each task's own group, as the only group."""
    own = t.s.only(t.target)
    return Sets(own.x, own.n, np.zeros_like(own.group), np.ones((1, len(own.group))))


def by_search(
    terms: TermsFunction, of: tuple[Quantity, ...], t: Tasks, v_hat: FloatArray
) -> tuple[FloatArray, BoolArray]:
    """Find extremes by a grid search over v that zooms in on the best node.

    Parameters
    ----------
    terms, of, t
        A task's own group may be one-sided, others not.
    v_hat : ndarray, shape (T,)
        Estimate of v, so that the grid has a node within the region; infinite or NaN if there is none.

    Returns
    -------
    extreme, converged
        As of :func:`by_newton`; infinite where the quantity keeps growing with v.
    """
    out, converged = np.full(len(v_hat), np.nan), np.zeros(len(v_hat), dtype=bool)
    of_v = t.group < 0
    size = max(1, _CHUNK // (len(_FAR) * t.s.n.shape[-1]))
    for kind, find in ((of_v, _search_v), (~of_v, _search_edge)):
        every = np.flatnonzero(kind)
        for rows in (every[start : start + size] for start in range(0, len(every), size)):
            nodes = np.concatenate(
                [np.broadcast_to(_FAR, (len(rows), len(_FAR))), np.nan_to_num(v_hat[rows, None], posinf=0.0)],
                axis=1,
            )
            out[rows], converged[rows] = find(terms, of, t.rows(rows), np.sort(nodes, axis=1))
    return out, converged


def _ridge(terms: TermsFunction, t: Tasks, v: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Peaks in the means at v (T,): mu, log-likelihoods by group, second derivatives; one-sided ones 0."""
    inner = t.s.only(~t.s.one_sided)
    x, n = inner.by_group(inner.x), inner.by_group(inner.n)
    start = np.where(x > 0, np.log(np.maximum(x, 1) / np.maximum(n - x, 1)), 0.0)
    ridge = settle(terms, inner, start, v)
    return ridge.mu, np.where(ridge.converged[:, None], ridge.value, np.nan), ridge.d_mumu


def _spread(t: Tasks, nodes: FloatArray) -> tuple[Tasks, FloatArray]:
    """One row a task and node."""
    return t.rows(np.repeat(np.arange(len(nodes)), nodes.shape[1])), nodes.reshape(-1)


def _search_v(
    terms: TermsFunction, _: tuple[Quantity, ...], t: Tasks, nodes: FloatArray
) -> tuple[FloatArray, BoolArray]:
    """Outermost crossing of the profile with the floor."""
    profile = _ridge(terms, *_spread(t, nodes))[1].sum(-1).reshape(nodes.shape)
    above = profile >= t.floor[:, None]
    rows, last = np.arange(len(nodes)), nodes.shape[1] - 1
    upper = t.side > 0
    inner = np.where(upper, last - above[:, ::-1].argmax(-1), above.argmax(-1))
    outer = inner + np.where(upper, 1, -1)
    some = above.any(-1) & ~np.isnan(profile[rows, np.clip(outer, 0, last)])
    out = np.where(upper, np.inf, 0.0)
    solve = np.flatnonzero(some & (outer >= 0) & (outer <= last))
    ends = np.sort([nodes[rows, inner][solve], nodes[rows, np.clip(outer, 0, last)][solve]], axis=0)

    def height(v: FloatArray, i: NDArray[np.intp]) -> FloatArray:
        part = t.rows(solve[i])
        return np.asarray(part.side * (_ridge(terms, part, v)[1].sum(-1) - part.floor))

    if solve.size:
        out[solve], some[solve] = bracketed_root(height, *ends)
    return out, some


def _search_edge(
    terms: TermsFunction, of: tuple[Quantity, ...], t: Tasks, nodes: FloatArray
) -> tuple[FloatArray, BoolArray]:
    """Extreme over v of the quantity at the edge in mu."""
    rows, scale = np.arange(len(nodes)), t.s.scale[:, None]
    runaway = np.zeros(len(nodes), dtype=bool)
    for attempt in range(_ROUNDS):
        height = _edge(terms, of, *_spread(t, nodes)).reshape(nodes.shape)
        best = height.argmax(-1)
        if not attempt:
            at_end = (best == nodes.shape[1] - 1) & np.isfinite(height[:, -2])
            runaway = at_end & (height[:, -1] - np.where(at_end, height[:, -2], 0.0) > _RUNAWAY)
        low, high = (
            np.log(nodes[rows, np.clip(best + side, 0, nodes.shape[1] - 1)][:, None] + scale)
            for side in (-1, 1)
        )
        fine = np.exp(low + (high - low) * np.linspace(0, 1, _ZOOM)) - scale
        fine[:, 0] = nodes[rows, np.maximum(best - 1, 0)]  # v = 0 to be 0
        nodes = np.maximum(fine, 0.0)
    extreme = height[rows, best]
    return t.side * np.where(runaway, np.inf, extreme), np.isfinite(extreme)


def _edge(terms: TermsFunction, of: tuple[Quantity, ...], t: Tasks, v: FloatArray) -> FloatArray:
    """The quantity on the edge of the region at v, times the side; -inf where v is outside the region."""
    mu, value, d_mumu = _ridge(terms, t, v)
    target = t.target
    own, others = (np.where(z, value, 0.0).sum(-1) for z in (target, ~target))
    level = t.floor - others
    feasible = np.flatnonzero(own > level)
    part, target, level, v_in = t.rows(feasible), target[feasible], level[feasible], v[feasible]
    one = single(part)
    total, responders = one.n.sum(-1), one.x.sum(-1)
    inner = np.where(target, mu[feasible], 0.0).sum(-1)
    inner = np.where(responders == 0, -np.inf, np.where(responders == total, np.inf, inner))
    bend = np.where(target, d_mumu[feasible], 0.0).sum(-1)
    fall = np.sqrt(2 * (own[feasible] - level) / np.maximum(np.abs(bend), 1e-12))
    start = np.where(np.isfinite(inner), inner + part.side * fall, -part.side * np.log(2 * total + 1))
    edge, reached = cross(terms, one, start, inner, v_in, level)
    one_patient = np.ones(len(edge))
    mean = np.stack(terms(one_patient, one_patient, edge, v_in))
    out = np.full(len(v), -np.inf)
    g = _quantities(of, part.kind, edge, v_in, mean).value
    out[feasible] = np.where(reached, part.side * g, -np.inf)
    return out
