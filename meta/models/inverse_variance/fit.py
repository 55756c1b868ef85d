"""From pooled effects to a Fit: what the conventional model says of one group of trials."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from meta.models import describe, grouped
from meta.models.contract import IntervalWords
from meta.results import Estimate, Fit, Prediction, Tau2
from meta.stats.normal.pooling import Limits
from meta.stats.normal.scales import SCALES

if TYPE_CHECKING:
    from meta.data import Counts
    from meta.models.inverse_variance.model import InverseVariance
    from meta.results import TrialEffect
    from meta.stats.normal.influence import Cases
    from meta.stats.normal.pooling import IntervalMethod, RandomEffects
    from meta.stats.normal.scales import Effects, FloatArray
    from meta.stats.normal.tau2 import Tau2Interval, Tau2IntervalMethod

INTERVALS: dict[IntervalMethod, IntervalWords] = {
    "wald": IntervalWords("Wald", "Wald interval", "Wald intervals"),
    "hk": IntervalWords("Knapp-Hartung", "Knapp-Hartung", "Knapp-Hartung intervals"),
    "mhk": IntervalWords(
        "Knapp-Hartung floored at the Wald standard error",
        "Knapp-Hartung floored",
        "Knapp-Hartung intervals whose standard error is never below the unmodified one",
    ),
}
TAU2_INTERVALS: dict[Tau2IntervalMethod, str] = {
    "q-profile": "Q-profile",
    "profile-likelihood": "profile likelihood",
}


class Spread(NamedTuple):
    """What a set of rows says about tau2; groups may share it."""

    tau2: float
    code: int
    limits: Tau2Interval
    q: float
    df: float
    means: int  # that were estimated with it: one a group where groups share it


class Group(NamedTuple):
    """The trials of a group with their effects, tau2, and what each trial does to the fit."""

    data: Counts
    effects: Effects
    spread: Spread
    cases: Cases | None


def pooled_fit(model: InverseVariance, group: Group, found: RandomEffects, limits: Limits) -> Fit:
    """The fit of a group whose mean is known.

    Parameters
    ----------
    model : InverseVariance
    group : Group
    found : RandomEffects
        At the tau2 of the group.
    limits : Limits
        Of the mean.
    """
    pooled = found.pooled
    mu, tau2 = _mu(model, pooled.mu[0], pooled.se[0], limits), _tau2(model, group.spread)
    orr = describe.proportion(
        SCALES[model.scale],
        (pooled.mu[0], limits.low[0], limits.high[0]),
        group.data,
        level=model.level,
        method=model.method,
        reason=mu.reason,
    )
    estimated = model.tau2 != "common-effect"
    return replace(
        without_mean(model, group),
        mu=mu,
        proportion=orr,
        heterogeneity=describe.heterogeneity(found, tau2.interval, estimated=estimated),
        prediction=_prediction(model, group, found),
        trials=_trials(model, group, pooled.weights),
        notes=_notes(model, group, tau2),
        influence=describe.influence(group.data.labels, group.cases),
    )


def without_mean(model: InverseVariance, group: Group, reason: str | None = None) -> Fit:
    """A fit without a mean: of no trial, of one, whose exact interval is the answer, or for a `reason`.

    Tau2 is there all the same where it can be told of two trials or more.
    """
    data, scale = group.data, SCALES[model.scale]
    fit = grouped.unpooled(model, data, reason)
    return replace(
        fit,
        tau2=_tau2(model, group.spread) if data.k > 1 else fit.tau2,
        prediction=describe.prediction(
            scale, data, None, level=model.level, method=str(model.prediction), reason=fit.mu.reason
        ),
        trials=_trials(model, group, None),
    )


def _trials(model: InverseVariance, group: Group, weights: FloatArray | None) -> tuple[TrialEffect, ...]:
    return describe.trials(group.data, group.effects, weights, method=model.trial_interval, level=model.level)


def _mu(model: InverseVariance, mu: float, se: float, limits: Limits) -> Estimate:
    missing = describe.sentence(int(limits.code[0]))
    between = describe.limits_of(
        limits.low[0],
        limits.high[0],
        model.level,
        INTERVALS[model.interval].method,
        df=limits.df[0],
        se=limits.se[0],
    )
    return Estimate(value=float(mu), se=float(se), interval=between, reason=missing)


def _tau2(model: InverseVariance, spread: Spread) -> Tau2:
    if model.tau2 == "common-effect":
        return Tau2(value=0.0, method=model.tau2, reason="set to 0 by the common-effect model, not estimated")
    missing = describe.sentence(spread.code)
    if missing:
        return Tau2(value=None, method=model.tau2, reason=missing)
    return Tau2(
        value=spread.tau2,
        method=model.tau2,
        at_boundary=spread.tau2 == 0,
        interval=describe.limits_of(
            spread.limits.low, spread.limits.high, model.level, TAU2_INTERVALS[model.tau2_interval]
        ),
        reason=describe.sentence(int(spread.limits.code)),
    )


def _prediction(model: InverseVariance, group: Group, found: RandomEffects) -> Prediction:
    scale, level, data, spread = SCALES[model.scale], model.level, group.data, group.spread
    if model.prediction == "none":
        return describe.prediction(scale, data, None, level=level, method="none", reason="not asked for")
    method = describe.prediction_method(model.prediction, spread.means)
    if model.tau2 == "common-effect":
        reason = "the common-effect model has no spread of true effects to predict from"
        return describe.prediction(scale, data, None, level=level, method=method, reason=reason)
    if spread.tau2 == 0:
        reason = "tau2 is estimated as 0: an interval would pretend that trials do not differ"
        return describe.prediction(scale, data, None, level=level, method=method, reason=reason)
    # groups that share tau2 lend each other df
    several = model.predicted(found.pooled, spread.tau2, spread.df + 1)
    limits = Limits(*(z[0] for z in several))
    return describe.prediction(scale, data, limits, level=level, method=method)


def _notes(model: InverseVariance, group: Group, tau2: Tau2) -> tuple[str, ...]:
    notes = describe.correction_note(group.data, group.effects, model.continuity)
    if model.scale == "double-arcsine":
        notes += (describe.double_arcsine_note(group.data),)
    if tau2.at_boundary:
        notes += (
            "tau2 is estimated as 0: with few trials a common outcome even under large heterogeneity, "
            "and no sign that they agree.",
        )
    return notes
