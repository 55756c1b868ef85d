"""The run record: one variation of one analysis, fitted; all that figures, tables and reports read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from meta.frames import Shown, Tabular
from meta.records.analysis import Analysis
from meta.records.coverage import Coverage
from meta.records.sensitivity_words import Expansion, Item
from meta.results import Bounds, Fit, Latent, SiteRegionFit

BASE = "base"  # the name of the variation that is the analysis itself
SCHEMA = 8  # raised whenever a field of Run, or of anything in it, changes meaning or name

Action = Literal[
    "used",  # the count entered a fit
    "unused",  # an overlapping row of the table that was used
    "not reported",  # patients belong to a group, their responders were not printed
    "excluded",  # taken out by `exclude`; the other patients of the trial remain
    "kept",  # should have been excluded, not reported separately, all kept (unresolved: keep)
    "dropped",  # the trial left because of it (unresolved: drop), or by `exclude`
    "bounded",  # not reported separately: every completion counts (unresolved: bound, unreported: bound)
    "not bounded",  # left, or is not in a group, as nobody says how many patients that would be
    "latent",  # not reported separately, the split is latent in the likelihood (unresolved: latent)
    "by group",  # how the trial enters the model of sites and regions: groups alone, sums over several, pools
    "passed over",  # another report or table of the trial was taken
]


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """What became of one row, report or trial, and why.

    `by` and `group` are None for the overall estimate. `file`, `line` and `path` lead to the
    record, `where` and `via` from there to the publication; `derived` counts are our arithmetic on printed
    ones.
    """

    trial: str
    label: str
    action: Action
    reason: str
    by: str | None = None
    group: str | None = None
    report: str | None = None
    n: int | None = None
    responders: int | None = None
    file: str
    line: int
    path: str
    where: str | None = None
    via: str | None = None
    derived: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """A row of the report that was used, as the source prints it.

    Outcome and baseline rows, disease control, adverse events of grade 3 or more (`term` says of which kind)
    and medians, whether or not they were counted. `patients` says which of the population the row is about
    (``all patients`` is the population), `pooled` marks the count that entered the pooled estimate. `percent`
    is of `n`, `percent_of_total` of `total`; both have the printed decimals and are text in JSON. `median` is
    text such as ``10.8 (4.3 to NA) months``, `published` the report's date, ``2019-05``, and `doubt` what the
    record says about a contradiction in this row.
    """

    trial: str
    label: str
    report: str
    outcome: str
    term: str | None = None
    patients: str
    pooled: bool = False
    n: int | None = None
    responders: int | None = None
    total: int | None = None
    percent: Decimal | None = None
    percent_of_total: Decimal | None = None
    median: str | None = None
    published: str | None = None
    derived: bool = False
    status: str = "verified"
    file: str
    line: int
    where: str | None = None
    via: str | None = None
    doubt: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What made the run: digest of data, options and versions, and the versions themselves.

    `content` is a digest of the run's file, so that a stored run which was changed by hand is not taken for a
    result.
    """

    digest: str
    content: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """A contradiction that a source prints, acknowledged in the record of a trial of this run."""

    trial: str
    finding: str
    reason: str
    file: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A model that could not run, or a sampler that broke its limits (its fit is stored all the same)."""

    role: str
    by: str | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Run(Tabular):
    """A fitted variation.

    Attributes
    ----------
    analysis : Analysis
        Complete, the variation's changes included; its `models` are those that were
        fitted, with every option.
    variation : str
        ``base``, or the name in the YAML; of a variation that a word made with others, ``<name>.<item>``.
    family, expansion, item : str, str and Item, or None
        Of a variation that a word made with others: the name in the YAML (``leave-one-out``), the word
        (``each-trial``), and what it is about (the trial that is left out).
    ledger : tuple of LedgerEntry
    printed : tuple of Printed
    acknowledged : tuple of Contradiction
    coverage : Coverage or None
        Patients and responders of each trial with known counts, by level of every factor that may be
        confounded with another.
    fits : tuple of Fit
        One a model and grouping; `by` is None for the overall estimate. None at all where a trial is bounded
        or latent, and under `unreported: bound`.
    bounds : tuple of Bounds
        Under `unresolved: bound` and `unreported: bound`: one a model, grouping, group and estimand.
    sites : SiteRegionFit or None
        The model of sites and regions; None where it was not asked for, or failed.
    latent : Latent or None
        Under `unresolved: latent`.
    failures : tuple of Failure
    not_run : tuple of Failure
        Models that do not support what the variation asks, with the reason; that is no failure.
    beside : mapping of str to str
        Files beside the JSON, by name, each with the SHA-256 of its content: curves (`Fit.grids`) as .npz, a
        sampler's draws as netCDF.
    """

    schema: int = SCHEMA
    name: str
    question: str
    variation: str
    analysis: Analysis
    ledger: tuple[LedgerEntry, ...]
    printed: tuple[Printed, ...]
    acknowledged: tuple[Contradiction, ...]
    fits: tuple[Fit, ...]
    bounds: tuple[Bounds, ...] = ()
    sites: SiteRegionFit | None = None
    coverage: Coverage | None = None
    latent: Latent | None = None
    failures: tuple[Failure, ...] = ()
    not_run: tuple[Failure, ...] = ()
    family: str | None = None
    expansion: Expansion | None = None
    item: Item | None = None
    beside: Mapping[str, str] = field(default_factory=dict)
    provenance: Provenance = field(default_factory=lambda: Provenance(digest=""))

    def rows(self) -> list[dict[str, Any]]:
        """Return every fit of every role and grouping, its groups after it; then the bounds."""
        place = {"analysis": self.name, "variation": self.variation}
        fits = [{**place, "role": f.role, "by": f.by, **row} for f in self.fits for row in f.rows()]
        return [*fits, *({**place, **row} for found in self.bounds for row in found.rows())]

    def shown(self) -> Shown:
        """Return the leading answer of each grouping, or the bounds."""
        leading = [fit for fit in self.fits if fit.role == self.fits[0].role]
        tables = [part.shown() for part in (leading or self.bounds)]
        return Shown(
            caption=f"{self.name}/{self.variation}: {self.question}",
            header=tables[0].header if tables else (),
            rows=tuple(row for one in tables for row in one.rows),
            notes=(
                *dict.fromkeys(one.caption for one in tables),
                *(f"FAILED, {wrong.role}: {wrong.reason}" for wrong in self.failures),
            ),
        )
