"""Zooming in on posteriors of (mu, tau): from a grid of cells to one that fits them better."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from meta.errors import ConvergenceError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from meta.stats.normal.scales import BoolArray, FloatArray
    from meta.stats.posterior.grid import Cells

UNRESOLVED = "no grid resolves all of these posteriors; fewer or more similar data sets may do"
DROP = 22.0  # nats below the highest point at which the grid ends: 3e-10 of it
CORE = 8.0  # a normal density is within 8 nats of its top for 8 standard deviations ...
NODES_IN_CORE = 14  # ... so that this many nodes are a step of 0.57 of one
FIRST = 24  # nodes of mu in the first, coarse grid
FARTHEST = 3.2  # in t: tau up to 2e8 times the prior's median
NEAREST = -3.5  # in t: tau down to 1e-11 of it
_SLACK = 1  # so many nodes more in the core, and nats of the drop, while likelihoods are rough
_SPARE = 1.5  # nodes more in the core than data sets need that show others the way
_WIDEST = 0.095  # step in t: the map from t to tau, and with it the posterior, is as smooth as that
_ROUGH = 5  # nodes in the core with which an integral is roughly right
_LARGEST = 200_000_000  # numbers held at once


class Start(NamedTuple):
    """A grid to be tried: its slices, and for each the range of mu, by `size` points."""

    t: FloatArray
    low: FloatArray
    high: FloatArray
    size: int


def start_of(grid: Cells) -> Start:
    """The same grid, to be tried again.

    Parameters
    ----------
    grid : Cells
    """
    size = grid.height.shape[-1]
    return Start(grid.t, grid.first, grid.first + grid.step * (size - 1), size)


def pared(grid: Cells) -> Start:
    """A grid for data sets like those that `grid` roughly shows: as fine as they need it, a little wider.

    Parameters
    ----------
    grid : Cells
    """
    mass = grid.log_mass(coupled=False)
    matters = mass > mass.max(-1, keepdims=True) - DROP - _SLACK
    _, t = new_t(mass, matters, grid.t)
    matters[:, 1:] |= matters[:, :-1]  # slices next to those that matter to these may matter to others
    matters[:, :-1] |= matters[:, 1:]
    first, last = _extent(grid, matters, DROP + _SLACK)
    narrowest = np.where(matters, in_core(grid), grid.height.shape[-1]).min(0)
    fine = grid.step * narrowest / (NODES_IN_CORE + _SPARE)
    low, high = grid.first + first * grid.step, grid.first + last * grid.step
    size = int(np.ceil(((high - low) / fine)[matters.any(0)].max())) + 1
    return Start(t, *between(t, grid.t, low, high), size)


def in_core(grid: Cells) -> NDArray[np.intp]:
    """Nodes within the core of each slice of each data set, shape (B, T).

    Parameters
    ----------
    grid : Cells
    """
    return np.asarray((grid.height > np.exp(-CORE)).sum(-1))


def at_end(matters: BoolArray, t: FloatArray) -> bool:
    """Whether the slices reach as far as they matter, or as far as there is anywhere to go.

    Parameters
    ----------
    matters : ndarray of bool, shape (B, T)
        Which slices of which data sets.
    t : ndarray, shape (T,)
    """
    step = t[1] - t[0]
    nearest = not matters[:, 0].any() or t[0] < NEAREST + step
    return bool(nearest and (not matters[:, -1].any() or t[-1] > FARTHEST - step))


def seen(core: NDArray[np.intp]) -> bool:
    """Whether every slice of every data set shows its peak, if roughly.

    Parameters
    ----------
    core : ndarray of int, shape (B, T)
        As of :func:`in_core`.
    """
    return bool((core >= _ROUGH).all())


def wider(t: FloatArray, low: FloatArray, high: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """More slices at both ends, as far as there is anywhere to go, and ranges of mu for all.

    Parameters
    ----------
    t, low, high : ndarray, shape (T,)
        Slices, and the range of mu in each.
    """
    step = t[1] - t[0]
    wide = np.concatenate([t[0] + step * np.arange(-4, 0), t, t[-1] + step * np.arange(1, 5)])
    inner = wide[(wide > NEAREST - step / 2) & (wide < FARTHEST + step / 2)]
    return inner, *between(inner, t, low, high)


def new_t(
    slices: FloatArray, matters: BoolArray, t: FloatArray, nodes: int = NODES_IN_CORE
) -> tuple[bool, FloatArray]:
    """Whether the slices are enough and none too many, and if not, better ones.

    Parameters
    ----------
    slices : ndarray, shape (B, T)
        Log masses.
    matters : ndarray of bool, shape (B, T)
        Which slices of which data sets.
    t : ndarray, shape (T,)
    nodes : int
        So many slices in the core are enough.
    """
    used = np.flatnonzero(matters.any(0))
    first, last = max(used[0] - 1, 0), min(used[-1] + 1, len(t) - 1)
    core = (slices > slices.max(-1, keepdims=True) - CORE).sum(-1).min()
    step = t[1] - t[0]
    widest = _WIDEST * NODES_IN_CORE / nodes
    fine = step < 1.001 * widest and core >= nodes
    if fine and len(t) - (last - first + 1) <= len(t) // 8:
        return True, t
    step = min(widest, step * max(core, 2.0) / (nodes + 1))
    return False, np.arange(t[first], t[last] + step, step)


def _extent(grid: Cells, matters: BoolArray, drop: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The last points on either side beyond which no data set reaches, possibly outside, in each slice."""
    size = grid.height.shape[-1]
    held = ((grid.height > np.exp(-drop)) & matters[..., None]).max(0)
    idle = ~held.any(-1)  # a slice without weight for anybody stays as it is
    first = np.where(idle, 0, held.argmax(-1) - 1)
    return first, np.where(idle, size - 1, size - held[:, ::-1].argmax(-1))


