"""The report and table of a trial that an analysis uses, and those it passes over."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from meta.records.analysis import Analysis, AsOf, TrialEntry, Where
from meta.records.factors import FactorValue, told
from meta.records.patients import Patients, Universe
from meta.records.run import Action, LedgerEntry
from meta.records.trial import Drug, Evidence, Report, Row, Table, Trial, TrialFile
from meta.workflow.selection.margins import Found, Margins, margins_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_KINDS = ("full-paper", "preprint", "abstract", "registry")  # the order in which a tie of dates is broken


@dataclass(frozen=True, slots=True)
class Candidate:
    """One table of one report of one arm, and what it says about any set of patients.

    `joint`, of several `cohorts` of one protocol, holds the rows of their tables, in this order.
    """

    file: TrialFile
    report_index: int
    table_index: int
    arm: str | None
    universe: Universe = field(repr=False)
    margins: Margins = field(repr=False)
    suffix: str = ""  # what tells the label apart from another trial's
    cohorts: tuple[Candidate, ...] = ()
    joint: Table | None = field(default=None, repr=False)

    @property
    def trial(self) -> Trial:
        """The trial's record."""
        return self.file.trial

    @property
    def report(self) -> Report:
        """The report."""
        return self.trial.reports[self.report_index]

    @property
    def table(self) -> Table:
        """The table."""
        return self.joint or self.report.tables[self.table_index]

    def source(self, row: int) -> tuple[Candidate, int]:
        """The record's own table that a row is from, and the row's place in it."""
        for cohort in self.cohorts:
            if row < len(cohort.table.rows):
                return cohort, row
            row -= len(cohort.table.rows)
        return self, row

    @property
    def label(self) -> str:
        """What figures call the trial: its drugs and the report, e.g. ``Sintilimab (Jia 2022)``."""
        arm = self.trial.arms.get(self.arm) if self.arm else None
        drugs = (arm.drugs if arm else None) or self.trial.drugs
        arm_label = f", arm {self.arm}" if self.arm else ""
        reports = ", ".join(report_label(one.report) for one in self.cohorts or (self,))
        return f"{drugs_label(drugs)}{arm_label} ({reports}){self.suffix}"

    def path(self, row: int | None = None) -> str:
        """The record's path of the table, or of a row of it."""
        if row is not None and self.cohorts:
            cohort, row = self.source(row)
            return cohort.path(row)
        table = f"reports[{self.report_index}].tables[{self.table_index}]"
        return table if row is None else f"{table}.rows[{row}]"

    def place(self, row: Row) -> tuple[str | None, str | None]:
        """Where in the publication a row stands, and which source quotes it."""
        return row.where or self.table.where, row.via or self.table.via

    def ledger(
        self,
        action: Action,
        reason: str,
        *,
        row: int | None = None,
        by: str | None = None,
        group: str | None = None,
        n: int | None = None,
    ) -> LedgerEntry:
        """An entry about this table, or about a row of it (which then brings its own counts)."""
        entry = self.table.rows[row] if row is not None else None
        record = self.source(row)[0] if row is not None else self
        where, via = self.place(entry) if entry is not None else (self.table.where, self.table.via)
        return LedgerEntry(
            trial=record.trial.id,
            label=self.label,
            action=action,
            reason=reason,
            by=by,
            group=group,
            report=record.report.id,
            n=entry.n if entry is not None else n,
            responders=entry.count if entry is not None else None,
            file=record.file.file,
            line=record.file.line(self.path(row)),
            path=self.path(row),
            where=where,
            via=via,
            derived=entry is not None and bool(entry.derived),
        )

    def not_as_printed(self, patients: Patients) -> tuple[Row, ...]:
        """The recovered and unverified rows that would give counts which the usable rows do not give."""
        every = margins_of(self.universe, usable_rows(self.table, "all")).counts(patients)
        if every is None or self.margins.counts(patients) is not None:
            return ()
        rows = self.table.rows
        used = [rows[i] for i in (*every.plus, *every.minus)]
        return tuple(row for row in used if row.evidence != "printed") or rows

    def why_unknown(self, patients: Patients) -> str:
        """Why the responders of `patients` are not known, as said after "responders"."""
        rows = self.not_as_printed(patients)
        return f"{evidence_words(rows)}, not used" if rows else "not reported"

    def used(self, found: Found, by: str | None, group: str | None) -> Iterator[LedgerEntry]:
        """Entries for the rows that a count was made from."""
        for row in (*found.plus, *found.minus):
            known = list(_not_as_printed(self.table.rows[row]))
            how = found.how(printed=not known) + (": subtracted" if row in found.minus else "")
            yield self.ledger("used", "; ".join([how, *known]), row=row, by=by, group=group)


