"""Responders by primary site, as far as each trial reports them: alone, as sums over sites, or in pools."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from meta.data import PartialCounts
from meta.records.factors import TRIAL_FACTORS
from meta.records.patients import Patients, union
from meta.workflow.selection.group import names_of, parts
from meta.workflow.selection.margins import Found

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meta.records.analysis import Analysis
    from meta.records.run import LedgerEntry
    from meta.workflow.selection.included import Included
    from meta.workflow.selection.margins import Margins


class Pool(NamedTuple):
    """Patients of a row in several groups, of unknown numbers in each."""

    groups: tuple[str, ...]
    n: int


@dataclass(frozen=True, slots=True)
class Part:
    """One row of a trial: the groups whose responders it adds up, with the patients known and the pools."""

    groups: tuple[str, ...]
    responders: int
    n: int
    sizes: Mapping[str, int]
    pools: tuple[Pool, ...] = ()


@dataclass(slots=True)
class ByGroup:
    """What a trial reports by group: rows, sizes of groups that are in none, and what they were made of."""

    rows: list[Part] = field(default_factory=list)
    unreported: dict[str, int] = field(default_factory=dict)
    found: list[tuple[str, Found]] = field(default_factory=list)
    reason: str = ""


def site_counts(
    included: Sequence[Included], analysis: Analysis, by: str = "site"
) -> tuple[PartialCounts, list[LedgerEntry]]:
    """Responders of groups within trials as far as they are reported, and how each trial reports them.

    Parameters
    ----------
    included : sequence of Included
        The trials of the overall estimate.
    by : str
        What the groups are.

    Returns
    -------
    counts : PartialCounts
        Of the groups in which there may be a patient; the contrasts are region, line and regimen.
    ledger : list of LedgerEntry
        One entry a trial, and the rows that its counts by group were made from.
    """
    names = names_of(included, analysis, (by,))
    ledger: list[LedgerEntry] = []
    reported: list[ByGroup] = []
    for trial in included:
        groups = dict(parts(trial, trial.patients, analysis, (by,), names))
        one = counts_by_group(trial.chosen.margins, groups, trial.patients, trial.found)
        reported.append(one)
        for group, found in one.found:
            ledger += trial.chosen.used(found, by, group)
        ledger.append(trial.chosen.ledger("by group", in_words(one), by=by, n=trial.found.n))
    return _counts(included, reported, list(names)), ledger


def counts_by_group(
    margins: Margins, groups: Mapping[str, Patients], population: Patients, found: Found | None
) -> ByGroup:
    """The finest rows of a trial that do not overlap, and the rest of its total.

    Parameters
    ----------
    population : Patients
        Everybody, in a group or not.
    found : Found or None
        Counts of the population; None where they are not reported.
    """
    reported = ByGroup()
    occupied = {name: here for name, group in groups.items() if (here := margins.occupied(group))}
    everybody = union(occupied.values())
    outside = margins.occupied(population - everybody)
    whole = margins.counts(everybody) if outside else found
    left = {name: occupied[name] for name in _separate(reported, margins, occupied)}
    if whole is not None:
        _rest(reported, margins, left, whole, tuple(occupied))
        return reported
    if outside:
        size = margins.size(outside)
        reported.reason = f"{size.n if size else 'an unreported number'} of its patients are in no group"
    reported.unreported = {name: size.n for name, group in left.items() if (size := margins.size(group))}
    return reported


def _separate(reported: ByGroup, margins: Margins, members: Mapping[str, Patients]) -> list[str]:
    """Take every group, then every few groups, whose responders are reported; the groups that are left."""
    left = list(members)
    for many in range(1, len(members)):
        for names in combinations(members, many):
            if not set(names) <= set(left):
                continue
            found = margins.counts(union(members[name] for name in names))
            if found is None:
                continue
            left = [name for name in left if name not in names]
            if found.n:
                inside = {name: members[name] for name in names}
                reported.rows.append(_part(margins, inside, found.responders, found.n, names))
                reported.found.append((" or ".join(names), found))
    return left


def _rest(
    reported: ByGroup,
    margins: Margins,
    left: Mapping[str, Patients],
    whole: Found,
    everywhere: tuple[str, ...],
) -> None:
    """Put what the rows so far do not hold of the total into a row of its own."""
    n = whole.n - sum(row.n for row in reported.rows)
    responders = whole.responders - sum(row.responders for row in reported.rows)
    if not 0 <= responders <= n:
        reported.rows, reported.found = [_pooled(everywhere, whole.responders, whole.n)], []
        reported.reason = "its counts by group contradict its total, which alone is used"
    elif n:
        reported.rows.append(_part(margins, left, responders, n, everywhere))


def _part(
    margins: Margins, members: Mapping[str, Patients], responders: int, n: int, everywhere: tuple[str, ...]
) -> Part:
    """A row over groups: patients of each where they are known, the others in pools as small as can be."""
    groups = tuple(members)
    if len(groups) == 1:
        return Part(groups, responders, n, {groups[0]: n})
    sizes = {name: size.n for name, group in members.items() if (size := margins.size(group)) is not None}
    unknown = [name for name in groups if name not in sizes]
    pools = _sized_together(margins, members, unknown)
    remaining = n - sum(sizes.values()) - sum(pool.n for pool in pools)
    if remaining < 0:  # the source contradicts itself
        return _pooled(groups, responders, n)
    if len(unknown) == 1:
        sizes[unknown[0]] = remaining
    elif remaining:  # without a group of unknown size they may be in any
        pools.append(Pool(tuple(unknown) or everywhere, remaining))
    return Part(groups, responders, n, sizes, tuple(pools))


def _sized_together(margins: Margins, members: Mapping[str, Patients], unknown: list[str]) -> list[Pool]:
    """Take the smallest sets of groups whose patients are known together from `unknown`."""
    pools: list[Pool] = []
    for many in range(2, len(unknown)):
        for names in combinations(members, many):
            if not set(names) <= set(unknown):
                continue
            size = margins.size(union(members[name] for name in names))
            if size is not None:
                pools += [Pool(names, size.n)] if size.n else []
                unknown[:] = [name for name in unknown if name not in names]
    return pools


def _pooled(groups: tuple[str, ...], responders: int, n: int) -> Part:
    """A row of which the numbers of patients by group are unknown."""
    return Part(groups, responders, n, {}, (Pool(groups, n),))


def _counts(included: Sequence[Included], reported: Sequence[ByGroup], names: Sequence[str]) -> PartialCounts:
    """The rows of all trials, over the groups in which there may be a patient."""
    sizes = [_sizes(one) for one in reported]
    pooled = {name for one in reported for row in one.rows for pool in row.pools for name in pool.groups}
    groups = [name for name in names if name in pooled or any(size.get(name) for size in sizes)]
    rows = [(trial.label, row) for trial, one in zip(included, reported, strict=True) for row in one.rows]
    return PartialCounts.of(
        np.array([[size.get(name, 0) for name in groups] for size in sizes], dtype=np.int64).reshape(
            len(sizes), len(groups)
        ),
        [(label, set(row.groups) & set(groups), row.responders) for label, row in rows],
        [trial.label for trial in included],
        groups,
        {name: [trial.attributes[name] for trial in included] for name in TRIAL_FACTORS},
        [(i, pool.groups, pool.n) for i, (_, row) in enumerate(rows) for pool in row.pools],
    )


def _sizes(reported: ByGroup) -> dict[str, int]:
    """Patients of each group of a trial, as far as they are known."""
    known = dict(reported.unreported)
    for row in reported.rows:
        known |= row.sizes
    return known


def in_words(reported: ByGroup) -> str:
    """How a trial enters, for the ledger."""
    alone = [row for row in reported.rows if len(row.groups) == 1 and not row.pools]
    said = [", ".join(f"{row.groups[0]} {row.responders}/{row.n}" for row in alone)] if alone else []
    said += [_sum_in_words(row) for row in reported.rows if row not in alone]
    missing = ", ".join(f"{name} {n}" for name, n in reported.unreported.items() if n)
    said += [f"responders not reported of {missing}"] if missing else []
    said += [reported.reason] if reported.reason else []
    return "; ".join(said) or "no responders reported by group"


def _sum_in_words(row: Part) -> str:
    inside = [f"{name} {n}" for name, n in row.sizes.items() if n]
    if not inside and len(row.pools) == 1:
        return f"{row.responders}/{row.n} in {' or '.join(row.pools[0].groups)}, not reported separately"
    inside += [f"{' or '.join(pool.groups)} {pool.n} (not reported separately)" for pool in row.pools]
    return f"{row.responders}/{row.n} as a sum over {', '.join(inside)}"
