"""From arrays to results: here a NaN becomes None, and its code a sentence."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from meta.results import (
    Estimand,
    Heterogeneity,
    Influence,
    Interval,
    IntervalKind,
    Prediction,
    Proportion,
    Statistic,
    TrialEffect,
)
from meta.stats.binomial.proportions import TrialInterval, proportion_interval
from meta.stats.normal import heterogeneity as het
from meta.stats.normal.scales import Effects, FloatArray, Scale, ScaleName, harmonic_mean
from meta.stats.numeric.codes import SENTENCES, Code

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from meta.data import Counts, GroupedCounts
    from meta.stats.normal.influence import Cases
    from meta.stats.normal.pooling import Limits, PredictionMethod, RandomEffects

TRIAL_INTERVALS: dict[TrialInterval, str] = {
    "clopper-pearson": "exact (Clopper-Pearson)",
    "wilson": "Wilson",
    "jeffreys": "Jeffreys",
}
_PREDICTIONS: dict[PredictionMethod, tuple[str, int]] = {  # and the df taken off beside the means
    "normal": ("normal quantiles", 0),
    "t": ("t", 0),
    "hts": ("Higgins-Thompson-Spiegelhalter, t", 1),
    "hk": ("Knapp-Hartung, t", 0),
}
DIFFERENCES: dict[ScaleName, Estimand] = {
    "logit": Estimand.LOG_ODDS_RATIO,
    "log": Estimand.LOG_RATIO,
    "identity": Estimand.DIFFERENCE,
    "arcsine": Estimand.DIFFERENCE_ARCSINE,
    "double-arcsine": Estimand.DIFFERENCE_DOUBLE_ARCSINE,
}
LEAST_CASES = 3  # trials, from which one can be left out and tau2 still be estimated
CASE_BY_CASE = 100  # trials, up to which each is left out and all are permuted, in about a second


def number(value: float | FloatArray) -> float | None:
    """A finite number, or None."""
    plain = float(value)
    return plain if np.isfinite(plain) else None


def sentence(*codes: int) -> str | None:
    """The sentence of the first code that is not OK, or None."""
    return next((SENTENCES[Code(code)] for code in codes if code != Code.OK), None)


def counted(count: int, noun: str) -> str:
    """A number with its noun, of which one takes no s.

    Examples
    --------
    >>> counted(1, "trial"), counted(0, "trial")
    ('1 trial', '0 trials')
    """
    return f"{count} {noun}{'' if count == 1 else 's'}"


def limits_of(
    low: float | FloatArray,
    high: float | FloatArray,
    level: float,
    method: str,
    *,
    kind: IntervalKind = "confidence",
    df: float | FloatArray = np.inf,
    se: float | FloatArray = np.nan,
) -> Interval | None:
    """An interval, or None where a limit is missing."""
    ends = number(low), number(high)
    if ends[0] is None or ends[1] is None:
        return None
    return Interval(
        low=ends[0], high=ends[1], level=level, kind=kind, method=method, df=number(df), se=number(se)
    )


def proportion(
    scale: Scale,
    values: tuple[float | FloatArray, float | FloatArray, float | FloatArray],
    counts: Counts,
    *,
    level: float,
    method: str,
    kind: IntervalKind = "confidence",
    estimand: Estimand | None = None,
    reason: str | None = None,
) -> Proportion:
    """Estimate and limits, analysis scale in, proportions out."""
    size = harmonic_mean(counts.n)
    value, low, high = (
        None if number(z) is None else float(scale.inverse(np.asarray(z), size)) for z in values
    )
    return Proportion(
        value=value,
        low=low,
        high=high,
        estimand=estimand or scale.estimand,
        level=level,
        kind=kind,
        method=method,
        reason=reason,
    )


def trial_proportions(counts: Counts, *, method: TrialInterval, level: float) -> tuple[Proportion, ...]:
    """Each trial's raw proportion with its study-level interval."""
    low, high = proportion_interval(counts.responders, counts.n, method=method, level=level)
    return tuple(
        Proportion(
            value=float(counts.responders[i] / counts.n[i]),
            low=float(low[i]),
            high=float(high[i]),
            estimand=Estimand.RAW,
            level=level,
            kind="confidence",
            method=TRIAL_INTERVALS[method],
        )
        for i in range(counts.k)
    )


def trials(
    plain: Sequence[TrialEffect], effects: Effects, weights: FloatArray | None = None
) -> tuple[TrialEffect, ...]:
    """The trials with their effects; without `weights` none was given."""
    return tuple(
        replace(
            trial,
            y=number(effects.y[i]),
            v=number(effects.v[i]),
            weight=None if weights is None else number(weights[i]),
            corrected=bool(effects.corrected[i]),
        )
        for i, trial in enumerate(plain)
    )


