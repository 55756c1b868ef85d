"""Cohorts of one protocol in records of their own: different patients, one trial.

Under one random effect the responders of several cohorts are binomial with one probability, so that their sum
holds all that they say. Their tables are therefore read as one, in which `cohort` names the record.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from meta.records.analysis import TrialEntry
from meta.records.factors import TRIAL_FACTORS
from meta.records.patients import Universe
from meta.workflow.selection.exclude import without
from meta.workflow.selection.included import Included
from meta.workflow.selection.margins import margins_of
from meta.workflow.selection.reports import conditions, usable_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from meta.records.analysis import Analysis, Where
    from meta.workflow.selection.included import Bounded
    from meta.workflow.selection.reports import Candidate


def protocols(entered: Sequence[Included | Bounded]) -> Iterator[list[Included | Bounded]]:
    """Those that entered, by protocol: each with those that either names by `same_protocol_as`."""
    left = list(entered)
    while left:
        members = [left.pop(0)]
        for member in members:
            near = [one for one in left if _same_protocol(one, member)]
            left = [one for one in left if one not in near]
            members += near
        yield members


def _same_protocol(one: Included | Bounded, other: Included | Bounded) -> bool:
    a, b = one.chosen.trial, other.chosen.trial
    return a.id in b.same_protocol_as or b.id in a.same_protocol_as


def one_table(members: Sequence[Included | Bounded]) -> Sequence[Included] | None:
    """The members, if their counts are known and the same is asked of all of them."""
    known = [one for one in members if isinstance(one, Included)]
    alike = all(
        not one.ranges and one.chosen.arm is None and one.population == known[0].population for one in known
    )
    return known if alike and len(known) == len(members) else None


def joined(members: Sequence[Included], analysis: Analysis, exclusions: Sequence[Where]) -> Included | None:
    """The cohorts of one protocol as one trial; None if their rows do not give counts together."""
    cohorts = sorted(members, key=lambda one: one.chosen.report.published)
    chosen = _table([one.chosen for one in cohorts], analysis)
    population = cohorts[0].population
    remaining = without(chosen, chosen.universe.common(population), exclusions, analysis.unresolved)
    found = chosen.margins.counts(remaining.patients) if remaining.patients else None
    if remaining.patients is None or found is None:
        return None
    values = {name: {one.attributes[name] for one in cohorts} for name in TRIAL_FACTORS}
    several = {name: "several" for name, stated in values.items() if len(stated) > 1}
    return replace(
        cohorts[0],
        chosen=chosen,
        patients=remaining.patients,
        found=found,
        attributes={**cohorts[0].attributes, **several},
        mixed=bool(remaining.pending),
        cohorts=tuple(cohorts),
    )


def _table(cohorts: Sequence[Candidate], analysis: Analysis) -> Candidate:
    """The rows of all cohorts as one table."""
    rows = tuple(
        replace(row, cohort=one.trial.id, where=row.where or one.table.where, via=row.via or one.table.via)
        for one in cohorts
        for row in one.table.rows
    )
    table = replace(cohorts[0].table, rows=rows)
    universe = Universe(
        [*(row.given() for row in rows), *conditions(analysis, TrialEntry(id=cohorts[0].trial.id))]
    )
    universe.everyone = universe.patients({"cohort": tuple(one.trial.id for one in cohorts)})
    margins = margins_of(universe, usable_rows(table, analysis.evidence))
    return replace(cohorts[0], universe=universe, margins=margins, cohorts=tuple(cohorts), joint=table)
