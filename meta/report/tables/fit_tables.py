"""Tables of fits and bounds: a row a fit, a group, or a number. Proportions are fractions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from meta.frames import Columns, fields, under
from meta.report.language.differences import test_name
from meta.report.language.roles import ordered
from meta.report.tables.declaration import RUN, Row, Table, each
from meta.results.rows import ANSWER, COMPLETIONS, FIT, ends, estimand

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pandas as pd

    from meta.records.run import Run
    from meta.results import Between, Completed

PLACE: Columns = {
    **RUN,
    "role": "fit.role",
    "model": "fit.model.model",
    "by": "fit.by",
    "group": "part.label",
    "standing": "part.called",
}
NUMBER: Columns = {"estimand": estimand("found", "fit.outcome"), **fields("found", *ANSWER)}


def _parts(run: Run) -> Iterator[Row]:
    """Every fit and group of a fit."""
    for fit in run.fits:
        for part in (fit, *fit.groups):
            yield {"run": run, "fit": fit, "part": part}


def _overall(run: Run) -> list[Row]:
    """The fits of all trials; a run without has a row all the same."""
    fits = [fit for fit in ordered(run.fits) if fit.by is None]
    return [{"run": run, "fit": fit} for fit in fits or (None,)]


def _instead(row: Row) -> str | None:
    """Why there is no estimate, or where the answers are of a run that has no fits."""
    run, fit = row["run"], row["fit"]
    if fit is not None:
        return fit.proportion.reason  # type: ignore[no-any-return]
    if run.latent is not None:
        return "latent split: tables/latent.csv"
    return "bounds: tables/bounds.csv" if run.bounds else None


def _between(by: str, field: str, row: Row) -> Any:
    """A field of the model's own test between the groups of a grouping; None where it has no p."""
    run, fit = row["run"], row["fit"]
    of_model = (one for one in run.fits if fit is not None and (one.role, one.by) == (fit.role, by))
    test: Between | None = next((one.between for one in of_model), None)
    return getattr(test, field) if test is not None and test.p is not None else None


def summary(runs: Sequence[Run]) -> pd.DataFrame:
    """One row a run and model: its overall estimate, and its own test between the groups of each grouping.

    Of a test its name, p, common tau and caveat stand side by side; a model without one has empty cells.
    """
    tested = (fit.by for run in runs for fit in run.fits if fit.by is not None and fit.between is not None)
    names = {"test_between": "method", "p_between": "p", "tau_of_test": "tau", "caveat_between": "caveat"}
    columns: Columns = {
        **RUN,
        "role": "fit.role",
        **under("fit", FIT),
        "reason": _instead,
        **{
            f"{name}_{by}": partial(_between, by, field)
            for by in dict.fromkeys(tested)
            for name, field in names.items()
        },
        "trials": lambda row: " | ".join(trial.label for trial in row["fit"].trials) if row["fit"] else "",
        "dropped": lambda row: " | ".join(
            dict.fromkeys(entry.label for entry in row["run"].ledger if entry.action == "dropped")
        ),
        "failures": lambda row: len(row["run"].failures),
    }
    return Table(_overall, columns)(runs)


groups = Table(
    lambda run: (row for row in _parts(run) if row["part"] is not row["fit"]),
    {
        **RUN,
        "role": "fit.role",
        "by": "fit.by",
        "group": "part.label",
        **under("part", FIT),
        "patients_not_reported": lambda row: sum(entry.n or 0 for entry in row["part"].not_reported),
    },
)


def _estimands(row: Row) -> Iterable[Any]:
    known = row["part"].estimands
    return (known.mean, known.median, known.predictive) if known is not None else (row["part"].proportion,)


def _tests(run: Run) -> Iterator[Row]:
    for row in _parts(run):
        between, spread = row["part"].between, row["part"].dispersion
        found = [("groups", between)] if between is not None else []
        found += [("homogeneity", test) for test in (spread.tests if spread is not None else ())]
        found += [("groups", test) for test in (between.tests if between is not None else ())]
        yield from (row | {"of": of, "test": test} for of, test in found)


def _test_method(row: Row) -> str:
    """The model's first test by what the model calls it, a further one by its name."""
    test = row["test"]
    return str(test.method) if test is row["part"].between else test_name(test)


def _influence(run: Run) -> Iterator[Row]:
    for row in _parts(run):
        for one in row["part"].influence:
            for measure, value in one.measures.items():
                yield row | {"one": one, "measure": measure, "value": value}


def _bounds(run: Run) -> Iterator[Row]:
    for one in run.bounds:
        for name in ("ignorance", "uncertainty"):
            yield {"run": run, "of": one, "bound": name, "hull": getattr(one, name)}


def _at(completion: Sequence[Completed]) -> str:
    """The counts that attain an end, trial by trial."""
    return " | ".join(
        f"{one.label}{f', {one.group}' if one.group else ''}: {one.responders}/{one.n}" for one in completion
    )


TABLES = {
    "bounds": Table(
        _bounds,
        {
            **RUN,
            **fields("of", "role", "model", "by", "group"),
            "standing": "of.standing.status",
            "estimand": estimand("of", "of.outcome"),
            "bound": "bound",
            **fields("hull", "low", "high", "level", "kind"),
            "low_at": lambda row: _at(row["hull"].low_at),
            "high_at": lambda row: _at(row["hull"].high_at),
            "reason": "hull.reason",
            **under("of", {**COMPLETIONS, **ends("k", "n", "responders")}),
            "method": "of.method",
        },
    ),
    "estimands": Table(
        lambda run: each(_parts(run), "found", _estimands), {**PLACE, "k": "part.k", **NUMBER}
    ),
    "probabilities": Table(
        lambda run: each(_parts(run), "found", lambda row: row["part"].probabilities),
        {
            **PLACE,
            "estimand": estimand("found", "fit.outcome"),
            "threshold": "found.threshold",
            "probability": "found.value",
        },
    ),
    "tests": Table(
        _tests,
        {
            **PLACE,
            "of": "of",
            **fields("test", "statistic", "df", "p"),
            "method": _test_method,
            **fields("test", "caveat", "reason"),
        },
    ),
    "influence": Table(_influence, {**PLACE, "trial": "one.label", **fields("", "measure", "value")}),
    "sweep": Table(
        lambda run: each(
            each(_parts(run), "point", lambda row: row["part"].sweep),
            "found",
            lambda row: (row["point"].median, row["point"].mean),
        ),
        {**PLACE, "tau": "point.tau", **NUMBER},
    ),
}
