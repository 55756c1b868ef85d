"""A grid of (mu, tau) that fits the posteriors of one or more data sets, and integrals over that grid.

The grid consists of slices, one for each value of tau. They are equally spaced in a variable t that maps tau
to the whole real line. Within a slice mu is equally spaced over the range that the data and the prior leave
possible. The trapezoidal rule integrates a smooth function that vanishes at both ends to full precision as
soon as its step resolves the function [1]_.

The grid is found by zooming in, first with approximate likelihoods. For a given tau the log posterior of mu
is concave: what lies within a given drop of the highest point of a coarse grid, with one more point on either
side, contains all that lies within that drop of the true maximum, so that zooming in loses nothing.

References
----------
.. [1] Trefethen & Weideman (2014), SIAM Rev 56:385-458, doi:10.1137/130932132
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import expit

from meta.errors import ConvergenceError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from meta.stats.normal.scales import BoolArray, FloatArray
    from meta.stats.posterior.priors import MuPrior, TauPrior
    from meta.stats.posterior.surface import Surface

DROP = 22.0  # nats below the highest point at which the grid ends: 3e-10 of it
CORE = 8.0  # a normal density is within 8 nats of its maximum for 8 standard deviations ...
NODES_IN_CORE = 14  # ... so that this many nodes are a step of 0.57 of one
_FIRST = 24  # nodes of mu in the first, coarse grid
_FARTHEST = 3.5  # in t: tau up to 2e11 times the prior's median
_NEAREST = -3.5  # in t: tau down to 5e-12 of it
_WIDEST = 0.095  # step in t: the map from t to tau, and with it the posterior, is as smooth as that
_ROUGHLY_SEEN = 5  # nodes in the core with which an integral is roughly right
_SLACK = 1  # extra nodes in the core, and extra nats of the drop, while likelihoods are approximate
_APART = 12.0  # square root of the trials for each spare node: the approximation moves so many that far
_SOME = 100  # trials that locate the grid first, if there are more than ten times as many
_LARGEST = 25_000_000  # numbers in one array: 200 MB
_MORE = 4  # slices that are added at both ends; so many are not taken away again, or it would go to and fro
_ROUNDS = 24  # of zooming; 3 are usual
_UNRESOLVED = "no grid resolves all of these posteriors; fewer or more similar data sets may do"

# Pilots: of many data sets, a few locate the grid for all
_PILOT = 64  # pilots are used if there are more than twice as many data sets as this
_ALONG = np.array([-3.0, -1.0, -0.5, 0.0, 0.5, 1.0])  # values of t at which they are chosen
_PILOT_NODES = 11  # nodes in their core
_EACH = 8  # pilots at either end of each measure
_EVENLY = 24  # pilots evenly spaced over the order of the data sets
_SPARE = 1.5  # extra nodes in the core of the grid that pilots locate


class TauAxis(NamedTuple):
    """tau as a function of t, the whole line; the density of t vanishes doubly exponentially at both ends."""

    low: float
    high: float
    centre: float

    @classmethod
    def of(cls, prior: TauPrior) -> TauAxis:
        """The axis over the support of a prior; of an unbounded one its median is at t = 0."""
        return cls(*prior.support, float(prior.quantile(0.5)))

    def tau(self, t: FloatArray) -> FloatArray:
        """Value of tau, shape of `t`."""
        t = np.clip(t, -6.0, 6.0)  # tau from 1e-137 to 1e137 of the centre
        if np.isfinite(self.high):
            return np.asarray(self.low + (self.high - self.low) * expit(np.pi * np.sinh(t)))
        return self.centre * np.exp(np.pi / 2 * np.sinh(t))

    def log_slope(self, t: FloatArray) -> FloatArray:
        """Log of dtau/dt, shape of `t`."""
        if np.isfinite(self.high):
            z = np.pi * np.sinh(t)
            both = -np.logaddexp(0, z) - np.logaddexp(0, -z)  # log of expit(z) expit(-z)
            return np.asarray(np.log((self.high - self.low) * np.pi * np.cosh(t)) + both)
        return np.asarray(np.log(self.centre * np.pi / 2 * np.cosh(t)) + np.pi / 2 * np.sinh(t))


class Cells(NamedTuple):
    """A grid of T slices of N points, and the log posterior of B data sets on it.

    Attributes
    ----------
    t, tau, log_width : ndarray, shape (T,)
        Equally spaced variable, tau there, and log(step in t times dtau/dt).
    first, step : ndarray, shape (T,)
        Lowest mu of each slice, and the distance between its points.
    height : ndarray, shape (B, T, N)
        Prior of mu times likelihood, divided by the largest value of its slice.
    total : ndarray, shape (B, T)
        Sum of `height` over the points.
    in_core : ndarray of int, shape (B, T)
        Number of points within CORE nats of the maximum of the slice.
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
    in_core: NDArray[np.intp]
    log_slices: FloatArray
    log_prior: FloatArray
    axis: TauAxis

    @property
    def mu(self) -> FloatArray:
        """The points, shape (T, N)."""
        return self.first[:, None] + self.step[:, None] * np.arange(self.height.shape[-1])

    def log_mass(self, *, coupled: bool) -> FloatArray:
        """Log of each slice's share of the evidence, shape (B, T).

        If `coupled`, the data sets are groups that share tau, and each slice holds the product over groups.
        """
        slices = self.log_slices
        together = np.broadcast_to(slices.sum(0), slices.shape) if coupled else slices
        return together + self.log_prior + self.log_width