def no_heterogeneity(reason: str, df: int) -> Heterogeneity:
    """Heterogeneity that cannot be given."""
    definitions = (het.I2_FROM_TAU2, het.I2_FROM_Q, het.H2_FROM_TAU2, het.H2_FROM_Q)
    i2, i2_q, h2, h2_q = (Statistic(value=None, definition=d, reason=reason) for d in definitions)
    return Heterogeneity(Q=None, df=df, p=None, I2=i2, I2_Q=i2_q, H2=h2, H2_Q=h2_q, reason=reason)


def heterogeneity(fit: RandomEffects, interval: Interval | None, *, estimated: bool) -> Heterogeneity:
    """Q of these rows, and I2 and H2 under both definitions; tau2 may be shared with other groups."""
    test, typical, tau2 = fit.test, fit.typical, float(fit.tau2)

    def from_tau2(definition: str, convert: Callable[[float, FloatArray], FloatArray]) -> Statistic:
        if not estimated:
            return Statistic(
                value=None, definition=definition, reason="the common-effect model estimates no tau2"
            )
        between = None
        if interval is not None:
            low, high = (float(convert(end, typical)) for end in (interval.low, interval.high))
            between = limits_of(low, high, interval.level, interval.method)
        return Statistic(value=float(convert(tau2, typical)), definition=definition, interval=between)

    return Heterogeneity(
        Q=float(test.q),
        df=int(test.df),
        p=float(test.p),
        I2=from_tau2(het.I2_FROM_TAU2, het.i2_from_tau2),
        I2_Q=Statistic(value=float(het.i2_from_q(test)), definition=het.I2_FROM_Q),
        H2=from_tau2(het.H2_FROM_TAU2, het.h2_from_tau2),
        H2_Q=Statistic(value=float(het.h2_from_q(test)), definition=het.H2_FROM_Q),
    )


def prediction_method(method: PredictionMethod, means: int) -> str:
    """Name a prediction interval with the rule of its degrees of freedom.

    Parameters
    ----------
    method : {"normal", "t", "hts", "hk"}
    means : int
        Estimated together with the heterogeneity: one a group where groups share it, and their rows then
        count together.

    Examples
    --------
    >>> prediction_method("t", 1)
    't with k-1 df'
    >>> prediction_method("t", 3)
    't with df = rows of all groups - number of groups'
    """
    name, less = _PREDICTIONS[method]
    if method == "normal":
        return name
    if means == 1:
        return f"{name} with k-{1 + less} df"
    rule = " - ".join(["rows of all groups", "number of groups", *(["1"] if less else [])])
    return f"{name} with df = {rule}"


def prediction(
    scale: Scale,
    counts: Counts,
    limits: Limits | None,
    *,
    level: float,
    method: str,
    centre: float = np.nan,
    reason: str | None = None,
) -> Prediction:
    """Where a new trial's true effect would lie, or why that is not given; `centre` is its median."""
    low, high, df = (limits.low, limits.high, limits.df) if limits else (np.nan, np.nan, np.nan)
    why = reason or (sentence(int(limits.code)) if limits else None)
    as_proportion = proportion(
        scale, (np.nan if why else centre, low, high), counts,
        level=level, method=method, kind="prediction", estimand=Estimand.NEW_TRIAL, reason=why,
    )  # fmt: skip
    return Prediction(
        low=number(low), high=number(high), level=level, df=number(df), method=method,
        proportion=as_proportion, scale=scale.name, reason=why,
    )  # fmt: skip


def correction_note(counts: Counts, effects: Effects, amount: float | str) -> tuple[str, ...]:
    """Name the arms to which the continuity correction was applied."""
    arms = [
        f"{counts.labels[i]} ({counts.responders[i]} of {counts.n[i]})"
        for i in np.flatnonzero(effects.corrected)
    ]
    if not arms:
        return ()
    return (f"Continuity correction: {amount} was added to both cells of {', '.join(arms)}.",)


def shared_trials_note(data: GroupedCounts) -> tuple[str, ...]:
    """Say so where trials have rows in several groups."""
    several = [label for label, rows in Counter(data.labels).items() if rows > 1]
    if not several:
        return ()
    verb = "has" if len(several) == 1 else "have"
    return (
        f"{len(several)} of {counted(len(set(data.labels)), 'trial')} {verb} rows in several groups; this "
        "model treats those rows as independent.",
    )


def influence(labels: Sequence[str], cases: Cases | None) -> tuple[Influence, ...]:
    """The influence of each trial on the fit; empty below three trials."""
    if cases is None or len(labels) < LEAST_CASES:
        return ()
    measures = {name: z for name, z in cases._asdict().items() if name != "code"}
    return tuple(
        Influence(label=label, measures={name: number(z[i]) for name, z in measures.items()})
        for i, label in enumerate(labels)
    )


def double_arcsine_note(counts: Counts) -> str:
    """Say where the double arcsine is back-transformed, and that this can mislead."""
    size = float(harmonic_mean(counts.n))
    return (
        f"The double arcsine is back-transformed at the harmonic mean of n ({size:.1f}); that "
        "inverse can mislead where n differ (Schwarzer 2019) and serves to reproduce published work."
    )
