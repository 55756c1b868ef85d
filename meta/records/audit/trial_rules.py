"""Rules for a trial record beyond the types of its fields; each rule is a function that lists violations.

The rules see a trial in pieces, so that one malformed row does not hide the faults of the others.
"""

from __future__ import annotations

import datetime
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import get_args

from meta.data.counts import MOST
from meta.records.audit import arithmetic
from meta.records.factors import FACTORS, FactorValue, values_of
from meta.records.reading.schema import Complaint
from meta.records.reading.yaml_nodes import shown
from meta.records.trial import Count, Rate, Report, Row, Survival, Table, Trial

NAME = re.compile(r"[a-z0-9][a-z0-9.-]*")
_DATE = re.compile(r"[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?")
_COUNTRY = re.compile(r"[A-Z]{2}")
_NCT = re.compile(r"NCT[0-9]{8}")
_DOI = re.compile(r"10\.[0-9]{4,9}/\S+")
_ASIA = {"CN", "HK", "IN", "JP", "KR", "MY", "SG", "TH", "TW", "VN"}
_WEST = {
    *("AT", "AU", "BE", "CA", "CH", "CZ", "DE", "DK", "ES", "FI", "FR", "GB", "GR", "HU", "IE", "IL", "IT"),
    *("NL", "NO", "NZ", "PL", "PT", "SE", "US"),
}
_NEEDS_TERM = ("characteristic", "adverse-event", "adverse-event-grade-3")
Complaints = Iterator[Complaint]


@dataclass(frozen=True, slots=True)
class Pieces:
    """The well-formed pieces of a trial, each by its path and without what lies inside it.

    `complete` is False where a piece is missing because it was malformed: rules that look things
    up elsewhere in the record then say nothing.
    """

    head: Trial | None
    reports: dict[str, Report]
    tables: dict[str, Table]
    rows: dict[str, Row]
    survival: dict[str, Survival]
    complete: bool


def trial_complaints(pieces: Pieces, stem: str) -> Complaints:
    """List every rule that the trial in the file `stem`.yaml breaks."""
    if pieces.head:
        yield from name_complaints("id", pieces.head.id, stem)
        yield from _head(pieces.head)
    for at, report in pieces.reports.items():
        yield from _report(at, report)
    for at, table in pieces.tables.items():
        yield from _table(at, table)
    for at, row in pieces.rows.items():
        yield from _row(at, row)
        yield from _row_in_table(at, row, pieces.tables.get(at.rpartition(".rows[")[0]))
    for at, survival in pieces.survival.items():
        yield from _survival(at, survival)
    if pieces.complete and pieces.head:
        yield from _cross_references(pieces, pieces.head)


def name_complaints(at: str, name: str, stem: str) -> Complaints:
    """Check that a record is called what its file is called."""
    if not NAME.fullmatch(name):
        yield Complaint(at, f"found {shown(name)}", "allowed: lower-case letters, digits, dots and hyphens")
    elif name != stem:
        yield Complaint(at, f"found {shown(name)}", f"allowed: {stem!r}, the name of the file")


def date_complaints(at: str, date: str, *others: str) -> Complaints:
    """Check a date that may lack its day, or month and day."""
    if not _DATE.fullmatch(date) or not _in_calendar(date):
        forms = ", ".join(("2019", "2019-05", "2019-05-31", *others))
        yield Complaint(at, f"found {shown(date)}", f"allowed: a date such as {forms}")


def _in_calendar(date: str) -> bool:
    """Whether there is such a day; one that was not given is taken for the first."""
    try:
        datetime.date.fromisoformat(date + "-01-01"[len(date) - len("2019") :])
    except ValueError:
        return False
    return True


def factor_complaints(at: str, given: Mapping[str, FactorValue]) -> Complaints:
    """Check that factors use the vocabulary."""
    for name, value in given.items():
        if not value or not all(values_of(value)) or not values_of(value):
            yield Complaint(f"{at}.{name}", "found nothing", "allowed: at least one name")
            continue
        factor = FACTORS[name]
        strange = factor.strange(value)
        if strange:
            found = ", ".join(map(shown, strange))
            allowed = ", ".join(factor.values)
            finer = f"; a {name} is made finer with a slash, as in other/liver" if factor.tree else ""
            yield Complaint(f"{at}.{name}", f"found {found}", f"allowed: {allowed}{finer}")


