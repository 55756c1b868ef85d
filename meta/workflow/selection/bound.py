"""Trials that do not report excluded patients separately: their possible counts (`unresolved: bound`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from meta.data import Completions
from meta.errors import DataError
from meta.records.factors import told
from meta.records.patients import NOBODY, Patients, union
from meta.workflow.selection.exclude import unreported
from meta.workflow.selection.group import names_of, parts
from meta.workflow.selection.included import Bounded, Included, declared_of
from meta.workflow.selection.possible_counts import possible_counts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from meta.records.analysis import Analysis, Range, TrialEntry
    from meta.records.factors import FactorValue
    from meta.records.run import LedgerEntry
    from meta.workflow.selection.exclude import Remaining
    from meta.workflow.selection.group import Grouping
    from meta.workflow.selection.reports import Candidate

    Known = tuple[str, NDArray[np.int64], tuple[int, ...]]  # label, options and groups of its rows


@dataclass(frozen=True, slots=True)
class Open:
    """The completions of one grouping; `by` is None for the overall estimate."""

    by: str | None
    data: Completions


def bounded(
    chosen: Candidate,
    entry: TrialEntry,
    remaining: Remaining,
    population: Sequence[Mapping[str, FactorValue]],
    attributes: Mapping[str, str],
) -> tuple[Bounded | None, list[LedgerEntry]]:
    """Find every possible count of the remaining patients, or why nothing bounds them.

    Parameters
    ----------
    entry : TrialEntry
        With the declared ranges.
    remaining : Remaining
        With exclusions pending.
    population : sequence of mappings
        The conditions on patients.
    attributes : mapping
        Of the trial.
    """
    assert remaining.patients is not None  # pending exclusions are of somebody
    before = remaining.patients
    patients = before - union(remaining.pending.values())
    declared = declared_of(chosen, entry.ranges, population)
    missing = "; ".join(unreported(chosen, before, *item) for item in remaining.pending.items())
    refused = _unsized(chosen, before, remaining, [some for some, _ in declared])
    pairs = zip(entry.ranges, declared, strict=True)
    about = [one for one, (some, _) in pairs if _about(chosen, before, remaining, some)]
    doubtful = NOBODY if about else remaining.doubtful  # a range says how many leave, whoever is not known
    options = np.zeros((0, 2), dtype=np.int64)
    if not refused:
        try:
            options = possible_counts(chosen.margins, [patients], doubtful, declared)[:, 0]
        except DataError as error:
            refused = str(error)
    if not refused and not len(options):
        refused = "the rows of its table, or these and the declared range, contradict each other"
    if refused:
        reason = f"{missing}; not bounded: {refused}; the trial is dropped (unresolved: bound)"
        return None, [chosen.ledger("not bounded", reason)]
    least, greatest = options.min(0).tolist(), options.max(0).tolist()
    number = least[1] if least[1] == greatest[1] else None
    if doubtful:
        size = chosen.margins.size(doubtful)
        assert size is not None  # without() has looked
        missing += f"; {size.n} more may be, of whom the report does not know"
    reason = f"{missing}{in_words(about)}; {_found(least, greatest, len(options))} (unresolved: bound)"
    trial = Bounded(chosen, before, patients, doubtful, declared, options, attributes)
    return trial, [chosen.ledger("bounded", reason, n=number)]


def in_words(ranges: Sequence[Range]) -> str:
    """Declared ranges in words, each after a semicolon."""
    return "".join(
        f"; declared: {span(*r.n)} of the patients {'is' if r.n == (1, 1) else 'are'} {told(r.given())}"
        f" ({r.source})"
        for r in ranges
    )


def _found(least: Sequence[int], greatest: Sequence[int], many: int) -> str:
    """Responders and number of the remaining patients, in words."""
    responders, size = span(least[0], greatest[0]), span(least[1], greatest[1])
    return f"{responders} responders among the {size} remaining patients: {many} completions"


def _unsized(chosen: Candidate, before: Patients, remaining: Remaining, declared: Sequence[Patients]) -> str:
    """Why the number of patients to be excluded is unknown; empty where it is known or bounded."""
    for words, excluded in remaining.pending.items():
        known = any(_same(chosen, before, excluded, some) for some in declared)
        if not known and not chosen.margins.sized(chosen.margins.occupied(excluded & before)):
            return f"its report does not say how many are {words}, and no range of it is declared"
    return ""


def _same(chosen: Candidate, before: Patients, excluded: Patients, declared: Patients) -> bool:
    """Whether a range is of exactly the patients who are to be excluded, or of those who remain."""
    here = chosen.margins.occupied(excluded & before)
    return chosen.margins.occupied(declared & before) in {here, chosen.margins.occupied(before) - here}


def _about(chosen: Candidate, before: Patients, remaining: Remaining, declared: Patients) -> bool:
    """Whether a range is about any of the exclusions."""
    return any(_same(chosen, before, excluded, declared) for excluded in remaining.pending.values())


def span(low: int, high: int) -> str:
    """A number, or its range."""
    return str(low) if low == high else f"{low} to {high}"


def overall(included: Sequence[Included], trials: Sequence[Bounded]) -> Open:
    """The completions of the overall estimate.

    Parameters
    ----------
    included : sequence of Included
        Trials whose counts are known.
    """
    known: list[Known] = [(t.label, np.array([[[t.found.responders, t.found.n]]]), (0,)) for t in included]
    unknown: list[Known] = [(t.label, t.options[:, None], (0,)) for t in trials]
    return Open(None, as_completions([*known, *unknown], ()))


def by_group(
    grouping: Grouping,
    factors: tuple[str, ...],
    analysis: Analysis,
    included: Sequence[Included],
    trials: Sequence[Bounded],
) -> tuple[Open, list[LedgerEntry]]:
    """The completions of one grouping; groups not reported even before the exclusion have none.

    Parameters
    ----------
    grouping : Grouping
        Of the trials whose counts are known.
    """
    everyone: list[Included | Bounded] = [*included, *trials]
    places = {name: i for i, name in enumerate(names_of(everyone, analysis, factors))}
    found = reported(grouping, places)
    ledger: list[LedgerEntry] = []
    for trial in trials:
        told, untold = _separate_groups(trial, analysis, factors, everyone)
        ledger += [_untold(trial, grouping.by, *part) for part in untold]
        if told:
            options = possible_counts(
                trial.chosen.margins, list(told.values()), trial.doubtful, trial.declared
            )
            found.append((trial.label, options, tuple(places[name] for name in told)))
    return Open(grouping.by, as_completions(found, tuple(places))), ledger


def reported(grouping: Grouping, places: Mapping[str, int]) -> list[Known]:
    """Reported counts by group, each as the only possible value.

    Parameters
    ----------
    places : mapping of str to int
        The number of each group.
    """
    known: dict[str, list[tuple[int, int, int]]] = {}
    data = grouping.counts
    for label, x, n, group in zip(data.labels, data.responders, data.n, data.group, strict=True):
        known.setdefault(label, []).append((places[data.names[group]], int(x), int(n)))
    return [
        (label, np.array([[row[1:] for row in rows]]), tuple(row[0] for row in rows))
        for label, rows in known.items()
    ]


def _untold(trial: Bounded, by: str, name: str, patients: Patients) -> LedgerEntry:
    size = trial.chosen.margins.size(patients)
    many = size.n if size else None
    reason = f"responders {trial.chosen.why_unknown(patients)}"
    return trial.chosen.ledger("not reported", reason, by=by, group=name, n=many)


def _separate_groups(
    trial: Bounded, analysis: Analysis, factors: tuple[str, ...], everyone: Sequence[Included | Bounded]
) -> tuple[dict[str, Patients], list[tuple[str, Patients]]]:
    """The groups of which the trial reports responders before the exclusion, and the others."""
    margins = trial.chosen.margins
    reported, untold = dict[str, Patients](), list[tuple[str, Patients]]()
    names = names_of(everyone, analysis, factors)
    before = dict(parts(trial, trial.before, analysis, factors, names))
    for name, patients in parts(trial, trial.patients, analysis, factors, names):
        if not margins.occupied(before[name]):
            continue
        sized = margins.counts(before[name]) is not None and margins.sized(patients)
        if before[name] == trial.before or sized or margins.counts(patients) is not None:
            reported[name] = patients
        else:
            untold.append((name, patients))
    return reported, untold


def as_completions(trials: Sequence[Known], names: tuple[str, ...]) -> Completions:
    """The trials' options, of groups in which there is a row; without `names` there are no groups.

    Parameters
    ----------
    trials : sequence of (str, ndarray of int, tuple of int)
        Label, options, shape (C, r, 2), and the groups of the r rows.
    """
    used = sorted({group for _, _, groups in trials for group in groups})
    return Completions(
        labels=tuple(label for label, _, _ in trials),
        options=tuple(np.ascontiguousarray(options, dtype=np.int64) for _, options, _ in trials),
        groups=tuple(tuple(used.index(group) for group in groups) for _, _, groups in trials),
        names=tuple(names[group] for group in used) if names else (),
    )
