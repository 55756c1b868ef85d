"""More results of a Bayesian binomial-normal fit: shrunken rates, influence, new counts, fixed tau."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from meta.models.bayes.answers import Answer, Answers, limits
from meta.models.bayes.posterior_fit import SWEEP, Frame
from meta.results import Estimand, Influence, PredictiveCount, SweepPoint, TrialEffect
from meta.stats.posterior import distributions as dist
from meta.stats.posterior.leave_one_out import LeftOut, count_below
from meta.stats.posterior.posterior import Posterior, posterior_at

if TYPE_CHECKING:
    from meta.data import Counts
    from meta.stats.posterior.priors import MuPrior
    from meta.stats.posterior.surface import Surface


def shrunken(trials: tuple[TrialEffect, ...], left: LeftOut, frame: Frame) -> tuple[TrialEffect, ...]:
    """The trials with their true rates given all of them.

    Parameters
    ----------
    left : LeftOut
        With quantiles at the tails and the middle.
    """
    rates = (frame.equal_tailed(Estimand.TRUE, q[[1, 0, 2]]) for q in left.shrunken)
    return tuple(replace(trial, shrunken=rate) for trial, rate in zip(trials, rates, strict=True))


def count(post: Posterior, m: int, level: float) -> PredictiveCount:
    """Responders among the patients of a new trial.

    Parameters
    ----------
    m : int
        Its patients.
    """
    at_most = count_below(dist.predictive_distribution(post), np.arange(m + 1), m)
    at_most = np.maximum.accumulate(at_most)  # each is right to 1e-6, but so many may differ by less
    tail = (1 - level) / 2
    low, middle, high = (int((at_most < p).sum()) for p in (tail, 0.5, 1 - tail))
    at_least = (1.0, *(float(1 - p) for p in at_most[:-1]))
    return PredictiveCount(n=m, low=low, value=middle, high=high, level=level, at_least=at_least)


def sweep(surface: Surface, mu_prior: MuPrior, frame: Frame) -> tuple[SweepPoint, ...]:
    """Answers at fixed values of tau.

    Parameters
    ----------
    surface : Surface
        Of one data set.
    """
    post = posterior_at(surface, mu_prior, np.array(SWEEP))

    def at(found: dist.Distribution) -> Answer:
        return Answer(*limits(found, frame.level, frame.interval, expit)[0], np.full(len(SWEEP), np.nan))

    median, mean = at(dist.mu_distribution(post)), at(dist.mean_rate_distribution(post))
    return tuple(
        SweepPoint(
            tau=tau,
            median=frame.proportion(Estimand.MEDIAN, median, row),
            mean=frame.proportion(Estimand.MEAN, mean, row),
        )
        for row, tau in enumerate(SWEEP)
    )


def influence(data: Counts, left: LeftOut, found: Answers) -> tuple[Influence, ...]:
    """The influence of each trial on the posterior.

    Parameters
    ----------
    found : Answers
        Of all trials.
    """
    assert found.mean is not None  # the logit scale always has it
    median, mean = float(found.median.value[0]), float(found.mean.value[0])
    return tuple(
        Influence(
            label=label,
            measures={
                "mid_p": float(left.mid_p[i]),
                "divergence": float(left.divergence[i]),
                "median_shift": median - float(left.median[i]),
                "mean_shift": mean - float(left.mean[i]),
            },
        )
        for i, label in enumerate(data.labels)
    )
