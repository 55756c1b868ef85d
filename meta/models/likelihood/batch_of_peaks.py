"""Maxima of the likelihoods of many sets of counts at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import betaincinv, expit

from meta.models.contract import MEAN, MEDIAN, PREDICTIVE, TAU, Answers
from meta.models.likelihood.peak import peaks, rates
from meta.stats.normal.pooling import prediction
from meta.stats.numeric.codes import Code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meta.models.contract import Rows
    from meta.models.likelihood.peak import Family, LikelihoodModel, Peak
    from meta.stats.normal.scales import FloatArray


_ARMS = 16_384  # maximised at once: some hundred megabytes


def answers_of(own: Family, model: LikelihoodModel, rows: Rows, *, spread: bool) -> list[Answers]:
    """Every estimand of every completion; completions with the same arms in each group are fitted once.

    Parameters
    ----------
    spread : bool
        As of :meth:`meta.models.contract.PoolingModel.batch`.
    """
    both = np.stack([rows.n, rows.x], axis=-1)
    for group in range(rows.many):
        (columns,) = np.nonzero(rows.group == group)
        order = np.lexsort((rows.x[:, columns], rows.n[:, columns]), axis=-1)
        both[:, columns] = np.take_along_axis(both[:, columns], order[..., None], axis=1)
    distinct, which = np.unique(both, axis=0, return_inverse=True)
    size = max(_ARMS // max(both.shape[1], 1), 1)
    blocks = [
        _answers(own, model, rows._replace(n=block[..., 0], x=block[..., 1]), spread=spread)
        for block in (distinct[i : i + size] for i in range(0, max(len(distinct), 1), size))
    ]
    return [
        Answers(parts[0].estimand, *(np.concatenate(z)[which] for z in list(zip(*parts, strict=True))[1:]))
        for parts in zip(*blocks, strict=True)
    ]


def _answers(own: Family, model: LikelihoodModel, rows: Rows, *, spread: bool) -> list[Answers]:
    """Every estimand of every completion, all at once."""
    peak = peaks(own, model, rows.x, rows.n, rows.n > 0, groups=rows.group)
    mu, gone = peak.top.mu, ~np.isin(peak.top.code, (Code.OK, Code.INFINITE_MU))[:, None]
    gone = gone | np.isnan(mu)
    mean = rates(own, mu, np.broadcast_to(peak.top.v[:, None], mu.shape))
    found = [Answers(MEAN, mean, peak.mean.low, peak.mean.high)]
    if own.normal:
        found.append(Answers(MEDIAN, expit(mu), expit(peak.mu.low), expit(peak.mu.high)))
    if spread:
        found += _spread(own, model, rows, peak)
    return [Answers(one[0], *(np.where(gone, np.nan, z) for z in one[1:])) for one in found]


def _spread(own: Family, model: LikelihoodModel, rows: Rows, peak: Peak) -> Iterator[Answers]:
    """Tau, of the family that has one, and prediction at the estimates."""
    mu, v = peak.top.mu, np.asarray(peak.top.v)[:, None]
    gone = np.full(mu.shape, np.nan)
    there = np.isfinite(mu) & (v > 0)
    if own.normal:
        yield Answers(TAU, np.sqrt(v), *(np.sqrt(z)[:, None] for z in (peak.v.low, peak.v.high)))
        k = (rows.n > 0).sum(-1)[:, None]
        limits = prediction(mu, peak.top.se_mu, v, k, method="hts", level=model.level)
        ends: list[FloatArray] = [expit(limits.low), np.asarray(expit(mu)), expit(limits.high)]
    else:
        yield Answers(TAU, gone, gone, gone)
        p, scale, tail = expit(np.where(there, mu, 0.0)), np.where(there, v, 1.0), (1 - model.level) / 2
        ends = [np.asarray(betaincinv(p / scale, (1 - p) / scale, q)) for q in (tail, 0.5, 1 - tail)]
    value = np.where(there, ends[1], np.where(np.isfinite(mu), expit(mu), np.nan))
    yield Answers(PREDICTIVE, value, *(np.where(there, ends[i], np.nan) for i in (0, 2)))
