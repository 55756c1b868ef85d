"""Results as flat rows of numbers, and as what a reader sees at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meta.format import DASH, counts, interval, level, number, percent
from meta.frames import Shown
from meta.results.estimands import name_of

if TYPE_CHECKING:
    from meta.results.bounds import Bound, Bounds
    from meta.results.fit import Fit
    from meta.results.quantities import Interval, Proportion, Quantity
    from meta.results.sites import SiteRegionFit

FAILED = "FAILED: diagnostics"  # of a sampler that broke its limits, in front of whatever its draws gave
_PROPORTION = ("value", "low", "high", "level", "kind", "method", "reason")


def _ends(found: Interval | None, name: str) -> dict[str, float | None]:
    return {
        f"{name}_low": found.low if found else None,
        f"{name}_high": found.high if found else None,
    }


def fit_row(fit: Fit) -> dict[str, Any]:
    """One fit as one flat row; proportions and I2 are fractions, mu and tau2 on the analysis scale."""
    orr, ahead, het = fit.proportion, fit.prediction.proportion, fit.heterogeneity
    return {
        "k": fit.k,
        "n": fit.n,
        "responders": fit.responders,
        "estimand": name_of(orr.estimand, fit.outcome),
        "proportion": orr.value,
        "proportion_low": orr.low,
        "proportion_high": orr.high,
        "level": orr.level,
        "prediction_low": ahead.low,
        "prediction_high": ahead.high,
        "mu": fit.mu.value,
        "mu_se": fit.mu.se,
        **_ends(fit.mu.interval, "mu"),
        "tau2": fit.tau2.value,
        "tau2_method": fit.tau2.method,
        "tau2_at_boundary": fit.tau2.at_boundary,
        **_ends(fit.tau2.interval, "tau2"),
        "Q": het.Q,
        "Q_df": het.df,
        "Q_p": het.p,
        "I2": het.I2.value,
        "I2_Q": het.I2_Q.value,
        "H2": het.H2.value,
        "H2_Q": het.H2_Q.value,
        "method": orr.method,
        "standing": fit.called,
        "standing_reasons": " | ".join(fit.standing.reasons) or None,
        "reason": orr.reason,
        **_exact_cells(fit),
        **_sampling_cells(fit),
    }


def _exact_cells(fit: Fit) -> dict[str, Any]:
    """What only the exact models say: the median rate, tau beside its prior, the median odds ratio."""
    median = fit.estimands.median if fit.estimands else None
    tau, spread = fit.tau, fit.dispersion
    prior = tau.prior if tau else None
    ratio = spread.median_odds_ratio if spread else None
    lower, upper = spread.middle if spread and not fit.at_zero else (None, None)
    return {
        **_of(median, "median", "value", "low", "high"),
        **_of(tau, "tau", "value", "low", "high"),
        **_of(prior, "tau_prior", "value", "low", "high", "divergence"),
        **_of(ratio, "median_odds_ratio", "value", "low", "high"),
        "middle_95_low": lower.value if lower else None,
        "middle_95_high": upper.value if upper else None,
        "loglik": fit.loglik,
    }


def _sampling_cells(fit: Fit) -> dict[str, Any]:
    names = ("passed", "rhat", "ess_bulk", "ess_tail", "bfmi", "divergences")
    return _of(fit.sampling, "sampling", *names)


def _of(found: object | None, name: str, *fields: str) -> dict[str, Any]:
    """Fields of a part of a fit as columns, the value under the part's own name; empty without the part."""
    columns = {field: name if field == "value" else f"{name}_{field}" for field in fields}
    return {column: getattr(found, field, None) for field, column in columns.items()}


def orr(found: Proportion | Quantity) -> str:
    """An estimate with its interval in percent, or why there is none."""
    if found.value is None:
        return f"not given: {found.reason}"
    if found.low is None or found.high is None:
        return f"{percent(found.value)} (no interval: {found.reason})"
    return f"{percent(found.value)} ({interval(found.low, found.high, percent)})"


