"""Which of many data sets show where all of them lie, as if trials were normal and weights known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from meta.stats.normal.scales import FloatArray
    from meta.stats.posterior.priors import MuPrior
    from meta.stats.posterior.surface import Surface

_EACH = 8  # data sets at either end of each measure
_EVENLY = 24  # data sets from first to last


def outermost(surface: Surface, mu_prior: MuPrior, tau: FloatArray, nats: float) -> NDArray[np.intp]:
    """Data sets that lie farthest out, are narrowest, or whose trials differ most or least, and some others.

    Parameters
    ----------
    surface : Surface
    mu_prior : MuPrior
    tau : ndarray, shape (S,)
        Where to compare them.
    nats : float
        So far below its highest point a posterior of mu matters.

    Returns
    -------
    ndarray of int
        Increasing rows of the surface's data sets.
    """
    weight = 1 / (surface.variance + tau[:, None] ** 2)
    precision = surface.members @ weight.T + 1 / mu_prior.sd**2
    centre = (surface.members @ (weight * surface.place).T + mu_prior.mean / mu_prior.sd**2) / precision
    squares = surface.members @ (weight * surface.place**2).T + (mu_prior.mean / mu_prior.sd) ** 2
    spread = squares - precision * centre**2
    reach = np.sqrt(2 * nats / precision)
    measures = np.concatenate([centre - reach, -centre - reach, -precision, spread, -spread], axis=1)
    ends = np.argpartition(measures, _EACH, axis=0)[:_EACH]
    evenly = np.linspace(0, len(precision) - 1, _EVENLY).astype(np.intp)
    return np.unique(np.concatenate([ends.ravel(), evenly]))
