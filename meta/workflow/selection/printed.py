"""The rows of the report that was used, as printed, for tables that compare them with our numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meta.records.factors import describe
from meta.records.run import Contradiction, Printed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from meta.records.factors import FactorValue
    from meta.records.trial import Row, Survival, Table
    from meta.workflow.selection.included import Included
    from meta.workflow.selection.reports import Candidate

BASELINE = "baseline"  # the term of rows that only say how many patients of a kind there were
BESIDE = ("disease-control", "adverse-event-grade-3")  # outcomes that are shown, whatever is pooled


def printed(trial: Included) -> Iterator[Printed]:
    """The rows of the outcome, the baseline and further outcomes in the trial's report, and its medians."""
    chosen = trial.chosen
    for place, table in enumerate(chosen.report.tables):
        path = f"reports[{chosen.report_index}].tables[{place}]"
        for index, row in enumerate(table.rows):
            if table is chosen.table or row.term == BASELINE or _beside(table, chosen.arm):
                yield _row(trial, table, row, f"{path}.rows[{index}]", pooled=_pooled(trial, table, index))
    for index, entry in enumerate(chosen.report.survival):
        if entry.arm == chosen.arm:
            yield _median(trial, entry, f"reports[{chosen.report_index}].survival[{index}]")


def _beside(table: Table, arm: str | None) -> bool:
    return table.outcome in BESIDE and table.arm == arm


def _pooled(trial: Included, table: Table, index: int) -> bool:
    return table is trial.chosen.table and trial.found.plus == (index,) and not trial.found.minus


def _row(trial: Included, table: Table, row: Row, path: str, *, pooled: bool) -> Printed:
    file = trial.chosen.file
    whole = next((r.n for r in table.rows if not r.given() and r.n is not None), None)
    inside = table is trial.chosen.table and _inside(trial, row)
    return Printed(
        trial=file.trial.id,
        label=trial.label,
        report=trial.chosen.report.id,
        outcome=table.outcome,
        term=None if row.term == BASELINE else row.term,
        patients=_patients(trial, row.given()) if table is trial.chosen.table else describe(row.given()),
        pooled=pooled,
        n=row.n,
        responders=row.count,
        total=trial.found.n if inside else whole,
        percent=row.percent,
        percent_of_total=row.percent_of_total,
        published=trial.chosen.report.published,
        derived=bool(row.derived or row.back_calculated),
        status=row.status,
        file=file.file,
        line=file.line(path),
        where=row.where or table.where,
        via=row.via or table.via,
        doubt=_doubt(trial, path),
    )


def _inside(trial: Included, row: Row) -> bool:
    return trial.chosen.universe.patients(row.given()).inside(trial.patients)


def _patients(trial: Included, given: Mapping[str, FactorValue]) -> str:
    """Describe the row's patients, without the conditions that hold for the whole population."""
    common = [item for conditions in trial.population for item in conditions.items()]
    return describe({name: value for name, value in given.items() if (name, value) not in common})


def _median(trial: Included, entry: Survival, path: str) -> Printed:
    file = trial.chosen.file
    return Printed(
        trial=file.trial.id,
        label=trial.label,
        report=trial.chosen.report.id,
        outcome=entry.endpoint,
        patients=_patients(trial, entry.given()),
        median=entry.text,
        published=trial.chosen.report.published,
        status=entry.status,
        file=file.file,
        line=file.line(path),
        where=entry.where,
        via=entry.via,
        doubt=_doubt(trial, path),
    )


def _doubt(trial: Included, path: str) -> str | None:
    """Why the contradictions of a row were acknowledged."""
    return "; ".join(trial.chosen.file.doubts.get(path, ())) or None


def contradictions(chosen: Candidate) -> Iterator[Contradiction]:
    """The contradictions of a trial's sources, as its record acknowledges them."""
    for index, entry in enumerate(chosen.trial.acknowledged):
        yield Contradiction(
            trial=chosen.trial.id,
            finding=entry.finding,
            reason=entry.reason,
            file=chosen.file.file,
            line=chosen.file.line(f"acknowledged[{index}]"),
        )
