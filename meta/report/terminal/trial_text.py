"""A trial record for proofreading: every number with its line in the file and its place in print."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meta.format import percent
from meta.records.factors import describe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meta.records.trial import Acknowledged, Report, Row, Table, TrialFile


def trial_lines(file: TrialFile) -> Iterator[str]:
    """The record line by line; each number starts with ``file:line``."""
    trial = file.trial
    drugs = ", ".join(drug.name for drug in trial.drugs)
    registry = ", ".join(trial.registry) or "no registry number"
    silent = f"; results: {trial.results}" if trial.results else ""
    yield f"{trial.id}: {drugs}; {trial.regimen}; {trial.region}; {registry}{silent}"
    for i, report in enumerate(trial.reports):
        yield ""
        doi = f" doi:{report.doi}" if report.doi else ""
        yield f"{report.id} ({report.kind}, {report.published}): {report.citation}{doi}"
        for j, table in enumerate(report.tables):
            yield f"  {_heading(table)}"
            for k, row in enumerate(table.rows):
                line = file.line(f"reports[{i}].tables[{j}].rows[{k}]")
                yield f"    {file.file}:{line}  {_row(table, row)}"
        for j, entry in enumerate(report.survival):
            line = file.line(f"reports[{i}].survival[{j}]")
            what = f"{entry.endpoint} of {describe(entry.given())}: median {entry.text}"
            yield f"    {file.file}:{line}  {what}  {_place(entry.where, entry.via)}"
        yield from _rates_and_tests(file, report, f"reports[{i}]")
    for i, known in enumerate(trial.acknowledged):
        line = file.line(f"acknowledged[{i}]")
        yield f"  acknowledged, {file.file}:{line}: {known.finding} in {_acknowledged(known)}: {known.reason}"
    for remark in trial.remarks:
        yield f"  remark, {_place(remark.where, remark.via)}: {remark.text}"


def _rates_and_tests(file: TrialFile, report: Report, at: str) -> Iterator[str]:
    for j, rate in enumerate(report.rates):
        line = file.line(f"{at}.rates[{j}]")
        what = f"{rate.endpoint} of {describe(rate.given())} at {rate.at:g} {rate.unit}: {rate.text}"
        yield f"    {file.file}:{line}  {what}  {_place(rate.where, rate.via)}"
    for j, test in enumerate(report.p_values):
        line = file.line(f"{at}.p_values[{j}]")
        yield f"    {file.file}:{line}  {test.compares}: P = {test.p}  {_place(test.where, test.via)}"


def _acknowledged(known: Acknowledged) -> str:
    number = f", {known.number}" if known.number else ""
    return f"{known.report}, {known.outcome or known.endpoint} of {describe(known.given())}{number}"


def _heading(table: Table) -> str:
    parts = (table.outcome, table.criteria, table.population, table.assessor, table.timepoint, table.arm)
    return ", ".join(part for part in parts if part and part not in {"unknown", "best"})


def _row(table: Table, row: Row) -> str:
    count = row.count
    if count is None:
        size = "an unreported number" if row.n is None else f"n {row.n}"
        numbers = f"{size}, not reported" if row.term is None else size
    elif row.n:
        numbers = f"{count}/{row.n} = {percent(count / row.n)} %"
    else:
        numbers = f"{count} of an unreported number"
    printed = f" (printed {row.percent} %)" if row.percent is not None else ""
    term = f"{row.term}: " if row.term else ""
    doubt = " [not seen in print]" if row.status == "unverified" or row.back_calculated else ""
    ours = " [our arithmetic]" if row.derived else ""
    place = _place(row.where or table.where, row.via or table.via)
    return f"{term}{describe(row.given())}: {numbers}{printed}{ours}{doubt}  {place}"


def _place(where: str | None, via: str | None) -> str:
    return f"[{where}{f', via {via}' if via else ''}]"