def new_mu(
    grid: Cells,
    core: NDArray[np.intp],
    matters: BoolArray,
    nodes: int = NODES_IN_CORE,
    *,
    rough: bool = False,
) -> tuple[bool, FloatArray, FloatArray, int]:
    """Whether every slice that matters is resolved and reaches no farther than it must.

    Parameters
    ----------
    grid : Cells
    core : ndarray of int, shape (B, T)
        As of :func:`in_core`.
    matters : ndarray of bool, shape (B, T)
        Which slices of which data sets.
    nodes : int
        So many in the core are enough.
    rough : bool
        Whether the grid knows likelihoods roughly.

    Returns
    -------
    enough : bool
    low, high, size
        Ranges of mu and nodes to be tried next.

    Raises
    ------
    ConvergenceError
        If that were too many nodes.
    """
    drop, nodes = DROP + _SLACK * rough, nodes + _SLACK * rough
    size = grid.height.shape[-1]
    first, last = _extent(grid, matters, drop)
    over = (first < 0) | (last > size - 1)  # a guide may have shown too little
    first, last = first - over * size // 8, last + over * size // 8
    narrowest = np.where(matters, core, size).min(0)
    low, high = grid.first + first * grid.step, grid.first + last * grid.step
    if (narrowest >= nodes).all() and not over.any():
        return True, low, high, size
    fine = grid.step * np.minimum(np.maximum(narrowest, 2) / (nodes + 1), 1.0)
    wanted = np.where(matters.any(0), (high - low) / fine, 0).max()
    most = max(4 * FIRST, 2 * size) if narrowest.min() < _ROUGH else _LARGEST
    size = int(np.clip(np.ceil(wanted) + 1, FIRST, most))
    if size * matters.size > _LARGEST:
        raise ConvergenceError(UNRESOLVED)
    return False, low, high, size


def between(
    t_new: FloatArray, t: FloatArray, low: FloatArray, high: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Ranges for new slices: what both neighbours among the old ones need.

    Parameters
    ----------
    t_new : ndarray
        New slices.
    t, low, high : ndarray, shape (T,)
        Old ones, and the range of mu in each.
    """
    if t_new is t:
        return low, high
    after = np.clip(np.searchsorted(t, t_new), 1, len(t) - 1)
    return np.minimum(low[after - 1], low[after]), np.maximum(high[after - 1], high[after])
