"""Counts by region, site or any other factor, and of whom responders were not reported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, cast

from meta.data import GroupedCounts
from meta.records.factors import OTHER, TRIAL_FACTORS
from meta.results import NotReported

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from meta.records.analysis import Analysis
    from meta.records.factors import FactorValue
    from meta.records.patients import Patients
    from meta.records.run import LedgerEntry
    from meta.workflow.selection.included import Bounded, Included

    Several = Sequence[Included | Bounded]


@dataclass(frozen=True, slots=True)
class Grouping:
    """Counts by a factor; `not_reported` under a group's name, or None for the grouping as a whole."""

    by: str
    counts: GroupedCounts
    not_reported: Mapping[str | None, tuple[NotReported, ...]]


def group(
    included: Sequence[Included], analysis: Analysis, factors: tuple[str, ...]
) -> tuple[Grouping, list[LedgerEntry]]:
    """Counts by the factors, and the patients of each group whose responders were not printed.

    Parameters
    ----------
    included : sequence of Included
        The trials of the overall estimate.
    factors : tuple of str
        One factor, or those of a crossing.

    Returns
    -------
    grouping : Grouping
        Groups in order; one of which nobody reported responders is there without rows.
    ledger : list of LedgerEntry
    """
    by = " x ".join(factors)
    groups = names_of(included, analysis, factors)
    rows: list[tuple[str, str, int, int]] = []
    missing: dict[str | None, list[NotReported]] = {}
    ledger: list[LedgerEntry] = []
    for trial in included:
        known, unknown = 0, False
        for name, patients in parts(trial, trial.patients, analysis, factors, groups):
            found, size = trial.chosen.margins.counts(patients), trial.chosen.margins.size(patients)
            if size is None:
                unknown = True
            elif found is not None and found.n:
                rows.append((trial.label, name, found.responders, found.n))
                ledger += trial.chosen.used(found, by, name)
            elif size.n:
                reason = f"responders {trial.chosen.why_unknown(patients)}"
                gap = NotReported(label=trial.label, n=size.n, reason=reason)
                missing.setdefault(name, []).append(gap)
                row = size.rows[0] if len(size.rows) == 1 else None  # else the table: n is a sum or a rest
                ledger.append(
                    trial.chosen.ledger("not reported", gap.reason, row=row, by=by, group=name, n=size.n)
                )
            known += size.n if size else 0
        if trial.found.n > known:
            reason = f"not reported by {by}" if unknown else f"in none of the groups by {by}"
            left = NotReported(label=trial.label, n=trial.found.n - known, reason=reason)
            missing.setdefault(None, []).append(left)
            ledger.append(trial.chosen.ledger("not reported", left.reason, by=by, n=left.n))
    shown = [name for name in groups if name in missing or any(row[1] == name for row in rows)]
    labels, names, responders, n = ([row[i] for row in rows] for i in range(4))
    counts = GroupedCounts.of(responders, n, cast("list[str]", names), cast("list[str]", labels), shown)
    return Grouping(by, counts, {name: tuple(entries) for name, entries in missing.items()}), ledger


def names_of(included: Several, analysis: Analysis, factors: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Every group, by the name under which it is shown and in that order, with its factors' values."""
    combinations = product(*(_levels(included, analysis, factor) for factor in factors))
    return {", ".join(values): values for values in combinations}


def _levels(included: Several, analysis: Analysis, factor: str) -> list[str]:
    if factor in TRIAL_FACTORS:
        return sorted({trial.attributes[factor] for trial in included})
    if levels := analysis.levels(factor):
        return list(levels)
    named = (row.given().get(factor) for trial in included for row in trial.chosen.table.rows)
    return list(dict.fromkeys(value for value in named if isinstance(value, str)))


def parts(
    trial: Included | Bounded,
    patients: Patients,
    analysis: Analysis,
    factors: tuple[str, ...],
    groups: Mapping[str, tuple[str, ...]],
) -> Iterator[tuple[str, Patients]]:
    """The groups that this trial can belong to, with those of some of its patients who are in them."""
    for name, values in groups.items():
        inside, belongs = patients, True
        for factor, value in zip(factors, values, strict=True):
            if factor in TRIAL_FACTORS:
                belongs = belongs and trial.attributes[factor] == value
            else:
                inside &= trial.chosen.universe.patients({factor: _level(analysis, factor, value)})
        if belongs:
            yield name, inside


def _level(analysis: Analysis, factor: str, value: str) -> FactorValue:
    """``other`` among the site levels is whatever the rest of them do not name."""
    rest = tuple(node for node in analysis.site_level if node != OTHER)
    return {"not": rest} if factor == "site" and value == OTHER else value
