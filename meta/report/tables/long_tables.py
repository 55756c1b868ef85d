"""Tables with one number a row: estimands, probabilities, tests, influence, estimates at fixed tau."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meta.report.language.differences import test_name
from meta.results import name_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from meta.records.run import Run
    from meta.results import Bound, Bounds, Completed, Fit, Proportion

Place = dict[str, Any]
_PLACE = ("analysis", "variation", "role", "model", "by", "group", "standing")


def _parts(runs: Sequence[Run]) -> Iterator[tuple[Place, Fit]]:
    """Every fit and group of a fit, with where it belongs."""
    for run in runs:
        for fit in run.fits:
            for part in (fit, *fit.groups):
                yield (
                    {
                        "analysis": run.name,
                        "variation": run.variation,
                        "role": fit.role,
                        "model": fit.model.model,
                        "by": fit.by,
                        "group": part.label,
                        "standing": part.called,
                    },
                    part,
                )


def _frame(rows: list[Place], *columns: str) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(rows, columns=[*_PLACE, *columns])


def _ends(found: Proportion, fit: Fit) -> Place:
    names = ("value", "low", "high", "level", "kind", "method", "reason")
    plain = {name: getattr(found, name) for name in names}
    return {"estimand": name_of(found.estimand, fit.outcome), **plain}


def estimands(runs: Sequence[Run]) -> pd.DataFrame:
    """Every named answer of every model: one row an estimand; proportions are fractions."""
    rows = []
    for place, fit in _parts(runs):
        found = [fit.proportion]
        if fit.estimands is not None:
            found = [fit.estimands.mean, fit.estimands.median, fit.estimands.predictive]
        rows += [{**place, "k": fit.k, **_ends(one, fit)} for one in found]
    return _frame(rows, "k", "estimand", "value", "low", "high", "level", "kind", "method", "reason")


def probabilities(runs: Sequence[Run]) -> pd.DataFrame:
    """Posterior probabilities to exceed each threshold."""
    rows = [
        {
            **place,
            "estimand": name_of(p.estimand, fit.outcome),
            "threshold": p.threshold,
            "probability": p.value,
        }
        for place, fit in _parts(runs)
        for p in fit.probabilities
    ]
    return _frame(rows, "estimand", "threshold", "probability")


def tests(runs: Sequence[Run]) -> pd.DataFrame:
    """Tests of homogeneity and between groups, each named, with its caveat."""
    rows = []
    for place, fit in _parts(runs):
        found = [("homogeneity", test) for test in (fit.dispersion.tests if fit.dispersion else ())]
        if fit.between is not None:
            first = fit.between
            rows.append(
                {
                    **place,
                    "of": "groups",
                    "statistic": first.statistic,
                    "df": first.df,
                    "p": first.p,
                    "method": first.method,
                    "caveat": first.caveat,
                    "reason": first.reason,
                }
            )
            found += [("groups", test) for test in first.tests]
        names = ("statistic", "df", "p", "caveat", "reason")
        rows += [
            {**place, "of": of, "method": test_name(test), **{name: getattr(test, name) for name in names}}
            for of, test in found
        ]
    return _frame(rows, "of", "statistic", "df", "p", "method", "caveat", "reason")


def influence(runs: Sequence[Run]) -> pd.DataFrame:
    """What each trial does to each fit: one row a measure."""
    rows = [
        {**place, "trial": one.label, "measure": measure, "value": value}
        for place, fit in _parts(runs)
        for one in fit.influence
        for measure, value in one.measures.items()
    ]
    return _frame(rows, "trial", "measure", "value")


def sweep(runs: Sequence[Run]) -> pd.DataFrame:
    """Answers at fixed values of tau."""
    rows = [
        {**place, "tau": point.tau, **_ends(found, fit)}
        for place, fit in _parts(runs)
        for point in fit.sweep
        for found in (point.median, point.mean)
    ]
    return _frame(rows, "tau", "estimand", "value", "low", "high", "level", "kind", "method", "reason")


def bounds(runs: Sequence[Run]) -> pd.DataFrame:
    """Bounds over completions: a row each for the hull of the estimates and that of the limits."""
    import pandas as pd

    rows: list[Place] = []
    for run in runs:
        for one in run.bounds:
            place = {
                "analysis": run.name,
                "variation": run.variation,
                "role": one.role,
                "model": one.model,
                "by": one.by,
                "group": one.group,
                "standing": one.standing.status,
                "estimand": name_of(one.estimand, one.outcome),
            }
            rows += [
                {**place, "bound": name, **_hull(found), **_completions(one)}
                for name, found in (("ignorance", one.ignorance), ("uncertainty", one.uncertainty))
            ]
    columns = (*_PLACE, "estimand", "bound", *_HULL, *_COMPLETED)
    return pd.DataFrame(rows, columns=list(columns))


_HULL = ("low", "high", "level", "kind", "low_at", "high_at", "reason")
_COMPLETED = (
    "completions", "evaluated", "searched", "k_low", "k_high", "n_low", "n_high", "responders_low",
    "responders_high", "method",
)  # fmt: skip


def _hull(found: Bound) -> Place:
    cells = {name: getattr(found, name) for name in _HULL}
    return {**cells, "low_at": _at(found.low_at), "high_at": _at(found.high_at)}


def _at(completion: Sequence[Completed]) -> str:
    """The counts that attain an end, trial by trial."""
    return " | ".join(
        f"{one.label}{f', {one.group}' if one.group else ''}: {one.responders}/{one.n}" for one in completion
    )


def _completions(one: Bounds) -> Place:
    ends = {
        f"{name}_{end}": value
        for name in ("k", "n", "responders")
        for end, value in zip(("low", "high"), getattr(one, name), strict=True)
    }
    names = ("completions", "evaluated", "searched", "method")
    return {**ends, **{name: getattr(one, name) for name in names}}


TABLES = {
    "bounds": bounds,
    "estimands": estimands,
    "probabilities": probabilities,
    "tests": tests,
    "influence": influence,
    "sweep": sweep,
}