def _relations(trial: Trial) -> Complaints:
    for field, names in trial.related.items():
        for i, other in enumerate(names):
            if other == trial.id:
                found = f"found {shown(other)}, this trial itself"
                yield Complaint(f"{field}[{i}]", found, "allowed: ids of other trials")


def _names(trial: Trial) -> Complaints:
    """Check the form of registry numbers and DOIs, and the number of drugs against the regimen."""
    for i, number in enumerate(trial.registry):
        if number.upper().startswith("NCT") and not _NCT.fullmatch(number):
            yield Complaint(f"registry[{i}]", f"found {shown(number)}", "allowed: NCT and eight digits")
    for i, source in enumerate(trial.sources):
        yield from _doi(f"sources[{i}].doi", source.doi)
    if (trial.regimen == "monotherapy") is not (len(trial.drugs) == 1):
        found = f"found {trial.regimen} with {len(trial.drugs)} drugs"
        yield Complaint("regimen", found, "allowed: monotherapy with one drug, else two or more")


def _doi(at: str, doi: str | None) -> Complaints:
    if doi is not None and not _DOI.fullmatch(doi):
        yield Complaint(at, f"found {shown(doi)}", "allowed: a DOI such as 10.1093/oncolo/oyac097")


def _head(trial: Trial) -> Complaints:
    yield from _names(trial)
    for i, country in enumerate(trial.countries):
        if not _COUNTRY.fullmatch(country):
            allowed = "allowed: a country code of two capital letters, such as DE"
            yield Complaint(f"countries[{i}]", f"found {shown(country)}", allowed)
    abroad = {"Asia": _WEST, "West": _ASIA}.get(trial.region, set()).intersection(trial.countries)
    if abroad:
        allowed = f"allowed: the region of {', '.join(sorted(abroad))}, or International"
        yield Complaint("region", f"found {shown(trial.region)}", allowed)
    if trial.prior_lines is not None and not 0 <= trial.prior_lines[0] <= trial.prior_lines[1]:
        found = f"found {trial.prior_lines[0]} to {trial.prior_lines[1]}"
        yield Complaint("prior_lines", found, "allowed: the fewest lines first, 0 or more")
    yield from _not_negative("screened", trial.screened)
    for i, source in enumerate(trial.sources):
        if source.id in {earlier.id for earlier in trial.sources[:i]}:
            yield Complaint(f"sources[{i}].id", f"found {shown(source.id)} again", "allowed: each id once")
    yield from _relations(trial)
    if trial.extracted_on is not None:
        yield from date_complaints("extracted_on", trial.extracted_on)


def _report(at: str, report: Report) -> Complaints:
    if report.published != "unknown":
        yield from date_complaints(f"{at}.published", report.published, "unknown")
    yield from _doi(f"{at}.doi", report.doi)
    for i, rate in enumerate(report.rates):
        yield from _rate(f"{at}.rates[{i}]", rate)
    for i, test in enumerate(report.p_values):
        if not 0 <= test.p <= 1:
            yield Complaint(f"{at}.p_values[{i}].p", f"found {test.p}", "allowed: 0 to 1")


def _table(at: str, table: Table) -> Complaints:
    yield from _not_negative(f"{at}.not_evaluable", table.not_evaluable)
    for i, name in enumerate(table.exhaustive):
        if name not in FACTORS:
            allowed = f"allowed: {', '.join(FACTORS)}"
            yield Complaint(f"{at}.exhaustive[{i}]", f"found {shown(name)}", allowed)


def _rate(at: str, rate: Rate) -> Complaints:
    yield from factor_complaints(at, rate.given())
    yield from _not_negative(f"{at}.at", rate.at)
    yield from _percentage(f"{at}.percent", rate.percent)
    for i, limit in enumerate(rate.interval or ()):
        yield from _percentage(f"{at}.interval[{i}]", limit)
    if rate.interval and not rate.interval[0] <= rate.percent <= rate.interval[1]:
        found = f"found {rate.percent} outside {rate.interval[0]} to {rate.interval[1]}"
        yield Complaint(f"{at}.percent", found, "allowed: a rate within its limits, the lower limit first")