EVIDENCE_WORDS: dict[Evidence, str] = {
    "printed": "the only count that the printed percentage allows",
    "recovered": "recovered from a percentage",
    "unverified": "unverified",
}


def _not_as_printed(row: Row) -> Iterator[str]:
    """Say of a row's counts in what way they are not in print; nothing if they are."""
    for how, texts in (
        ("our arithmetic on printed numbers", row.derived),
        (EVIDENCE_WORDS["printed" if row.evidence == "printed" else "recovered"], row.back_calculated),
    ):
        if texts:
            yield f"{how}: {', '.join(f'{count} = {text}' for count, text in texts.items())}"
    if row.status == "unverified":
        yield EVIDENCE_WORDS["unverified"]


def evidence_words(rows: Iterable[Row]) -> str:
    """How rows that are not printed are known."""
    levels = {row.evidence for row in rows}
    return " and ".join(words for level, words in EVIDENCE_WORDS.items() if level in levels)


def not_printed(rows: Iterable[Row], evidence: str) -> str:
    """Say why rows that are not all certain enough for the analysis are not used."""
    used = "printed numbers" if evidence == "printed" else "printed and recovered numbers"
    return f"{evidence_words(rows)}; the analysis uses {used} only (evidence: {evidence})"


def drugs_label(drugs: Sequence[Drug]) -> str:
    """Their names joined, e.g. ``Nivolumab + Ipilimumab``."""
    return " + ".join(drug.name[:1].upper() + drug.name[1:] for drug in drugs)


def report_label(report: Report) -> str:
    """The id as a reader writes it: ``jia-2022`` is Jia 2022, ``esmo-2018`` ESMO 2018."""
    words = report.id.split("-")
    return " ".join(
        w.upper() if w in {"aacr", "asco", "ejc", "esmo", "nanets", "nccn", "ssrn"} else w.capitalize()
        for w in words
    )


def trial_entry(file: TrialFile, action: Action, reason: str) -> LedgerEntry:
    """A ledger entry about a whole trial."""
    trial = file.trial
    return LedgerEntry(
        trial=trial.id,
        label=drugs_label(trial.drugs),
        action=action,
        reason=reason,
        file=file.file,
        line=1,
        path="id",
    )


def used_levels(evidence: str) -> tuple[Evidence, ...]:
    """The levels of evidence that an analysis uses."""
    every: tuple[Evidence, ...] = ("printed", "recovered", "unverified")
    return every if evidence == "all" else every[: every.index(evidence) + 1]


def usable_rows(table: Table, evidence: str) -> Iterator[tuple[int, Row]]:
    """The rows that may be counted, with their places.

    Rows about one adverse event or characteristic are not the outcome itself. Unverified rows, and counts
    recovered from a percentage that allows others too, are used only where `evidence` says so.
    """
    for index, row in enumerate(table.rows):
        if row.term not in {None, "any"}:
            continue
        if row.evidence in used_levels(evidence):
            yield index, row
        elif row.status == "verified":
            gone: dict[str, Any] = dict.fromkeys(row.back_calculated)
            yield index, replace(row, **gone)


def conditions(analysis: Analysis, entry: TrialEntry) -> Iterator[Mapping[str, FactorValue]]:
    """Every set of patients that the analysis will ask this trial about."""
    wheres: tuple[Where, ...] = (analysis.where, entry.where, *analysis.exclude)
    yield from (where.given() for where in (*wheres, *entry.ranges))
    yield from ({"site": node} for node in analysis.site_level)


def population(analysis: Analysis, entry: TrialEntry) -> list[Mapping[str, FactorValue]]:
    """The conditions on patients that hold for this trial, all of them at once."""
    return [given for given in (analysis.where.given(), entry.where.given()) if given]


def candidates(file: TrialFile, analysis: Analysis, entry: TrialEntry, arm: str | None) -> list[Candidate]:
    """Every table of the analysis' outcome in this arm, best report and table first."""
    newness = _newness(file.trial.reports)
    reports = sorted(range(len(newness)), key=newness.__getitem__, reverse=True)
    asked = list(conditions(analysis, entry))
    found = []
    for i in reports:
        tables = [(j, t) for j, t in enumerate(file.trial.reports[i].tables) if _fits(t, analysis, arm)]
        for j, table in sorted(tables, key=lambda pair: list(_preference(pair[1], analysis).values())):
            universe = Universe([*(row.given() for row in table.rows), *asked])
            margins = margins_of(universe, usable_rows(table, analysis.evidence))
            found.append(Candidate(file, i, j, arm, universe, margins))
    return found


