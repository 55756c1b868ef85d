"""Bounds over the completions of counts that were not reported, from the models' own statistics, batched."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import expit

from meta.errors import SpecError
from meta.models.bayes_binomial import BayesBinomial
from meta.models.beta_binomial import FAMILY as BETA
from meta.models.beta_binomial import BetaBinomial
from meta.models.binomial_normal import FAMILY as NORMAL
from meta.models.binomial_normal import BinomialNormal
from meta.models.inverse_variance import INTERVALS, InverseVariance
from meta.models.likelihood_peak import METHODS, peaks, rates
from meta.models.policy import standing
from meta.results import Bound, Bounds, Completed
from meta.stats.codes import Code
from meta.stats.coupled import coupled_sets
from meta.stats.extremes import MOST, extremes
from meta.stats.pooling import interval, random_effects
from meta.stats.posterior import in_batches
from meta.stats.proportions import proportion_interval
from meta.stats.scales import SCALES, harmonic_mean
from meta.stats.surface import binomial_surface

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meta.data import Completions, IntArray
    from meta.models import Model
    from meta.models.answers import Answer
    from meta.models.likelihood_peak import Family
    from meta.stats.extremes import Extremes
    from meta.stats.posterior import Posterior
    from meta.stats.scales import FloatArray

_ESTIMANDS = ("mean ORR", "median ORR", "predictive ORR")
_COUNTS = 3  # columns of trials, patients and responders


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


def bounds(model: Model, data: Completions, *, most: int = MOST) -> tuple[Bounds, ...]:
    """Bound every estimand of a model, of all trials or of each group.

    Parameters
    ----------
    model : Model
        BayesBinomial (by quadrature), BinomialNormal, BetaBinomial or InverseVariance.
    data : Completions
    most : int
        Completions up to which every one is fitted; above, a search (:mod:`meta.stats.extremes`).

    Returns
    -------
    tuple of Bounds
        Group by group; `role` and `by` are left to the caller. Completions in which a group has no patient do
        not count for it. Where groups share tau, those of all groups count together, as each bears on the
        others; where they are fitted separately, those of each group by itself.

    Raises
    ------
    SpecError
        If the model has no batched statistics.
    """
    many = max(len(data.names), 1)
    if many > 1 and _separate(model):  # what is in one group says nothing of another
        return tuple(one for group in range(many) for one in bounds(model, data.within(group), most=most))
    estimands: dict[str, None] = {}

    def evaluate(choice: IntArray) -> FloatArray:
        rows = _rows(data, choice, many)
        given = answers(model, rows)
        estimands.update(dict.fromkeys(one.estimand for one in given))
        return np.concatenate([*_counted(rows), *(z for one in given for z in one[1:])], axis=1)

    hull = _Hull(model, data, extremes(data.sizes, evaluate, most=most), many)
    return tuple(hull.of(group, i, name) for group in range(many) for i, name in enumerate(estimands))


def _rows(data: Completions, choice: IntArray, many: int) -> Rows:
    """Return completions as arrays; where there is no row at all, with one of nobody."""
    x, n = data.arrays(choice)
    if x.shape[1]:
        return Rows(x, n, data.group, many)
    nobody = np.zeros((len(choice), 1), dtype=np.int64)
    return Rows(nobody, nobody, np.zeros(1, dtype=np.int64), many)


def _counted(rows: Rows) -> tuple[FloatArray, ...]:
    """Trials, patients and responders of each group, shape (B, G); NaN where it has none."""
    own = np.equal.outer(rows.group, np.arange(rows.many)).astype(float)
    k = (rows.n > 0) @ own
    return tuple(np.where(k > 0, z, np.nan) for z in (k, rows.n @ own, rows.x @ own))


class _Hull(NamedTuple):
    """Puts extremes into results; columns are counts, then answers, each of all groups."""

    model: Model
    data: Completions
    found: Extremes
    many: int

    def of(self, group: int, place: int, estimand: str) -> Bounds:
        value, low, high = (self._column(group, _COUNTS + 3 * place + i) for i in range(3))
        k, n, x = (self._span(self._column(group, i)) for i in range(_COUNTS))
        level = self.model.level
        return Bounds(
            model=self.model.model,
            estimand=estimand,
            method=_method(self.model),
            ignorance=self._bound(value, value, group, None),
            uncertainty=self._bound(low, high, group, level),
            completions=prod(self.data.sizes),
            evaluated=self.found.evaluated,
            searched=not self.found.complete,
            k=k,
            n=n,
            responders=x,
            standing=standing(k[0], x[0], bayesian=isinstance(self.model, BayesBinomial)),
            group=self.data.names[group] if self.data.names else None,
        )

    def _column(self, group: int, block: int) -> int:
        return block * self.many + group

    def _span(self, column: int) -> tuple[int, int]:
        ends = self.found.low[column], self.found.high[column]
        return (0, 0) if np.isnan(ends[0]) else (int(ends[0]), int(ends[1]))

    def _bound(self, low: int, high: int, group: int, level: float | None) -> Bound:
        found = self.found
        empty = found.missing[self._column(group, 0)]
        lost = max(found.missing[low], found.missing[high]) - empty
        if empty == found.evaluated:
            return Bound(low=None, high=None, level=level, reason="no trial reported responders")
        if lost:
            reason = f"not given in {lost} of {found.evaluated - empty} completions"
            return Bound(low=None, high=None, level=level, reason=reason)
        return Bound(
            low=float(found.low[low]),
            high=float(found.high[high]),
            level=level,
            low_at=tuple(self._completed(found.low_at[low])),
            high_at=tuple(self._completed(found.high_at[high])),
        )

    def _completed(self, choice: IntArray) -> Iterator[Completed]:
        data = self.data
        for i, label in enumerate(data.labels):
            rows = data.options[i][choice[i]]
            for (x, n), group in zip(rows.tolist(), data.groups[i], strict=True):
                if data.sizes[i] > 1:
                    name = data.names[group] if len(rows) > 1 else None
                    yield Completed(label=label, responders=x, n=n, group=name)


def _separate(model: Model) -> bool:
    return getattr(model, "groups", "common") == "separate"


def _method(model: Model) -> str:
    if isinstance(model, BayesBinomial):
        return model.frame().kind
    if isinstance(model, InverseVariance):
        return f"inverse variance, {model.scale} scale, {model.tau2}, {INTERVALS[model.interval]}"
    if isinstance(model, BinomialNormal | BetaBinomial):
        return f"{_family(model).name} maximum likelihood, {METHODS[model.interval]}"
    raise _refusal(model)


def _family(model: BinomialNormal | BetaBinomial) -> Family:
    return NORMAL if isinstance(model, BinomialNormal) else BETA


def _refusal(model: Model) -> SpecError:
    allowed = "bayes-binomial, binomial-normal, beta-binomial and inverse-variance are allowed there"
    return SpecError(f"unresolved: found bound with {model.model}; {allowed}")


def answers(model: Model, rows: Rows) -> list[Answers]:
    """Every estimand of every completion, as `model.fit` gives it of one.

    Parameters
    ----------
    model : Model
    rows : Rows

    Returns
    -------
    list of Answers

    Raises
    ------
    SpecError
        If the model has no batched statistics.
    """
    if isinstance(model, BayesBinomial) and model.engine != "quadrature":
        raise SpecError("unresolved: found bound with engine: pymc; engine: quadrature is allowed there")
    if rows.many > 1 and _separate(model):
        parts = [answers(model, rows.of(group)) for group in range(rows.many)]
        return [
            Answers(some[0].estimand, *(np.concatenate(z, axis=1) for z in list(zip(*some, strict=True))[1:]))
            for some in zip(*parts, strict=True)
        ]
    if isinstance(model, BayesBinomial):
        return _posterior(model, rows)
    if isinstance(model, InverseVariance):
        return [_conventional(model, rows)]
    if isinstance(model, BinomialNormal | BetaBinomial):
        return _likelihood(model, rows)
    raise _refusal(model)


def _conventional(model: InverseVariance, rows: Rows) -> Answers:
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
        several, one = k > 1, k == 1
        for i, z in enumerate((fit.pooled.mu, limits.low, limits.high)):
            there = several & np.isfinite(z[:, g])
            out[i, there, g] = scale.inverse(z[there, g], size[there])
        alone = x[one][:, own].sum(-1), n[one][:, own].sum(-1)  # a single trial: its own exact interval
        ends = proportion_interval(*alone, method=model.trial_interval, level=model.level)
        out[:, one, g] = alone[0] / alone[1], *ends
    return Answers(scale.estimand, *out)


def _likelihood(model: BinomialNormal | BetaBinomial, rows: Rows) -> list[Answers]:
    family = _family(model)
    peak = peaks(family, model, rows.x, rows.n, rows.n > 0, groups=rows.group)
    mu, gone = peak.top.mu, ~np.isin(peak.top.code, (Code.OK, Code.INFINITE_MU))[:, None]
    gone = gone | np.isnan(mu)
    mean = rates(family, mu, np.broadcast_to(peak.top.v[:, None], mu.shape))
    found = [Answers("mean ORR", mean, peak.mean.low, peak.mean.high)]
    if family.normal:
        found.append(Answers("median ORR", expit(mu), expit(peak.mu.low), expit(peak.mu.high)))
    return [Answers(one[0], *(np.where(gone, np.nan, z) for z in one[1:])) for one in found]


def _posterior(model: BayesBinomial, rows: Rows) -> list[Answers]:
    frame, priors = model.frame(), model.priors()

    def read(post: Posterior) -> tuple[FloatArray, ...]:
        all_of = frame.answers(post)
        given: list[Answer] = [z for z in (all_of.mean, all_of.median, all_of.predictive) if z is not None]
        return tuple(z for answer in given for z in answer[:3])

    x, n, group, many = rows
    own = np.equal.outer(np.arange(many), group)
    include = (own[None] & (n > 0)[:, None]).reshape(len(x) * many, -1)
    surface = binomial_surface(np.repeat(x, many, axis=0), np.repeat(n, many, axis=0), include)
    members, index = np.unique(surface.members, axis=0, return_inverse=True)
    filled = members.any(-1)
    place = np.where(filled, np.cumsum(filled) - 1, -1)[index.ravel()].reshape(len(x), many)
    if not filled.any():
        gone = np.full((3, len(x), many), np.nan)
        return [Answers(name, *gone) for name in _ESTIMANDS]
    distinct = surface._replace(members=members[filled])
    if many == 1:
        columns = [np.append(z, np.nan)[place] for z in in_batches(distinct, *priors, read)]
    else:
        sets, back = np.unique(place, axis=0, return_inverse=True)
        columns = [z[back.ravel()] for z in coupled_sets(distinct, sets, *priors, read)]
    return [Answers(name, *columns[3 * i : 3 * i + 3]) for i, name in enumerate(_ESTIMANDS)]
