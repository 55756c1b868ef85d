"""Answers of a model to many sets of counts at once, from the same statistics as a single fit's."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import betaincinv, expit

from meta.errors import SpecError
from meta.models.bayes.bayes_binomial import BayesBinomial
from meta.models.inverse_variance.model import InverseVariance
from meta.models.likelihood.beta_binomial import FAMILY as BETA
from meta.models.likelihood.beta_binomial import BetaBinomial
from meta.models.likelihood.binomial_normal import FAMILY as NORMAL
from meta.models.likelihood.binomial_normal import BinomialNormal
from meta.models.likelihood.peak import peaks, rates
from meta.stats.binomial.proportions import proportion_interval
from meta.stats.normal.pooling import interval, prediction, random_effects
from meta.stats.normal.scales import SCALES, harmonic_mean
from meta.stats.numeric.codes import Code
from meta.stats.posterior.coupled import coupled_sets
from meta.stats.posterior.posterior import in_batches
from meta.stats.posterior.surface import binomial_surface

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meta.data.counts import IntArray
    from meta.models import Model
    from meta.models.bayes.answers import Answer
    from meta.models.likelihood.peak import Family, Peak
    from meta.stats.normal.pooling import RandomEffects
    from meta.stats.normal.scales import Effects, FloatArray
    from meta.stats.posterior.posterior import Posterior

_ESTIMANDS = ("mean ORR", "median ORR", "predictive ORR")
TAU = "tau"
PREDICTIVE = _ESTIMANDS[2]


class Answers(NamedTuple):
    """Point estimate and limits of one estimand, shape (B, G), NaN where not given."""

    estimand: str
    value: FloatArray
    low: FloatArray
    high: FloatArray


class Rows(NamedTuple):
    """B completions: responders and patients of every row, shape (B, m), and the rows' groups, of G."""

    x: IntArray
    n: IntArray
    group: IntArray
    many: int

    def of(self, group: int) -> Rows:
        """One group, made the only one."""
        own = self.group == group
        return Rows(self.x[:, own], self.n[:, own], np.zeros(int(own.sum()), dtype=np.int64), 1)


def family(model: BinomialNormal | BetaBinomial) -> Family:
    """The likelihood of a model of counts."""
    return NORMAL if isinstance(model, BinomialNormal) else BETA


def refusal(model: Model) -> SpecError:
    """What is said of a model without batched statistics."""
    allowed = "bayes-binomial, binomial-normal, beta-binomial and inverse-variance"
    found = f"model: found {model.model}"
    if isinstance(model, BayesBinomial):
        found, allowed = f"engine: found {model.engine}", "quadrature"
    where = "where many are fitted at once (bounds, the reader's own choice of trials)"
    return SpecError(f"{found}, which fits one set of counts at a time; allowed {where}: {allowed}")


def answers(model: Model, rows: Rows, *, spread: bool = False) -> list[Answers]:
    """Every estimand of every completion, as `model.fit` gives it of one.

    Parameters
    ----------
    model : Model
    rows : Rows
    spread : bool
        Of one group: tau too, on the scale of the model, and the predictive ORR if it is not an estimand.

    Returns
    -------
    list of Answers

    Raises
    ------
    SpecError
        If the model has no batched statistics.
    """
    if isinstance(model, BayesBinomial) and model.engine != "quadrature":
        raise refusal(model)
    if rows.many > 1 and getattr(model, "groups", "common") == "separate":
        parts = [answers(model, rows.of(group)) for group in range(rows.many)]
        return [
            Answers(some[0].estimand, *(np.concatenate(z, axis=1) for z in list(zip(*some, strict=True))[1:]))
            for some in zip(*parts, strict=True)
        ]
    if isinstance(model, BayesBinomial):
        found = _posterior(model, rows, spread=spread)
    elif isinstance(model, InverseVariance):
        found = _conventional(model, rows, spread=spread)
    elif isinstance(model, BinomialNormal | BetaBinomial):
        found = _likelihood(model, rows, spread=spread)
    else:
        raise refusal(model)
    return _one_trial(model, rows, found)


def _one_trial(model: Model, rows: Rows, found: list[Answers]) -> list[Answers]:
    """The answers; where a group has one trial, its rate and exact interval as the first, and no other."""
    own = np.equal.outer(rows.group, np.arange(rows.many)).astype(np.int64)
    alone = (rows.n > 0) @ own == 1
    x, n = (rows.x @ own)[alone], (rows.n @ own)[alone]
    exact = (x / n, *proportion_interval(x, n, method=model.trial_interval, level=model.level))
    placed = []
    for z, values in enumerate(exact):
        column = np.array(found[0][1 + z], dtype=float)
        column[alone] = values
        placed.append(column)
    gone = (Answers(one.estimand, *(np.where(alone, np.nan, z) for z in one[1:])) for one in found[1:])
    return [Answers(found[0].estimand, *placed), *gone]


