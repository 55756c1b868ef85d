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
    Estimate,
    Fit,
    Interval,
    Prediction,
    Prior,
    Probability,
    Proportion,
    Quantity,
    Tau,
    Tau2,
)
from meta.stats.normal.scales import FloatArray, Scale
from meta.stats.posterior.priors import TauPrior

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meta.models.grouped import Parts
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

    def proportion(
        self, answer: Answer | None, row: int, estimand: Estimand, *, predictive: bool = False
    ) -> Proportion:
        """One estimand of one data set."""
        kind = "prediction" if predictive else "credible"
        if answer is None:
            reason = f"the mean of a rate is given on the logit scale, not on {self.scale.name}"
            return Proportion(
                value=None, low=None, high=None, estimand=estimand, level=self.level, kind="credible",
                method=self.kind, reason=reason,
            )  # fmt: skip
        return Proportion(
            value=float(answer.value[row]),
            low=float(answer.low[row]),
            high=float(answer.high[row]),
            estimand=estimand,
            level=self.level,
            kind=kind,  # type: ignore[arg-type]  # one of two literals
            method=self.kind,
            expectation=describe.number(np.clip(answer.expectation[row], 0, 1)),  # a sum of rounded weights
        )

    def quantity(self, estimand: Estimand, answer: Answer, row: int) -> Quantity:
        """A quantity on its own scale."""
        return Quantity(
            estimand=estimand,
            value=float(answer.value[row]),
            low=float(answer.low[row]),
            high=float(answer.high[row]),
            level=self.level,
            kind="credible",
            method=self.kind,
        )

    def interval_of(self, answer: Answer, row: int, se: float | None = None) -> Interval:
        """An interval on the analysis scale."""
        return Interval(
            low=float(answer.low[row]), high=float(answer.high[row]), level=self.level, kind="credible",
            method=self.kind, se=se,
        )  # fmt: skip


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
        median=frame.proportion(found.median, row, Estimand.MEDIAN),
        mean=frame.proportion(found.mean, row, Estimand.MEAN),
        predictive=frame.proportion(found.predictive, row, Estimand.PREDICTIVE, predictive=True),
    )
    tau = _tau(frame, bounded, None if divergence is None else float(divergence[row]), found, row)
    sd = float(found.mu_sd[row])
    ahead = found.predictive_mu
    return replace(
        blank,
        mu=Estimate(value=float(found.mu.value[row]), se=sd, interval=frame.interval_of(found.mu, row, sd)),
        tau2=_tau2(frame, found, row),
        heterogeneity=describe.no_heterogeneity(NO_I2, max(blank.k - 1, 0)),
        prediction=Prediction(
            low=float(ahead.low[row]),
            high=float(ahead.high[row]),
            level=frame.level,
            df=None,
            method="posterior predictive",
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
        median_odds_ratio=frame.quantity(Estimand.MEDIAN_ODDS_RATIO, found.odds_ratio, row),
        middle=(
            frame.proportion(found.lower, row, Estimand.MIDDLE_LOW),
            frame.proportion(found.upper, row, Estimand.MIDDLE_HIGH),
        ),
    )


def _probabilities(frame: Frame, found: Answers, row: int) -> tuple[Probability, ...]:
    return tuple(
        Probability(estimand=name, threshold=cut, value=float(found.above[name][row, i]))
        for i, cut in enumerate(frame.thresholds)
        for name in (Estimand.MEAN, Estimand.MEDIAN, Estimand.PREDICTIVE)
        if name in found.above
    )


def _tau2(frame: Frame, found: Answers, row: int) -> Tau2:
    tau = found.tau
    between = Interval(
        low=float(tau.low[row]) ** 2, high=float(tau.high[row]) ** 2, level=frame.level, kind="credible",
        method=frame.kind,
    )  # fmt: skip
    return Tau2(value=float(tau.value[row]) ** 2, method="posterior median", interval=between)


def _tau(frame: Frame, bounded: int, divergence: float | None, found: Answers, row: int) -> Tau:
    tail = (1 - frame.level) / 2
    low, middle, high = (float(q) for q in frame.prior.quantile([tail, 0.5, 1 - tail]))
    # Far out the posterior falls like the prior, once more by tau for each trial that bounds its own effect
    exists = frame.prior.tail + bounded > 1
    return Tau(
        value=float(found.tau.value[row]),
        low=float(found.tau.low[row]),
        high=float(found.tau.high[row]),
        level=frame.level,
        kind="credible",
        method=frame.kind,
        expectation=float(found.tau.expectation[row]) if exists else None,
        reason=None
        if exists
        else "the posterior mean of tau does not exist: prior and data leave too heavy a tail",
        prior=Prior(name=str(frame.prior), low=low, value=middle, high=high, divergence=divergence),
    )


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
        low, value, high = (float(q) for q in found.quantile([tail, 0.5, 1 - tail])[0])
        method = f"{frame.method}, equal-tailed interval"
        return Quantity(
            estimand=estimand,
            value=value,
            low=low,
            high=high,
            level=frame.level,
            kind="credible",
            method=method,
        )

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
        statistic=None,
        df=max(len(parts.filled) - 1, 0),
        p=None,
        method=method,
        reason=None if enough else "fewer than two groups with trials",
        contrasts=tuple(contrasts),
    )
