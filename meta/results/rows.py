"""Columns of results, in full precision; and how an answer is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from meta.format import DASH, counts, interval, number, percent
from meta.frames import Columns, at, fields
from meta.results.estimands import name_of

if TYPE_CHECKING:
    from meta.results.quantities import Quantity

FAILED = "FAILED: diagnostics"  # of a sampler that broke its limits, in front of whatever its draws gave


def estimand(found: str, outcome: str = "outcome") -> Callable[[Any], str | None]:
    """A column: of what the answer at a path is, in words."""

    def cell(row: Any) -> str | None:
        code = at(row, f"{found}.estimand" if found else "estimand")
        return None if code is None else name_of(code, at(row, outcome))

    return cell


def middle(end: int) -> Callable[[Any], float | None]:
    """A column: an end of the middle 95 % of true rates, of a fit in which trials differ."""
    return lambda fit: fit.dispersion.middle[end].value if fit.dispersion and not fit.at_zero else None


FIT: Columns = {  # proportions and I2 are fractions, mu and tau2 on the analysis scale
    **fields("", "k", "n", "responders"),
    "estimand": estimand("proportion"),
    "proportion": "proportion.value",
    **fields("proportion", "low", "high", called="proportion_{}"),
    "level": "proportion.level",
    **fields("prediction.proportion", "low", "high", called="prediction_{}"),
    "mu": "mu.value",
    "mu_se": "mu.se",
    **fields("mu", "low", "high", called="mu_{}"),
    "tau2": "tau2.value",
    "tau2_method": "tau2.definition",
    **fields("tau2", "at_boundary", "low", "high", called="tau2_{}"),
    "Q": "heterogeneity.Q",
    **fields("heterogeneity", "df", "p", called="Q_{}"),
    **{name: f"heterogeneity.{name}.value" for name in ("I2", "I2_Q", "H2", "H2_Q")},
    "method": "proportion.method",
    "standing": "called",
    "standing_reasons": lambda fit: " | ".join(fit.standing.reasons) or None,
    "reason": "proportion.reason",
    "median": "estimands.median.value",
    **fields("estimands.median", "low", "high", called="median_{}"),
    "tau": "tau.value",
    **fields("tau", "low", "high", called="tau_{}"),
    "tau_prior": "tau.prior.value",
    **fields("tau.prior", "low", "high", "divergence", called="tau_prior_{}"),
    "median_odds_ratio": "dispersion.median_odds_ratio.value",
    **fields("dispersion.median_odds_ratio", "low", "high", called="median_odds_ratio_{}"),
    "middle_95_low": middle(0),
    "middle_95_high": middle(1),
    "loglik": "loglik",
    **fields(
        "sampling", "passed", "rhat", "ess_bulk", "ess_tail", "bfmi", "divergences", called="sampling_{}"
    ),
}
ANSWER = ("value", "low", "high", "level", "kind", "method", "reason")  # of every proportion and quantity
SITE: Columns = {  # of a rate, and of its mean or median; fractions
    "group": "rate.group",
    "at": "rate.level",
    **fields("rate", "n", "n_reported", "responders"),
    "standing": lambda row: FAILED if row["fit"].failed else row["rate"].standing.status,
    "estimand": estimand("found", "fit.outcome"),
    **fields("found", *ANSWER),
}


def ends(*names: str) -> Columns:
    """Columns of the least and the greatest of pairs."""

    def end(name: str, which: int) -> Callable[[Any], Any]:
        return lambda row: getattr(row, name)[which]

    return {f"{name}_{word}": end(name, i) for name in names for i, word in enumerate(("low", "high"))}


COMPLETIONS: Columns = fields("", "completions", "evaluated", "searched")
BOUNDS: Columns = {  # proportions are fractions
    **fields("", "model", "role", "by", "group"),
    "estimand": estimand(""),
    **COMPLETIONS,
    **fields("ignorance", "low", "high", "reason", called="ignorance_{}"),
    **fields("uncertainty", "low", "high", "reason", called="uncertainty_{}"),
    **ends("k", "n", "responders"),
    "standing": "standing.status",
}


def orr(found: Quantity) -> str:
    """An estimate with its interval in percent, or why there is none."""
    if found.value is None:
        return f"not given: {found.reason}"
    if found.low is None or found.high is None:
        return f"{percent(found.value)} (no interval: {found.reason})"
    return f"{percent(found.value)} ({interval(found.low, found.high, percent)})"


def span(found: Any) -> str:
    """Both ends in percent, a dash where there are none: of a prediction interval, or of a hull."""
    return DASH if found.low is None or found.high is None else interval(found.low, found.high, percent)


SHOWN_FIT: Columns = {  # what is read at a glance; the heads of estimates are added where they are known
    "k": lambda part: str(part.k),
    "Responders/n": lambda part: counts(part.responders, part.n),
    "estimate": lambda part: orr(part.proportion),
    "Prediction, %": lambda part: span(part.prediction.proportion),
    "tau": lambda part: DASH if part.tau is None or part.tau.value is None else number(part.tau.value, 2),
}
