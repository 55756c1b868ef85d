"""Arithmetic checks of a trial's numbers, one function each; its docstring says what it finds.

Every check yields findings. Where the source itself prints the contradiction, the record acknowledges
the finding: it names the row by what it is about and gives the reason. Rows that count different things
(`term`) are never compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from fractions import Fraction
from itertools import islice, permutations
from typing import Any, NamedTuple

from meta.records.audit.arithmetic import percent_of, roundings, unit
from meta.records.factors import Factors, describe
from meta.records.patients import Patients, Universe, union
from meta.records.trial import Acknowledged, Number, Place, Report, Row, Survival, Table, Trial
from meta.stats.binomial.proportions import proportion_interval

BEST_RESPONSES = ("response", "stable-disease", "progressive-disease", "not-assessed")
CONTROL = "disease-control"
MAX_PARTITIONS = 1000  # of one row; records have a handful


_NAMED = (*(item.name for item in fields(Factors)), "report", "outcome", "endpoint", "term")
_NARROWING = tuple(item.name for item in fields(Place) if item.name not in _NAMED)


class Finding(NamedTuple):
    """A contradiction: its path in the record, its name, the numbers, and what the row is about.

    `row` is the path of the row, `at` that of the number, if one field holds it.
    """

    at: str
    finding: str
    detail: str
    row: str
    place: Place


@dataclass(frozen=True, slots=True)
class Placed:
    """A row with its path, the set of its patients, and what it is about."""

    at: str
    row: Row
    patients: Patients
    place: Place

    def numbers(self) -> dict[Number, int]:
        """Return what the row counts, as far as it is printed."""
        n, count = self.row.n, self.row.count
        rest = n - count if n is not None and count is not None else None
        found: dict[Number, int | None]
        if self.row.responders is None:
            found = {"n": n, "events": count, "non-events": rest}
        else:
            found = {"n": n, "responders": count, "non-responders": rest}
        return {name: value for name, value in found.items() if value is not None}

    def found(self, finding: str, detail: str, number: Number | None = None) -> Finding:
        """Return a finding about this row, or about one of its numbers."""
        has_field = number in {item.name for item in fields(Row)}
        at = f"{self.at}.{number}" if has_field else self.at
        return Finding(at, finding, detail, self.at, replace(self.place, number=number))

    @property
    def label(self) -> str:
        """Say in words which patients are meant."""
        return describe(self.row.given())


Rows = Sequence[Placed]
Subject = tuple[object, ...]
Findings = Iterator[Finding]


def audit(trial: Trial) -> tuple[Finding, ...]:
    """Find every contradiction between the numbers of a trial, in the order of the checks below.

    Examples
    --------
    >>> row = Row(n=32, responders=6, percent=Decimal("18.7"))
    >>> table = Table(outcome="response", rows=(row,))
    >>> report = Report(id="a", citation="", kind="abstract", published="2019", tables=(table,))
    >>> trial = Trial(id="a", drugs=(), regimen="monotherapy", region="West", reports=(report,))
    >>> [finding.detail for finding in audit(trial)]
    ['6 of 32 is 18.75 %, which rounds to 18.8, not 18.7']
    """
    universe = Universe(
        item.given()
        for report in trial.reports
        for item in (*(row for table in report.tables for row in table.rows), *report.survival)
    )
    found: list[Finding] = []
    for i, report in enumerate(trial.reports):
        subjects: dict[Subject, list[Placed]] = {}
        for j, table in enumerate(report.tables):
            for rows in _by_term(f"reports[{i}].tables[{j}]", report, table, universe):
                for check in TABLE_CHECKS:
                    found += check(rows)
                for factor in table.exhaustive:
                    found += exhaustive_rows_add_up(rows, factor)
                subjects.setdefault((*_subject(table), rows[0].row.term), []).extend(rows)
        for rows in subjects.values():
            found += rows_disagree(rows)
        for outcomes in _by_outcome(subjects):
            found += outcomes_against_each_other(outcomes)
        found += survival_disagrees(f"reports[{i}]", report, universe)
        found += progression_after_death(f"reports[{i}]", report, universe)
    return tuple(found)


def meant(item: Acknowledged, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return the findings that an acknowledgement fits.

    None: it no longer applies. Findings in different places: it is ambiguous.
    """
    return tuple(one for one in findings if one.finding == item.finding and _fits(item, one.place))


def _fits(asked: Place, place: Place) -> bool:
    named = all(getattr(asked, name) == getattr(place, name) for name in _NAMED)
    return named and all(getattr(asked, name) in {None, getattr(place, name)} for name in _NARROWING)