def _conventional(model: InverseVariance, rows: Rows, *, spread: bool) -> list[Answers]:
    x, n, group, many = rows
    use, scale = n > 0, SCALES[model.scale]
    continuity = 0.0 if model.continuity == "none" else model.continuity
    effects = scale.effects(x, n, use, continuity=continuity)
    fit = random_effects(effects.y, effects.v, use, method=model.tau2, groups=group)
    limits = interval(fit.pooled, method=model.interval, level=model.level)
    out = np.full((3, len(x), many), np.nan)
    for g in range(many):
        own = group == g
        k, size = use[:, own].sum(-1), harmonic_mean(n[:, own], use[:, own])
        several = k > 1
        for i, z in enumerate((fit.pooled.mu, limits.low, limits.high)):
            there = several & np.isfinite(z[:, g])
            out[i, there, g] = scale.inverse(z[there, g], size[there])
    found = [Answers(scale.estimand, *out)]
    return [*found, *_conventional_spread(model, rows, effects, fit)] if spread else found


def _conventional_spread(
    model: InverseVariance, rows: Rows, effects: Effects, fit: RandomEffects
) -> Iterator[Answers]:
    """Tau and prediction, where the model's own fit gives them."""
    use, scale, tau2 = rows.n > 0, SCALES[model.scale], np.where(fit.code == Code.OK, fit.tau2, np.nan)
    ends = model.tau2_limits(effects.y, effects.v, use)
    gone = np.full(tau2.shape, np.nan)
    alone, common = use.sum(-1) < 2, model.tau2 == "common-effect"
    tau = [gone, gone, gone] if common else [np.sqrt(z) for z in (tau2, ends.low, ends.high)]
    yield Answers(TAU, *(np.where(alone, np.nan, z)[:, None] for z in tau))
    low, high = gone.copy(), gone.copy()
    if model.prediction != "none" and not common:
        several = np.flatnonzero(~alone & (tau2 > 0))
        limits = model.predicted(fit.pooled, tau2, fit.pooled.df + 1)
        size = harmonic_mean(rows.n, use)[several]
        for z, end in ((low, limits.low[:, 0]), (high, limits.high[:, 0])):
            z[several] = np.where(
                np.isfinite(end[several]), scale.inverse(np.nan_to_num(end[several]), size), np.nan
            )
    yield Answers(PREDICTIVE, gone[:, None], low[:, None], high[:, None])


def _likelihood(model: BinomialNormal | BetaBinomial, rows: Rows, *, spread: bool) -> list[Answers]:
    own = family(model)
    peak = peaks(own, model, rows.x, rows.n, rows.n > 0, groups=rows.group)
    mu, gone = peak.top.mu, ~np.isin(peak.top.code, (Code.OK, Code.INFINITE_MU))[:, None]
    gone = gone | np.isnan(mu)
    mean = rates(own, mu, np.broadcast_to(peak.top.v[:, None], mu.shape))
    found = [Answers("mean ORR", mean, peak.mean.low, peak.mean.high)]
    if own.normal:
        found.append(Answers("median ORR", expit(mu), expit(peak.mu.low), expit(peak.mu.high)))
    if spread:
        found += _likelihood_spread(model, rows, peak)
    return [Answers(one[0], *(np.where(gone, np.nan, z) for z in one[1:])) for one in found]


def _likelihood_spread(model: BinomialNormal | BetaBinomial, rows: Rows, peak: Peak) -> Iterator[Answers]:
    """Tau, of the family that has one, and prediction at the estimates."""
    mu, v = peak.top.mu, np.asarray(peak.top.v)[:, None]
    gone = np.full(mu.shape, np.nan)
    there = np.isfinite(mu) & (v > 0)
    if family(model).normal:
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


def _posterior(model: BayesBinomial, rows: Rows, *, spread: bool) -> list[Answers]:
    frame, priors = model.frame(), model.priors()

    def read(post: Posterior) -> tuple[FloatArray, ...]:
        all_of = frame.answers(post)
        given: list[Answer] = [z for z in (all_of.mean, all_of.median, all_of.predictive) if z is not None]
        given += [all_of.tau] if spread else []
        return tuple(z for answer in given for z in answer[:3])

    x, n, group, many = rows
    own = np.equal.outer(np.arange(many), group)
    include = (own[None] & (n > 0)[:, None]).reshape(len(x) * many, -1)
    names = (*_ESTIMANDS, TAU) if spread else _ESTIMANDS
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
