"""What models give: plain frozen data, in which every number says what it is.

Nothing here is NaN. What cannot be estimated is ``None`` beside a `reason`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

IntervalKind = Literal["confidence", "credible", "prediction", "bound"]
StandingStatus = Literal["headline", "two trials", "one trial", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """An interval and what it means.

    `df` is None where the reference distribution has none; `se` is the standard error that the
    interval was made from, None where it was not made from one.
    """

    low: float
    high: float
    level: float
    kind: IntervalKind
    method: str
    df: float | None = None
    se: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The pooled effect on the analysis scale.

    `se` is the model's own (for inverse variance 1/sqrt(sum of weights)) whatever the interval;
    where an interval inflates it, as Knapp-Hartung does, `interval.se` is the inflated one.
    """

    value: float | None
    se: float | None = None
    interval: Interval | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tau2:
    """The between-trial variance, squared units of the analysis scale.

    `at_boundary` is True where the estimate is exactly 0 because no positive value fits better:
    with few trials that is common even under large heterogeneity.
    """

    value: float | None
    method: str
    at_boundary: bool = False
    interval: Interval | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistic:
    """A heterogeneity statistic with the definition used; fractions, not percent."""

    value: float | None
    definition: str
    interval: Interval | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heterogeneity:
    """Cochran's Q with its test, and I2 and H2 under both definitions."""

    Q: float | None
    df: int
    p: float | None
    I2: Statistic
    I2_Q: Statistic
    H2: Statistic
    H2_Q: Statistic
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proportion:
    """An estimate on the response scale, a fraction in 0 to 1; `estimand` says of what."""

    value: float | None
    low: float | None
    high: float | None
    estimand: str
    level: float
    kind: IntervalKind
    method: str
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """Where the true effect of a new trial would lie: analysis scale, and as a proportion."""

    low: float | None
    high: float | None
    level: float
    df: float | None
    method: str
    proportion: Proportion
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Between:
    """The test for differences between groups."""

    statistic: float | None
    df: int
    p: float | None
    method: str
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialEffect:
    """One trial (or its row in one group) as the model saw it.

    `y` and `v` are its effect and sampling variance on the analysis scale, `weight` its share of
    the pooled estimate (fractions that add up to 1 within a fit), `proportion` its raw ORR with a
    study-level interval; `corrected` is True where the continuity correction acted.
    """

    label: str
    responders: int
    n: int
    y: float | None
    v: float | None
    weight: float | None
    corrected: bool
    proportion: Proportion


@dataclass(frozen=True, slots=True, kw_only=True)
class NotReported:
    """Patients of a group whose responders their trial did not report."""

    label: str
    n: int | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the k policy lets this estimate be called, and why."""

    status: StandingStatus
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """One model fitted to one set of counts; a group of it is a Fit with a `label`.

    Attributes
    ----------
    k, n, responders : int
        Trials, patients and responders that entered.
    mu : Estimate
        Pooled effect on the analysis scale.
    proportion : Proportion
        The same on the response scale, its estimand named.
    groups : tuple of Fit
        Empty unless the counts were grouped; `between` is then the test between them.
    not_reported : tuple of NotReported
        Patients that belong here but whose responders nobody printed.
    """

    model: Mapping[str, Any]
    level: float
    k: int
    n: int
    responders: int
    mu: Estimate
    tau2: Tau2
    heterogeneity: Heterogeneity
    prediction: Prediction
    proportion: Proportion
    standing: Standing
    trials: tuple[TrialEffect, ...]
    label: str | None = None
    role: str | None = None
    by: str | None = None
    groups: tuple[Fit, ...] = ()
    between: Between | None = None
    not_reported: tuple[NotReported, ...] = ()
    notes: tuple[str, ...] = ()
