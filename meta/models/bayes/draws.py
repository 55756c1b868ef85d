"""Answers from a sampler's draws: the same as by quadrature, within Monte-Carlo error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from meta.models.bayes.answers import MIDDLE, Answer, Answers, odds_ratio
from meta.results import Contrast, Estimand, Quantity
from meta.stats.binomial.marginal import mean_rate

if TYPE_CHECKING:
    from meta.models.bayes.posterior_fit import Frame
    from meta.stats.normal.scales import FloatArray


def flat(draws: FloatArray) -> FloatArray:
    """Chains one after the other, shape (S, G)."""
    return draws.reshape(-1, draws.shape[-1])


def answers_of_draws(frame: Frame, mu: FloatArray, tau: FloatArray, seed: int) -> Answers:
    """Quantiles of the draws, shape (S, G), and of functions of them."""
    tail = (1 - frame.level) / 2
    ahead = mu + tau * np.random.default_rng(seed).standard_normal(mu.shape)
    rates = mean_rate(mu, tau)

    def answer(values: FloatArray, expectation: FloatArray | None = None) -> Answer:
        low, middle, high = np.quantile(values, [tail, 0.5, 1 - tail], axis=0)
        if frame.interval == "shortest":
            low, high = _shortest(values, frame.level)
        return Answer(middle, low, high, values.mean(0) if expectation is None else expectation)

    none = np.full(mu.shape[1], np.nan)
    shares = {"median": expit(mu), "mean": rates, "predictive": expit(ahead)}
    cuts = np.asarray(frame.thresholds, dtype=float)
    return Answers(
        mu=answer(mu),
        mu_sd=mu.std(0, ddof=1),
        tau=answer(tau),
        odds_ratio=answer(odds_ratio(tau), none),
        median=answer(shares["median"]),
        mean=answer(rates),
        predictive=answer(shares["predictive"], rates.mean(0)),
        predictive_mu=answer(ahead),
        lower=answer(expit(mu - MIDDLE * tau), none),
        upper=answer(expit(mu + MIDDLE * tau), none),
        above={name: (values[..., None] > cuts).mean(0) for name, values in shares.items()},
    )


def _shortest(values: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
    """The shortest interval that holds `level` of the draws, column by column."""
    ordered = np.sort(values, axis=0)
    inside = int(np.ceil(level * len(ordered)))
    widths = ordered[inside - 1 :] - ordered[: len(ordered) - inside + 1]
    start = widths.argmin(0)
    columns = np.arange(values.shape[1])
    return ordered[start, columns], ordered[start + inside - 1, columns]


def contrast_of_draws(frame: Frame, names: tuple[str, str], mu: FloatArray, mean: FloatArray) -> Contrast:
    """A contrast from draws of the differences of mu and of the mean rates, shape (S,)."""
    tail = (1 - frame.level) / 2

    def quantity(estimand: Estimand, values: FloatArray) -> Quantity:
        low, value, high = np.quantile(values, [tail, 0.5, 1 - tail])
        return frame.equal_tailed(estimand, (value, low, high))

    return Contrast(
        group=names[0],
        reference=names[1],
        mu=quantity(Estimand.LOG_ODDS_RATIO, mu),
        mean=quantity(Estimand.DIFFERENCE_OF_MEANS, mean),
        exceeds=float((mu > 0).mean()),
    )
