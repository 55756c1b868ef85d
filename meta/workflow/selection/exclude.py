"""Patients who are to be excluded, and what becomes of a trial that does not report them separately."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from meta.errors import Fault
from meta.records.factors import FACTORS, UNKNOWN, told
from meta.records.patients import NOBODY, Patients, union
from meta.records.run import LedgerEntry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meta.records.analysis import Unresolved, Where
    from meta.workflow.selection.reports import Candidate


@dataclass(slots=True)
class Remaining:
    """The remaining patients of a trial, or None where the trial is dropped; with ledger and faults.

    `pending`, under `unresolved: bound` and `latent` alone, are the exclusions that could not be carried out,
    so that `patients` still contain them. `doubtful`, under `unresolved: bound` alone, are patients of an
    unknown level of what is excluded; an exclusion with doubtful patients is pending, whatever is reported.
    """

    patients: Patients | None
    ledger: list[LedgerEntry] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    pending: dict[str, Patients] = field(default_factory=dict)
    doubtful: Patients = NOBODY


def without(
    chosen: Candidate, patients: Patients, exclusions: Sequence[Where], unresolved: Unresolved
) -> Remaining:
    """Exclude patients from a population.

    Each exclusion whose remaining patients are reported is carried out, all together or one by one;
    only for the others does `unresolved` decide. Patients of an unknown level of what is excluded remain;
    under `unresolved: bound` any number of them may be excluded.

    Parameters
    ----------
    patients : Patients
        The population.
    exclusions : sequence of Where
        Those that apply to this trial.
    unresolved : {"error", "drop", "keep", "bound", "latent"}
    """
    margins = chosen.margins
    excluded = {told(w.given()): chosen.universe.patients(w.given()) & patients for w in exclusions}
    left = patients - union(excluded.values())
    doubts: dict[str, Patients] = {}
    if unresolved == "bound":
        doubts = {told(where.given()): _doubtful(chosen, left, where) for where in exclusions}
        doubts = {words: doubtful for words, doubtful in doubts.items() if doubtful}
    pending = {w: some for w, some in excluded.items() if margins.occupied(some) and w not in doubts}
    if not doubts and margins.counts(left) is not None:
        notes = [_entry(chosen, patients, words, some) for words, some in pending.items()]
        return Remaining(left, notes)
    remaining = _one_by_one(chosen, patients, pending)
    if unresolved in {"bound", "latent"}:
        remaining.pending = pending | {words: excluded[words] for words in doubts}
        remaining.doubtful = union(doubts.values())
        return remaining
    return _unresolved(chosen, patients, remaining, pending, unresolved)


def _doubtful(chosen: Candidate, remaining: Patients, where: Where) -> Patients:
    """Those of the remaining patients who may be of the excluded kind, as the level of some is unknown."""
    possible = remaining
    for factor, value in where.given().items():
        levels = chosen.universe.patients({factor: value})
        if UNKNOWN in FACTORS[factor].levels:
            levels |= chosen.universe.patients({factor: UNKNOWN})
        possible &= levels
    size = chosen.margins.size(possible)
    return possible if size is not None and size.n else NOBODY


def _one_by_one(chosen: Candidate, patients: Patients, pending: dict[str, Patients]) -> Remaining:
    """Carry out what can be carried out, and take it from `pending`; one may make another possible."""
    kept = patients
    ledger: list[LedgerEntry] = []
    found = True
    while found:
        found = False
        for words, some in list(pending.items()):
            if chosen.margins.counts(kept - some) is not None:
                ledger.append(_entry(chosen, kept, words, some & kept))
                kept -= some
                del pending[words]
                found = True
    return Remaining(kept, ledger)


def _unresolved(
    chosen: Candidate,
    patients: Patients,
    remaining: Remaining,
    pending: dict[str, Patients],
    unresolved: Unresolved,
) -> Remaining:
    for words, some in pending.items():
        missing = unreported(chosen, patients, words, some)
        if unresolved == "error":
            ways = "drop, keep, bound or latent"
            allowed = f"a row with responders of either part, or unresolved: {ways}, is allowed"
            path = chosen.path()
            line = chosen.file.line(path)
            remaining.faults.append(Fault(chosen.file.file, line, path, f"found {missing}", allowed))
        elif unresolved == "drop":
            left = f"{missing}; the trial is dropped (unresolved: drop)"
            remaining.ledger.append(chosen.ledger("dropped", left, n=_number(chosen, some)))
        else:
            whole = f"{missing}; all of them are kept (unresolved: keep)"
            remaining.ledger.append(chosen.ledger("kept", whole, n=_number(chosen, some)))
    if pending and unresolved != "keep":
        remaining.patients = None
    return remaining


def unreported(chosen: Candidate, patients: Patients, words: str, excluded: Patients) -> str:
    """The number of excluded patients, and why their responders are unknown, if they are."""
    words = _of(chosen, patients, words, excluded & patients)
    if chosen.margins.counts(patients - excluded) is not None:
        return words
    return f"{words}; their responders are {chosen.why_unknown(patients - excluded)}"


def _entry(chosen: Candidate, patients: Patients, words: str, excluded: Patients) -> LedgerEntry:
    many = _of(chosen, patients, words, excluded)
    return chosen.ledger("excluded", f"{many}; excluded", n=_number(chosen, excluded))


def _of(chosen: Candidate, patients: Patients, words: str, some: Patients) -> str:
    number, whole = _number(chosen, some), _number(chosen, patients)
    many = "an unreported number" if number is None else number or "none"
    verb = "is" if number == 1 else "are"
    return f"{many} of {'?' if whole is None else whole} patients {verb} {words}"


def _number(chosen: Candidate, patients: Patients) -> int | None:
    size = chosen.margins.size(patients)
    return size.n if size else None
