"""Where a posterior of (mu, tau) lies: a grid that fits it, and integrals over that grid.

One slice a value of tau, equally spaced in a variable t that carries tau over the whole line; in each slice
mu equally spaced over what the data and the prior leave possible. Smooth functions that vanish at both
ends are integrated by such equal steps to full precision as soon as the step resolves them [1]_.

References
----------
.. [1] Trefethen & Weideman (2014), SIAM Rev 56:385-458, doi:10.1137/130932132
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from meta.errors import ConvergenceError
from meta.stats.pilot import outermost
from meta.stats.tau_axis import TauAxis

if TYPE_CHECKING:
    from meta.stats.priors import MuPrior, TauPrior
    from meta.stats.scales import BoolArray, FloatArray
    from meta.stats.surface import Surface

UNRESOLVED = "no grid resolves all of these posteriors; fewer or more similar data sets may do"
DROP = 22.0  # nats below the highest point at which the grid ends: 3e-10 of it
CORE = 8.0  # a normal density is within 8 nats of its top for 8 standard deviations ...
NODES_IN_CORE = 14  # ... so that this many nodes are a step of 0.57 of one
_SLACK = 1  # so many nodes more in the core, and nats of the drop, while likelihoods are rough
_WIDEST = 0.095  # step in t: the map from t to tau, and with it the posterior, is as smooth as that
_ROUGH = 5  # nodes in the core with which an integral is roughly right
_FIRST = 24  # nodes of mu in the first, coarse grid
_FARTHEST = 3.2  # in t: tau up to 2e8 times the prior's median
_NEAREST = -3.5  # in t: tau down to 1e-11 of it
_ROUNDS = 24  # of zooming; 3 are usual
_LARGEST = 200_000_000  # numbers held at once
_PILOT = 64  # data sets, of which more than twice as many are shown the way by some of them, that ...
_ALONG = np.array([-3.0, -1.0, -0.5, 0.0, 0.5, 1.0])  # ... are told apart at these t
_PILOT_NODES = 11  # nodes in their core
_SPARE = 1.5  # nodes more in the core than they need


class Cells(NamedTuple):
    """A grid of T slices of N points, and the log posterior of B data sets on it.

    Attributes
    ----------
    t, tau, log_width : ndarray, shape (T,)
        Equally spaced variable, tau there, and log(step in t times dtau/dt).
    first, step : ndarray, shape (T,)
        Lowest mu of each slice, and the distance between its points.
    height : ndarray, shape (B, T, N)
        Prior of mu times likelihood, over the largest of its slice.
    total : ndarray, shape (B, T)
        Sum of that over the points.
    log_slices : ndarray, shape (B, T)
        Log of the integral of prior times likelihood over mu.
    log_prior : ndarray, shape (T,)
        Of tau.
    axis : TauAxis
        How t and tau belong together.
    """

    t: FloatArray
    tau: FloatArray
    log_width: FloatArray
    first: FloatArray
    step: FloatArray
    height: FloatArray
    total: FloatArray
    log_slices: FloatArray
    log_prior: FloatArray
    axis: TauAxis

    @property
    def mu(self) -> FloatArray:
        """The points, shape (T, N)."""
        return self.first[:, None] + self.step[:, None] * np.arange(self.height.shape[-1])

    def start(self) -> _Start:
        """The same grid to be tried again."""
        size = self.height.shape[-1]
        return _Start(self.t, self.first, self.first + self.step * (size - 1), size)

    def pared(self) -> _Start:
        """A grid for data sets like these: as fine as it must be, and a little wider."""
        mass = self.log_mass(coupled=False)
        matters = mass > mass.max(-1, keepdims=True) - DROP - _SLACK
        _, t = _new_t(mass, matters, self.t)
        matters[:, 1:] |= matters[:, :-1]  # slices next to those that matter to these may matter to others
        matters[:, :-1] |= matters[:, 1:]
        first, last = _extent(self, matters, DROP + _SLACK)
        fine = self.step * _core(self, matters) / (NODES_IN_CORE + _SPARE)
        low, high = self.first + first * self.step, self.first + last * self.step
        size = int(np.ceil(((high - low) / fine)[matters.any(0)].max())) + 1
        return _Start(t, *_between(t, self.t, low, high), size)

    def log_mass(self, *, coupled: bool) -> FloatArray:
        """Log of each slice's part of the evidence, shape (B, T).

        Parameters
        ----------
        coupled : bool
            Whether the data sets are groups that share tau: then each slice holds the product.
        """
        slices = self.log_slices
        together = np.broadcast_to(slices.sum(0), slices.shape) if coupled else slices
        return together + self.log_prior + self.log_width


def cells(surface: Surface, mu_prior: MuPrior, tau_prior: TauPrior, *, coupled: bool = False) -> Cells:
    """Find the grid on which the posteriors of all data sets of a surface lie.

    Parameters
    ----------
    surface : Surface
    mu_prior, tau_prior : MuPrior, TauPrior
    coupled : bool
        Whether the data sets are groups that share tau.

    Returns
    -------
    Cells

    Raises
    ------
    ConvergenceError
        If no grid resolves them all: data sets that differ too much for one.

    Notes
    -----
    For a given tau the log posterior of mu is concave. What lies within a drop of the highest point of a
    coarse grid, with one more point on either side, therefore contains all that lies within that drop of
    the true maximum: zooming in on it never loses anything.
    """
    t = np.arange(_NEAREST, _FARTHEST + 0.15, 0.3)
    start = _Start(t, *_anywhere(surface, mu_prior, len(t)), _FIRST)
    zoom = _Zoom(mu_prior, tau_prior, TauAxis.of(tau_prior), coupled)
    many = len(surface.members)
    if many > 2 * _PILOT and not coupled:  # some of them show about where all of them lie
        pilot = surface.of(outermost(surface, mu_prior, zoom.axis.tau(_ALONG), DROP))
        start = zoom._replace(nodes=_PILOT_NODES).found(pilot, start, rough=True).pared()
    else:
        start = zoom.found(surface, start, rough=True).start()
    return zoom.found(surface, start, rough=False)


class _Start(NamedTuple):
    """A grid to be tried: its slices, and for each the range of mu, by `size` points."""

    t: FloatArray
    low: FloatArray
    high: FloatArray
    size: int


class _Zoom(NamedTuple):
    """What a grid is sought for."""

    mu_prior: MuPrior
    tau_prior: TauPrior
    axis: TauAxis
    coupled: bool
    nodes: int = NODES_IN_CORE

    def found(self, surface: Surface, start: _Start, *, rough: bool) -> Cells:
        """The grid that fits, by likelihoods that are rough or exact."""
        t, low, high, size = start
        for _ in range(_ROUNDS):
            tau = self.axis.tau(t)
            width = self.axis.log_slope(t) + np.log(t[1] - t[0])
            slices, span = (t, tau, width, self.tau_prior.logpdf(tau)), (low, high, size)
            grid = _evaluate(surface, self.mu_prior, slices, self.axis, span, rough=rough)
            if not _seen(grid):  # the integrals over mu mean nothing yet
                every = np.full(grid.total.shape, True)
                _, low, high, size = _new_mu(grid, every, self.nodes, rough=rough)
                continue
            mass = grid.log_mass(coupled=self.coupled)
            matters = mass > mass.max(-1, keepdims=True) - DROP
            if not _at_end(matters, t):
                t, low, high = _wider(t, low, high)
                continue
            enough_t, t_new = _new_t(mass, matters, t, self.nodes)
            enough_mu, low, high, size = _new_mu(grid, matters, self.nodes, rough=rough)
            if enough_t and enough_mu:
                return grid
            low, high = _between(t_new, t, low, high)
            t = t_new
        raise ConvergenceError(UNRESOLVED)


def _at_end(matters: BoolArray, t: FloatArray) -> bool:
    """Whether the slices reach as far as they matter, or as far as there is anywhere to go."""
    step = t[1] - t[0]
    nearest = not matters[:, 0].any() or t[0] < _NEAREST + step
    return bool(nearest and (not matters[:, -1].any() or t[-1] > _FARTHEST - step))


def _seen(grid: Cells) -> bool:
    """Whether every slice of every data set shows its peak, if roughly."""
    return bool(((grid.height > np.exp(-CORE)).sum(-1) >= _ROUGH).all())


def _wider(t: FloatArray, low: FloatArray, high: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    step = t[1] - t[0]
    wide = np.concatenate([t[0] + step * np.arange(-4, 0), t, t[-1] + step * np.arange(1, 5)])
    inner = wide[(wide > _NEAREST - step / 2) & (wide < _FARTHEST + step / 2)]
    return inner, *_between(inner, t, low, high)


def cells_at(surface: Surface, mu_prior: MuPrior, tau: FloatArray) -> Cells:
    """Find the grid for given values of tau: one slice each, of prior probability 1.

    Parameters
    ----------
    surface : Surface
    mu_prior : MuPrior
    tau : ndarray, shape (T,)

    Returns
    -------
    Cells
    """
    zero, every = np.zeros(len(tau)), np.ones((len(surface.members), len(tau)), dtype=bool)
    (low, high), size, rough = _anywhere(surface, mu_prior, len(tau)), _FIRST, True
    for _ in range(_ROUNDS):
        slices, span = (zero, tau, zero, zero), (low, high, size)
        grid = _evaluate(surface, mu_prior, slices, TauAxis(0.0, np.inf, 1.0), span, rough=rough)
        enough, low, high, size = _new_mu(grid, every, rough=rough)
        if enough and not rough:
            return grid
        rough = rough and not enough
    raise ConvergenceError(UNRESOLVED)


def _anywhere(surface: Surface, mu_prior: MuPrior, slices: int) -> tuple[FloatArray, FloatArray]:
    """A range of mu outside of which no posterior can lie: no trial and no prior pulls beyond all of them."""
    places = [mu_prior.mean, *surface.place]
    reach = np.sqrt(2 * DROP) * mu_prior.sd
    return np.full(slices, min(places) - reach), np.full(slices, max(places) + reach)


def _evaluate(
    surface: Surface,
    mu_prior: MuPrior,
    slices: tuple[FloatArray, FloatArray, FloatArray, FloatArray],
    axis: TauAxis,
    span: tuple[FloatArray, FloatArray, int],
    *,
    rough: bool,
) -> Cells:
    (t, tau, log_width, log_prior), (low, high, size) = slices, span
    step = (high - low) / (size - 1)
    mu = low[:, None] + step[:, None] * np.arange(size)
    height = surface.loglik(mu, tau[:, None], mu_prior.logpdf(mu), rough=rough)
    top = height.max(-1, keepdims=True)
    height -= top
    np.exp(height, out=height)  # once, in place: of many data sets this is where the time goes
    total = height.sum(-1)
    log_slices = np.log(total) + top[..., 0] + np.log(step)
    return Cells(t, tau, log_width, low, step, height, total, log_slices, log_prior, axis)


def _new_t(
    slices: FloatArray, matters: BoolArray, t: FloatArray, nodes: int = NODES_IN_CORE
) -> tuple[bool, FloatArray]:
    """Whether the slices are enough and none too many, and if not, better ones."""
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


def _extent(grid: Cells, matters: BoolArray, drop: float) -> tuple[np.ndarray, np.ndarray]:
    """The last points on either side beyond which no data set reaches, possibly outside, in each slice."""
    size = grid.height.shape[-1]
    held = ((grid.height > np.exp(-drop)) & matters[..., None]).max(0)
    idle = ~held.any(-1)  # a slice without weight for anybody stays as it is
    first = np.where(idle, 0, held.argmax(-1) - 1)
    return first, np.where(idle, size - 1, size - held[:, ::-1].argmax(-1))


def _core(grid: Cells, matters: BoolArray) -> FloatArray:
    """Nodes in the core of the narrowest data set that matters, in each slice."""
    return np.asarray(
        np.where(matters, (grid.height > np.exp(-CORE)).sum(-1), grid.height.shape[-1]).min(0)
    )


def _new_mu(
    grid: Cells, matters: BoolArray, nodes: int = NODES_IN_CORE, *, rough: bool = False
) -> tuple[bool, FloatArray, FloatArray, int]:
    """Whether every slice that matters is resolved and reaches no farther than it must."""
    drop, nodes = (z + _SLACK * rough for z in (DROP, nodes))
    size = grid.height.shape[-1]
    first, last = _extent(grid, matters, drop)
    over = (first < 0) | (last > size - 1)  # a guide may have shown too little
    first, last = first - over * size // 8, last + over * size // 8
    core = _core(grid, matters)
    low, high = grid.first + first * grid.step, grid.first + last * grid.step
    if (core >= nodes).all() and not over.any():
        return True, low, high, size
    fine = grid.step * np.minimum(np.maximum(core, 2) / (nodes + 1), 1.0)
    wanted = np.where(matters.any(0), (high - low) / fine, 0).max()
    most = max(4 * _FIRST, 2 * size) if core.min() < _ROUGH else _LARGEST
    size = int(np.clip(np.ceil(wanted) + 1, _FIRST, most))
    if size * matters.size > _LARGEST:
        raise ConvergenceError(UNRESOLVED)
    return False, low, high, size


def _between(
    t_new: FloatArray, t: FloatArray, low: FloatArray, high: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Ranges for new slices: what both neighbours among the old ones need."""
    if t_new is t:
        return low, high
    after = np.clip(np.searchsorted(t, t_new), 1, len(t) - 1)
    return np.minimum(low[after - 1], low[after]), np.maximum(high[after - 1], high[after])
