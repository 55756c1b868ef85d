"""From a posterior of (mu, tau) to a Fit: what the Bayesian models have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from meta.format import distribution
from meta.models import describe, grouped
from meta.models.bayes.answers import Answer, Answers, PosteriorInterval, read
from meta.results import (
    Between,
    Contrast,
    Dispersion,
    Estimand,
    Estimands,
    Fit,
    Prediction,
    Prior,
    Probability,
    Quantity,
)
from meta.stats.normal.scales import FloatArray, Scale
from meta.stats.posterior.priors import TauPrior

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from meta.models.grouped import Parts
    from meta.results import IntervalKind
    from meta.stats.posterior.distributions import Distribution
    from meta.stats.posterior.posterior import Posterior

SWEEP = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)  # values of tau at which answers are given
NO_I2 = "I2 and Q belong to the inverse-variance model; see tau and the middle 95 % of true rates"


@dataclass(frozen=True, slots=True)
class Frame:
    """How the numbers of a posterior are reported: scale, level, kind of interval.

    `inverse` and `forward` carry the analysis scale to proportions and back; `mean` says whether the mean
    rate can be given, which takes the logit scale.
    """

    scale: Scale
    method: str
    level: float
    interval: PosteriorInterval
    thresholds: tuple[float, ...]
    prior: TauPrior
    inverse: Callable[[FloatArray], FloatArray]
    forward: Callable[[FloatArray], FloatArray]
    mean: bool

    @property
    def kind(self) -> str:
        """How an interval is described."""
        return f"{self.method}, {self.interval} interval"

    def answers(self, post: Posterior) -> Answers:
        """Every estimand of every data set of a posterior."""
        return read(
            post,
            level=self.level,
            kind=self.interval,
            thresholds=self.thresholds,
            inverse=self.inverse,
            forward=self.forward,
            mean=self.mean,
        )

    def quantity(
        self, estimand: Estimand, answer: Answer, row: int, kind: IntervalKind = "credible", **more: Any
    ) -> Quantity:
        """One estimand of one data set, on its own scale."""
        value, low, high, expectation = (describe.number(z[row]) for z in answer)
        found = Quantity(
            estimand=estimand, value=value, low=low, high=high, level=self.level, kind=kind,
            method=self.kind, expectation=expectation,
        )  # fmt: skip
        return replace(found, **more)

    def proportion(
        self, estimand: Estimand, answer: Answer | None, row: int, kind: IntervalKind = "credible"
    ) -> Quantity:
        """A proportion of one data set."""
        if answer is None:
            reason = f"the mean of a rate is given on the logit scale, not on {self.scale.name}"
            return Quantity(
                estimand=estimand, level=self.level, kind="credible", method=self.kind, reason=reason
            )
        mean = describe.number(np.clip(answer.expectation[row], 0, 1))  # a sum of rounded weights
        return self.quantity(estimand, answer, row, kind, expectation=mean)

    def equal_tailed(self, estimand: Estimand, values: Sequence[float]) -> Quantity:
        """The median and the limits of an interval that is equal-tailed whatever the others are."""
        method = f"{self.method}, equal-tailed interval"
        return describe.quantity(estimand, values, level=self.level, kind="credible", method=method)


def fit_of(
    frame: Frame, blank: Fit, found: Answers, row: int, *, divergence: FloatArray | None, bounded: int
) -> Fit:
    """The fit of one data set of a posterior.

    Parameters
    ----------
    blank : Fit
        Of the trials of that data set, without an estimate.
    row : int
        Which data set.
    divergence : ndarray, shape (B,), or None
        Of tau's posterior from its prior; None where it is not known.
    bounded : int
        Trials that bound their own true effect on both sides; all of those that share tau.
    """
    estimands = Estimands(
        median=frame.proportion(Estimand.MEDIAN, found.median, row),
        mean=frame.proportion(Estimand.MEAN, found.mean, row),
        predictive=frame.proportion(Estimand.PREDICTIVE, found.predictive, row, "prediction"),
    )
    tau = _tau(frame, bounded, None if divergence is None else float(divergence[row]), found, row)
    sd = float(found.mu_sd[row])
    return replace(
        blank,
        mu=frame.quantity(Estimand.MU, found.mu, row, se=sd, interval_se=sd),
        tau2=replace(
            tau,
            estimand=Estimand.TAU2,
            value=float(found.tau.value[row]) ** 2,
            low=float(found.tau.low[row]) ** 2,
            high=float(found.tau.high[row]) ** 2,
            definition="posterior median",
            expectation=None,
            prior=None,
            reason=None,
        ),
        heterogeneity=describe.no_heterogeneity(NO_I2, max(blank.k - 1, 0), frame.level),
        prediction=Prediction(
            effect=frame.quantity(
                Estimand.NEW_EFFECT, found.predictive_mu, row, "prediction", method="posterior predictive"
            ),
            proportion=estimands.predictive,
        ),
        proportion=estimands.mean if frame.mean else estimands.median,
        tau=tau,
        estimands=estimands,
        dispersion=_dispersion(frame, found, row),
        probabilities=_probabilities(frame, found, row),
    )


def _dispersion(frame: Frame, found: Answers, row: int) -> Dispersion:
    return Dispersion(
        median_odds_ratio=frame.quantity(Estimand.MEDIAN_ODDS_RATIO, found.odds_ratio, row, expectation=None),
        middle=(
            frame.proportion(Estimand.MIDDLE_LOW, found.lower, row),
            frame.proportion(Estimand.MIDDLE_HIGH, found.upper, row),
        ),
    )


def _probabilities(frame: Frame, found: Answers, row: int) -> tuple[Probability, ...]:
    return tuple(
        Probability(estimand=name, threshold=cut, value=float(found.above[name][row, i]))
        for i, cut in enumerate(frame.thresholds)
        for name in (Estimand.MEAN, Estimand.MEDIAN, Estimand.PREDICTIVE)
        if name in found.above
    )


def _tau(frame: Frame, bounded: int, divergence: float | None, found: Answers, row: int) -> Quantity:
    tail = (1 - frame.level) / 2
    low, middle, high = (float(q) for q in frame.prior.quantile([tail, 0.5, 1 - tail]))
    prior = Prior(name=str(frame.prior), low=low, value=middle, high=high, divergence=divergence)
    tau = frame.quantity(Estimand.TAU, found.tau, row, prior=prior)
    # Far out the posterior falls like the prior, once more by tau for each trial that bounds its own effect
    if frame.prior.tail + bounded > 1:
        return tau
    reason = "the posterior mean of tau does not exist: prior and data leave too heavy a tail"
    return replace(tau, expectation=None, reason=reason)


def priors_in_words(prior: str, mu_prior: str, interval: PosteriorInterval) -> str:
    """The options of a Bayesian model that decide its numbers."""
    shortest = ", shortest interval" if interval == "shortest" else ""
    return f"tau ~ {distribution(prior)}, μ ~ {distribution(mu_prior)}{shortest}"


def tau_divergence(post: Posterior) -> FloatArray:
    """Kullback-Leibler divergence of tau's posterior from its prior, in nats, shape (B,)."""
    prior = post.cells.log_prior + post.cells.log_width
    mass = np.maximum(post.slices, 1e-300)
    return np.asarray(np.maximum((mass * (np.log(mass) - prior)).sum(-1), 0.0))


