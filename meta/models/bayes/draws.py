"""A fit from a sampler's draws: the same answers as by quadrature, within Monte-Carlo error."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit

from meta.data import Counts, GroupedCounts
from meta.models import describe
from meta.models.bayes.answers import MIDDLE, Answer, Answers, odds_ratio
from meta.models.bayes.posterior_fit import fit_of, no_contrast
from meta.models.counted import bounded, pairs, plain_trials
from meta.results import Between, Contrast, Diagnostics, Fit, Quantity
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
    if isinstance(data, Counts):
        return _alone(model, data)
    overall, draws = _alone(model, data.totals())
    filled = [i for i in range(len(data.names)) if (data.group == i).any()]
    fits = [model.unpooled(data.within(i)) for i in range(len(data.names))]
    method = f"posterior of the differences, {model.groups} tau, sampled"
    between = Between(statistic=None, df=0, p=None, method=method, reason="fewer than two groups with trials")
    if filled:
        found = _draw(model, data.only(filled))
        contrasts = _groups(model, data, filled, found, fits)
        if len(filled) > 1:
            between = replace(between, df=len(filled) - 1, reason=None, contrasts=contrasts)
        draws = found.idata
    named = tuple(replace(fit, label=name) for fit, name in zip(fits, data.names, strict=True))
    notes = overall.notes + describe.shared_trials_note(data)
    return replace(overall, groups=named, between=between, notes=notes), draws


def _alone(model: BayesBinomial, data: Counts) -> tuple[Fit, Any]:
    if data.k < 2:
        return model.unpooled(data), None
    found = _draw(model, data)
    answers = _answers(model.frame(), _flat(found.mu), _flat(found.tau), model.seed)
    return _fit(model, data, answers, found.diagnostics, 0, bounded(data)), found.idata


def _draw(model: BayesBinomial, data: Counts | GroupedCounts) -> BinomialDraws:
    from meta.models.bayes.graph import draw

    mu_prior, tau_prior = model.priors()
    separate = isinstance(data, GroupedCounts) and model.groups == "separate"
    return draw(
        data, mu_prior=mu_prior, tau_prior=tau_prior, separate_tau=separate, draws=model.draws,
        tune=model.tune, seed=model.seed,
    )  # fmt: skip


def _groups(
    model: BayesBinomial, data: GroupedCounts, filled: list[int], found: BinomialDraws, fits: list[Fit]
) -> tuple[Contrast, ...]:
    """Put the fits of the groups in their places; the contrasts between them."""
    mu = _flat(found.mu)
    tau = np.broadcast_to(_flat(found.tau), mu.shape)
    answers, frame = _answers(model.frame(), mu, tau, model.seed), model.frame()
    for row, i in enumerate(filled):
        part = data.within(i)
        if part.k < 2:
            continue
        limits = bounded(part if model.groups == "separate" else data)
        fits[i] = _fit(model, part, answers, found.diagnostics, row, limits)
    rates = mean_rate(mu, tau)
    column = {i: row for row, i in enumerate(filled)}
    sizes = [int((data.group == i).sum()) for i in range(len(data.names))]
    return tuple(
        _contrast(
            frame, (data.names[i], data.names[j]), *(z[:, column[i]] - z[:, column[j]] for z in (mu, rates))
        )
        if min(sizes[i], sizes[j]) > 1
        else no_contrast(frame, (data.names[i], data.names[j]))
        for i, j in pairs(sizes)
    )


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
    fit = fit_of(model.frame(), data, answers, row, divergence=None, bounded=limits)
    raw = describe.trial_proportions(data, method=model.trial_interval, level=model.level)
    return replace(fit, trials=plain_trials(data, raw), sampling=diagnostics)


def _contrast(frame: Frame, names: tuple[str, str], mu: FloatArray, mean: FloatArray) -> Contrast:
    tail = (1 - frame.level) / 2

    def quantity(name: str, values: FloatArray) -> Quantity:
        low, value, high = (float(q) for q in np.quantile(values, [tail, 0.5, 1 - tail]))
        method = f"{frame.method}, equal-tailed interval"
        return Quantity(
            name=name, value=value, low=low, high=high, level=frame.level, kind="credible", method=method
        )

    return Contrast(
        group=names[0],
        reference=names[1],
        mu=quantity("log odds ratio", mu),
        mean=quantity("difference of mean ORRs", mean),
        exceeds=float((mu > 0).mean()),
    )
