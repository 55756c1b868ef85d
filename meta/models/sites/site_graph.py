"""Rates by group and region in PyMC, when some trials report only sums over groups.

For trial t and group s, on the logit scale,

    theta_ts = mu + b_s + sum_c a_c[level of t] + u_t (+ v_ts)

with b_s ~ N(0, sigma^2), or coded to add up to zero and fixed; a_c coded to add up to zero; u_t ~ N(0, tau^2)
and v_ts ~ N(0, omega^2). All effects are scaled standard normals (non-centred), since few small trials leave
them to the prior. The density is one operation
(:mod:`meta.models.sites.sums_operation`) of one vector of parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from meta.errors import DataError
from meta.models.mcmc import sampling
from meta.models.sites.effects import Block, GroupEffects, Priors, blocks, levels_of, scale_names
from meta.models.sites.sums_data import SumsData
from meta.models.sites.sums_operation import operation
from meta.results import Diagnostics
from meta.stats.normal.scales import FloatArray
from meta.stats.unreported.sums import log_choose

if TYPE_CHECKING:
    from meta.data import PartialCounts

_ROOM = 16  # parameters of a graph are a multiple of this


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SiteRegionDraws:
    """Draws of the model, chains one after the other, on the logit scale.

    Attributes
    ----------
    mu : ndarray, shape (D,)
    group : ndarray, shape (D, S)
        b; 0 without group effects.
    levels : dict of str to ndarray, shape (D, L)
        a of each contrast; 0 where it has one level.
    trial : ndarray, shape (D, T)
        u.
    theta : ndarray, shape (D, T, S)
        True log odds of every trial and group, also of groups of which a trial has no patient.
    scales : dict of str to ndarray, shape (D,)
        sigma, tau and omega, as far as they are in the model.
    idata : arviz.InferenceData
        The same by chain, to be stored as netCDF.
    diagnostics : Diagnostics
    """

    mu: FloatArray
    group: FloatArray
    levels: dict[str, FloatArray]
    trial: FloatArray
    theta: FloatArray
    scales: dict[str, FloatArray]
    idata: Any
    diagnostics: Diagnostics


def sums_data(data: PartialCounts, effects: Sequence[Block], mu_mean: float) -> SumsData:
    """Data and design as the operation takes them.

    Raises
    ------
    DataError
        If no row has patients.
    """
    cells = sorted(data.cells(), key=lambda cell: cell.row)
    if not cells:
        raise DataError("rows: found no responders reported of any patients; a row with patients is allowed")
    rows = sorted({cell.row for cell in cells})
    total = data.responders[rows]
    choose = np.full((len(cells), int(total.max()) + 1), -np.inf)
    for into, cell in zip(choose, cells, strict=True):
        into[: cell.n + 1] = log_choose(cell.n)[: len(into)]
    lines = [data.trial[cell.row] * len(data.groups) + group for cell in cells for group in cell.groups]
    names = scale_names(effects)
    width = [len(block.labels) for block in effects]
    return SumsData(
        offset=np.full(len(lines), mu_mean),
        design=np.hstack([block.coding for block in effects])[lines],
        sd=np.repeat([block.sd for block in effects], width),
        block=np.repeat([names.index(b.scale) if b.scale else -1 for b in effects], width),
        start=np.searchsorted([cell.row for cell in cells], [*rows, rows[-1] + 1]),
        member=np.cumsum([0, *(len(cell.groups) for cell in cells)]),
        size=np.array([cell.n for cell in cells], dtype=np.int64),
        total=total,
        choose=choose,
    )


@cache
def graph(parameters: int) -> Any:
    """The model: q, one standard normal an effect, and of each half-normal scale s log(exp(s) - 1).

    Parameters
    ----------
    parameters : int
        Length of q.

    Returns
    -------
    pymc.Model
        Its data are the vector `data`, of whatever length; priors are part of the operation, since compiling
        them as a graph takes longer than all the rest.
    """
    pm = sampling.load()
    with sampling.uncompiled(), pm.Model(coords={"parameter": range(parameters)}) as model:
        q = pm.Flat("q", dims="parameter")
        pm.Potential("density", operation()(q, pm.Data("data", np.zeros(1)))[0])
    return model


def filled(data: PartialCounts, effects: Sequence[Block], mu_mean: float) -> sampling.Filled:
    """The graph with data.

    Returns
    -------
    Filled
        With more parameters than are in use: compiling it for another number of them takes longer than
        drawing from one that is a little too large.
    """
    own, scales = sums_data(data, effects, mu_mean), scale_names(effects)
    labels = [f"{block.name}: {label}" for block in effects for label in block.labels]
    parameters = -(-(len(labels) + len(scales)) // _ROOM) * _ROOM
    used = [*range(len(labels)), *range(parameters - len(scales), parameters)]
    names = (*labels, *(f"inverse softplus {name}" for name in scales))
    return sampling.Filled(graph(parameters), {"data": own.padded(parameters).vector()}, used, names)


def draw(
    data: PartialCounts,
    priors: Priors,
    *,
    groups: GroupEffects = "random",
    contrasts: Sequence[str] = (),
    seed: int,
    draws: int = 1000,
    tune: int = 1000,
) -> SiteRegionDraws:
    """Draw from the posterior, in four chains.

    Parameters
    ----------
    data, priors, groups, contrasts
        See `blocks`.
    seed, draws, tune
        See `meta.models.mcmc.sampling.sample`.

    Returns
    -------
    SiteRegionDraws
        Of the last of at most two attempts; `diagnostics.passed` says whether to believe it.

    Raises
    ------
    DataError
        If the data lack a contrast, or report no responders at all.
    """
    effects = blocks(data, priors, groups=groups, contrasts=contrasts)
    sampled = sampling.sample(filled(data, effects, priors.mu_mean), seed=seed, draws=draws, tune=tune)
    q = sampled.idata.posterior["q"].to_numpy()
    found = unpack(q.reshape(-1, q.shape[-1]), data, effects, priors.mu_mean)
    _name(sampled.idata, data, found, q.shape[:2])
    return SiteRegionDraws(**found, idata=sampled.idata, diagnostics=sampled.diagnostics)


def unpack(q: FloatArray, data: PartialCounts, effects: Sequence[Block], mu_mean: float) -> dict[str, Any]:
    """What the parameters mean.

    Parameters
    ----------
    q : ndarray, shape (D, P)
    data, effects, mu_mean
        As of `build`.

    Returns
    -------
    dict
        mu, group, levels, trial, theta and scales of `SiteRegionDraws`.
    """
    shape, names = (len(q), *data.n.shape), scale_names(effects)
    raw = dict(zip(names, np.logaddexp(0, q[:, q.shape[1] - len(names) :]).T, strict=True))
    parts, first, scales = dict[str, FloatArray](), 0, dict[str, FloatArray]()
    for block in effects:
        last = first + len(block.labels)
        factor = raw[block.scale][:, None] if block.scale else 1.0
        parts[block.name] = ((q[:, first:last] * factor * block.sd) @ block.coding.T).reshape(shape)
        if block.scale:
            scales[block.scale] = raw[block.scale] * block.sd
        first = last
    contrasts = [block.name for block in effects if block.name not in ("mu", "group", "trial", "cell")]
    levels = {}
    for name in contrasts:
        known, level = levels_of(data, name)
        at = [int(np.flatnonzero(level == i)[0]) for i in range(len(known))]
        levels[name] = parts[name][:, at, 0]
    return {
        "mu": parts["mu"][:, 0, 0] + mu_mean,
        "group": parts["group"][:, 0] if "group" in parts else np.zeros((len(q), shape[2])),
        "levels": levels,
        "trial": parts["trial"][:, :, 0],
        "theta": mu_mean + np.sum(list(parts.values()), axis=0),
        "scales": scales,
    }


def _name(idata: Any, data: PartialCounts, found: dict[str, Any], lead: tuple[int, int]) -> None:
    """Put the parameters by their names beside q."""
    posterior = idata.posterior
    coords: dict[str, Sequence[str]] = {"trial": data.labels, "group": data.groups}
    values = {"mu": (found["mu"], ()), "b": (found["group"], ("group",)), "u": (found["trial"], ("trial",))}
    values |= {name: (scale, ()) for name, scale in found["scales"].items()}
    for name, effect in found["levels"].items():
        coords[name] = levels_of(data, name)[0]
        values[f"a_{name}"] = (effect, (name,))
    for name, labels in coords.items():
        posterior = posterior.assign_coords({name: list(labels)})
    for name, (array, dims) in values.items():
        posterior[name] = (("chain", "draw", *dims), array.reshape(*lead, *array.shape[1:]))
    idata.posterior = posterior
