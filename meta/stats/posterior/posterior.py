"""The posterior of (mu, tau) by quadrature, of one data set or of many at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import logsumexp

from meta.errors import ConvergenceError
from meta.stats.posterior.grid import Cells, cells, cells_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from meta.stats.normal.scales import FloatArray
    from meta.stats.posterior.priors import MuPrior, TauPrior
    from meta.stats.posterior.surface import Surface

_BATCH = 1400  # data sets on one grid
_SIMILAR = 1.5  # ratio of precisions on one grid, or the root of that where there are many


class Posterior(NamedTuple):
    """Posteriors of B data sets on one grid.

    Attributes
    ----------
    cells : Cells
    weight : ndarray, shape (B, T, N)
        Posterior probability of each cell, 1 in all.
    average : ndarray, shape (T, N)
        The same, averaged over the data sets.
    slices : ndarray, shape (B, T)
        Posterior probability of each slice.
    log_evidence : ndarray, shape (B,)
        Log marginal likelihood of each data set under the priors; of coupled ones, of all together.
    """

    cells: Cells
    weight: FloatArray
    average: FloatArray
    slices: FloatArray
    log_evidence: FloatArray

    def expectation(self, values: FloatArray) -> FloatArray:
        """Posterior mean of `values` given at the cells, shape (T, N) or (T, 1); result shape (B,)."""
        whole = np.broadcast_to(values, self.weight.shape[1:]).ravel()
        return np.asarray(self.weight.reshape(len(self.weight), -1) @ whole)


def posterior(
    surface: Surface, mu_prior: MuPrior, tau_prior: TauPrior, *, coupled: bool = False
) -> Posterior:
    """Posterior of every data set of a surface, on one grid.

    Parameters
    ----------
    surface : Surface
        Data sets similar enough for one grid; :func:`in_batches` takes any.
    mu_prior, tau_prior : MuPrior, TauPrior
        Independent.
    coupled : bool
        Whether the data sets are groups with a mu each and tau in common.
    """
    grid = cells(surface, mu_prior, tau_prior, coupled=coupled)
    log_mass = grid.log_mass(coupled=coupled)
    return weighted(grid, log_mass, np.asarray(logsumexp(log_mass, axis=-1)))


def weighted(grid: Cells, log_mass: FloatArray, log_evidence: FloatArray) -> Posterior:
    """Posteriors on a grid from the log masses of its slices, shape (B, T), and log evidences, (B,)."""
    slices = np.exp(log_mass - log_evidence[:, None])
    return _posterior(grid, grid.height * (slices / grid.total)[..., None], slices, log_evidence)


def _posterior(grid: Cells, weight: FloatArray, slices: FloatArray, evidence: FloatArray) -> Posterior:
    many = len(weight)
    average = np.full(many, 1 / many) @ weight.reshape(many, -1)
    return Posterior(grid, weight, average.reshape(weight.shape[1:]), slices, evidence)


def posterior_at(surface: Surface, mu_prior: MuPrior, tau: FloatArray) -> Posterior:
    """Posterior of mu at fixed values of tau.

    Parameters
    ----------
    surface : Surface
        Of one data set.
    tau : ndarray, shape (T,)

    Returns
    -------
    Posterior
        With one "data set" a value of tau, whose weight is all in that slice.
    """
    grid = cells_at(surface, mu_prior, tau)
    inside = grid.height[0] / grid.total[0, :, None]
    own_slice = np.eye(len(tau))
    return _posterior(grid, own_slice[..., None] * inside, own_slice, grid.log_slices[0])


def in_batches(
    surface: Surface,
    mu_prior: MuPrior,
    tau_prior: TauPrior,
    read: Callable[[Posterior], tuple[FloatArray, ...]],
) -> tuple[FloatArray, ...]:
    """Apply `read` to the posteriors of any number of data sets, in batches that share a grid (B, T, N).

    Parameters
    ----------
    read : callable
        From a posterior of B data sets to arrays of leading length B.

    Returns
    -------
    tuple of ndarray
        The arrays of all data sets, in their order.
    """
    order, parts = [], []
    for rows, post in batches(surface, mu_prior, tau_prior):
        order.append(rows)
        parts.append(read(post))
    place = np.argsort(np.concatenate(order), kind="stable")
    return tuple(np.concatenate(part)[place] for part in zip(*parts, strict=True))


def batches(
    surface: Surface, mu_prior: MuPrior, tau_prior: TauPrior
) -> Iterator[tuple[np.ndarray, Posterior]]:
    """Posteriors of any number of data sets: rows of the surface, and those on one grid."""
    waiting = list(_alike_rows(surface, mu_prior))
    while waiting:
        rows = waiting.pop()
        try:
            post = posterior(surface.of(rows), mu_prior, tau_prior)
        except ConvergenceError:
            if len(rows) == 1:
                raise
            waiting += np.array_split(rows, 2)  # too different for one grid after all
            continue
        yield rows, post


def _alike_rows(surface: Surface, mu_prior: MuPrior) -> Iterator[np.ndarray]:
    """Rows of data sets for one grid: of similar precision, and close to each other."""
    precision = 1 / mu_prior.sd**2 + surface.members @ (1 / surface.variance)
    where = mu_prior.mean / mu_prior.sd**2 + surface.members @ (surface.place / surface.variance)
    where /= precision
    half = np.floor(2 * np.log(precision) / np.log(_SIMILAR))
    kind = half // 2
    for rows in _alike(kind, np.arange(len(kind))):
        for part in _alike(half, rows) if len(rows) > _BATCH else [rows]:
            yield from np.array_split(part[np.argsort(where[part], kind="stable")], -(-len(part) // _BATCH))


def _alike(kind: FloatArray, rows: np.ndarray) -> list[np.ndarray]:
    """Those of some rows that are of the same kind."""
    order = rows[np.argsort(kind[rows], kind="stable")]
    return np.split(order, np.flatnonzero(np.diff(kind[order])) + 1)
