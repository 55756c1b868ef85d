"""What is said of the exact models: their names, tau beside its prior, estimands, probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meta.format import distribution, interval, level, number, percent, symbols
from meta.results import FAILED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meta.results import Fit, Proportion, Quantity, Tau

MODELS = {
    "bayes-binomial": "Bayesian binomial-normal",
    "bayes-normal": "Bayesian normal-normal",
    "binomial-normal": "maximum likelihood, binomial-normal",
    "beta-binomial": "maximum likelihood, beta-binomial",
    "inverse-variance": "conventional",
}
_INTERVALS = {
    "mhk": "Knapp-Hartung floored",
    "hk": "Knapp-Hartung",
    "profile": "profile-likelihood interval",
    "profile-t": "profile-likelihood interval with the F(1, 2(k-1)) cut-off",
    "wald-t": "Wald interval, t with k-1 df",
    "wald": "Wald interval",
}
_KINDS = {"confidence": "CI", "credible": "CrI", "prediction": "PI", "bound": "bounds"}
_HUGE, _TINY = 1e4, 0.005
TAU_IS_ZERO = "not given: τ is estimated as 0, which does not show that trials agree"


def short_name(fit: Fit) -> str:
    """Name the model in two words or three."""
    kind = str(fit.model.get("model", "inverse-variance"))
    return MODELS.get(kind, kind)


def options_of(fit: Fit) -> str:
    """Say what else decides the model's numbers: priors, or scale, estimator and interval."""
    options, kind = fit.model, str(fit.model.get("model", "inverse-variance"))
    way = str(options.get("interval", ""))
    words = [str(options[key]) for key in ("scale",) if options.get(key) is not None]
    if kind.startswith("bayes"):
        words += [f"{name} ~ {distribution(str(options.get(key)))}" for name, key in _PRIORS]
        words += ["shortest interval"] if way == "shortest" else []
    else:
        words += [str(options["tau2"])] if "tau2" in options else []
        words += [_INTERVALS.get(way, way)] if way else []
    return symbols(", ".join(words))


_PRIORS = (("tau", "prior"), ("μ", "mu_prior"))


def model_name(fit: Fit) -> str:
    """Name the model with its options."""
    options = options_of(fit)
    return f"{short_name(fit)} ({options})" if options else short_name(fit)


def is_exact(fit: Fit) -> bool:
    """Tell whether I2 and Q are not of this fit's model."""
    return bool(fit.model.get("model", "inverse-variance") != "inverse-variance")


def spread(fit: Fit) -> str:
    """Write heterogeneity as a reader understands it: tau with its prior, median odds ratio, true rates."""
    parts = [FAILED] if fit.failed else []
    if fit.tau is not None and fit.tau.value is not None:
        parts.append(tau_words(fit))
    if fit.dispersion is not None:
        parts += _dispersion(fit)
    if fit.correlation is not None:
        parts.append(f"intraclass correlation {quantity(fit.correlation)}")
    reason = fit.tau2.reason or fit.mu.reason
    return "; ".join(parts) or (f"not given: {symbols(reason)}" if reason else "not given")


def tau_words(fit: Fit) -> str:
    """Write tau, beside its prior where it has one, and how far the trials moved it from there."""
    assert fit.tau is not None
    tau, prior = fit.tau, fit.tau.prior
    shared = "common " if fit.label is not None and fit.model.get("groups") == "common" else ""
    text = f"{shared}τ {number(tau.value or 0.0, 2)}{_tau_ends(tau)}"
    if prior is None:
        return text
    if prior.value is not None and prior.low is not None:
        text += f"; prior {number(prior.value, 2)} ({_between(prior.low, prior.high)})"
    if prior.divergence is not None:
        text += f", divergence {number(prior.divergence, 2)} nats: {prior.words}"
    return text


def _tau_ends(tau: Tau) -> str:
    if tau.low is None:
        return f" (interval not given: {symbols(tau.reason)})" if tau.reason else ""
    return f" ({level(tau.level)} {_KINDS[tau.kind]} {_between(tau.low, tau.high)})"


def _between(low: float, high: float | None) -> str:
    return f"{number(low, 2)} to {number(high, 2)}" if high is not None else f"{number(low, 2)} to no limit"


def _dispersion(fit: Fit) -> Iterator[str]:
    assert fit.dispersion is not None
    if fit.dispersion.median_odds_ratio.value is not None:
        yield f"median odds ratio between trials {quantity(fit.dispersion.median_odds_ratio)}"
    low, high = fit.dispersion.middle
    name = f"middle 95 % of true {low.estimand.rpartition('true ')[2]}"
    if fit.at_zero:
        yield f"{name} {TAU_IS_ZERO}"
    elif low.value is not None and high.value is not None:
        yield f"{name}: from {_end(low)} to {_end(high)}"
    elif low.reason:
        yield f"{name} not given: {symbols(low.reason)}"


def _end(found: Proportion) -> str:
    ends = ""
    if found.low is not None and found.high is not None:
        ends = f" ({interval(found.low, found.high, percent)})"
    return f"{percent(found.value or 0.0)} %{ends}"


def ratio(value: float) -> str:
    """Write a ratio; beyond what anybody can use, say so."""
    if value > _HUGE:
        return "over 10,000"
    return "under 0.01" if value < _TINY else number(value, 2)


def quantity(found: Quantity) -> str:
    """Write a ratio, or another positive number, with its interval."""
    if found.value is None:
        return f"not given: {symbols(found.reason or '')}"
    top = "no limit" if found.high is None else ratio(found.high)
    ends = f" ({number(found.low, 2)} to {top})" if found.low is not None else ""
    return ratio(found.value) + ends


def others(fit: Fit) -> list[Proportion]:
    """The named answers of a fit beside the one that leads it."""
    if fit.estimands is None:
        return []
    rest = (fit.estimands.mean, fit.estimands.median)
    return [found for found in rest if found.estimand != fit.proportion.estimand and found.value is not None]


def probabilities(fit: Fit) -> str | None:
    """Write the probabilities that the leading estimand exceeds the thresholds."""
    lead = fit.proportion.estimand
    found = [p for p in fit.probabilities if p.estimand == lead]
    return "; ".join(f"Pr({lead} > {level(p.threshold)}) {chance(p.value)}" for p in found) or None


def chance(p: float) -> str:
    """Write a probability after its name.

    Examples
    --------
    >>> chance(0.8573), chance(0.9999), chance(0.0001)
    ('= 0.86', '> 0.99', '< 0.01')
    """
    if p > 0.995:
        return "> 0.99"
    return "< 0.01" if p < 0.005 else f"= {number(p, 2)}"


def new_trial(fit: Fit) -> str | None:
    """Write how many responders a new trial would have."""
    found = fit.predictive_count
    if found is None:
        return None
    what = "responders" if "ORR" in fit.proportion.estimand else "events"
    return (
        f"a new trial of {found.n} patients would have {found.value} {what} "
        f"({level(found.level)} prediction interval {found.low} to {found.high})"
    )