def _row(at: str, row: Row) -> Complaints:
    yield from factor_complaints(at, row.given())
    yield from _counts(at, row)
    for name in ("percent", "percent_of_total"):
        yield from _percentage(f"{at}.{name}", getattr(row, name))
    if row.interval is not None:
        for i, limit in enumerate(row.interval):
            yield from _percentage(f"{at}.interval[{i}]", limit)
        if row.interval[0] > row.interval[1]:
            found = f"found {row.interval[0]} above {row.interval[1]}"
            yield Complaint(f"{at}.interval", found, "allowed: the lower limit first")
    if row.n is None and row.count is None and row.percent is None:
        yield Complaint(at, "found no number", "allowed: at least one of n, responders, events, percent")
    for name in get_args(Count):
        yield from _derived(at, row, name)
        yield from _back_calculated(at, row, name)


def _counts(at: str, row: Row) -> Complaints:
    for name in get_args(Count):
        yield from _not_negative(f"{at}.{name}", getattr(row, name))
    if row.responders is not None and row.events is not None:
        yield Complaint(f"{at}.events", "found events beside responders", "allowed: only one of the two")
    if row.n is not None and row.n > MOST:
        yield Complaint(f"{at}.n", f"found {row.n}", f"allowed: 0 to {MOST}")
    name = "events" if row.responders is None else "responders"
    if row.n is not None and row.count is not None and row.count > max(row.n, 0):
        yield Complaint(f"{at}.{name}", f"found {row.count}", f"allowed: 0 to {row.n}, the row's n")


def _not_negative(at: str, count: float | None) -> Complaints:
    if count is not None and count < 0:
        yield Complaint(at, f"found {count:g}", "allowed: 0 or more")


def _percentage(at: str, value: Decimal | None) -> Complaints:
    if value is not None and not 0 <= value <= 100:
        yield Complaint(at, f"found {value}", "allowed: 0 to 100")


def _derived(at: str, row: Row, name: Count) -> Complaints:
    expression, count = row.derived.get(name), getattr(row, name)
    if expression is None:
        return
    place = f"{at}.derived.{name}"
    try:
        result = arithmetic.evaluate(expression)
    except ValueError as error:
        found = f"found {shown(expression)} ({error})"
        yield Complaint(place, found, 'allowed: arithmetic such as "5 - 2 - 1"')
        return
    if count is None:
        yield Complaint(place, f"found no {name} in the row", f"allowed: {name}: {result} beside it")
    elif result != count:
        found = f"found {shown(expression)} = {_number(result)}"
        yield Complaint(place, found, f"allowed: {count}, the row's {name}")


def _back_calculated(at: str, row: Row, name: Count) -> Complaints:
    text, count = row.back_calculated.get(name), getattr(row, name)
    if text is None:
        return
    place, read = f"{at}.back_calculated.{name}", arithmetic.share(text)
    if read is None:
        yield Complaint(place, f"found {shown(text)}", 'allowed: text such as "53.3 % of 30"')
        return
    printed, total = read
    if count is None:
        yield Complaint(place, f"found no {name} in the row", f"allowed: {name} beside it")
        return
    exact = arithmetic.percent_of(count, total) if total else Fraction(-1)
    if Fraction(printed) not in arithmetic.roundings(exact, arithmetic.unit(printed)):
        of = f"{count} of {total} is {float(exact):.6g} %" if total else "a percentage of no patients"
        yield Complaint(place, f"found {shown(text)}", f"allowed: what rounds to the row's {name} ({of})")


