"""Numbers that say what they are: estimates, intervals, probabilities, tests."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

from meta.results.estimands import Estimand

IntervalKind = Literal["confidence", "credible", "prediction", "bound"]


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
class Quantity:
    """A number with its interval; `estimand` says of what, and so on which scale.

    Attributes
    ----------
    value : float or None
        Of a posterior its median; proportions, I2 and H2 are fractions, tau2 in squared units of the scale.
    low, high : float or None
        None where there is no interval, or no limit on that side.
    method : str
        How the interval was made; empty where there is none.
    definition : str or None
        How the value is defined or estimated where there are several ways: I2 and H2, tau2.
    expectation : float or None
        The mean of a posterior.
    se : float or None
        The model's own standard error (for inverse variance 1/sqrt(sum of weights)), whatever the interval.
    interval_se, df : float or None
        Of which the interval was made; Knapp-Hartung inflates the standard error.
    at_boundary : bool
        The estimate is exactly 0 because no positive value fits better: with few trials that is common even
        under large heterogeneity.
    reason : str or None
        Why there is no value, or no interval.
    """

    estimand: Estimand
    value: float | None = None
    low: float | None = None
    high: float | None = None
    level: float
    kind: IntervalKind = "confidence"
    method: str = ""
    definition: str | None = None
    expectation: float | None = None
    se: float | None = None
    interval_se: float | None = None
    df: float | None = None
    at_boundary: bool = False
    prior: Prior | None = None
    reason: str | None = None

    def withheld(self, reason: str | None) -> Quantity:
        """Without its numbers; unchanged where there is no reason why not."""
        if reason is None:
            return self
        return replace(self, value=None, low=None, high=None, expectation=None, reason=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimands:
    """The three answers to "how many respond", each named; `predictive` is of a new trial."""

    median: Quantity
    mean: Quantity
    predictive: Quantity


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

    method: str
    procedure: Procedure | None = None
    statistic: float | None = None
    df: int | None = None
    p: float | None = None
    tau: float | None = None
    tau_estimated: bool = False
    caveat: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepPoint:
    """The answers at a fixed tau."""

    tau: float
    median: Quantity
    mean: Quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """Where the true effect of a new trial would lie: analysis scale, and as a proportion.

    `scale` names the analysis scale of a model that offers several.
    """

    effect: Quantity
    proportion: Quantity
    scale: str | None = None
