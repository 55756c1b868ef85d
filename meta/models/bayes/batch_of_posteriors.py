"""Posteriors of many sets of counts at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from meta.models.contract import MEAN, MEDIAN, PREDICTIVE, TAU, Answers
from meta.stats.posterior.coupled import coupled_sets
from meta.stats.posterior.posterior import in_batches
from meta.stats.posterior.surface import binomial_surface

if TYPE_CHECKING:
    from meta.models.bayes.answers import Answer
    from meta.models.bayes.posterior_fit import Frame
    from meta.models.contract import Rows
    from meta.stats.normal.scales import FloatArray
    from meta.stats.posterior.posterior import Posterior
    from meta.stats.posterior.priors import MuPrior, TauPrior


def answers_of(frame: Frame, priors: tuple[MuPrior, TauPrior], rows: Rows, *, spread: bool) -> list[Answers]:
    """Every estimand of every completion.

    Parameters
    ----------
    spread : bool
        As of :meth:`meta.models.contract.PoolingModel.batch`.
    """

    def read(post: Posterior) -> tuple[FloatArray, ...]:
        all_of = frame.answers(post)
        given: list[Answer] = [z for z in (all_of.mean, all_of.median, all_of.predictive) if z is not None]
        given += [all_of.tau] if spread else []
        return tuple(z for answer in given for z in answer[:3])

    x, n, group, many = rows
    own = np.equal.outer(np.arange(many), group)
    include = (own[None] & (n > 0)[:, None]).reshape(len(x) * many, -1)
    names = (MEAN, MEDIAN, PREDICTIVE, TAU) if spread else (MEAN, MEDIAN, PREDICTIVE)
    surface = binomial_surface(np.repeat(x, many, axis=0), np.repeat(n, many, axis=0), include)
    members, index = np.unique(surface.members, axis=0, return_inverse=True)
    filled = members.any(-1)
    place = np.where(filled, np.cumsum(filled) - 1, -1)[index.ravel()].reshape(len(x), many)
    if not filled.any():
        gone = np.full((3, len(x), many), np.nan)
        return [Answers(name, *gone) for name in names]
    distinct = surface._replace(members=members[filled])
    if many == 1:
        columns = [np.append(z, np.nan)[place] for z in in_batches(distinct, *priors, read)]
    else:
        sets, back = np.unique(place, axis=0, return_inverse=True)
        columns = [z[back.ravel()] for z in coupled_sets(distinct, sets, *priors, read)]
    return [Answers(name, *columns[3 * i : 3 * i + 3]) for i, name in enumerate(names)]