def show_fit(fit: Fit) -> Shown:
    """Show a fit: its answer by group and overall, with what it may be called."""
    found, ahead = fit.proportion, fit.prediction.proportion
    words = name_of(found.estimand, fit.outcome)
    name = f"{words[:1].upper()}{words[1:]}"
    header = ("", "k", "Responders/n", f"{name}, % ({level(found.level)})", "Prediction, %", "tau")
    parts = [*fit.groups, fit]
    return Shown(
        caption=f"{fit.model.model}: {found.method}",
        header=header,
        rows=tuple(_fit_cells(part, "all trials" if part is fit else part.label or "") for part in parts),
        notes=(
            *dict.fromkeys(f"{part.label or 'All trials'}: {part.called}" for part in parts),
            f"Prediction: {ahead.method}." if ahead.low is not None else f"No prediction: {ahead.reason}.",
            *fit.notes,
        ),
    )


def _fit_cells(part: Fit, name: str) -> tuple[str, ...]:
    ahead = part.prediction.proportion
    ends = ahead.low is not None and ahead.high is not None
    return (
        name,
        str(part.k),
        counts(part.responders, part.n),
        orr(part.proportion),
        interval(ahead.low or 0.0, ahead.high or 0.0, percent) if ends else DASH,
        number(part.tau.value, 2) if part.tau is not None and part.tau.value is not None else DASH,
    )


def site_rows(fit: SiteRegionFit) -> list[dict[str, Any]]:
    """Rates of each group, and of each group at each level: one row an estimand, fractions."""
    return [
        {
            "group": rate.group,
            "at": rate.level,
            "n": rate.n,
            "n_reported": rate.n_reported,
            "responders": rate.responders,
            "standing": FAILED if fit.failed else rate.standing.status,
            "estimand": name_of(found.estimand, fit.outcome),
            **{name: getattr(found, name) for name in _PROPORTION},
        }
        for rate in fit.rates
        for found in (rate.mean, rate.median)
    ]


def show_sites(fit: SiteRegionFit) -> Shown:
    """Show rates of the groups, shrunken, beside what was reported of them."""
    mark = f"{FAILED}: " if fit.failed else ""
    return Shown(
        caption=f"{mark}{fit.model.model}: rates in new trials by group",
        header=("", "Reported", "Patients", f"Mean rate, % ({level(fit.level)})", "Median rate, %"),
        rows=tuple(
            (
                rate.group if rate.level is None else f"{rate.group}, {rate.level}",
                counts(rate.responders, rate.n_reported),
                str(rate.n),
                orr(rate.mean),
                orr(rate.median),
            )
            for rate in fit.rates
        ),
        notes=fit.notes,
    )


def bound_row(found: Bounds) -> dict[str, Any]:
    """One estimand's bounds as a flat row; proportions are fractions."""
    names = ("completions", "evaluated", "searched")
    spans = {
        f"{name}_{end}": value
        for name in ("k", "n", "responders")
        for end, value in zip(("low", "high"), getattr(found, name), strict=True)
    }
    hulls = {
        f"{name}_{end}": getattr(getattr(found, name), end)
        for name in ("ignorance", "uncertainty")
        for end in ("low", "high", "reason")
    }
    place = {name: getattr(found, name) for name in ("model", "role", "by", "group")}
    plain = {"estimand": name_of(found.estimand, found.outcome)} | {n: getattr(found, n) for n in names}
    return {**place, **plain, **hulls, **spans, "standing": found.standing.status}


def show_bounds(found: Bounds) -> Shown:
    """Show the hull of the estimates and that of the limits."""
    of = f", {found.group}" if found.group else ""
    many = f"{found.evaluated} of {found.completions}" if found.searched else f"all {found.completions}"
    return Shown(
        caption=f"{found.model}: {name_of(found.estimand, found.outcome)}{of}",
        header=("", "%"),
        rows=(
            ("Hull of the estimates", _ends_of(found.ignorance)),
            ("Hull of the limits", _ends_of(found.uncertainty)),
        ),
        notes=(f"Over {many} completions of what is not reported; {found.standing.status}.",),
    )


def _ends_of(found: Bound) -> str:
    if found.low is None or found.high is None:
        return f"not given: {found.reason}"
    return interval(found.low, found.high, percent)
