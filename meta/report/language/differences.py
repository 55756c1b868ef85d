"""Words for differences between groups: contrasts and tests."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from meta.format import interval, level, number, p_value, percent, symbols
from meta.report.language.exact import chance, ratio
from meta.results import Estimand, name_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meta.results import Contrast, Fit, NamedTest

_RATIOS = {
    Estimand.LOG_ODDS_RATIO: "odds ratio",
    Estimand.LOG_ODDS_RATIO_OF_MEANS: "odds ratio of the mean rates",
}
_FARTHEST = 700.0  # a log ratio beyond which exp() is no float


def contrasts(fit: Fit) -> list[str]:
    """Write every difference between groups that the fit gives."""
    return [_contrast(found, fit) for found in fit.between.contrasts] if fit.between is not None else []


def _contrast(found: Contrast, fit: Fit) -> str:
    parts = []
    mean = found.mean
    if mean is not None and mean.value is not None and mean.low is not None and mean.high is not None:
        name = name_of(Estimand.MEAN, fit.outcome)
        kind = "CrI" if mean.kind == "credible" else "CI"
        ends = f"{level(mean.level)} {kind} {interval(mean.low, mean.high, percent)}"
        parts.append(f"{name} {percent(mean.value)} percentage points ({ends})")
    parts.append(_difference(found, fit))
    if found.exceeds is not None:
        parts.append(f"Pr(higher in {found.group}) {chance(found.exceeds)}")
    return f"{found.group} against {found.reference}: {', '.join(parts)}"


def _difference(found: Contrast, fit: Fit) -> str:
    mu, name = found.mu, name_of(found.mu.estimand, fit.outcome)
    if mu.value is None:
        return f"{symbols(name)} not given: {symbols(mu.reason or '')}"
    ends = ""
    if mu.estimand not in _RATIOS:
        if mu.low is not None and mu.high is not None:
            ends = f" ({interval(mu.low, mu.high)})"
        return f"{symbols(name)} {number(mu.value)}{ends}"
    if mu.low is not None and mu.high is not None:
        ends = f" ({_odds(mu.low)} to {_odds(mu.high)})"
    return f"{_RATIOS[mu.estimand]} {_odds(mu.value)}{ends}"


def _odds(log_ratio: float) -> str:
    return ratio(math.exp(min(max(log_ratio, -_FARTHEST), _FARTHEST)))


def tests(found: Sequence[NamedTest]) -> list[str]:
    """Write tests; those that differ in the tau that they assume stand together."""
    together: dict[str, list[NamedTest]] = {}
    for test in found:
        together.setdefault(test.method, []).append(test)
    return [f"{symbols(name)}: {_at_each(several)}" for name, several in together.items()]


def test_name(test: NamedTest) -> str:
    """Name a test with the tau that it assumes."""
    if test.tau is None:
        return test.method
    at = f"its estimate without groups {test.tau:.2f}" if test.tau_estimated else f"{test.tau:g}"
    return f"{test.method} at tau = {at}"


def _at_each(several: Sequence[NamedTest]) -> str:
    said = [_p(test) for test in several]
    if len(set(said)) == 1 and several[0].p is None:
        return said[0]
    ats = (symbols(test_name(replace(test, method=""))) for test in several)
    return ", ".join(f"{text}{at}" for text, at in zip(said, ats, strict=True))


def _p(test: NamedTest) -> str:
    return p_value(test.p) if test.p is not None else f"p not given: {symbols(test.reason or 'no reason')}"
