"""Long tables of the model of sites and regions; rates are fractions, parameters on the analysis scale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meta.models.policy import weakest
from meta.report.language.site_words import parameter_name
from meta.results import FAILED, name_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pandas as pd

    from meta.records.run import Run
    from meta.results import (
        Outcome,
        Parameter,
        Proportion,
        Quantity,
        Rate,
        RateDifference,
        SiteRegionFit,
        StandardisedRate,
    )

Cells = dict[str, Any]
_PLACE = ("analysis", "variation", "standing", "contrast")
_ENDS = ("value", "low", "high", "level", "kind", "method", "reason")


def standing_of(fit: SiteRegionFit, *labels: str) -> str:
    """What answers may be called, over all trials or of groups and levels; a failed sampler comes first."""
    if fit.failed:
        return FAILED
    known = {rate.group: rate.standing for rate in fit.rates if rate.level is None}
    known |= {rate.level: rate.standing for rate in fit.standardised}
    return weakest([known[label] for label in labels] or [fit.standing]).status


def _standing(fit: SiteRegionFit, rate: Rate) -> str:
    return FAILED if fit.failed else rate.standing.status


def _pair(fit: SiteRegionFit, one: Parameter) -> Iterator[str]:
    """The groups or levels of a contrast, of those that have rates."""
    known = {rate.group for rate in fit.rates} | {rate.level for rate in fit.standardised}
    return (label for label in (one.group, one.reference) if label is not None and label in known)


def _fits(runs: Sequence[Run]) -> Iterator[tuple[Cells, SiteRegionFit]]:
    for run in runs:
        fit = run.sites
        if fit is not None:
            place = (run.name, run.variation, standing_of(fit), fit.contrast)
            yield dict(zip(_PLACE, place, strict=True)), fit


def _frame(rows: Iterable[Cells], *columns: str) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(list(rows), columns=[*_PLACE, *columns])


def _ends(found: Proportion | Quantity) -> Cells:
    return {name: getattr(found, name) for name in _ENDS}


def sites(runs: Sequence[Run]) -> pd.DataFrame:
    """Rates of every group, and of every group at every level (`at`), beside what was reported of it."""
    names = ("group", "n", "n_reported", "responders")
    rows = (
        {**place, "standing": _standing(fit, rate), "at": rate.level,
         **{name: getattr(rate, name) for name in names},
         "estimand": name_of(found.estimand, fit.outcome), **_ends(found)}
        for place, fit in _fits(runs) for rate in fit.rates for found in (rate.mean, rate.median)
    )  # fmt: skip
    return _frame(rows, "group", "at", "n", "n_reported", "responders", "estimand", *_ENDS)


def standardised(runs: Sequence[Run]) -> pd.DataFrame:
    """Rates at the target mix and their differences, by what gives them: three ways, like for like."""
    rows = [
        {**place, "target": fit.target_name, **cells} for place, fit in _fits(runs) for cells in _rows(fit)
    ]
    return _frame(
        rows, "target", "source", "population", "estimand", "at", "against", *_ENDS, "se", "share_reported"
    )


def _rows(fit: SiteRegionFit) -> Iterator[Cells]:
    for source, several in (("with groups", fit.standardised), ("without groups", fit.without_groups)):
        for rate in several:
            yield from _rate({"source": source, "standing": standing_of(fit, rate.level)}, rate, fit.outcome)
    for found in fit.direct:
        yield {
            "standing": standing_of(fit, found.level), "source": "direct",
            "population": "these-trials", "estimand": "rate of reported patients",
            "at": found.level, "value": found.value, "se": found.se, "share_reported": found.share,
            "reason": found.reason, "method": "direct standardisation of reported counts",
        }  # fmt: skip
    for difference in fit.differences:
        standing = standing_of(fit, difference.level, difference.reference)
        yield from _difference({"standing": standing}, difference, fit.outcome)


def _rate(place: Cells, rate: StandardisedRate, outcome: Outcome) -> Iterator[Cells]:
    place = {**place, "population": rate.population, "at": rate.level}
    for found in (rate.mean, rate.median):
        if found is not None:
            yield {**place, "estimand": name_of(found.estimand, outcome), **_ends(found)}


def _difference(place: Cells, found: RateDifference, outcome: Outcome) -> Iterator[Cells]:
    place = {**place, "population": found.population, "at": found.level, "against": found.reference}
    for source, quantity in (("with groups", found.standardised), ("without groups", found.without_groups)):
        if quantity is not None:
            yield {
                **place,
                "source": source,
                "estimand": name_of(quantity.estimand, outcome),
                **_ends(quantity),
            }


def parameters(runs: Sequence[Run]) -> pd.DataFrame:
    """Posterior beside prior: `sd_ratio` near 1 is a parameter of which the data say next to nothing."""
    rows = (
        {**place, "standing": standing_of(fit, *_pair(fit, one)),
         "parameter": parameter_name(one), **_ends(one.posterior), "expectation": one.expectation,
         "sd": one.sd, "prior_sd": one.prior_sd, "sd_ratio": one.sd / one.prior_sd, "prior": one.prior,
         **_alone(fit, one)}
        for place, fit in _fits(runs) for one in fit.parameters
    )  # fmt: skip
    return _frame(
        rows, "parameter", *_ENDS, "expectation", "sd", "prior_sd", "sd_ratio", "prior",
        *(f"reporting_{name}" for name in ("value", "low", "high", "sd", "trials", "standing")),
    )  # fmt: skip


def _alone(fit: SiteRegionFit, one: Parameter) -> Cells:
    """The same contrast from those trials alone that report every group by itself."""
    alone = fit.reporting
    pair = (one.group, one.reference)
    same = (other for other in (alone.parameters if alone else ()) if (other.group, other.reference) == pair)
    found = next(same, None)
    if alone is None or found is None:
        return {}
    return {
        **{f"reporting_{end}": getattr(found.posterior, end) for end in ("value", "low", "high")},
        "reporting_sd": found.sd,
        "reporting_trials": " | ".join(alone.trials),
        "reporting_standing": alone.standing.status if alone.sampling.passed else FAILED,
    }


def splits(runs: Sequence[Run]) -> pd.DataFrame:
    """Responders of each group of a trial that reported only a sum over several."""
    names = ("trial", "responders", "group", "n", "expected", "low", "high", "level")
    rows = (
        {**place, **{name: getattr(one, name) for name in names}, "groups": " | ".join(one.groups)}
        for place, fit in _fits(runs) for one in fit.splits
    )  # fmt: skip
    return _frame(rows, "trial", "groups", "responders", *names[2:])


def region_prior(runs: Sequence[Run]) -> pd.DataFrame:
    """The contrast between levels under other priors of it."""
    rows = (
        {**place, "standing": standing_of(fit, one.level, one.reference),
         "prior_sd": one.prior_sd, "at": one.level, "against": one.reference,
         "quantity": name_of(found.estimand, fit.outcome), **_ends(found), "effective": one.effective}
        for place, fit in _fits(runs) for one in fit.prior_sweep
        for found in (one.log_odds_ratio, one.difference)
    )  # fmt: skip
    return _frame(rows, "prior_sd", "at", "against", "quantity", *_ENDS, "effective")


def orders(runs: Sequence[Run]) -> pd.DataFrame:
    """Posterior probability that a group has a higher rate than another."""
    names = ("group", "other", "probability")
    rows = (
        {
            **place,
            "standing": standing_of(fit, one.group, one.other),
            **{name: getattr(one, name) for name in names},
        }
        for place, fit in _fits(runs)
        for one in fit.orders
    )
    return _frame(rows, *names)


TABLES = {
    "sites": sites,
    "standardised": standardised,
    "site_parameters": parameters,
    "splits": splits,
    "region_prior": region_prior,
    "orders": orders,
}
