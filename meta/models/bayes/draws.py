"""A fit from a sampler's draws: the same answers as by quadrature, within Monte-Carlo error."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit

from meta.data import Counts, GroupedCounts
from meta.models.bayes.answers import MIDDLE, Answer, Answers, odds_ratio
from meta.models.bayes.posterior_fit import contrasts_of, differences, fit_of
from meta.models.grouped import Parts, bounded, pooled, unpooled
from meta.results import Between, Contrast, Diagnostics, Estimand, Fit, Quantity
from meta.stats.binomial.marginal import mean_rate

if TYPE_CHECKING:
    from meta.models.bayes.bayes_binomial import BayesBinomial
    from meta.models.bayes.graph import BinomialDraws
    from meta.models.bayes.posterior_fit import Frame
    from meta.stats.normal.scales import FloatArray


def sample(model: BayesBinomial, data: Counts | GroupedCounts) -> tuple[Fit, Any]:
    """Fit by sampling.

    Parameters
    ----------
    model : BayesBinomial
    data : Counts or GroupedCounts

    Returns
    -------
    fit : Fit
        Each part with `sampling`, which says whether to believe it.
    draws : arviz.InferenceData or None
        Of the trials, or of the groups where there are some; None of no trial or one.
    """
    draws: list[Any] = [None]

    def alone(counts: Counts) -> Fit:
        found = _draw(model, counts)
        draws.append(found.idata)
        answers = _answers(model.frame(), _flat(found.mu), _flat(found.tau), model.seed)
        return _fit(model, counts, answers, found.diagnostics, 0, bounded(counts))

    def groups(parts: Parts) -> tuple[dict[int, Fit], Between]:
        method = f"posterior of the differences, {model.groups} tau, sampled"
        if not parts.filled:
            return {}, differences(parts, [], method)
        found = _draw(model, parts.data.only(parts.filled))
        draws.append(found.idata)
        fits, contrasts = _groups(model, parts, found)
        return fits, differences(parts, contrasts, method)

    fit = pooled(model, data, alone, groups)
    return fit, draws[-1]


def _draw(model: BayesBinomial, data: Counts | GroupedCounts) -> BinomialDraws:
    from meta.models.bayes.graph import draw

    mu_prior, tau_prior = model.priors()
    separate = isinstance(data, GroupedCounts) and model.groups == "separate"
    return draw(
        data, mu_prior=mu_prior, tau_prior=tau_prior, separate_tau=separate, draws=model.draws,
        tune=model.tune, seed=model.seed,
    )  # fmt: skip


def _groups(
    model: BayesBinomial, parts: Parts, found: BinomialDraws
) -> tuple[dict[int, Fit], list[Contrast]]:
    """Fits of the groups, and the contrasts between them."""
    mu, data = _flat(found.mu), parts.data
    tau = np.broadcast_to(_flat(found.tau), mu.shape)
    answers, frame = _answers(model.frame(), mu, tau, model.seed), model.frame()
    fits = {}
    for i in parts.several:
        limits = bounded(parts.each[i] if model.groups == "separate" else data)
        row = parts.filled.index(i)
        fits[i] = _fit(model, parts.each[i], answers, found.diagnostics, row, limits)
    rates = mean_rate(mu, tau)

    def difference(i: int, j: int) -> Contrast:
        a, b = parts.filled.index(i), parts.filled.index(j)
        return _contrast(frame, parts.names(i, j), *(z[:, a] - z[:, b] for z in (mu, rates)))

    return fits, contrasts_of(frame, parts, difference)


def _flat(draws: FloatArray) -> FloatArray:
    """Chains one after the other, shape (S, G)."""
    return draws.reshape(-1, draws.shape[-1])


def _answers(frame: Frame, mu: FloatArray, tau: FloatArray, seed: int) -> Answers:
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


def _fit(
    model: BayesBinomial, data: Counts, answers: Answers, diagnostics: Diagnostics, row: int, limits: int
) -> Fit:
    blank = unpooled(model, data)
    fit = fit_of(model.frame(), blank, answers, row, divergence=None, bounded=limits)
    return replace(fit, sampling=diagnostics)


def _contrast(frame: Frame, names: tuple[str, str], mu: FloatArray, mean: FloatArray) -> Contrast:
    tail = (1 - frame.level) / 2

    def quantity(estimand: Estimand, values: FloatArray) -> Quantity:
        low, value, high = (float(q) for q in np.quantile(values, [tail, 0.5, 1 - tail]))
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
        mu=quantity(Estimand.LOG_ODDS_RATIO, mu),
        mean=quantity(Estimand.DIFFERENCE_OF_MEANS, mean),
        exceeds=float((mu > 0).mean()),
    )