def unacknowledged(trial: Trial, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return the findings that no acknowledgement fits."""
    known = [finding for item in trial.acknowledged for finding in meant(item, findings)]
    return tuple(finding for finding in findings if finding not in known)


def naming(finding: Finding, findings: Sequence[Finding]) -> dict[str, Any]:
    """Return the fields of an acknowledgement that fits this finding and none in another place.

    Examples
    --------
    >>> place = Place(report="jia-2022", outcome="response", site="lung", number="n")
    >>> naming(found := Finding("", "rows-disagree", "", "", place), (found,))
    {'report': 'jia-2022', 'outcome': 'response', 'site': 'lung', 'finding': 'rows-disagree'}
    """
    place = finding.place
    first = ("report", "outcome", "endpoint", "term")
    chosen = {name: getattr(place, name) for name in first if getattr(place, name)} | place.given()
    item = Acknowledged(**chosen, finding=finding.finding, reason="")
    others = [one.place for one in meant(item, findings) if one.place != place]
    for name in _NARROWING:
        same = [other for other in others if getattr(other, name) == getattr(place, name)]
        if len(same) < len(others):
            chosen[name], others = getattr(place, name), same
    return {**chosen, "finding": finding.finding}


def factors_exclude_each_other(rows: Rows) -> Findings:
    """Find a row that no patient can belong to, as G1 and G2 imply well-differentiated."""
    for placed in rows:
        if not placed.patients:
            yield placed.found("no-such-patients", f"{placed.label} exclude each other")


def part_exceeds_whole(rows: Rows) -> Findings:
    """Find a row that counts more than another row to which all its patients belong.

    Check both numbers, and the factors of both rows.
    """
    for part, whole in permutations(rows, 2):
        if _inside(part, whole):
            yield from _excesses(part, whole)


def _excesses(part: Placed, whole: Placed) -> Findings:
    limits = whole.numbers()
    for name, value in part.numbers().items():
        if value > limits.get(name, value):
            detail = f"{part.label}: {value} {name}, more than the {limits[name]} of {whole.label}"
            yield part.found("part-exceeds-whole", detail, name)


def parts_against_whole(rows: Rows) -> Findings:
    """Find rows without a common patient that add up to more than the row around them.

    Or to less, where together they are all of its patients. Check the numbers, and that no
    patient is counted in two of the parts.
    """
    for whole in rows:
        inside = [row for row in rows if _inside(row, whole)]
        seen: set[tuple[str, str, frozenset[frozenset[str]]]] = set()
        for parts in islice(_disjoint_sets(inside), MAX_PARTITIONS) if inside else ():
            for finding in _sums(parts, whole):
                kind = (finding.at, finding.finding, frozenset(frozenset(part.row.given()) for part in parts))
                if kind not in seen:  # once a family of rows, however many ways there are to combine it
                    seen.add(kind)
                    yield finding


def _sums(parts: Rows, whole: Placed) -> Findings:
    together = union(part.patients for part in parts)
    for name, value in whole.numbers().items():
        reported = [part.numbers()[name] for part in parts if name in part.numbers()]
        total = sum(reported)
        complete = together == whole.patients and len(reported) == len(parts)
        added = f"{name} {' + '.join(map(str, reported))} = {total}"
        labels = "; ".join(part.label for part in parts if name in part.numbers())
        if total > value and max(reported) <= value:  # a single excess is part_exceeds_whole
            detail = f"{added}, not at most {value} ({labels})"
            yield whole.found("parts-exceed-whole", detail, name)
        elif complete and total < value:
            yield whole.found("parts-fall-short", f"{added}, not {value} ({labels})", name)


def _disjoint_sets(rows: Rows) -> Iterator[list[Placed]]:
    """Yield every set of rows without a common patient to which no further row can be added."""
    pending: list[tuple[list[Placed], Rows]] = [([], rows)]
    while pending:
        chosen, rest = pending.pop()
        if not rest:
            yield chosen
            continue
        # Such a set holds the first row, or one that overlaps it.
        for row in [row for row in rest if row is rest[0] or not row.patients.disjoint(rest[0].patients)]:
            apart = [other for other in rest if other is not row and other.patients.disjoint(row.patients)]
            pending.append(([*chosen, row], apart))


def exhaustive_rows_add_up(rows: Rows, factor: str) -> Findings:
    """Find rows of a factor that are everyone, as the table says, and do not add up to the whole table.

    Look for a group that is not in the table, or for patients counted in two groups.
    """
    parts = [placed for placed in rows if set(placed.row.given()) == {factor}]
    parts = [one for one in parts if not any(_inside(one, other) for other in parts)]
    for whole in rows:
        for name, value in whole.numbers().items() if not whole.row.given() and parts else ():
            reported = [part.numbers()[name] for part in parts if name in part.numbers()]
            if len(reported) == len(parts) and sum(reported) != value and not name.startswith("non-"):
                added = " + ".join(map(str, reported))
                detail = f"{name} by {factor}: {added} = {sum(reported)}, not {value}"
                yield whole.found("not-everyone", detail, name)


def outcomes_against_each_other(outcomes: Mapping[str, Placed]) -> Findings:
    """Find outcomes of the same patients that cannot go together.

    Every patient has one best response: response, stable, progressive disease and not assessed add up to n,
    or to less where not all are printed; disease control is response and stable disease.
    """
    counts = {name: one.row.count for name, one in outcomes.items() if one.row.count is not None}
    sizes = {one.row.n for one in outcomes.values() if one.row.n is not None}
    last = list(outcomes.values())[-1]
    best = [(name, counts[name]) for name in BEST_RESPONSES if name in counts]
    total = sum(count for _, count in best)
    added = f"{' + '.join(f'{name} {count}' for name, count in best)} = {total}"
    for n in sizes if len(best) > 1 else ():
        if total > n or (len(best) == len(BEST_RESPONSES) and total < n):
            yield last.found("outcomes-do-not-add-up", f"{last.label}: {added}, n is {n}")
    control, response, stable = (counts.get(name) for name in (CONTROL, *BEST_RESPONSES[:2]))
    if control is None or response is None:
        return
    if control < response or (stable is not None and control != response + stable):
        detail = f"disease control {control}, response {response}"
        detail += f", stable disease {stable}" if stable is not None else ""
        yield outcomes[CONTROL].found("control-against-response", f"{last.label}: {detail}")


def _by_outcome(subjects: Mapping[Subject, Rows]) -> Iterator[Mapping[str, Placed]]:
    """Best responses and disease control of the same patients, under the same criteria at the same time."""
    found: dict[tuple[object, ...], dict[str, Placed]] = {}
    for rows in subjects.values():
        for placed in rows:
            place = placed.place
            alike = (place.criteria, place.population, place.timepoint, place.arm, placed.patients)
            if place.outcome in {*BEST_RESPONSES, CONTROL} and placed.row.term is None:
                found.setdefault(alike, {}).setdefault(str(place.outcome), placed)
    return (outcomes for outcomes in found.values() if len(outcomes) > 1)


def percent_against_count(rows: Rows) -> Findings:
    """Find a printed percentage that is not that of the counts.

    `percent-rounding` is off by at most one unit of the last printed digit; `percent-mismatch` by
    more: then look for another denominator.
    """
    for placed in rows:
        row = placed.row
        if row.percent is not None and row.count is not None and row.n:
            yield from _percentage(placed, "percent", row.percent, row.count, row.n)


def percent_of_total(rows: Rows) -> Findings:
    """Find a printed share of all patients that is not the row's n in the n of the table's total row."""
    for placed, total in permutations(rows, 2):
        row, whole = placed.row, total.row
        if row.percent_of_total is not None and row.n is not None and not whole.given() and whole.n:
            yield from _percentage(placed, "percent_of_total", row.percent_of_total, row.n, whole.n)


def _percentage(placed: Placed, number: Number, printed: Decimal, count: int, total: int) -> Findings:
    exact = percent_of(count, total)
    right = roundings(exact, unit(printed))
    if Fraction(printed) in right:
        return
    decimals = max(-int(printed.as_tuple().exponent), 0)
    finding = "percent-rounding" if abs(exact - Fraction(printed)) <= unit(printed) else "percent-mismatch"
    rounded = " or ".join(f"{float(value):.{decimals}f}" for value in sorted(right))
    detail = f"{count} of {total} is {float(exact):.6g} %, which rounds to {rounded}, not {printed}"
    yield placed.found(finding, detail, number)


def interval_against_counts(rows: Rows) -> Findings:
    """Find a printed 95 % interval that is not the exact (Clopper-Pearson) interval of the counts.

    Check the counts first; if the source used another interval, acknowledge it with its name.
    """
    for placed in rows:
        row = placed.row
        if row.interval is None or row.count is None or not row.n:
            continue
        exact = [100 * float(limit) for limit in proportion_interval(row.count, row.n)]
        if not all(map(_rounds_to, exact, row.interval)):
            limits = f"{exact[0]:.2f} to {exact[1]:.2f} %"
            printed = f"{row.interval[0]} to {row.interval[1]} %"
            detail = f"{row.count} of {row.n} has the exact interval {limits}, not {printed}"
            yield placed.found("interval-mismatch", detail, "interval")


def _rounds_to(exact: float, printed: Decimal) -> bool:
    half = float(unit(printed)) / 2
    return abs(exact - float(printed)) <= half + 1e-9  # the limits are floats, good to about 1e-13


def rows_disagree(rows: Rows) -> Findings:
    """Find rows of one report about the same patients and the same outcome that differ.

    If their tables differ in a way that they do not say (assessor, time point), say it.
    """
    first: dict[tuple[Patients, Number], Placed] = {}
    for placed in rows:
        for name, value in placed.numbers().items():
            earlier = first.setdefault((placed.patients, name), placed)
            other = earlier.numbers()[name]
            if value != other and not name.startswith("non-"):
                detail = f"{placed.label}: {name} is {value}, but {other} in {earlier.at}"
                yield placed.found("rows-disagree", detail, name)


def survival_disagrees(at: str, report: Report, universe: Universe) -> Findings:
    """Find two medians of one endpoint for the same patients, in the same unit, that differ."""
    first: dict[tuple[object, ...], int] = {}
    for i, item in enumerate(report.survival):
        patients = universe.patients(item.given())
        j = first.setdefault((item.endpoint, item.arm, item.unit, patients), i)
        other = report.survival[j].median
        if item.median != other:
            what = f"median {item.endpoint} of {describe(item.given())}"
            detail = f"{what} is {item.median}, but {other} in {at}.survival[{j}]"
            row, place = f"{at}.survival[{i}]", _place_of_median(report, item)
            yield Finding(f"{row}.median", "survival-disagrees", detail, row, place)


def progression_after_death(at: str, report: Report, universe: Universe) -> Findings:
    """Find a median PFS above the median OS of the same patients."""
    months = {"months": 1.0, "weeks": 7 / (365.25 / 12)}
    found: dict[tuple[object, ...], dict[str, tuple[int, Survival, float]]] = {}
    for i, item in enumerate(report.survival):
        if isinstance(item.median, int | float):
            alike = (item.arm, item.via, universe.patients(item.given()))
            median = item.median * months[item.unit]
            found.setdefault(alike, {}).setdefault(item.endpoint, (i, item, median))
    for medians in found.values():
        if {"PFS", "OS"} <= set(medians) and medians["PFS"][2] > medians["OS"][2]:
            i, item, _ = medians["PFS"]
            row, place = f"{at}.survival[{i}]", _place_of_median(report, item)
            detail = f"median PFS {item.median} {item.unit} is above the median OS of the same patients"
            yield Finding(f"{row}.median", "progression-after-death", detail, row, place)


def _place(report: Report, table: Table, row: Row) -> Place:
    given: dict[str, Any] = {**row.given()}
    return Place(
        **given,
        report=report.id,
        outcome=table.outcome,
        term=row.term,
        criteria=table.criteria or "none",
        population=table.population or "none",
        timepoint=table.timepoint,
        arm=table.arm or "none",
        assessor=table.assessor,
        confirmed=table.confirmed,
        where=row.where or table.where or "none",
        via=row.via or table.via or "none",
    )


def _place_of_median(report: Report, item: Survival) -> Place:
    given: dict[str, Any] = {**item.given()}
    return Place(
        **given,
        report=report.id,
        endpoint=item.endpoint,
        number="median",
        arm=item.arm or "none",
        where=item.where or "none",
        via=item.via or "none",
    )


def _by_term(at: str, report: Report, table: Table, universe: Universe) -> list[list[Placed]]:
    """Split the rows of a table by what they count, as only rows of one term are ever compared."""
    terms: dict[str | None, list[Placed]] = {}
    for i, row in enumerate(table.rows):
        place = _place(report, table, row)
        placed = Placed(f"{at}.rows[{i}]", row, universe.patients(row.given()), place)
        terms.setdefault(row.term, []).append(placed)
    return list(terms.values())


def _subject(table: Table) -> Subject:
    """Return what, besides patients and term, two rows must share to be about the same thing."""
    what = (table.outcome, table.criteria, table.assessor, table.confirmed)
    return (*what, table.population, table.timepoint, table.arm)


def _inside(part: Placed, whole: Placed) -> bool:
    """Say whether the part's patients are some, but not all, of the whole's."""
    return bool(part.patients) and part.patients != whole.patients and part.patients.inside(whole.patients)


TABLE_CHECKS: tuple[Callable[[Rows], Findings], ...] = (
    factors_exclude_each_other,
    part_exceeds_whole,
    parts_against_whole,
    percent_against_count,
    percent_of_total,
    interval_against_counts,
)
