"""Estimands of a posterior of (mu, tau), each with its interval."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from scipy.special import expit, ndtri

from meta.stats.normal.scales import FloatArray
from meta.stats.posterior import distributions as dist

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meta.stats.posterior.posterior import Posterior

PosteriorInterval = Literal["equal-tailed", "shortest"]
Transform = Callable[[FloatArray], FloatArray]
ODDS_RATIO = np.sqrt(2) * ndtri(0.75)  # times tau: log of the median odds ratio (Larsen & Merlo 2005)
MIDDLE = ndtri(0.975)  # the middle 95 % of trials lie within so many tau of mu
_SCAN = 400  # lower ends tried for the shortest interval


class Answer(NamedTuple):
    """Posterior median, limits and mean of one quantity, shape (B,) each."""

    value: FloatArray
    low: FloatArray
    high: FloatArray
    expectation: FloatArray


@dataclass(frozen=True, slots=True)
class Answers:
    """All that is read off the posteriors of B data sets.

    `median`, `mean`, `predictive`, `lower` and `upper` are proportions (`lower`, `upper`: the ends of the
    middle 95 % of true rates), `mu` and `tau` on the analysis scale. `above` holds the probabilities that
    median, mean and predictive exceed each threshold, shape (B, thresholds).
    """

    mu: Answer
    mu_sd: FloatArray
    tau: Answer
    odds_ratio: Answer
    median: Answer
    mean: Answer | None
    predictive: Answer
    predictive_mu: Answer
    lower: Answer
    upper: Answer
    above: dict[str, FloatArray]


def odds_ratio(tau: FloatArray) -> FloatArray:
    """Median odds ratio between two trials, the larger over the smaller; 1e304 stands for any larger one."""
    return np.asarray(np.exp(np.minimum(ODDS_RATIO * tau, 700.0)))


def identity(z: FloatArray) -> FloatArray:
    """The scale as it is."""
    return z


def read(
    post: Posterior,
    *,
    level: float,
    kind: PosteriorInterval = "equal-tailed",
    thresholds: Sequence[float] = (),
    inverse: Transform = expit,
    forward: Transform | None = None,
    mean: bool = True,
) -> Answers:
    """Read every estimand off posteriors.

    Parameters
    ----------
    kind : {"equal-tailed", "shortest"}
        Shortest on the scale on which a quantity is given.
    thresholds : sequence of float
        Proportions.
    inverse, forward : callable
        From the analysis scale to proportions and back; `forward` is needed with thresholds.
    mean : bool
        Whether the mean rate E[expit(theta)] is wanted, which is that of the logit scale.
    """
    grid = post.cells

    def answers(found: dist.Distribution, *of: tuple[Transform, FloatArray]) -> list[Answer]:
        ends = limits(found, level, kind, *(transform for transform, _ in of))
        return [Answer(*three, post.expectation(values)) for three, (_, values) in zip(ends, of, strict=True)]

    spread, to_tau = grid.tau[:, None], grid.axis.tau
    none = rate = np.full(grid.mu.shape, np.nan)
    found = {"median": dist.mu_distribution(post), "predictive": dist.predictive_distribution(post)}
    if mean:
        rates = dist.logit_mean_rate(grid.mu, spread)
        found["mean"], rate = dist.mean_rate_distribution(post, rates), expit(rates)
    mu, median = answers(found["median"], (identity, grid.mu), (inverse, inverse(grid.mu)))
    predictive, predictive_mu = answers(found["predictive"], (inverse, rate), (identity, grid.mu))
    taus = (to_tau, spread), (lambda t: odds_ratio(to_tau(t)), none)
    tau, ratio = answers(dist.tau_distribution(post), *taus)
    ends = [answers(dist.mu_distribution(post, sign * MIDDLE), (inverse, none))[0] for sign in (-1.0, 1.0)]
    return Answers(
        mu=mu,
        mu_sd=np.sqrt(np.maximum(post.expectation(grid.mu**2) - mu.expectation**2, 0)),
        tau=tau,
        odds_ratio=ratio,
        median=median,
        mean=answers(found["mean"], (expit, rate))[0] if mean else None,
        predictive=predictive,
        predictive_mu=predictive_mu,
        lower=ends[0],
        upper=ends[1],
        above=_above(found, thresholds, forward),
    )


def _above(
    found: dict[str, dist.Distribution], thresholds: Sequence[float], forward: Transform | None
) -> dict[str, FloatArray]:
    """Probabilities to exceed each threshold."""
    cuts = np.asarray([] if forward is None else forward(np.asarray(thresholds, dtype=float)))
    return {name: 1 - each.with_points(cuts).below(cuts) for name, each in found.items()}


def limits(
    found: dist.Distribution, level: float, kind: PosteriorInterval, *transforms: Transform
) -> list[tuple[FloatArray, FloatArray, FloatArray]]:
    """Median and interval of each distribution, on each transformed scale.

    Parameters
    ----------
    kind : {"equal-tailed", "shortest"}
    *transforms : callable
        Increasing.
    """
    tail = (1 - level) / 2
    if kind == "shortest":
        return [_shortest(found, level, transform) for transform in transforms]
    low, middle, high = found.quantile([tail, 0.5, 1 - tail]).T
    return [(transform(middle), transform(low), transform(high)) for transform in transforms]


def _shortest(
    found: dist.Distribution, level: float, transform: Transform
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Median and shortest interval of each distribution."""
    tail = (1 - level) / 2
    low_p, step = np.full(len(found.z), tail), 2 * tail
    for _ in range(3):  # each round looks 20 times closer
        tries = np.clip(low_p[:, None] + step * np.linspace(-1, 1, _SCAN + 1), 1e-7, 1 - level - 1e-7)
        widths = transform(found.quantile(tries + level)) - transform(found.quantile(tries))
        low_p = tries[np.arange(len(tries)), widths.argmin(-1)]
        step /= 20
    both = np.stack([low_p, np.full(len(low_p), 0.5), low_p + level], axis=-1)
    low, middle, high = transform(found.quantile(both)).T
    return middle, low, high
