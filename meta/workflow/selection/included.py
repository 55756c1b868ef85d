"""The trials that enter an analysis: with their counts, or with everything that their counts can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from meta.data.counts import IntArray
from meta.records.analysis import Range
from meta.records.factors import FactorValue
from meta.records.patients import Patients
from meta.workflow.selection.margins import Found
from meta.workflow.selection.reports import Candidate

Declared = tuple[Patients, tuple[int, int]]  # the least and the most patients in a set


@dataclass(frozen=True, slots=True)
class Included:
    """A trial (or arm) that entered: its table, the patients asked for, their counts, declared ranges.

    `population` are the conditions on patients. `mixed`, under `unresolved: latent` alone: the counts also
    include patients who are to be excluded. `cohorts` are those that were joined to this trial, if any.
    """

    chosen: Candidate
    patients: Patients
    found: Found
    population: Sequence[Mapping[str, FactorValue]]
    attributes: Mapping[str, str]
    ranges: tuple[Range, ...] = ()
    mixed: bool = False
    cohorts: tuple[Included, ...] = ()

    @property
    def records(self) -> tuple[Included, ...]:
        """The cohorts of one protocol, each from its record; a trial of one record is its own."""
        return self.cohorts or (self,)

    @property
    def declared(self) -> tuple[Declared, ...]:
        """The declared ranges, of the population."""
        return declared_of(self.chosen, self.ranges, self.population)

    @property
    def label(self) -> str:
        """What figures call the trial."""
        return self.chosen.label


@dataclass(frozen=True, slots=True)
class Bounded:
    """A trial (or arm) whose counts are bounded.

    `before` are the patients of whom responders and n are reported, `patients` those who remain after the
    exclusion, `doubtful` those of them who may have to be excluded too, `declared` the ranges of the
    analysis, and `options` all that responders and n of the remaining patients can be, shape (C, 2).
    """

    chosen: Candidate
    before: Patients
    patients: Patients
    doubtful: Patients
    declared: tuple[Declared, ...]
    options: IntArray
    attributes: Mapping[str, str]

    @property
    def label(self) -> str:
        """What figures call the trial."""
        return self.chosen.label


def declared_of(
    chosen: Candidate, ranges: Sequence[Range], population: Sequence[Mapping[str, FactorValue]]
) -> tuple[Declared, ...]:
    """Declared ranges as sets of patients of a trial's population, with the least and the most of them."""
    everybody = chosen.universe.common(population)
    return tuple((everybody & chosen.universe.patients(r.given()), r.n) for r in ranges)
