"""Extremes of a function of (mu, v) over the region where the log-likelihood is above a floor: brute force.

A grid over v, the region's edge in mu found between brackets at each node, and zooming in on the best node.
Some hundred times slower than :func:`meta.stats.binomial.edge.approach`, and independent of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from meta.stats.binomial.edge import Quantity, Tasks, quantities, single
from meta.stats.binomial.newton import cross, settle
from meta.stats.numeric.roots import bracketed_root

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from meta.stats.binomial.sets import TermsFunction
    from meta.stats.normal.scales import BoolArray, FloatArray

_FAR: FloatArray = np.concatenate([[0.0], 4.0 ** np.arange(-6, 41)])
_ZOOM = 17  # nodes; each round narrows the bracket by 8, and what remains of the quantity is its square
_ROUNDS = 8
_RUNAWAY = 1.0  # quantity's gain from doubling sqrt(v) at the far end, from which it has no bound
_CHUNK = 2_000_000


def search(
    terms: TermsFunction, of: tuple[Quantity, ...], t: Tasks, v_hat: FloatArray
) -> tuple[FloatArray, BoolArray]:
    """Brute force: a grid over v, the edge found between brackets at each node, and zooming in.

    Parameters
    ----------
    terms, of, t
        A task's own group may be one-sided, others not.
    v_hat : ndarray, shape (T,)
        Estimate of v, so that the grid has a node within the region; infinite or NaN if there is none.

    Returns
    -------
    extreme, found
        As of :func:`approach`; infinite where the quantity keeps growing with v.
    """
    out, found = np.full(len(v_hat), np.nan), np.zeros(len(v_hat), dtype=bool)
    of_v = t.group < 0
    size = max(1, _CHUNK // (len(_FAR) * t.s.n.shape[-1]))
    for kind, find in ((of_v, _search_v), (~of_v, _search_edge)):
        every = np.flatnonzero(kind)
        for rows in (every[start : start + size] for start in range(0, len(every), size)):
            nodes = np.concatenate(
                [np.broadcast_to(_FAR, (len(rows), len(_FAR))), np.nan_to_num(v_hat[rows, None], posinf=0.0)],
                axis=1,
            )
            out[rows], found[rows] = find(terms, of, t.rows(rows), np.sort(nodes, axis=1))
    return out, found


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
    """The quantity times the side at the edge at v, -inf where v is outside the region."""
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
    g = quantities(of, part.kind, edge, v_in, mean).value
    out[feasible] = np.where(reached, part.side * g, -np.inf)
    return out