def cells(surface: Surface, mu_prior: MuPrior, tau_prior: TauPrior, *, coupled: bool = False) -> Cells:
    """Find the grid that holds the posteriors of all data sets of a surface.

    If `coupled`, the data sets are groups that share tau.

    Raises
    ------
    ConvergenceError
        If no grid resolves them all: the data sets differ too much for one.
    """
    t = np.arange(_NEAREST, _FARTHEST + 0.15, 0.3)
    start = _Start(t, *_anywhere(surface, mu_prior, len(t)), _FIRST)
    zoom = _Zoom(mu_prior, tau_prior, TauAxis.of(tau_prior), coupled)
    if len(surface.first) > 10 * _SOME:
        start = _same(zoom.grid(surface.thinned(_SOME), start, rough=True))
    if len(surface.members) > 2 * _PILOT and not coupled:
        pilot = surface.of(_pilots(surface, mu_prior, zoom.axis.tau(_ALONG)))
        start = _fitted(zoom._replace(nodes=_PILOT_NODES).grid(pilot, start, rough=True))
    else:
        start = _same(zoom.grid(surface, start, rough=True), len(surface.first))
    return zoom.grid(surface, start, rough=False)


def cells_at(surface: Surface, mu_prior: MuPrior, tau: FloatArray) -> Cells:
    """Find the grid for given values of tau >= 0, shape (T,): one slice each, of prior probability 1."""
    zero, every = np.zeros(len(tau)), np.ones((len(surface.members), len(tau)), dtype=bool)
    (low, high), size, rough = _anywhere(surface, mu_prior, len(tau)), _FIRST, True
    for _ in range(_ROUNDS):
        slices, span = (zero, tau, zero, zero), (low, high, size)
        grid = _evaluate(surface, mu_prior, slices, TauAxis(0.0, np.inf, 1.0), span, rough=rough)
        enough, low, high, size = _new_mu(grid, every, rough=rough)
        if enough and not rough:
            return grid
        rough = rough and not enough
    raise ConvergenceError(_UNRESOLVED)


class _Start(NamedTuple):
    """A grid to be tried: its slices, and for each the range of mu, divided by `size` points."""

    t: FloatArray
    low: FloatArray
    high: FloatArray
    size: int


