"""Patients who are to be left out, and what becomes of a trial that does not tell them apart."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from meta.errors import Fault
from meta.records.factors import UNKNOWN, VALUES, told
from meta.records.run import LedgerEntry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meta.records.analysis import Unresolved, Where
    from meta.workflow.selection.reports import Candidate


@dataclass(slots=True)
class Remaining:
    """What stays of a trial: `cells`, or None where the trial leaves; with ledger and faults.

    `pending`, under `unresolved: bound` and `latent` alone, are the exclusions that `cells` still contain.
    `doubtful`, under `unresolved: bound` alone, are patients of whom the report does not know whether such
    an exclusion is of them; an exclusion of whom there are any is pending, whatever is reported.
    """

    cells: int | None
    ledger: list[LedgerEntry] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    pending: dict[str, int] = field(default_factory=dict)
    doubtful: int = 0


def without(chosen: Candidate, cells: int, exclusions: Sequence[Where], unresolved: Unresolved) -> Remaining:
    """Leave patients out of a population.

    Each exclusion whose remaining patients are reported is carried out, all together or one by one;
    only for the others does `unresolved` decide. Patients of an unknown level of what is excluded stay,
    but under `unresolved: bound` they may leave.

    Parameters
    ----------
    chosen : Candidate
    cells : int
        The population.
    exclusions : sequence of Where
        Those that apply to this trial.
    unresolved : {"error", "drop", "keep", "bound", "latent"}

    Returns
    -------
    Remaining
    """
    margins = chosen.margins
    masks = {told(where.given()): chosen.universe.mask(where.given()) & cells for where in exclusions}
    everybody = 0
    for mask in masks.values():
        everybody |= mask
    doubts: dict[str, int] = {}
    if unresolved == "bound":
        doubts = {told(where.given()): _doubtful(chosen, cells & ~everybody, where) for where in exclusions}
        doubts = {words: doubtful for words, doubtful in doubts.items() if doubtful}
    pending = {words: mask for words, mask in masks.items() if margins.occupied(mask) and words not in doubts}
    if not doubts and margins.counts(cells & ~everybody) is not None:
        notes = [_entry(chosen, cells, words, mask) for words, mask in pending.items()]
        return Remaining(cells & ~everybody, notes)
    remaining = _one_by_one(chosen, cells, pending)
    if unresolved in {"bound", "latent"}:
        remaining.pending = pending | {words: masks[words] for words in doubts}
        for doubtful in doubts.values():
            remaining.doubtful |= doubtful
        return remaining
    return _unresolved(chosen, cells, remaining, pending, unresolved)


def _doubtful(chosen: Candidate, cells: int, where: Where) -> int:
    """Patients who stay as far as is known, but are of an unknown level of what is excluded."""
    possible = cells
    for factor, value in where.given().items():
        levels = chosen.universe.mask({factor: value})
        known = UNKNOWN in VALUES[factor]
        possible &= levels | (chosen.universe.mask({factor: UNKNOWN}) if known else 0)
    size = chosen.margins.size(possible)
    return possible if size is not None and size.n else 0


def _one_by_one(chosen: Candidate, cells: int, pending: dict[str, int]) -> Remaining:
    """Carry out what can be carried out, and take it from `pending`; one may make another possible."""
    kept = cells
    ledger: list[LedgerEntry] = []
    found = True
    while found:
        found = False
        for words, mask in list(pending.items()):
            if chosen.margins.counts(kept & ~mask) is not None:
                ledger.append(_entry(chosen, kept, words, mask & kept))
                kept &= ~mask
                del pending[words]
                found = True
    return Remaining(kept, ledger)


def _unresolved(
    chosen: Candidate, cells: int, remaining: Remaining, pending: dict[str, int], unresolved: Unresolved
) -> Remaining:
    for words, mask in pending.items():
        missing = unreported(chosen, cells, words, mask)
        if unresolved == "error":
            ways = "drop, keep, bound or latent"
            allowed = f"a row with responders of either part, or unresolved: {ways}, is allowed"
            path = chosen.path()
            line = chosen.file.line(path)
            remaining.faults.append(Fault(chosen.file.file, line, path, f"found {missing}", allowed))
        elif unresolved == "drop":
            left = f"{missing}; the trial is left out (unresolved: drop)"
            remaining.ledger.append(chosen.ledger("dropped", left, n=_number(chosen, mask)))
        else:
            whole = f"{missing}; all of them are kept (unresolved: keep)"
            remaining.ledger.append(chosen.ledger("kept", whole, n=_number(chosen, mask)))
    if pending and unresolved != "keep":
        remaining.cells = None
    return remaining


def unreported(chosen: Candidate, cells: int, words: str, mask: int) -> str:
    """How many patients are to be left out, and whether their responders are not reported."""
    words = _of(chosen, cells, words, mask & cells)
    reported = chosen.margins.counts(cells & ~mask) is not None
    return words if reported else f"{words}; their responders are not reported"


def _entry(chosen: Candidate, cells: int, words: str, mask: int) -> LedgerEntry:
    return chosen.ledger("excluded", f"{_of(chosen, cells, words, mask)}; left out", n=_number(chosen, mask))


def _of(chosen: Candidate, cells: int, words: str, mask: int) -> str:
    number, whole = _number(chosen, mask), _number(chosen, cells)
    many = "an unreported number" if number is None else number or "none"
    verb = "is" if number == 1 else "are"
    return f"{many} of {'?' if whole is None else whole} patients {verb} {words}"


def _number(chosen: Candidate, cells: int) -> int | None:
    size = chosen.margins.size(cells)
    return size.n if size else None
