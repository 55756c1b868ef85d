"""What is said of the exact models: tau beside its prior, differences between groups, companions' names."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from meta.report.format import interval, level, number, p_value, percent, symbols

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meta.results import Contrast, Fit, NamedTest, Proportion, Quantity

MODELS = {
    "bayes-binomial": "Bayesian binomial-normal",
    "bayes-normal": "Bayesian normal-normal",
    "binomial-normal": "binomial-normal maximum likelihood",
    "beta-binomial": "beta-binomial maximum likelihood",
    "inverse-variance": "inverse variance",
}
FAILED = "FAILED: the sampler broke its limits, see the result's diagnostics"


def model_name(fit: Fit) -> str:
    """Name the model in a few words, with what distinguishes its interval."""
    options = fit.model
    kind = str(options.get("model", ""))
    words = [MODELS.get(kind, kind)]
    if kind == "inverse-variance":
        words += [str(options.get(key)) for key in ("scale", "tau2", "interval")]
    elif kind.startswith("bayes"):
        words.append(f"tau ~ {options.get('prior')}")
    else:
        words.append(str(options.get("interval")))
    return symbols(", ".join(words))


def is_exact(fit: Fit) -> bool:
    """Tell whether I2 and Q are not of this fit's model."""
    return bool(fit.model.get("model", "inverse-variance") != "inverse-variance")


def failed(fit: Fit) -> bool:
    """Tell whether a sampler's draws are not to be believed."""
    return fit.sampling is not None and not fit.sampling.passed


def spread(fit: Fit) -> str:
    """Write heterogeneity as a reader understands it."""
    parts = [*_tau(fit), *_dispersion(fit)]
    if fit.correlation is not None:
        parts.append(f"intraclass correlation {_quantity(fit.correlation)}")
    if failed(fit):
        parts.insert(0, FAILED)
    reason = fit.tau2.reason or fit.mu.reason
    return "; ".join(parts) or (f"not given: {symbols(reason)}" if reason else "not given")


def _tau(fit: Fit) -> Iterator[str]:
    tau = fit.tau
    if tau is None or tau.value is None:
        return
    shared = "common " if fit.label is not None and fit.model.get("groups") == "common" else ""
    ends = ""
    if tau.low is not None:
        ends = f" ({_between(tau.low, tau.high)})"
    text = f"{shared}τ {number(tau.value, 2)}{ends}"
    if tau.prior is not None:
        prior = tau.prior
        text += f"; its prior {number(prior.value or 0, 2)} ({_between(prior.low or 0, prior.high)})"
        if prior.divergence is not None:
            text += f", divergence of posterior from prior {number(prior.divergence, 2)} nats: {prior.words}"
    yield text


def _between(low: float, high: float | None) -> str:
    return f"{number(low, 2)} to {number(high, 2)}" if high is not None else f"{number(low, 2)} to no limit"


def _dispersion(fit: Fit) -> Iterator[str]:
    if fit.dispersion is None:
        return
    low, high = fit.dispersion.middle
    if fit.dispersion.median_odds_ratio.value is not None:
        yield f"median odds ratio between trials {_quantity(fit.dispersion.median_odds_ratio)}"
    if fit.tau is not None and fit.tau.value == 0:  # both ends are one number: never worded as homogeneity
        yield "the middle 95 % of true rates not given: τ is estimated as 0"
    elif low.value is not None and high.value is not None:
        middle = interval(low.value, high.value, percent)
        yield f"the middle 95 % of trials have true {low.estimand.split('true ')[-1]} of {middle} %"
    for test in fit.dispersion.tests[:1]:
        yield _test(test)


def _quantity(found: Quantity) -> str:
    if found.value is None:
        return f"not given: {symbols(found.reason or '')}"
    huge = found.high is None or found.high > 1e4
    top = "no limit" if found.high is None else "over 10,000" if huge else number(found.high, 2)
    ends = f" ({number(found.low, 2)} to {top})" if found.low is not None else ""
    return number(found.value, 2) + ends


def _test(test: NamedTest) -> str:
    found = p_value(test.p) if test.p is not None else f"p not given: {symbols(test.reason or '')}"
    return f"{symbols(test.method)}: {found}"


def differences(fit: Fit) -> list[str]:
    """Write every contrast between groups, labelled descriptive."""
    if fit.between is None:
        return []
    return [_contrast(found, fit) for found in fit.between.contrasts]


def _contrast(found: Contrast, fit: Fit) -> str:
    def odds(z: float) -> str:
        return number(math.exp(min(max(z, -20.0), 20.0)), 2)

    parts = []
    mean = found.mean
    if mean is not None and mean.value is not None and mean.low is not None and mean.high is not None:
        ends = interval(mean.low, mean.high, percent)
        parts.append(f"{percent(mean.value)} percentage points of mean {_rate(fit)} ({ends})")
    mu = found.mu
    if mu.value is None:
        parts.append(f"not given: {symbols(mu.reason or '')}")
    elif "odds" in mu.name:
        ends = f" ({odds(mu.low)} to {odds(mu.high)})" if mu.low is not None and mu.high is not None else ""
        parts.append(f"odds ratio {odds(mu.value)}{ends}")
    else:
        ends = f" ({interval(mu.low, mu.high)})" if mu.low is not None and mu.high is not None else ""
        parts.append(f"{symbols(mu.name)} {number(mu.value)}{ends}")
    if found.exceeds is not None:
        parts.append(f"Pr({found.group} > {found.reference}) = {number(found.exceeds, 2)}")
    return f"{found.group} against {found.reference}: {', '.join(parts)}"


def _rate(fit: Fit) -> str:
    return fit.proportion.estimand.split(" ", 1)[-1]


def tests(fit: Fit) -> list[str]:
    """Write further tests between groups, with their caveats where they say what a reader must know."""
    if fit.between is None:
        return []
    return [_test(test) for test in fit.between.tests]


def others(fit: Fit) -> list[Proportion]:
    """The named answers of a fit beside the one that leads it."""
    if fit.estimands is None:
        return []
    rest = (fit.estimands.mean, fit.estimands.median)
    return [found for found in rest if found.estimand != fit.proportion.estimand and found.value is not None]


def probabilities(fit: Fit) -> str | None:
    """Write the probabilities that the mean rate exceeds the thresholds."""
    lead = fit.proportion.estimand
    found = [p for p in fit.probabilities if p.estimand == lead]
    if not found:
        return None
    return "; ".join(f"Pr({lead} > {percent(p.threshold)} %) = {number(p.value, 2)}" for p in found)


def new_trial(fit: Fit) -> str | None:
    """Write how many responders a new trial would have."""
    found = fit.predictive_count
    if found is None:
        return None
    return (
        f"a new trial of {found.n} patients would have {found.value} responders "
        f"({level(found.level)} of such trials {found.low} to {found.high})"
    )
