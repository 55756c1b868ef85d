"""From arrays to results: here a NaN becomes None, and its code a sentence."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from meta.results import (
    Estimand,
    Heterogeneity,
    Influence,
    IntervalKind,
    Prediction,
    Quantity,
    TrialEffect,
)
from meta.stats.binomial.proportions import TrialInterval, proportion_interval
from meta.stats.normal import heterogeneity as het
from meta.stats.normal.scales import Effects, FloatArray, Scale, ScaleName, harmonic_mean
from meta.stats.numeric.codes import SENTENCES, Code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

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


Number: TypeAlias = float | FloatArray | None


def number(value: Number) -> float | None:
    """A finite number, or None."""
    return float(value) if value is not None and np.isfinite(value) else None


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


def quantity(
    estimand: Estimand,
    values: Iterable[Number],
    *,
    level: float,
    kind: IntervalKind = "confidence",
    method: str = "",
    **more: Any,
) -> Quantity:
    """A value with its limits, each None where it is not finite; `more` are further fields of a Quantity."""
    value, low, high = map(number, values)
    return Quantity(
        estimand=estimand, value=value, low=low, high=high, level=level, kind=kind, method=method, **more
    )


def both(low: Number, high: Number) -> tuple[float, float] | tuple[None, None]:
    """Two limits; none where one of them is missing."""
    ends = number(low), number(high)
    return (None, None) if ends[0] is None or ends[1] is None else (ends[0], ends[1])


def proportion(
    scale: Scale, values: Iterable[Number], counts: Counts, estimand: Estimand | None = None, **more: Any
) -> Quantity:
    """As :func:`quantity`, analysis scale in, proportion out."""
    size = harmonic_mean(counts.n)
    ends = [None if number(z) is None else scale.inverse(np.asarray(z), size) for z in values]
    return quantity(estimand or scale.estimand, ends, **more)


def trial_proportions(counts: Counts, *, method: TrialInterval, level: float) -> tuple[Quantity, ...]:
    """Each trial's raw proportion with its study-level interval."""
    ends = proportion_interval(counts.responders, counts.n, method=method, level=level)
    rows = zip(counts.responders / counts.n, *ends, strict=True)
    return tuple(quantity(Estimand.RAW, row, level=level, method=TRIAL_INTERVALS[method]) for row in rows)


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


def no_heterogeneity(reason: str, df: int, level: float) -> Heterogeneity:
    """Heterogeneity that cannot be given."""

    def gone(estimand: Estimand, definition: str) -> Quantity:
        return Quantity(estimand=estimand, definition=definition, level=level, reason=reason)

    return Heterogeneity(
        Q=None,
        df=df,
        p=None,
        I2=gone(Estimand.I2, het.I2_FROM_TAU2),
        I2_Q=gone(Estimand.I2, het.I2_FROM_Q),
        H2=gone(Estimand.H2, het.H2_FROM_TAU2),
        H2_Q=gone(Estimand.H2, het.H2_FROM_Q),
        reason=reason,
    )


def heterogeneity(fit: RandomEffects, tau2: Quantity, *, estimated: bool) -> Heterogeneity:
    """Q of these rows, and I2 and H2 under both definitions; tau2 may be shared with other groups."""
    test, blank = (
        fit.test,
        no_heterogeneity("the common-effect model estimates no tau2", int(fit.test.df), tau2.level),
    )

    def from_tau2(gone: Quantity, convert: Callable[[float, FloatArray], FloatArray]) -> Quantity:
        if not estimated:
            return gone
        value, low, high = (
            None if end is None else float(convert(end, fit.typical))
            for end in (float(fit.tau2), tau2.low, tau2.high)
        )
        low, high = both(low, high)
        why = tau2.reason if low is None else None
        return replace(gone, value=value, low=low, high=high, method=tau2.method, reason=why)

    def from_q(gone: Quantity, value: FloatArray) -> Quantity:
        return replace(gone, value=float(value), reason="no interval is made from Q itself")

    return Heterogeneity(
        Q=float(test.q),
        df=int(test.df),
        p=float(test.p),
        I2=from_tau2(blank.I2, het.i2_from_tau2),
        I2_Q=from_q(blank.I2_Q, het.i2_from_q(test)),
        H2=from_tau2(blank.H2, het.h2_from_tau2),
        H2_Q=from_q(blank.H2_Q, het.h2_from_q(test)),
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
    low, high, df = (limits.low, limits.high, limits.df) if limits else (None, None, None)
    why = reason or (sentence(int(limits.code)) if limits else None)
    values = (None if why else centre, low, high)
    effect = quantity(
        Estimand.NEW_EFFECT, values, level=level, kind="prediction", method=method, df=number(df), reason=why
    )
    as_proportion = proportion(
        scale, values, counts, Estimand.NEW_TRIAL, level=level, method=method, kind="prediction", reason=why
    )  # fmt: skip
    return Prediction(effect=effect, proportion=as_proportion, scale=scale.name)


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