def _row_in_table(at: str, row: Row, table: Table | None) -> Complaints:
    if table is None:
        return
    wrong, right = ("events", "responders") if table.outcome == "response" else ("responders", "events")
    if getattr(row, wrong) is not None:
        found = f"found {wrong} under the outcome {table.outcome}"
        yield Complaint(f"{at}.{wrong}", found, f"allowed: {right}")
    if row.where is None and table.where is None:
        allowed = "allowed: where, here or in the table: the place in the publication"
        yield Complaint(at, "found no where", allowed)
    if row.term is None and table.outcome in _NEEDS_TERM:
        found = f"found no term under the outcome {table.outcome}"
        yield Complaint(at, found, "allowed: term, what is counted (any: whatever the event)")


def _survival(at: str, survival: Survival) -> Complaints:
    yield from factor_complaints(at, survival.given())
    median = survival.median if isinstance(survival.median, int | float) else None
    given = [(name, value) for name, value in _limits(survival, median) if value is not None]
    for name, value in given:
        yield from _not_negative(f"{at}.{name}", value)
    for (lower, low), (upper, high) in pairwise(given):
        if low > high:
            yield Complaint(f"{at}.{lower}", f"found {low:g}", f"allowed: at most {high:g}, the {upper}")


def _limits(survival: Survival, median: float | None) -> list[tuple[str, float | None]]:
    return [("low", survival.low), ("median", median), ("high", survival.high)]


def _cross_references(pieces: Pieces, head: Trial) -> Complaints:
    sources = {source.id for source in head.sources}
    yield from _one_parent(pieces)
    yield from _results(pieces, head)
    first: dict[str, str] = {}
    for at, report in pieces.reports.items():
        if report.id in first or report.id in sources:
            yield Complaint(f"{at}.id", f"found {shown(report.id)} again", "allowed: each id once")
        first.setdefault(report.id, at)
    rates = {f"{at}.rates[{i}]": rate for at, r in pieces.reports.items() for i, rate in enumerate(r.rates)}
    tests = {f"{at}.p_values[{i}]": p for at, r in pieces.reports.items() for i, p in enumerate(r.p_values)}
    for at, item in (pieces.tables | pieces.survival | rates).items():
        if item.arm is not None and item.arm not in head.arms:
            known = ", ".join(head.arms) or "none, as the trial has no arms"
            yield Complaint(f"{at}.arm", f"found {shown(item.arm)}", f"allowed: {known}")
    remarks = {f"remarks[{i}]": remark for i, remark in enumerate(head.remarks)}
    quoted = pieces.tables | pieces.rows | pieces.survival | rates | tests | remarks
    for at, quoting in quoted.items():
        others = [*sources, *(name for name, place in first.items() if not at.startswith(f"{place}."))]
        if quoting.via is not None and quoting.via not in others:
            known = ", ".join(sorted(others)) or "there is none"
            allowed = f"allowed: the id of a source or of another report: {known}"
            yield Complaint(f"{at}.via", f"found {shown(quoting.via)}", allowed)


def _one_parent(pieces: Pieces) -> Complaints:
    """Check that a finer level stands under one parent: other/liver is not intestine/liver."""
    parents: dict[tuple[str, str], str] = {}
    for at, piece in (pieces.rows | pieces.survival).items():
        for factor, value in piece.given().items():
            for name in values_of(value) if value and FACTORS[factor].tree else ():
                parent, _, finer = name.rpartition("/")
                known = parents.setdefault((factor, finer), parent) if parent else parent
                if known != parent:
                    found = f"found {shown(name)} beside {shown(f'{known}/{finer}')}"
                    yield Complaint(f"{at}.{factor}", found, f"allowed: {finer} under one of the two")


def _results(pieces: Pieces, head: Trial) -> Complaints:
    """Check that a trial prints a response if and only if it does not say that none is printed."""
    responses = [at for at, row in pieces.rows.items() if row.responders is not None]
    if head.results and responses:
        yield Complaint(
            "results", f"found {shown(head.results)} beside {responses[0]}", "allowed: one of them"
        )
    if not head.results and not pieces.reports:
        yield Complaint("reports", "found no report", "allowed: a report, or results: none printed")


def repeated(values: Iterable[str]) -> list[str]:
    """Return the values that come more than once."""
    return [value for value, times in Counter(values).items() if times > 1]


def _number(value: Fraction) -> str:
    return str(value.numerator) if value.denominator == 1 else f"{float(value):.6g}"
