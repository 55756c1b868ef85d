"""Many sets of groups that share tau, each set with a posterior of its own, on one grid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import logsumexp

from meta.errors import ConvergenceError
from meta.stats.cells import cells
from meta.stats.posterior import Posterior, posterior

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from meta.stats.cells import Cells
    from meta.stats.priors import MuPrior, TauPrior
    from meta.stats.scales import BoolArray, FloatArray
    from meta.stats.surface import Surface

    Index = NDArray[np.int64]
    Read = Callable[[Posterior], tuple[FloatArray, ...]]

# As in meta.stats.cells: what lies deeper than DROP nats does not matter, and equal steps resolve a density
# of which so many nodes lie within CORE nats of its top
_DROP, _CORE, _NODES_IN_CORE = 24.0, 8.0, 14
_HELD = 20_000_000  # numbers at once


def coupled_sets(
    surface: Surface, sets: Index, mu_prior: MuPrior, tau_prior: TauPrior, read: Read
) -> tuple[FloatArray, ...]:
    """What `read` reads off the posterior of every group of every set.

    Parameters
    ----------
    surface : Surface
        The distinct data sets of which the sets are made, each the trials of one group.
    sets : ndarray of int, shape (S, G)
        The data set of each group, -1 for a group without trials; groups of a set share tau, and each has a
        mu of its own.
    mu_prior, tau_prior : MuPrior, TauPrior
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
    filled = np.flatnonzero((sets >= 0).any(-1))
    places, parts = [], []

    def add(rows: Index, post: Posterior) -> None:
        row, group = np.nonzero(sets[rows] >= 0)
        places.append((rows[row], group))
        parts.append(read(post))

    try:
        grid = cells(surface, mu_prior, tau_prior)
    except ConvergenceError:  # too different for one grid
        rest = filled
    else:
        fine = filled[_resolved(grid, _mass(grid, sets[filled]), sets[filled])]
        held = grid.log_joint[0].size * sets.shape[1]
        for rows in np.array_split(fine, -(-len(fine) * held // _HELD) or 1):
            if rows.size:
                add(rows, _joint(grid, sets[rows]))
        rest = np.setdiff1d(filled, fine)
    for row in rest:
        own = surface.of(sets[row, sets[row] >= 0])
        add(np.array([row]), posterior(own, mu_prior, tau_prior, coupled=True))
    at = tuple(np.concatenate(z) for z in zip(*places, strict=True))
    whole = []
    for part in zip(*parts, strict=True):
        values = np.concatenate(part)
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


def _resolved(grid: Cells, mass: FloatArray, sets: Index) -> BoolArray:
    """Whether the grid resolves each set: fine enough, and every group's slices where they matter."""
    top = mass.max(-1, keepdims=True)
    enough = (mass > top - _CORE).sum(-1) >= _NODES_IN_CORE
    own = grid.log_mass(coupled=False)
    reliable = own > own.max(-1, keepdims=True) - _DROP
    needed = mass > top - _DROP
    for column in sets.T:
        enough &= ((column < 0)[:, None] | reliable[column] | ~needed).all(-1)
    return np.asarray(enough)


def _joint(grid: Cells, sets: Index) -> Posterior:
    """The posteriors of the groups of some sets, one after another."""
    mass = _mass(grid, sets)
    rows, columns = np.nonzero(sets >= 0)
    own = sets[rows, columns]
    evidence = np.asarray(logsumexp(mass, axis=-1))[rows]
    slices, joint = grid.log_slices[own], grid.log_joint[own]
    given_slice = np.log(grid.step) - slices
    weight = joint + (given_slice + mass[rows] - evidence[:, None])[..., None]
    np.exp(weight, out=weight)
    return Posterior(grid._replace(log_joint=joint, log_slices=slices), weight, evidence)
