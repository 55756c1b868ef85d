"""Posteriors of many sets of groups on one grid; the groups of a set share tau."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import logsumexp

from meta.errors import ConvergenceError
from meta.stats.posterior.grid import CORE, DROP, NODES_IN_CORE, cells
from meta.stats.posterior.posterior import Posterior, posterior, weighted

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from meta.stats.normal.scales import BoolArray, FloatArray
    from meta.stats.posterior.grid import Cells
    from meta.stats.posterior.priors import MuPrior, TauPrior
    from meta.stats.posterior.surface import Surface

    Index = NDArray[np.int64]
    Read = Callable[[Posterior], tuple[FloatArray, ...]]

_HELD = 20_000_000  # numbers at once
_BATCH = 1024  # sets on one grid


def coupled_sets(
    surface: Surface, sets: Index, mu_prior: MuPrior, tau_prior: TauPrior, read: Read
) -> tuple[FloatArray, ...]:
    """Apply `read` to the posterior of every group of every set.

    Parameters
    ----------
    surface : Surface
        The distinct data sets in the sets; each holds the trials of one group.
    sets : ndarray of int, shape (S, G)
        The data set of each group, -1 for a group without trials; not all of them may be that. Groups of a
        set share tau, and each has a mu of its own.
    read : callable
        From a posterior of B data sets to arrays of leading length B.

    Returns
    -------
    tuple of ndarray, shape (S, G, ...)
        NaN for groups without trials.

    Notes
    -----
    Given tau the groups are independent, so that a set's posterior of tau is the prior times the product of
    its groups' integrals over mu, which are tabulated once a data set. Sets whose product the common grid
    does not resolve are integrated one by one, each on its own grid.
    """
    places, parts = [], []

    def add(rows: Index, post: Posterior) -> None:
        row, group = np.nonzero(sets[rows] >= 0)
        places.append((rows[row], group))
        parts.append(read(post))

    waiting = _batches(surface, sets)
    while waiting:
        rows = waiting.pop()
        used = np.unique(sets[rows][sets[rows] >= 0])
        own = np.where(sets[rows] >= 0, np.searchsorted(used, sets[rows]), -1)
        if len(rows) == 1:
            alone = surface.of(sets[rows[0], sets[rows[0]] >= 0])
            add(rows, posterior(alone, mu_prior, tau_prior, coupled=True))
            continue
        try:
            grid = cells(surface.of(used), mu_prior, tau_prior)
        except ConvergenceError:  # too different for one grid
            waiting += np.array_split(rows, 2)
            continue
        fine = _resolved(grid, own)
        for part in np.array_split(np.flatnonzero(fine), -(-grid.height[0].size * own.size // _HELD)):
            if part.size:
                add(rows[part], _joint(grid, own[part]))
        waiting += list(rows[~fine][:, None])
    at = tuple(np.concatenate(z) for z in zip(*places, strict=True))
    whole = []
    for several in zip(*parts, strict=True):
        values = np.concatenate(several)
        out = np.full((*sets.shape, *values.shape[1:]), np.nan)
        out[at] = values
        whole.append(out)
    return tuple(whole)


def _mass(grid: Cells, sets: Index) -> FloatArray:
    """Log of each slice's part of the evidence of each set, shape (S, T)."""
    total = np.broadcast_to(grid.log_prior + grid.log_width, (len(sets), len(grid.t))).copy()
    for column in sets.T:
        total += np.where((column >= 0)[:, None], grid.log_slices[column], 0.0)
    return total


def _resolved(grid: Cells, sets: Index) -> BoolArray:
    """Whether the grid resolves each set: tau, and mu of every group in each slice that matters."""
    mass = _mass(grid, sets)
    top = mass.max(-1, keepdims=True)
    enough = (mass > top - CORE).sum(-1) >= NODES_IN_CORE
    needed = mass > top - DROP
    seen = grid.in_core >= NODES_IN_CORE
    seen &= (grid.height[..., [0, -1]] < np.exp(-DROP)).all(-1)
    for column in sets.T:
        enough &= ((column < 0)[:, None] | seen[column] | ~needed).all(-1)
    return np.asarray(enough)


def _batches(surface: Surface, sets: Index) -> list[Index]:
    """Sets with trials, those that lie close to each other together."""
    weight = surface.members / surface.variance
    where = weight @ surface.place / weight.sum(-1)
    filled = np.flatnonzero((sets >= 0).any(-1))
    order = filled[np.lexsort(np.where(sets[filled] >= 0, where[sets[filled]], 0.0).T)]
    return np.array_split(order, -(-len(order) // _BATCH)) if len(order) else []


def _joint(grid: Cells, sets: Index) -> Posterior:
    """Posteriors of all groups of some sets, set after set."""
    mass = _mass(grid, sets)
    rows, columns = np.nonzero(sets >= 0)
    own = sets[rows, columns]
    evidence = np.asarray(logsumexp(mass, axis=-1))[rows]
    part = grid._replace(
        height=grid.height[own],
        total=grid.total[own],
        in_core=grid.in_core[own],
        log_slices=grid.log_slices[own],
    )
    return weighted(part, mass[rows], evidence)
