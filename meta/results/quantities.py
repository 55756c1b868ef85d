"""Numbers that say what they are: estimates, intervals, probabilities, tests."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from meta.results.estimands import Estimand

IntervalKind = Literal["confidence", "credible", "prediction", "bound"]


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
class Proportion:
    """An estimate on the response scale, a fraction in 0 to 1; `estimand` says of what.

    The `value` of a posterior is its median; `expectation` is then its mean.
    """

    value: float | None
    low: float | None
    high: float | None
    estimand: Estimand
    level: float
    kind: IntervalKind
    method: str
    reason: str | None = None
    expectation: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """The prior of tau: its quantiles at the tails and the middle of the interval beside it.

    `divergence` is the Kullback-Leibler divergence of tau's posterior from its prior, in nats, None
    where it is not known.
    """

    name: str
    low: float | None
    value: float | None
    high: float | None
    divergence: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tau:
    """Between-trial standard deviation, analysis scale; the `value` of a posterior is its median."""

    value: float | None
    low: float | None
    high: float | None
    level: float
    kind: IntervalKind
    method: str
    reason: str | None = None
    expectation: float | None = None
    prior: Prior | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimands:
    """The three answers to "how many respond", each named; `predictive` is of a new trial."""

    median: Proportion
    mean: Proportion
    predictive: Proportion


@dataclass(frozen=True, slots=True, kw_only=True)
class Probability:
    """Posterior probability that an estimand exceeds a threshold, both fractions."""

    estimand: Estimand
    threshold: float
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictiveCount:
    """Responders in a new trial of `n` patients: `at_least[r]` is Pr(r or more), r = 0 ... n."""

    n: int
    low: int
    value: int
    high: int
    level: float
    at_least: tuple[float, ...]


class Procedure(StrEnum):
    """Which test of a hypothesis: of equal rates in all trials, or of equal means of groups."""

    CONDITIONAL = "conditional"  # exact, given the total of responders
    LIKELIHOOD_RATIO = "likelihood-ratio"  # against chi-squared
    BOOTSTRAP = "bootstrap-likelihood-ratio"  # against its own simulated distribution
    WALD = "wald"  # against chi-squared
    PERMUTATION = "permutation"


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedTest:
    """A test of a hypothesis, named, with its caveat; `df` is None where its distribution has none.

    `tau` is the between-trial standard deviation that the test assumes, None where it assumes none;
    `tau_estimated` is True where that is its estimate without groups.
    """

    procedure: Procedure
    statistic: float | None
    df: int | None
    p: float | None
    method: str
    tau: float | None = None
    tau_estimated: bool = False
    caveat: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A number with its interval; `estimand` says of what, and so on which scale."""

    estimand: Estimand
    value: float | None
    low: float | None
    high: float | None
    level: float
    kind: IntervalKind
    method: str
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepPoint:
    """The answers at a fixed tau."""

    tau: float
    median: Proportion
    mean: Proportion


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """Where the true effect of a new trial would lie: analysis scale, and as a proportion.

    `scale` names the analysis scale of a model that offers several.
    """

    low: float | None
    high: float | None
    level: float
    df: float | None
    method: str
    proportion: Proportion
    scale: str | None = None
    reason: str | None = None
