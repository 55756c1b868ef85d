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
from meta.stats.posterior import zoom
from meta.stats.posterior.pilot import outermost
from meta.stats.posterior.tau_axis import TauAxis

if TYPE_CHECKING:
    from meta.stats.normal.scales import FloatArray
    from meta.stats.posterior.priors import MuPrior, TauPrior
    from meta.stats.posterior.surface import Surface

_ROUNDS = 24  # of zooming; 3 are usual
_PILOT = 64  # data sets, of which more than twice as many are shown the way by some of them, that ...
_ALONG = np.array([-3.0, -1.0, -0.5, 0.0, 0.5, 1.0])  # ... are told apart at these t
_PILOT_NODES = 11  # nodes in their core


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
    t = np.arange(zoom.NEAREST, zoom.FARTHEST + 0.15, 0.3)
    start = zoom.Start(t, *_anywhere(surface, mu_prior, len(t)), zoom.FIRST)
    sought = _Sought(mu_prior, tau_prior, TauAxis.of(tau_prior), coupled)
    many = len(surface.members)
    if many > 2 * _PILOT and not coupled:  # some of them show about where all of them lie
        pilot = surface.of(outermost(surface, mu_prior, sought.axis.tau(_ALONG), zoom.DROP))
        start = zoom.pared(sought._replace(nodes=_PILOT_NODES).found(pilot, start, rough=True))
    else:
        start = zoom.start_of(sought.found(surface, start, rough=True))
    return sought.found(surface, start, rough=False)


class _Sought(NamedTuple):
    """What a grid is sought for."""

    mu_prior: MuPrior
    tau_prior: TauPrior
    axis: TauAxis
    coupled: bool
    nodes: int = zoom.NODES_IN_CORE

    def found(self, surface: Surface, start: zoom.Start, *, rough: bool) -> Cells:
        """The grid that fits, by likelihoods that are rough or exact."""
        t, low, high, size = start
        for _ in range(_ROUNDS):
            tau = self.axis.tau(t)
            width = self.axis.log_slope(t) + np.log(t[1] - t[0])
            slices, span = (t, tau, width, self.tau_prior.logpdf(tau)), (low, high, size)
            grid = _evaluate(surface, self.mu_prior, slices, self.axis, span, rough=rough)
            core = zoom.in_core(grid)
            if not zoom.seen(core):  # the integrals over mu mean nothing yet
                every = np.full(grid.total.shape, True)
                _, low, high, size = zoom.new_mu(grid, core, every, self.nodes, rough=rough)
                continue
            mass = grid.log_mass(coupled=self.coupled)
            matters = mass > mass.max(-1, keepdims=True) - zoom.DROP
            if not zoom.at_end(matters, t):
                t, low, high = zoom.wider(t, low, high)
                continue
            enough_t, t_new = zoom.new_t(mass, matters, t, self.nodes)
            enough_mu, low, high, size = zoom.new_mu(grid, core, matters, self.nodes, rough=rough)
            if enough_t and enough_mu:
                return grid
            low, high = zoom.between(t_new, t, low, high)
            t = t_new
        raise ConvergenceError(zoom.UNRESOLVED)


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
    (low, high), size, rough = _anywhere(surface, mu_prior, len(tau)), zoom.FIRST, True
    for _ in range(_ROUNDS):
        slices, span = (zero, tau, zero, zero), (low, high, size)
        grid = _evaluate(surface, mu_prior, slices, TauAxis(0.0, np.inf, 1.0), span, rough=rough)
        enough, low, high, size = zoom.new_mu(grid, zoom.in_core(grid), every, rough=rough)
        if enough and not rough:
            return grid
        rough = rough and not enough
    raise ConvergenceError(zoom.UNRESOLVED)


def _anywhere(surface: Surface, mu_prior: MuPrior, slices: int) -> tuple[FloatArray, FloatArray]:
    """A range of mu outside of which no posterior can lie: no trial and no prior pulls beyond all of them."""
    places = [mu_prior.mean, *surface.place]
    reach = np.sqrt(2 * zoom.DROP) * mu_prior.sd
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
