"""From trials and an analysis to counts, with a ledger of what became of every row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from meta.data import Counts, PartialCounts
from meta.errors import Fault, SpecError
from meta.records.analysis import Analysis, TrialEntry, Where
from meta.records.run import LedgerEntry
from meta.workflow.selection.bound import Open, bounded, by_group, overall
from meta.workflow.selection.cohorts import joined, one_table, protocols
from meta.workflow.selection.exclude import without
from meta.workflow.selection.group import Grouping, group
from meta.workflow.selection.included import Bounded, Included
from meta.workflow.selection.latent import LatentCounts, latent_counts, latent_entries
from meta.workflow.selection.reports import choose, not_printed, population, trial_entry, used_levels
from meta.workflow.selection.sites import site_counts
from meta.workflow.selection.unreported import divides, splits

if TYPE_CHECKING:
    from meta.records.trial import Row, TrialFile


@dataclass(frozen=True, slots=True)
class Selection:
    """The counts selected for an analysis, with the ledger.

    `counts`, `groupings` and `included` are of the trials whose counts are known; `bounded` are the others,
    and `open` the completions of all of them, under `unresolved: bound` alone; or, under `unreported: bound`,
    those of the groupings that divide a trial's patients. `sites` is for the model of sites and regions,
    where the analysis asks for it. `latent` is for the latent model, under `unresolved: latent` alone, and
    `mixed` are the trials that do not report excluded patients separately.
    """

    counts: Counts
    groupings: tuple[Grouping, ...]
    ledger: tuple[LedgerEntry, ...]
    included: tuple[Included, ...] = field(repr=False)
    bounded: tuple[Bounded, ...] = field(default=(), repr=False)
    open: tuple[Open, ...] = field(default=(), repr=False)
    sites: PartialCounts | None = field(default=None, repr=False)
    latent: LatentCounts | None = field(default=None, repr=False)
    mixed: tuple[Included, ...] = field(default=(), repr=False)

    @property
    def unsettled(self) -> bool:
        """Whether there is no one set of counts to fit."""
        return bool(self.bounded or self.mixed)


def select(trials: Mapping[str, TrialFile], analysis: Analysis) -> Selection:
    """Find each trial's counts for the analysis.

    Raises
    ------
    SpecError
        With every fault: excluded patients whose responders are not reported under `unresolved:
        error`, trials that share patients, two arms of a trial under `unit: trial`.
    """
    ledger: list[LedgerEntry] = []
    entered: list[Included | Bounded] = []
    faults: list[Fault] = []
    for entry in entries(trials, analysis):
        file = trials[entry.id]
        for arm in _arms(file, entry):
            kept, notes, wrong = _include(file, analysis, entry, arm)
            ledger += notes
            entered += [kept] if kept else []
            faults += wrong
    faults += _entering_twice(entered, analysis)
    entered, wrong = _one_a_protocol(entered, analysis)
    faults += wrong
    if faults:
        raise SpecError(f"analysis {analysis.name}: trials cannot be selected as asked", faults)
    entered = _with_unique_labels(entered)
    several = [trial for trial in entered if isinstance(trial, Included)]
    included = [trial for trial in several if not trial.mixed]
    uncertain = [trial for trial in entered if isinstance(trial, Bounded)]
    for trial in included:
        ledger += trial.chosen.used(trial.found, None, None)
    groupings, completed, notes = _grouped(included, uncertain, analysis)
    ledger += notes
    sites, latent, notes = _partial(several, analysis)
    ledger += (entry for entry in notes if entry not in ledger)
    ledger += _unused(included, ledger, analysis.evidence)
    return Selection(
        counts=_counts(included),
        groupings=groupings,
        ledger=tuple(ledger),
        included=tuple(included),
        bounded=tuple(uncertain),
        open=completed,
        sites=sites,
        latent=latent,
        mixed=tuple(trial for trial in several if trial.mixed),
    )


def _grouped(
    included: Sequence[Included], uncertain: Sequence[Bounded], analysis: Analysis
) -> tuple[tuple[Grouping, ...], tuple[Open, ...], list[LedgerEntry]]:
    """The counts of every grouping; and the completions, overall too, where the analysis asks for bounds."""
    completed = [overall(included, uncertain)] if analysis.unresolved == "bound" else []
    groupings: list[Grouping] = []
    ledger: list[LedgerEntry] = []
    for by in analysis.by:
        factors = (by,) if isinstance(by, str) else by
        grouping, notes = group(included, analysis, factors)
        parts, more = _completed(grouping, factors, analysis, included, uncertain)
        groupings.append(grouping)
        completed += parts
        ledger += [*notes, *more]
    return tuple(groupings), tuple(completed), ledger


def _completed(
    grouping: Grouping,
    factors: tuple[str, ...],
    analysis: Analysis,
    included: Sequence[Included],
    uncertain: Sequence[Bounded],
) -> tuple[list[Open], list[LedgerEntry]]:
    """The completions of one grouping, where the analysis asks for bounds."""
    if analysis.unresolved == "bound":
        several, notes = by_group(grouping, factors, analysis, included, uncertain)
    elif analysis.unreported == "bound" and divides(factors):
        several, notes = splits(grouping, factors, analysis, included)
    else:
        return [], []
    return [several], notes


def _counts(included: Sequence[Included]) -> Counts:
    responders, n = [t.found.responders for t in included], [t.found.n for t in included]
    return Counts.of(responders, n, [t.label for t in included])


def _partial(
    trials: Sequence[Included], analysis: Analysis
) -> tuple[PartialCounts | None, LatentCounts | None, list[LedgerEntry]]:
    """What the latent model takes under `unresolved: latent`, else that of sites and regions if asked for."""
    if analysis.unresolved == "latent":
        latent, ledger = latent_counts(trials, analysis)
        return None, latent, ledger
    if analysis.sites is None:
        return None, None, []
    sites, ledger = site_counts(trials, analysis, analysis.sites.by)
    return sites, None, ledger


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
        "selected_on": file.trial.selected_on or "not stated",
    }
    return {name: str(value) for name, value in values.items()}


def _meets(where: Where, attributes: Mapping[str, str]) -> bool:
    return all(attributes[name] == value for name, value in where.trial_conditions().items())


def _include(
    file: TrialFile, analysis: Analysis, entry: TrialEntry, arm: str | None
) -> tuple[Included | Bounded | None, list[LedgerEntry], list[Fault]]:
    """One trial or arm: in with its counts or what bounds them, or out with the reason."""
    attributes = _attributes(file, arm)
    for where in (analysis.where, entry.where):
        if not _meets(where, attributes):
            wanted = ", ".join(f"{name} {value}" for name, value in where.trial_conditions().items())
            return None, [trial_entry(file, "dropped", f"the analysis asks for {wanted}")], []
    applying = [where for where in analysis.exclude if _meets(where, attributes)]
    if any(not where.given() for where in applying):
        return None, [trial_entry(file, "dropped", "excluded by the analysis")], []
    chosen, ledger = choose(file, analysis, entry, arm)
    if chosen is None:
        silent = "no response is printed of it (results: none printed)"
        reason = silent if file.trial.results else "no report has counts that the analysis can use"
        return None, [*ledger, trial_entry(file, "dropped", reason)], []
    conditions = population(analysis, entry)
    remaining = without(chosen, chosen.universe.common(conditions), applying, analysis.unresolved)
    ledger += remaining.ledger
    if remaining.patients is None:
        return None, ledger, remaining.faults
    if remaining.pending and analysis.unresolved == "bound":
        between, notes = bounded(chosen, entry, remaining, conditions, attributes)
        return between, [*ledger, *notes], []
    found = chosen.margins.counts(remaining.patients)
    if found is None or found.n == 0:
        return None, [*ledger, chosen.ledger("dropped", "no patient is left")], []
    mixed = bool(remaining.pending)
    ledger += latent_entries(chosen, remaining) if mixed else []
    return (
        Included(chosen, remaining.patients, found, conditions, attributes, entry.ranges, mixed),
        ledger,
        [],
    )


def _entering_twice(included: list[Included | Bounded], analysis: Analysis) -> Iterator[Fault]:
    """Trials that share patients, and arms of one trial as trials of their own."""
    ids = [t.chosen.trial.id for t in included]
    for i, trial in enumerate(included):
        file = trial.chosen.file
        for other in set(trial.chosen.trial.shares_patients_with).intersection(ids[:i] + ids[i + 1 :]):
            yield _beside(trial, "shares_patients_with", other, "in the same analysis")
        if analysis.unit == "trial" and trial.chosen.trial.id in ids[:i]:
            found = f"found arm {trial.chosen.arm} beside another arm of this trial"
            allowed = "one arm a trial, or unit: arm, is allowed"
            yield Fault(file.file, file.line("arms"), "arms", found, allowed)


def _beside(trial: Included | Bounded, path: str, other: str, how: str) -> Fault:
    file = trial.chosen.file
    allowed = f"exclude: [{{trial: {other}}}], or the other of the two, is allowed"
    return Fault(file.file, file.line(path), path, f"found {other} {how}", allowed)


def _one_a_protocol(
    entered: list[Included | Bounded], analysis: Analysis
) -> tuple[list[Included | Bounded], list[Fault]]:
    """Join the cohorts of each protocol."""
    found: list[Included | Bounded] = []
    faults = []
    for members in protocols(entered):
        if len(members) == 1:
            found += members
            continue
        exclusions = [[w for w in analysis.exclude if _meets(w, one.attributes)] for one in members]
        cohorts = one_table(members)
        if cohorts is not None and all(some == exclusions[0] for some in exclusions):
            whole = joined(cohorts, analysis, exclusions[0])
            if whole is not None:
                found.append(whole)
                continue
        how = "in the same analysis, where their patients cannot be added up (unlike conditions, or bounds)"
        faults.append(_beside(members[0], "same_protocol_as", members[1].chosen.trial.id, how))
    return found, faults


def _with_unique_labels(included: list[Included | Bounded]) -> list[Included | Bounded]:
    labels = Counter(trial.label for trial in included)
    return [
        replace(t, chosen=replace(t.chosen, suffix=f" [{t.chosen.trial.id}]")) if labels[t.label] > 1 else t
        for t in included
    ]


def _unused(included: list[Included], ledger: list[LedgerEntry], evidence: str) -> Iterator[LedgerEntry]:
    seen = {(entry.trial, entry.path) for entry in ledger}
    for trial in included:
        chosen = trial.chosen
        for index, row in enumerate(chosen.table.rows):
            place = (chosen.source(index)[0].trial.id, chosen.path(index))
            if row.count is not None and place not in seen:
                yield chosen.ledger("unused", _why_unused(trial, row, evidence), row=index)


def _why_unused(trial: Included, row: Row, evidence: str) -> str:
    if row.evidence not in used_levels(evidence):
        return not_printed([row], evidence)
    if row.n is None:
        return "printed without a number of patients"
    patients = trial.chosen.universe.patients(row.given())
    if patients.disjoint(trial.patients):
        return "of patients who are not in this analysis"
    if not patients.inside(trial.patients):
        return "of more patients than are in this analysis"
    return "overlaps with the rows used"
