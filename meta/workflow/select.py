"""From trials and an analysis to counts, with a ledger of what became of every row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from meta.data import Counts
from meta.errors import Fault, SpecError
from meta.records.analysis import Analysis, TrialEntry, Where
from meta.records.factors import describe
from meta.records.run import LedgerEntry
from meta.records.trial import FactorValue, TrialFile
from meta.workflow.group import Grouping, group
from meta.workflow.margins import Found
from meta.workflow.reports import Candidate, choose, population, trial_entry


@dataclass(frozen=True, slots=True)
class Included:
    """A trial (or arm) that entered: its table, the patients asked for, and their counts."""

    chosen: Candidate
    cells: int
    found: Found
    population: Sequence[Mapping[str, FactorValue]]
    attributes: Mapping[str, str]

    @property
    def label(self) -> str:
        """What figures call the trial."""
        return self.chosen.label


@dataclass(frozen=True, slots=True)
class Selection:
    """What models and readers get from the records."""

    counts: Counts
    groupings: tuple[Grouping, ...]
    ledger: tuple[LedgerEntry, ...]
    included: tuple[Included, ...] = field(repr=False)


def select(trials: Mapping[str, TrialFile], analysis: Analysis) -> Selection:
    """Find each trial's counts for the analysis.

    Parameters
    ----------
    trials : mapping of id to TrialFile
    analysis : Analysis

    Returns
    -------
    Selection

    Raises
    ------
    SpecError
        With every fault: excluded patients whose responders are not reported under `unresolved:
        error`, trials that share patients, two arms of a trial under `unit: trial`.
    """
    ledger: list[LedgerEntry] = []
    included: list[Included] = []
    faults: list[Fault] = []
    for entry in entries(trials, analysis):
        file = trials[entry.id]
        for arm in _arms(file, entry):
            kept, notes, fault = _include(file, analysis, entry, arm)
            ledger += notes
            included += [kept] if kept else []
            faults += [fault] if fault else []
    faults += _entering_twice(included, analysis)
    if faults:
        raise SpecError(f"analysis {analysis.name}: trials cannot be selected as asked", faults)
    included = _with_unique_labels(included)
    for trial in included:
        ledger += trial.chosen.used(trial.found, None, None)
    groupings = []
    for by in analysis.by:
        grouping, notes = group(included, analysis, (by,) if isinstance(by, str) else by)
        groupings.append(grouping)
        ledger += notes
    ledger += _unused(included, ledger)
    counts = Counts.of(
        [t.found.responders for t in included], [t.found.n for t in included], [t.label for t in included]
    )
    return Selection(counts, tuple(groupings), tuple(ledger), tuple(included))


def entries(trials: Mapping[str, TrialFile], analysis: Analysis) -> list[TrialEntry]:
    """The analysis' trials, written out."""
    if analysis.trials == "all":
        return [TrialEntry(id=name) for name in trials]
    return [TrialEntry(id=entry) if isinstance(entry, str) else entry for entry in analysis.trials]


def _arms(file: TrialFile, entry: TrialEntry) -> list[str | None]:
    """The arms to look at; None is the trial as a whole, where it is not divided."""
    if entry.arm is not None:
        return [entry.arm]
    return list(file.trial.arms) or [None]


def _attributes(file: TrialFile, arm: str | None) -> dict[str, str]:
    """What a trial is, as conditions and groupings see it; an arm's own regimen and line come first."""
    own = file.trial.arms.get(arm) if arm else None
    values = {
        "trial": file.trial.id,
        "region": file.trial.region,
        "line": (own.line if own else None) or file.trial.line or "not stated",
        "regimen": (own.regimen if own else None) or file.trial.regimen,
    }
    return {name: str(value) for name, value in values.items()}


def _meets(where: Where, attributes: Mapping[str, str]) -> bool:
    return all(attributes[name] == value for name, value in where.trial_conditions().items())


