"""Fits of the model of sites and regions, made up: no sampling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, permutations

from meta.models.policy import standing
from meta.models.sites.site_region import SiteRegion
from meta.results import (
    Diagnostics,
    DirectRate,
    Estimand,
    Order,
    Parameter,
    PriorPoint,
    Quantity,
    Rate,
    RateDifference,
    SiteRegionFit,
    SplitCount,
    StandardisedRate,
)

SITES = ("pancreas", "gastroesophageal", "intestine", "other")
REGIONS = ("Asia", "West")
GOOD = Diagnostics(
    rhat=1.0, ess_bulk=4000.0, ess_tail=4000.0, bfmi=0.9, divergences=0, draws=1000, chains=4,
    target_accept=0.9, retried=False, passed=True, seed=1, backend="nuts",
)  # fmt: skip
NOT_SAMPLED = "not enough draws"
LEADS = standing(6, 20, 60, bayesian=True)
TWO = standing(2, 5, 60, bayesian=True)


def rate_of(value: float | None, half: float = 0.1) -> Quantity:
    """A proportion with an interval inside 0 to 1, or none."""
    ends = (None, None) if value is None else (max(0.0, value - half), min(1.0, value + half))
    return Quantity(
        value=value, low=ends[0], high=ends[1], estimand=Estimand.MEAN_NEW, level=0.95, kind="credible",
        method="by hand", reason=None if value is not None else NOT_SAMPLED,
    )  # fmt: skip


def quantity_of(estimand: Estimand, value: float | None, half: float = 0.1) -> Quantity:
    ends = (None, None) if value is None else (value - half, value + half)
    return Quantity(
        estimand=estimand, value=value, low=ends[0], high=ends[1], level=0.95, kind="credible",
        method="by hand",
        reason=None if value is not None else NOT_SAMPLED,
    )  # fmt: skip


def parameter_of(
    estimand: Estimand, prior_sd: float, sd: float, group: str | None = None, reference: str | None = None
) -> Parameter:
    return Parameter(
        posterior=quantity_of(estimand, -0.123, 2 * sd),
        expectation=-0.1,
        sd=sd,
        prior_sd=prior_sd,
        prior="normal",
        group=group,
        reference=reference,
    )


def _levels(levels: Sequence[str], shift: float) -> tuple[StandardisedRate, ...]:
    return tuple(
        one
        for i, name in enumerate(levels)
        for value in (0.2 - 0.03 * i + shift,)
        for one in (
            StandardisedRate(
                level=name,
                population="new-trials",
                median=rate_of(value - 0.01),
                mean=rate_of(value),
                standing=LEADS,
            ),
            StandardisedRate(
                level=name,
                population="these-trials",
                median=None,
                mean=rate_of(value + 0.02),
                standing=LEADS,
            ),
        )
    )


def _differences(levels: Sequence[str]) -> tuple[RateDifference, ...]:
    kinds = (("new-trials", "median"), ("new-trials", "mean"), ("these-trials", "mean"))
    return tuple(
        RateDifference(
            level=other, reference=one, population=population, estimand=estimand,
            standardised=quantity_of(Estimand.DIFFERENCE_OF_MEANS, -0.0512 - 0.01 * k),
            without_groups=quantity_of(Estimand.DIFFERENCE_OF_MEANS, -0.0934 - 0.01 * k), standing=LEADS,
        )
        for k, (population, estimand) in enumerate(kinds)
        for one, other in combinations(levels, 2)
    )  # fmt: skip


def make_site_fit(
    sites: Sequence[str] = SITES, levels: Sequence[str] = REGIONS, *, half: float = 0.1, **changes: object
) -> SiteRegionFit:
    """A fit of some sites and levels; the last level reports totals only."""
    rates = []
    for i, level in enumerate((None, *levels)):
        for s, site in enumerate(sites):
            known = 0 if level == levels[-1] and len(levels) > 1 else 3 + s
            rates.append(
                Rate(
                    group=site,
                    level=level,
                    median=rate_of(0.05 + 0.03 * s, half),
                    n=10 + s,
                    mean=rate_of(0.061 + 0.041 * s + 0.007 * i, half),
                    n_reported=known,
                    responders=known // 3,
                    standing=LEADS,
                )
            )
    parameters = [parameter_of(Estimand.MU, 2.0, 0.71), parameter_of(Estimand.TAU, 0.75, 0.48)]
    parameters += [
        parameter_of(Estimand.LOG_ODDS_RATIO, 1.41, 1.29, b, a)
        for names in (levels, sites)
        for a, b in combinations(names, 2)
    ]
    gone = f"no trial reported the responders of {', '.join(sites)} by themselves"
    fit = SiteRegionFit(
        model=SiteRegion(), level=0.95, k=4, n=100, responders=14,
        contrast="region" if len(levels) > 1 else None, target=dict.fromkeys(sites, 1 / len(sites)),
        target_name="all trials", parameters=tuple(parameters), rates=tuple(rates),
        standardised=_levels(levels, 0.0), without_groups=_levels(levels, 0.04),
        differences=_differences(levels),
        direct=tuple(
            DirectRate(level=name, value=None, se=None, share=0.0, reason=gone)
            if name == levels[-1]
            else DirectRate(level=name, value=0.2013, se=0.0503, share=1.0)
            for name in levels
        ),
        orders=tuple(Order(group=a, other=b, probability=0.5) for a, b in permutations(sites, 2)),
        splits=(), prior_sweep=(), sampling=GOOD, sampling_without_groups=GOOD, standing=LEADS,
    )  # fmt: skip
    return replace(fit, **changes)


def splits_of(trial: str, responders: int, sizes: dict[str, int]) -> tuple[SplitCount, ...]:
    """The split of a trial's total, shared out by patients but one half."""
    n = sum(sizes.values())
    return tuple(
        SplitCount(
            trial=trial, groups=tuple(sizes), responders=responders, group=group, n=size,
            expected=responders * size / n / 2, low=0, high=min(responders, size), level=0.95,
        )
        for group, size in sizes.items()
    )  # fmt: skip


def sweep_of(levels: Sequence[str], values: Sequence[float | None]) -> tuple[PriorPoint, ...]:
    """Every pair of levels under four priors; None where the draws are too few."""
    return tuple(
        PriorPoint(
            prior_sd=sd, level=other, reference=one,
            log_odds_ratio=quantity_of(Estimand.LOG_ODDS_RATIO, value),
            difference=quantity_of(Estimand.DIFFERENCE_OF_MEANS, value), effective=900.0,
        )
        for one, other in combinations(levels, 2)
        for sd, value in zip((0.75, 1.0, 1.5, 2.5), values, strict=True)
    )  # fmt: skip
