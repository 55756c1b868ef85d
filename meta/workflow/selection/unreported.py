"""Trials that do not print responders by group: how these may be divided (`unreported: bound`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from meta.errors import DataError
from meta.records.factors import TRIAL_FACTORS
from meta.workflow.selection.bound import Open, as_completions, in_words, reported, span
from meta.workflow.selection.group import names_of, parts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from meta.data.counts import IntArray
    from meta.records.analysis import Analysis
    from meta.records.patients import Patients
    from meta.records.run import LedgerEntry
    from meta.workflow.selection.group import Grouping
    from meta.workflow.selection.included import Included


class Divided(NamedTuple):
    """What responders and n of some groups of a trial can be, shape (C, groups, 2)."""

    groups: tuple[str, ...]
    options: IntArray


def divides(factors: Sequence[str]) -> bool:
    """Tell whether a grouping divides the patients of a trial; region, line and regimen do not."""
    return not set(factors) <= set(TRIAL_FACTORS)


def splits(
    grouping: Grouping, factors: tuple[str, ...], analysis: Analysis, included: Sequence[Included]
) -> tuple[Open, list[LedgerEntry]]:
    """Every way in which the responders that no report divides may be divided over the groups.

    Parameters
    ----------
    grouping : Grouping
        What is reported.

    Returns
    -------
    completions : Open
        Of each trial what all its rows leave possible: of one group together with the others, as they add up.
    ledger : list of LedgerEntry
        How many there are; and of whom there are none, as nobody says how many patients are in a group.
    """
    names = names_of(included, analysis, factors)
    places = {name: i for i, name in enumerate(names)}
    known = {label: (options, groups) for label, options, groups in reported(grouping, places)}
    ledger: list[LedgerEntry] = []
    for trial in included:
        occupied = trial.chosen.margins.occupied
        own = parts(trial, trial.patients, analysis, factors, names)
        divided, notes = _divided(trial, grouping.by, {name: some for name, some in own if occupied(some)})
        ledger += notes
        if divided is not None:
            known[trial.label] = (divided.options, tuple(places[name] for name in divided.groups))
    found = [(trial.label, *known[trial.label]) for trial in included if trial.label in known]
    return Open(grouping.by, as_completions(found, tuple(places))), ledger


def _divided(
    trial: Included, by: str, groups: Mapping[str, Patients]
) -> tuple[Divided | None, list[LedgerEntry]]:
    """The completions of a trial with the groups that they are of; None where its report leaves no choice."""
    chosen, margins = trial.chosen, trial.chosen.margins
    if all(margins.counts(some) is not None for some in groups.values()):
        return None, []
    able = [name for name, some in groups.items() if _sized(trial, some)]
    ledger = []
    if len(able) < len(groups):
        unable = ", ".join(name for name in groups if name not in able)
        reason = f"its report does not say how many of its patients are in {unable}, nor is a range declared"
        ledger.append(chosen.ledger("not bounded", f"by {by}: {reason} (unreported: bound)", by=by))
    if all(margins.counts(groups[name]) is not None for name in able):
        return None, ledger
    try:
        options = margins.completions([groups[name] for name in able], trial.declared)
        refused = "" if len(options) else "its rows, or these and the declared range, contradict each other"
    except DataError as error:
        refused = str(error)
    if refused:
        return None, [chosen.ledger("not bounded", f"by {by}: {refused} (unreported: bound)", by=by)]
    divided = Divided(tuple(able), options)
    declared = _declared(trial, [groups[name] for name in able])
    said = f"responders not reported by {by}: {_found(divided)}{declared}"
    number = f"{len(options)} completions (unreported: bound)"
    return divided, [*ledger, chosen.ledger("bounded", f"{said}; {number}", by=by, n=trial.found.n)]


def _sized(trial: Included, patients: Patients) -> bool:
    """Whether the number of patients is reported, or bounded by a range that the analysis declares."""
    margins = trial.chosen.margins
    here = margins.occupied(patients)
    return any(margins.occupied(some) == here for some, _ in trial.declared) or margins.sized(patients)


def _declared(trial: Included, groups: Sequence[Patients]) -> str:
    """The declared ranges of these groups, in words."""
    occupied = trial.chosen.margins.occupied
    here = {occupied(some) for some in groups}
    ranges = zip(trial.ranges, trial.declared, strict=True)
    return in_words([one for one, (some, _) in ranges if occupied(some) in here])


def _found(divided: Divided) -> str:
    """Responders and patients of each group, from the least to the most."""
    least, most = divided.options.min(0).tolist(), divided.options.max(0).tolist()
    return ", ".join(
        f"{name} {span(low[0], high[0])} of {span(low[1], high[1])}"
        for name, low, high in zip(divided.groups, least, most, strict=True)
    )
