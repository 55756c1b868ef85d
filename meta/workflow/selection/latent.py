"""Excluded patients as a group of their own, where trials do not report them separately.

Under `unresolved: latent` the excluded patients are one of two groups. The population is widened by them:
what the report that is used prints of them informs the contrast between the groups, also where the analysis
does not ask for them in that trial. What is printed of the remaining patients is used as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from meta.data import PartialCounts
from meta.records.factors import FACTORS, TRIAL_FACTORS, UNKNOWN, FactorValue, describe, values_of
from meta.records.patients import Patients, union
from meta.workflow.selection.exclude import unreported
from meta.workflow.selection.sites import counts_by_group, in_words

if TYPE_CHECKING:
    from meta.records.analysis import Analysis, Range
    from meta.records.run import LedgerEntry
    from meta.workflow.selection.exclude import Remaining
    from meta.workflow.selection.included import Included
    from meta.workflow.selection.reports import Candidate
    from meta.workflow.selection.sites import ByGroup


@dataclass(frozen=True, slots=True)
class LatentCounts:
    """The data of the latent model.

    Attributes
    ----------
    factor : str
    data : PartialCounts
        Of two groups, the remaining and the excluded patients, in this order.
    own : PartialCounts
        The same of the analysis' own population alone.
    """

    factor: str
    data: PartialCounts
    own: PartialCounts


@dataclass(frozen=True, slots=True)
class _Row:
    """Responders of a trial: of known remaining and excluded patients, and of some who are either."""

    responders: int
    n: tuple[int, int]
    either: int = 0


@dataclass(frozen=True, slots=True)
class _Asked:
    """The factor by which patients are excluded, and the names of the groups: remaining and excluded."""

    factor: str
    excluded: Sequence[FactorValue]
    names: tuple[str, str]

    def groups(self, trial: Included, everyone: Patients) -> dict[str, Patients]:
        """The remaining patients, the excluded ones, and those of an unknown level."""
        described = trial.chosen.universe.patients
        excluded = union(described({self.factor: value}) for value in self.excluded)
        unknown = described({self.factor: UNKNOWN}) - excluded
        parts = (everyone - excluded - unknown, everyone & excluded, everyone & unknown)
        return dict(zip((*self.names, UNKNOWN), parts, strict=True))


def latent_entries(chosen: Candidate, remaining: Remaining) -> list[LedgerEntry]:
    """Say which patients a trial does not report separately.

    Parameters
    ----------
    remaining : Remaining
        With exclusions pending.
    """
    assert remaining.patients is not None  # pending exclusions are of somebody
    missing = "; ".join(unreported(chosen, remaining.patients, *item) for item in remaining.pending.items())
    size = chosen.margins.size(remaining.patients)
    reason = f"{missing}; the split is latent in the likelihood (unresolved: latent)"
    return [chosen.ledger("latent", reason, n=size.n if size else None)]


def latent_counts(trials: Sequence[Included], analysis: Analysis) -> tuple[LatentCounts, list[LedgerEntry]]:
    """Responders of the remaining and of the excluded patients, as far as each trial reports them.

    Parameters
    ----------
    trials : sequence of Included
        Those with remaining patients.
    analysis : Analysis
        Its excluded patients are of one factor.

    Returns
    -------
    counts : LatentCounts
    ledger : list of LedgerEntry
        One entry a trial, and the rows that its counts were made from.
    """
    asked = _asked(analysis)
    wide: list[tuple[_Row, ...]] = []
    own: list[tuple[_Row, ...]] = []
    ledger: list[LedgerEntry] = []
    for trial in trials:
        margins, universe = trial.chosen.margins, trial.chosen.universe
        population = universe.common(trial.population)
        everyone = universe.common(_without(trial.population, asked.factor))
        narrow = _by_group(trial, asked, population)
        reported = _by_group(trial, asked, everyone)
        if reported.reason:  # its rows of other patients contradict each other: what was asked for alone
            reported, everyone = narrow, population
        for group, found in reported.found:
            ledger += trial.chosen.used(found, asked.factor, group)
        rows, words = _rows(reported, asked, trial, everyone)
        wide.append(rows)
        own.append(_rows(narrow, asked, trial, population)[0])
        said = "; ".join([in_words(reported), *words])
        size = margins.size(everyone)
        entry = trial.chosen.ledger("by group", said, by=asked.factor, n=size.n if size else None)
        ledger.append(entry)
    data, alone = (_counts(trials, rows, asked.names) for rows in (wide, own))
    return LatentCounts(asked.factor, data, alone), ledger


def _asked(analysis: Analysis) -> _Asked:
    excluded = [item for where in analysis.exclude for item in where.given().items()]
    factor = excluded[0][0]
    gone = set[str]()
    for _, value in excluded:
        named = set(values_of(value))
        gone |= set(FACTORS[factor].levels) - named if isinstance(value, Mapping) else named
    known = [name for name in FACTORS[factor].levels if name != UNKNOWN]
    left = " or ".join(name for name in known if name not in gone)
    out = " or ".join(name for name in known if name in gone)
    return _Asked(factor, [value for _, value in excluded], (left or "the others", out or UNKNOWN))


def _without(population: Sequence[Mapping[str, FactorValue]], factor: str) -> list[dict[str, FactorValue]]:
    return [{name: value for name, value in given.items() if name != factor} for given in population]


def _by_group(trial: Included, asked: _Asked, everyone: Patients) -> ByGroup:
    margins = trial.chosen.margins
    return counts_by_group(margins, asked.groups(trial, everyone), everyone, margins.counts(everyone))


def _rows(
    reported: ByGroup, asked: _Asked, trial: Included, everyone: Patients
) -> tuple[tuple[_Row, ...], list[str]]:
    """The rows of a trial; patients whose group is unknown are either."""
    rows = []
    for part in reported.rows:
        n = (part.sizes.get(asked.names[0], 0), part.sizes.get(asked.names[1], 0))
        rows.append(_Row(part.responders, n, part.n - sum(n)))
    words = []
    for declared in trial.ranges:
        rows, said = _declared(rows, declared, asked, trial, everyone)
        words += [said] if said else []
    return tuple(rows), words


def _declared(
    rows: list[_Row], declared: Range, asked: _Asked, trial: Included, everyone: Patients
) -> tuple[list[_Row], str]:
    """Use a declared range of the excluded or the remaining: its least are known, the rest are either.

    Every number of patients in the range is then equally probable, as every division of a pool is.
    """
    either = [row for row in rows if row.either]
    if not either:
        return rows, ""
    name = f"declared of {describe(declared.given())}: {declared.n[0]} to {declared.n[1]} ({declared.source})"
    place = _whose(declared, asked, trial, everyone)
    if len(either) > 1 or place is None:
        return rows, f"{name}, not used: other patients are not reported separately either"
    (row,) = either
    known = sum(other.n[place] for other in rows)
    low = max(declared.n[0] - known, 0)
    high = min(declared.n[1] - known, row.either)
    if low > high:
        return rows, f"{name}, not used: the rows contradict it"
    least = (low, row.either - high) if place == 0 else (row.either - high, low)
    others = np.sum([other.n for other in rows if other is not row] or [(0, 0)], axis=0)
    if np.any((others > 0) & (np.array(least) > 0)):
        return rows, f"{name}, not used: the trial reports some of these patients by themselves"
    n = (row.n[0] + least[0], row.n[1] + least[1])
    changed = _Row(row.responders, n, high - low)
    return [changed if other is row else other for other in rows], name


def _whose(declared: Range, asked: _Asked, trial: Included, everyone: Patients) -> int | None:
    """Whether a range is of the remaining patients (0), of the excluded (1), or of others (None)."""
    occupied = trial.chosen.margins.occupied
    remaining, excluded, unknown = (occupied(group) for group in asked.groups(trial, everyone).values())
    given = occupied(trial.chosen.universe.patients(declared.given()) & everyone)
    if given in {remaining, remaining | unknown}:
        return 0
    return 1 if given in {excluded, excluded | unknown} else None


def _counts(
    trials: Sequence[Included], reported: Sequence[tuple[_Row, ...]], names: tuple[str, str]
) -> PartialCounts:
    """The rows of all trials over both groups."""
    rows: list[tuple[str, list[str], int]] = []
    pools: list[tuple[int, tuple[str, str], int]] = []
    for trial, parts in zip(trials, reported, strict=True):
        for part in parts:
            inside = [name for name, n in zip(names, part.n, strict=True) if n]
            pools += [(len(rows), names, part.either)] if part.either else []
            rows.append((trial.label, inside, part.responders))
    return PartialCounts.of(
        np.array([np.sum([part.n for part in parts] or [(0, 0)], axis=0) for parts in reported]).reshape(
            -1, 2
        ),
        rows,
        [trial.label for trial in trials],
        names,
        {name: [trial.attributes[name] for trial in trials] for name in TRIAL_FACTORS},
        pools,
    )