class _Zoom(NamedTuple):
    """The posterior for which a grid is sought, and the number of nodes that its core must have."""

    mu_prior: MuPrior
    tau_prior: TauPrior
    axis: TauAxis
    coupled: bool
    nodes: int = NODES_IN_CORE

    def grid(self, surface: Surface, start: _Start, *, rough: bool) -> Cells:
        """The grid that fits; likelihoods are approximate if `rough`."""
        t, low, high, size = start
        for _ in range(_ROUNDS):
            tau = self.axis.tau(t)
            width = self.axis.log_slope(t) + np.log(t[1] - t[0])
            slices, span = (t, tau, width, self.tau_prior.logpdf(tau)), (low, high, size)
            grid = _evaluate(surface, self.mu_prior, slices, self.axis, span, rough=rough)
            if (grid.in_core < _ROUGHLY_SEEN).any():  # the integrals over mu mean nothing yet
                every = np.full(grid.total.shape, True)
                _, low, high, size = _new_mu(grid, every, self.nodes, rough=rough)
                continue
            mass = grid.log_mass(coupled=self.coupled)
            matters = mass > mass.max(-1, keepdims=True) - DROP
            if not _reaches_far_enough(matters, t):
                t, low, high = _extended(t, low, high)
                continue
            enough_t, t_new = _new_t(mass, matters, t, self.nodes, rough=rough)
            enough_mu, low, high, size = _new_mu(grid, matters, self.nodes, rough=rough)
            if enough_t and enough_mu:
                return grid
            low, high = _ranges(t_new, t, low, high)
            t = t_new
        raise ConvergenceError(_UNRESOLVED)


def _anywhere(surface: Surface, mu_prior: MuPrior, slices: int) -> tuple[FloatArray, FloatArray]:
    """A range of mu that contains every posterior: none lies outside of all trials and the prior."""
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
    in_core = (height > np.exp(-CORE)).sum(-1)
    return Cells(t, tau, log_width, low, step, height, total, in_core, log_slices, log_prior, axis)


def _same(grid: Cells, trials: int = 0) -> _Start:
    """The same grid, to be tried again; of many trials wider, since their approximations add up."""
    size, spare = grid.height.shape[-1], int(np.sqrt(trials) / _APART)
    aside = spare * grid.step
    low, high = grid.first - aside, grid.first + grid.step * (size - 1) + aside
    if not spare:
        return _Start(grid.t, low, high, size)
    finer = max(_SLACK * spare + NODES_IN_CORE, grid.in_core.min()) / grid.in_core.min()
    return _Start(*_extended(grid.t, low, high, spare), int(finer * (size + 2 * spare)))


def _fitted(grid: Cells) -> _Start:
    """A grid for all data sets, from the approximate grid of the pilots: as fine as they need and wider."""
    mass = grid.log_mass(coupled=False)
    matters = mass > mass.max(-1, keepdims=True) - DROP - _SLACK
    _, t = _new_t(mass, matters, grid.t)
    matters[:, 1:] |= matters[:, :-1]  # slices next to those that matter to pilots may matter to others
    matters[:, :-1] |= matters[:, 1:]
    first, last = _extent(grid, matters, DROP + _SLACK)
    narrowest = np.where(matters, grid.in_core, grid.height.shape[-1]).min(0)
    fine = grid.step * narrowest / (NODES_IN_CORE + _SPARE)
    low, high = grid.first + first * grid.step, grid.first + last * grid.step
    size = int(np.ceil(((high - low) / fine)[matters.any(0)].max())) + 1
    return _Start(t, *_ranges(t, grid.t, low, high), size)


def _reaches_far_enough(matters: BoolArray, t: FloatArray) -> bool:
    """Whether the first and last slices matter to no data set, or lie at the end of the axis.

    `matters`, shape (B, T), says which slices have weight in which data set, here and below.
    """
    step = t[1] - t[0]
    nearest = not matters[:, 0].any() or t[0] < _NEAREST + step
    return bool(nearest and (not matters[:, -1].any() or t[-1] > _FARTHEST - step))


