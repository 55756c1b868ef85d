"""Posterior distributions of differences between groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from meta.stats.numeric.interpolation import finer, interpolate, running
from meta.stats.posterior.distributions import Distribution

if TYPE_CHECKING:
    from meta.stats.normal.scales import FloatArray
    from meta.stats.posterior.posterior import Posterior

_REACH, _POINTS = 7.0, 19  # standard deviations about the mean difference, and points there
_NEGLIGIBLE = 1e-6  # of a posterior
_FINER = 3  # points for one of the grid
_NODES = 400  # quantiles of one of two independent distributions


def coupled_difference(
    post: Posterior, group: int, reference: int, rates: FloatArray | None = None
) -> Distribution:
    """Distribution of a quantity in one group less that in another, which shares tau with it.

    Parameters
    ----------
    post : Posterior
        Coupled.
    group, reference : int
        Data sets.
    rates : ndarray, shape (T, N), optional
        The quantity at each cell, increasing with mu; mu itself if left out.

    Returns
    -------
    Distribution
        Of one "data set".

    Notes
    -----
    Given tau the groups are independent: the chance that the difference is below s is the average, over
    the first group, of the chance that the reference is above its value less s.
    """
    grid, size = post.cells, post.weight.shape[-1]
    values = grid.mu if rates is None else rates
    weight, other = post.weight[group], post.weight[reference]
    slices = np.maximum(weight.sum(-1, keepdims=True), 1e-300)
    mean = (weight * values).sum() - (other * values).sum()
    inner = ((weight * values).sum(-1) - (other * values).sum(-1)) / slices[:, 0]
    within = (weight * values**2).sum(-1) + (other * values**2).sum(-1)
    within = (
        within / slices[:, 0] - _squared_means(post, group, values) - _squared_means(post, reference, values)
    )
    variance = (slices[:, 0] * (within + (inner - mean) ** 2)).sum()
    points = mean + np.sqrt(variance) * np.linspace(-_REACH, _REACH, _POINTS)
    points = np.unique(np.clip(points, values.min() - values.max(), values.max() - values.min()))
    kept = np.flatnonzero(slices[:, 0] > _NEGLIGIBLE)
    whole = slices[kept].sum()
    places = np.arange(_FINER * (size - 1) + 1) / _FINER
    fine_weight, (ends_at, under) = finer(weight, _FINER) / _FINER, running(other / slices)

    def exact(at: FloatArray) -> FloatArray:
        p = np.zeros(len(at))
        for j in kept:
            # The chance for the reference turns sharply: the group's points must resolve it
            closer = grid.first[j] + grid.step[j] * places
            own = closer if rates is None else interpolate(grid.mu[j], values[j], closer)
            ends = (own - at[:, None]).ravel()
            mu = ends if rates is None else interpolate(values[j], grid.mu[j], ends)
            place = np.clip((mu - grid.first[j]) / grid.step[j], 0, size - 1)
            beneath = interpolate(ends_at, under[j], place).reshape(len(at), -1)
            p += (1 - beneath) @ fine_weight[j]
        return np.asarray(p[None] / whole)

    return Distribution.of(points, exact)


def _squared_means(post: Posterior, index: int, values: FloatArray) -> FloatArray:
    mass = np.maximum(post.weight[index].sum(-1), 1e-300)
    return np.asarray(((post.weight[index] * values).sum(-1) / mass) ** 2)


def independent_difference(group: Distribution, reference: Distribution) -> Distribution:
    """Distribution of a quantity of one posterior less that of another, independent one.

    Parameters
    ----------
    group, reference : Distribution
        Of one data set each.
    """
    levels = (np.arange(_NODES) + 0.5) / _NODES
    values, other = group.quantile(levels)[0], reference.quantile(levels)[0]
    spread = np.sqrt(values.var() + other.var())
    points = values.mean() - other.mean() + spread * np.linspace(-_REACH, _REACH, _POINTS)

    def exact(at: FloatArray) -> FloatArray:
        ends = values - at[:, None]
        return np.asarray(1 - reference.below(ends.ravel()).reshape(ends.shape).mean(-1))[None]

    return Distribution.of(points, exact)
