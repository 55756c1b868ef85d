"""Words for the exact models: names, tau beside its prior, estimands, probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meta.format import interval, level, number, percent, symbols
from meta.results import FAILED, name_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meta.results import Fit, NamedTest, Quantity

_KINDS = {"confidence": "CI", "credible": "CrI", "prediction": "PI", "bound": "bounds"}
_HUGE, _TINY = 1e4, 0.005
_DIFFERENT = 0.05  # p below which rates are said to differ
TAU_IS_ZERO = "not given: τ is estimated as 0, which does not show that trials agree"


def short_name(fit: Fit) -> str:
    """Name the model in two words or three."""
    name: str = fit.model.NAME
    return name


def options_of(fit: Fit) -> str:
    """Say what else decides the model's numbers: priors, or scale, estimator and interval."""
    return symbols(fit.model.in_words())


def model_name(fit: Fit) -> str:
    """Name the model with its options."""
    options = options_of(fit)
    return f"{short_name(fit)} ({options})" if options else short_name(fit)


def is_exact(fit: Fit) -> bool:
    """Tell whether I2 and Q are not of this fit's model."""
    return not fit.model.GIVES_Q


def shares(fit: Fit) -> bool:
    """Tell whether the fit is of a group that has its heterogeneity from all groups together."""
    return fit.label is not None and bool(fit.model.groups == "common")


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
    """Write tau, beside its prior where it has one: how large the differences between trials are."""
    assert fit.tau is not None
    tau, prior = fit.tau, fit.tau.prior
    shared = "common " if shares(fit) else ""
    text = f"{shared}τ {number(tau.value or 0.0, 2)}{_tau_ends(tau)}"
    if prior is None:
        return text
    if prior.value is not None and prior.low is not None:
        text += f"; prior {number(prior.value, 2)} ({_between(prior.low, prior.high)})"
    return text


def whether(test: NamedTest) -> str:
    """Say whether trials differ, by the exact test of equal rates: not how much, which is for tau to say."""
    assert test.p is not None
    if test.p < _DIFFERENT:
        return "the true rates of the trials differ by more than chance explains"
    return "chance alone explains how the trials differ, which does not show that their true rates are equal"


def _tau_ends(tau: Quantity) -> str:
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
    name = f"middle 95 % of true {fit.outcome.rate}s"
    if fit.at_zero:
        yield f"{name} {TAU_IS_ZERO}"
    elif low.value is not None and high.value is not None:
        yield f"{name}: from {_end(low)} to {_end(high)}"
    elif low.reason:
        yield f"{name} not given: {symbols(low.reason)}"


def _end(found: Quantity) -> str:
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


def others(fit: Fit) -> list[Quantity]:
    """The named answers of a fit beside the one that leads it."""
    if fit.estimands is None:
        return []
    rest = (fit.estimands.mean, fit.estimands.median)
    return [found for found in rest if found.estimand != fit.proportion.estimand and found.value is not None]


def probabilities(fit: Fit) -> str | None:
    """Write the probabilities that the leading estimand exceeds the thresholds."""
    lead = fit.proportion.estimand
    found = [p for p in fit.probabilities if p.estimand == lead]
    name = name_of(lead, fit.outcome)
    return "; ".join(f"Pr({name} > {level(p.threshold)}) {chance(p.value)}" for p in found) or None


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
    return (
        f"a new trial of {found.n} patients would have {found.value} {fit.outcome.events} "
        f"({level(found.level)} prediction interval {found.low} to {found.high})"
    )