def _fits(table: Table, analysis: Analysis, arm: str | None) -> bool:
    return table.outcome == analysis.outcome and table.arm == arm


def _newness(reports: Sequence[Report]) -> list[tuple[str, str, int, str]]:
    """A sort key for each report, the newest highest; unknown dates are the oldest.

    In a year of which any date is known by the year alone, months decide nothing before the kind does.
    """
    dates = ["" if report.published == "unknown" else report.published for report in reports]
    coarse = {date for date in dates if len(date) == len("2019")}
    return [
        (date[:4], "" if date[:4] in coarse else date, -_KINDS.index(report.kind), date)
        for date, report in zip(dates, reports, strict=True)
    ]


def _preference(table: Table, analysis: Analysis) -> dict[str, int]:
    """Rank a table by each preference; lower is better."""
    return {
        "criteria": _place(table.criteria, analysis.prefer.criteria),
        "timepoint": int(table.timepoint != "best"),
        "confirmed": int(table.confirmed is not True),
        "population": _place(table.population, analysis.prefer.population),
    }


def _place(stated: str | None, preferred: Sequence[str]) -> int:
    """Return the rank in `prefer`; a value that it does not list, or that is not stated, comes last."""
    return preferred.index(stated) if stated in preferred else len(preferred)


def choose(
    file: TrialFile, analysis: Analysis, entry: TrialEntry, arm: str | None
) -> tuple[Candidate | None, list[LedgerEntry]]:
    """Return the newest report by the as-of date that has the counts, and entries for those passed over.

    An older report does not step in for one whose counts are only not certain enough for the analysis.
    """
    patients = population(analysis, entry)
    chosen: Candidate | None = None
    uncertain: Candidate | None = None
    passed = []
    for candidate in candidates(file, analysis, entry, arm):
        reason = _refused(candidate, analysis, entry, patients)
        if reason is None and chosen is None:
            if uncertain is None or uncertain.report_index == candidate.report_index:
                chosen = candidate
                continue
            reason = f"superseded by {report_label(uncertain.report)}, whose counts are not certain enough"
        elif uncertain is None and chosen is None and not _not_asked_for(candidate, analysis, entry):
            if candidate.not_as_printed(candidate.universe.common(patients)):
                uncertain = candidate
        passed.append(candidate.ledger("passed over", reason or _beaten(candidate, chosen, analysis)))
    return chosen, passed


def _refused(
    candidate: Candidate, analysis: Analysis, entry: TrialEntry, patients: Sequence[Mapping[str, FactorValue]]
) -> str | None:
    """Why this table cannot be used, or None where it can."""
    if unasked := _not_asked_for(candidate, analysis, entry):
        return unasked
    asked = candidate.universe.common(patients)
    found = candidate.margins.counts(asked)
    who = " and ".join(map(told, patients))
    if found is None:
        whom = f"patients who are {who}" if who else "all patients"
        if rows := candidate.not_as_printed(asked):
            return f"n and responders of {whom} are {not_printed(rows, analysis.evidence)}"
        return f"does not report n and responders of {whom}"
    if found.n == 0:
        return f"has no patient who is {who}" if who else "has no patient"
    return None


def _not_asked_for(candidate: Candidate, analysis: Analysis, entry: TrialEntry) -> str | None:
    """Why the analysis does not want this report, whatever it says; None where it does."""
    published = candidate.report.published
    if entry.report not in {None, candidate.report.id}:
        return f"the analysis asks for {entry.report}"
    if isinstance(analysis.reports, AsOf):
        as_of = analysis.reports.as_of
        if published == "unknown":
            return f"its date is unknown and the analysis asks for reports as of {as_of}"
        if published[: len(as_of)] > as_of[: len(published)]:
            return f"published {published}, after {as_of}"
    return None


def _beaten(candidate: Candidate, chosen: Candidate | None, analysis: Analysis) -> str:
    if chosen is None or chosen.report_index != candidate.report_index:
        newer = report_label(chosen.report) if chosen else "a newer report"
        return f"{newer} is newer, or the fuller publication of the same date"
    better, worse = _preference(chosen.table, analysis), _preference(candidate.table, analysis)
    for what in better:
        if better[what] != worse[what]:
            return f"the table with {what}: {getattr(chosen.table, what)} is preferred"
    return "another table, as good, stands before it"