def contrast(frame: Frame, names: tuple[str, str], mu: Distribution, mean: Distribution | None) -> Contrast:
    """One group against the reference.

    Parameters
    ----------
    names : tuple of str
        Group and reference.
    mu, mean : Distribution
        Of the difference of mu, and of the mean rates.
    """
    tail = (1 - frame.level) / 2

    def quantity(estimand: Estimand, found: Distribution) -> Quantity:
        low, value, high = found.quantile([tail, 0.5, 1 - tail])[0]
        return frame.equal_tailed(estimand, (value, low, high))

    return Contrast(
        group=names[0],
        reference=names[1],
        mu=quantity(describe.DIFFERENCES[frame.scale.name], mu),
        mean=quantity(Estimand.DIFFERENCE_OF_MEANS, mean) if mean is not None else None,
        exceeds=1 - float(mu.with_points(np.zeros(1)).below([0.0])[0, 0]),
    )


def contrasts_of(frame: Frame, parts: Parts, difference: Callable[[int, int], Contrast]) -> list[Contrast]:
    """Each group against its reference, not given where one of them is a single trial.

    Parameters
    ----------
    difference : callable
        The contrast of two groups of two trials or more, by index.
    """
    what = describe.DIFFERENCES[frame.scale.name]
    return [
        difference(i, j)
        if parts.comparable(i, j)
        else grouped.no_contrast(
            parts.names(i, j), what=what, level=frame.level, kind="credible", method=frame.method
        )
        for i, j in parts.compared()
    ]


def differences(parts: Parts, contrasts: Sequence[Contrast], method: str) -> Between:
    """How the groups compare: their contrasts, and no test."""
    enough = len(parts.filled) > 1
    return Between(
        df=max(len(parts.filled) - 1, 0),
        method=method,
        reason=None if enough else "fewer than two groups with trials",
        contrasts=tuple(contrasts),
    )
