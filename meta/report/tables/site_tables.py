"""Tables of the model of sites and regions and of the latent model.

Rates are fractions, parameters on the analysis scale.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meta.format import counts
from meta.frames import Columns, fields
from meta.models.policy import weakest
from meta.report.language.latent_words import answers_by, latent_failed
from meta.report.language.latent_words import estimand as latent_estimand
from meta.report.language.site_words import parameter_name
from meta.report.tables.declaration import RUN, Row, Table, each
from meta.results import FAILED
from meta.results.rows import ANSWER, SITE, estimand

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from meta.records.run import Run
    from meta.results import Latent, Parameter, SiteRegionFit

SOURCES = {"standardised": "with groups", "without_groups": "without groups"}


def standing_of(fit: SiteRegionFit, *labels: str) -> str:
    """What answers may be called, over all trials or of groups and levels; a failed sampler comes first."""
    if fit.failed:
        return FAILED
    known = {rate.group: rate.standing for rate in fit.rates if rate.level is None}
    known |= {rate.level: rate.standing for rate in fit.standardised}
    return weakest([known[label] for label in labels] or [fit.standing]).status


def _standing(*names: str) -> Callable[[Row], str]:
    """A column: what an answer about several groups or levels may be called."""
    return lambda row: standing_of(row["fit"], *(getattr(row["one"], name) for name in names))


def _place(*names: str) -> Columns:
    return {**RUN, "standing": _standing(*names), "contrast": "fit.contrast"}


ESTIMAND = estimand("found", "fit.outcome")


def _fits(run: Run) -> list[Row]:
    return [{"run": run, "fit": run.sites}] if run.sites is not None else []


def _several(name: str) -> Callable[[Run], Iterator[Row]]:
    return lambda run: each(_fits(run), "one", lambda row: getattr(row["fit"], name))


def _both(row: Row) -> tuple[Any, Any]:
    return row["rate"].mean, row["rate"].median


def _standardised(run: Run) -> Iterator[Row]:
    """Rates by what gives them, three ways; then their differences."""
    for row in _fits(run):
        fit = row["fit"]
        for name, source in SOURCES.items():
            for rate in getattr(fit, name):
                for found in (rate.mean, rate.median):
                    yield row | {"source": source, "of": (rate.level,), "one": rate, "found": found}
        for rate in fit.direct:
            direct = {"value": rate.value, "reason": rate.reason, "se": rate.se, "share": rate.share}
            yield row | {
                "source": "direct",
                "of": (rate.level,),
                "one": {"level": rate.level, "population": "these-trials"},
                "found": direct | {"method": "direct standardisation of reported counts"},
            }
        for gap in fit.differences:
            for name, source in SOURCES.items():
                pair = (gap.level, gap.reference)
                yield row | {"source": source, "of": pair, "one": gap, "found": getattr(gap, name)}


def _alone(run: Run) -> Iterator[Row]:
    """Parameters, each with the same contrast from the trials alone that report every group by itself."""
    for row in _several("parameters")(run):
        alone, pair = row["fit"].reporting, _pair(row["one"])
        same = (one for one in (alone.parameters if alone else ()) if _pair(one) == pair)
        found = next(same, None)
        yield row | {"same": found, "alone": alone if found is not None else None}


def _pair(one: Parameter) -> tuple[str | None, str | None]:
    return one.group, one.reference


def _of_parameter(row: Row) -> str:
    """What a parameter may be called: of a contrast by its groups or levels, those that have rates."""
    fit = row["fit"]
    known = {rate.group for rate in fit.rates} | {rate.level for rate in fit.standardised}
    return standing_of(fit, *(label for label in _pair(row["one"]) if label is not None and label in known))


def _alone_called(row: Row) -> str | None:
    alone = row["alone"]
    if alone is None:
        return None
    return str(alone.standing.status) if alone.sampling.passed else FAILED


def _joined(texts: Iterable[str]) -> str:
    return " | ".join(texts)


def _latent(run: Run) -> Iterator[Row]:
    """Rates of the remaining patients, the contrast beside its prior, and the expected splits."""
    found = run.latent
    if found is None:
        return
    for row in (*_rates(found), *_contrasts(found), *_splits(found)):
        called = FAILED if latent_failed(found) else row["called"].status
        yield row | {"run": run, "standing": called}


def _rates(found: Latent) -> Iterator[Row]:
    for fit, rate in answers_by(found):
        at = rate.level if fit.contrast else None
        told = next(r for r in fit.rates if (r.group, r.level) == (found.stays, at))
        row = {"kind": "rate", "by": fit.contrast, "group": at, "k": None if at else fit.k, "told": told}
        for one in (rate.mean, rate.median):
            if one is not None:
                quantity = latent_estimand(found, one)
                yield row | {"called": rate.standing, "quantity": quantity, "found": one, "moments": one}


def _contrasts(found: Latent) -> Iterator[Row]:
    several = {"contrast": found.contrast, "contrast, own population alone": found.alone}
    for kind, one in several.items():
        if one is not None:
            yield {
                "kind": kind,
                "by": found.factor,
                "called": found.fits[-1].standing,
                "quantity": parameter_name(one),
                "found": one.posterior,
                "moments": one,
                "contrast": one,
            }


def _splits(found: Latent) -> Iterator[Row]:
    for one in found.splits:
        least, most = one.leaving
        method = f"posterior mean; excluded patients: {least} to {most}, expected {one.expected_leaving:.2f}"
        yield {
            "kind": "split",
            "group": one.trial,
            "called": found.fits[0].standing,
            "told": {"n_reported": one.n, "responders": one.responders},
            "quantity": f"responders {found.stays} of {counts(one.responders, one.n)}",
            "found": {"value": one.expected, "low": one.low, "high": one.high, "level": one.level}
            | {"method": method},
            "moments": {"expectation": one.expected},
        }


def _ratio(name: str) -> Callable[[Row], float | None]:
    """A column: posterior sd to that of the prior."""
    return lambda row: row[name].sd / row[name].prior_sd if row.get(name) is not None else None


TABLES = {
    "sites": Table(
        lambda run: each(each(_fits(run), "rate", lambda row: row["fit"].rates), "found", _both),
        {**RUN, "standing": SITE["standing"], "contrast": "fit.contrast"}
        | {name: of for name, of in SITE.items() if name != "standing"},
    ),
    "standardised": Table(
        lambda run: (row for row in _standardised(run) if row["found"] is not None),
        {
            **RUN,
            "standing": lambda row: standing_of(row["fit"], *row["of"]),
            "contrast": "fit.contrast",
            "target": "fit.target_name",
            "source": "source",
            "population": "one.population",
            "estimand": lambda row: (
                "rate of reported patients" if row["source"] == "direct" else ESTIMAND(row)
            ),
            "at": lambda row: row["of"][0],
            "against": lambda row: row["of"][1] if len(row["of"]) > 1 else None,
            **fields("found", *ANSWER),
            "se": lambda row: row["found"]["se"] if row["source"] == "direct" else None,
            "share_reported": lambda row: row["found"]["share"] if row["source"] == "direct" else None,
        },
    ),
    "site_parameters": Table(  # `sd_ratio` near 1 is a parameter of which the data say next to nothing
        _alone,
        {
            **RUN,
            "standing": _of_parameter,
            "contrast": "fit.contrast",
            "parameter": lambda row: parameter_name(row["one"]),
            **fields("one.posterior", *ANSWER),
            **fields("one", "expectation", "sd", "prior_sd"),
            "sd_ratio": _ratio("one"),
            "prior": "one.prior",
            **fields("same.posterior", "value", "low", "high", called="reporting_{}"),
            "reporting_sd": "same.sd",
            "reporting_trials": lambda row: _joined(row["alone"].trials) if row["alone"] else None,
            "reporting_standing": _alone_called,
        },
    ),
    "splits": Table(  # responders of each group of a trial that reported only a sum over several
        _several("splits"),
        {
            **_place(),
            "trial": "one.trial",
            "groups": lambda row: _joined(row["one"].groups),
            **fields("one", "responders", "group", "n", "expected", "low", "high", "level"),
        },
    ),
    "region_prior": Table(
        lambda run: each(
            _several("prior_sweep")(run),
            "found",
            lambda row: (row["one"].log_odds_ratio, row["one"].difference),
        ),
        {
            **_place("level", "reference"),
            "prior_sd": "one.prior_sd",
            "at": "one.level",
            "against": "one.reference",
            "quantity": ESTIMAND,
            **fields("found", *ANSWER),
            "effective": "one.effective",
        },
    ),
    "orders": Table(
        _several("orders"), {**_place("group", "other"), **fields("one", "group", "other", "probability")}
    ),
}

latent = Table(
    _latent,
    {
        **RUN,
        "standing": "standing",
        "kind_of_row": "kind",
        **fields("", "by", "group", "k"),
        **fields("told", "n_reported", "responders"),
        "quantity": "quantity",
        **fields("found", "value", "low", "high", "level"),
        "expectation": "moments.expectation",
        **fields("contrast", "sd", "prior_sd"),
        "sd_ratio": _ratio("contrast"),
        **fields("found", "method", "reason"),
    },
)