def _extended(
    t: FloatArray, low: FloatArray, high: FloatArray, more: int = _MORE
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """More slices at both ends, up to the end of the axis, and ranges of mu for all."""
    step = t[1] - t[0]
    wide = np.concatenate([t[0] + step * np.arange(-more, 0), t, t[-1] + step * np.arange(1, more + 1)])
    inner = wide[(wide > _NEAREST - step / 2) & (wide < _FARTHEST + step / 2)]
    return inner, *_ranges(inner, t, low, high)


def _ranges(
    t_new: FloatArray, t: FloatArray, low: FloatArray, high: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Ranges of mu in new slices: those of both neighbours among the old ones, joined."""
    if t_new is t:
        return low, high
    after = np.clip(np.searchsorted(t, t_new), 1, len(t) - 1)
    return np.minimum(low[after - 1], low[after]), np.maximum(high[after - 1], high[after])


def _new_t(
    log_mass: FloatArray, matters: BoolArray, t: FloatArray, nodes: int = NODES_IN_CORE, *, rough: bool = True
) -> tuple[bool, FloatArray]:
    """Whether the slices are fine enough, with `nodes` in the core; if not, better ones.

    Slices that do not matter are left out while that is cheap, with likelihoods that are `rough`.
    """
    used = np.flatnonzero(matters.any(0))
    first, last = max(used[0] - 1, 0), min(used[-1] + 1, len(t) - 1)
    core = (log_mass > log_mass.max(-1, keepdims=True) - CORE).sum(-1).min()
    step = t[1] - t[0]
    widest = _WIDEST * NODES_IN_CORE / nodes
    fine = step < 1.001 * widest and core >= nodes
    if fine and (not rough or len(t) - (last - first + 1) <= max(len(t) // 8, 2 * _MORE)):
        return True, t
    step = min(widest, step * max(core, 2.0) / (nodes + 1))
    return False, np.arange(t[first], t[last] + step, step)


def _new_mu(
    grid: Cells, matters: BoolArray, nodes: int = NODES_IN_CORE, *, rough: bool = False
) -> tuple[bool, FloatArray, FloatArray, int]:
    """Whether every slice that matters is resolved and wide enough; ranges of mu and nodes to try next.

    ConvergenceError if that were too many nodes.
    """
    drop, nodes = DROP + _SLACK * rough, nodes + _SLACK * rough
    size = grid.height.shape[-1]
    first, last = _extent(grid, matters, drop)
    over = (first < 0) | (last > size - 1)  # a pilot may have shown too little
    first, last = first - over * size // 8, last + over * size // 8
    narrowest = np.where(matters, grid.in_core, size).min(0)
    low, high = grid.first + first * grid.step, grid.first + last * grid.step
    if (narrowest >= nodes).all() and not over.any():
        return True, low, high, size
    fine = grid.step * np.minimum(np.maximum(narrowest, 2) / (nodes + 1), 1.0)
    wanted = np.where(matters.any(0), (high - low) / fine, 0).max()
    most = max(4 * _FIRST, 2 * size) if narrowest.min() < _ROUGHLY_SEEN else _LARGEST
    size = int(np.clip(np.ceil(wanted) + 1, _FIRST, most))
    if size * matters.size > _LARGEST:
        raise ConvergenceError(_UNRESOLVED)
    return False, low, high, size


def _extent(grid: Cells, matters: BoolArray, drop: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """In each slice the points on either side of all that lies within `drop`; -1 and N where it goes on."""
    size = grid.height.shape[-1]
    held = ((grid.height > np.exp(-drop)) & matters[..., None]).max(0)
    idle = ~held.any(-1)  # a slice without weight in any data set stays as it is
    first = np.where(idle, 0, held.argmax(-1) - 1)
    return first, np.where(idle, size - 1, size - held[:, ::-1].argmax(-1))


def _pilots(surface: Surface, mu_prior: MuPrior, tau: FloatArray) -> NDArray[np.intp]:
    """Increasing rows of the data sets that locate the grid, judged by a normal approximation at `tau` (S,).

    Those that reach farthest out, are most precise, or whose trials differ most or least, and some others.
    """
    weight = 1 / (surface.variance + tau[:, None] ** 2)
    precision = surface.members @ weight.T + 1 / mu_prior.sd**2
    centre = (surface.members @ (weight * surface.place).T + mu_prior.mean / mu_prior.sd**2) / precision
    squares = surface.members @ (weight * surface.place**2).T + (mu_prior.mean / mu_prior.sd) ** 2
    spread = squares - precision * centre**2
    reach = np.sqrt(2 * DROP / precision)
    measures = np.concatenate([centre - reach, -centre - reach, -precision, spread, -spread], axis=1)
    ends = np.argpartition(measures, _EACH, axis=0)[:_EACH]
    evenly = np.linspace(0, len(precision) - 1, _EVENLY).astype(np.intp)
    return np.unique(np.concatenate([ends.ravel(), evenly]))