def _include(
    file: TrialFile, analysis: Analysis, entry: TrialEntry, arm: str | None
) -> tuple[Included | None, list[LedgerEntry], Fault | None]:
    """One trial or arm: in with its counts, or out with the reason."""
    attributes = _attributes(file, arm)
    for where in (analysis.where, entry.where):
        if not _meets(where, attributes):
            wanted = ", ".join(f"{name} {value}" for name, value in where.trial_conditions().items())
            return None, [trial_entry(file, "dropped", f"the analysis asks for {wanted}")], None
    applying = [where for where in analysis.exclude if _meets(where, attributes)]
    if any(not where.given() for where in applying):
        return None, [trial_entry(file, "dropped", "left out by exclude")], None
    chosen, ledger = choose(file, analysis, entry, arm)
    if chosen is None:
        return None, [*ledger, trial_entry(file, "dropped", "no report has the counts asked for")], None
    patients = population(analysis, entry)
    cells = chosen.universe.common(patients)
    excluded = 0
    for where in applying:
        excluded |= chosen.universe.mask(where.given()) & cells
    words = " and ".join(describe(where.given()) for where in applying)
    kept, notes, fault = _without(chosen, cells, excluded, words, analysis)
    if kept is None:
        return None, [*ledger, *notes], fault
    found = chosen.margins.counts(kept)
    if found is None or found.n == 0:
        return None, [*ledger, *notes, chosen.ledger("dropped", "no patient is left")], None
    return Included(chosen, kept, found, patients, attributes), [*ledger, *notes], None


def _without(
    chosen: Candidate, cells: int, excluded: int, words: str, analysis: Analysis
) -> tuple[int | None, list[LedgerEntry], Fault | None]:
    """The cells that stay when `excluded` leave; where that is not reported, as `unresolved` says."""
    margins = chosen.margins
    if not margins.occupied(excluded):
        return cells, [], None
    out, all_of = margins.size(excluded), margins.size(cells)
    number = out.n if out else None
    many = "an unreported number" if number is None else number
    of = f"{many} of {all_of.n if all_of else '?'} patients are {words}"
    if margins.counts(cells & ~excluded) is not None:
        return cells & ~excluded, [chosen.ledger("excluded", f"{of}; left out", n=number)], None
    missing = f"{of}; their responders are not reported"
    if analysis.unresolved == "drop":
        left = f"{missing}; the trial is left out (unresolved: drop)"
        return None, [chosen.ledger("dropped", left, n=number)], None
    if analysis.unresolved == "keep":
        whole = f"{missing}; all patients are kept (unresolved: keep)"
        return cells, [chosen.ledger("kept", whole, n=number)], None
    allowed = "a row with the responders of either part, or unresolved: drop or keep, is allowed"
    path = chosen.path()
    return None, [], Fault(chosen.file.file, chosen.file.line(path), path, f"found {missing}", allowed)


def _entering_twice(included: list[Included], analysis: Analysis) -> Iterator[Fault]:
    """Patients who would be counted twice: shared between trials, or arms of one trial as trials."""
    ids = [t.chosen.trial.id for t in included]
    for i, trial in enumerate(included):
        file = trial.chosen.file
        for other in set(trial.chosen.trial.shares_patients_with).intersection(ids[:i] + ids[i + 1 :]):
            allowed = f"exclude: [{{trial: {other}}}], or the other of the two, is allowed"
            line = file.line("shares_patients_with")
            found = f"found {other} in the same analysis"
            yield Fault(file.file, line, "shares_patients_with", found, allowed)
        if analysis.unit == "trial" and trial.chosen.trial.id in ids[:i]:
            found = f"found arm {trial.chosen.arm} beside another arm of this trial"
            allowed = "one arm a trial, or unit: arm, is allowed"
            yield Fault(file.file, file.line("arms"), "arms", found, allowed)


def _with_unique_labels(included: list[Included]) -> list[Included]:
    labels = Counter(trial.label for trial in included)
    return [
        replace(t, chosen=replace(t.chosen, suffix=f" [{t.chosen.trial.id}]")) if labels[t.label] > 1 else t
        for t in included
    ]


def _unused(included: list[Included], ledger: list[LedgerEntry]) -> Iterator[LedgerEntry]:
    seen = {(entry.trial, entry.path) for entry in ledger}
    for trial in included:
        chosen = trial.chosen
        for index, row in enumerate(chosen.table.rows):
            if row.count is None or (chosen.trial.id, chosen.path(index)) in seen:
                continue
            printed = row.status == "verified" and not row.back_calculated
            reason = "overlaps with the rows used" if printed else "not seen in print (evidence: printed)"
            yield chosen.ledger("unused", reason, row=index)
