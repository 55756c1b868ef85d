"""The trial record: what a trial's publications print, each count with its place.

Plain data. `meta.records.reading.load` builds these from YAML and refuses what the types here do not
allow; `meta.records.audit.checks` checks the arithmetic between the numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, cast

from meta.models.options import STRICT
from meta.records.factors import Factors
from meta.results import Outcome

Regimen = Literal["monotherapy", "ici-combination", "with-antiangiogenic", "with-chemotherapy", "with-other"]
Line = Literal["first", "later"]
Region = Literal["Asia", "West", "International"]
ReportKind = Literal["full-paper", "preprint", "abstract", "registry"]
Criteria = Literal["RECIST 1.1", "RECIST", "irRECIST", "iRECIST"]
Assessor = Literal["investigator", "central", "unknown"]
Population = Literal["enrolled", "treated", "evaluable"]
Status = Literal["verified", "unverified"]
Evidence = Literal["printed", "recovered", "unverified"]
Endpoint = Literal["PFS", "OS", "DOR", "TTR"]
Limits = Literal["95 %", "range", "limits of unknown kind"]
Median = float | Literal["not reached", "not applicable"]
Count = Literal["n", "responders", "events"]
Number = Literal[
    "n",
    "responders",
    "events",
    "non-responders",
    "non-events",
    "percent",
    "percent_of_total",
    "interval",
    "median",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row(Factors):
    """One line of a table: which patients, how many, and where it stands.

    Attributes
    ----------
    n : int or None
        Patients; None where only the responders are printed.
    responders, events : int or None
        `responders` for the outcome response, `events` for the others; None where not reported.
    percent : Decimal or None
        Responders (events) per 100 patients, with the decimals that are printed: 20.0 is not 20.
    percent_of_total : Decimal or None
        This row's patients per 100 of the whole table's, likewise.
    interval : (Decimal, Decimal) or None
        The printed 95 % interval, in percent, likewise.
    derived : mapping of count name to arithmetic
        Counts that are our arithmetic on printed counts, e.g. ``{responders: "5 - 2 - 1"}``.
    back_calculated : mapping of count name to text
        Counts recovered from a percentage, e.g. ``{responders: "24 % of 29"}``.
    status : {"verified", "unverified"}
        Unverified: nobody here saw the number in print.
    where, via : str or None
        The place in the publication, and the id of the source that quotes it; a row without
        them takes the table's.
    printed : str or None
        The label that the source itself uses.
    term : str or None
        The adverse event or characteristic that is counted.
    """

    __pydantic_config__ = STRICT

    term: str | None = None
    n: int | None = None
    responders: int | None = None
    events: int | None = None
    percent: Decimal | None = None
    percent_of_total: Decimal | None = None
    interval: tuple[Decimal, Decimal] | None = None
    derived: Mapping[Count, str] = field(default_factory=dict)
    back_calculated: Mapping[Count, str] = field(default_factory=dict)
    status: Status = "verified"
    where: str | None = None
    via: str | None = None
    printed: str | None = None
    note: str | None = None

    @property
    def count(self) -> int | None:
        """Patients with the outcome, whatever it is called."""
        return self.responders if self.responders is not None else self.events

    @property
    def evidence(self) -> Evidence:
        """How the counts are known: printed (or arithmetic on printed numbers), recovered or unverified.

        The only whole number that the printed percentage of a printed n allows is as good as printed.
        """
        if self.status == "unverified":
            return "unverified"
        return "recovered" if self.back_calculated and not self._only_count() else "printed"

    def _only_count(self) -> bool:
        """Whether no other count of the row's n rounds to its percentage, and nothing else is recovered."""
        if self.n is None or self.percent is None or "n" in self.back_calculated:
            return False
        unit = Decimal(1).scaleb(cast("int", self.percent.as_tuple().exponent))
        # a printed figure may be rounded either way: the count before and the one after must be too far
        return all(
            count == self.count or abs(100 * Decimal(count) / self.n - self.percent) > unit / 2
            for count in range(self.n + 1)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows that share outcome, criteria, population, assessor, time point and arm.

    `exhaustive` names the factors whose rows are everyone, so that they must add up to the whole table.
    """

    __pydantic_config__ = STRICT

    outcome: Outcome
    rows: tuple[Row, ...]
    criteria: Criteria | None = None
    assessor: Assessor = "unknown"
    population: Population | None = None
    not_evaluable: int | None = None
    exhaustive: tuple[str, ...] = ()
    confirmed: bool | Literal["unknown"] = "unknown"
    timepoint: str = "best"
    arm: str | None = None
    where: str | None = None
    via: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Survival(Factors):
    """A median time to event as printed, with its printed limits (None: not reached or not given)."""

    __pydantic_config__ = STRICT

    endpoint: Endpoint
    median: Median
    low: float | None = None
    high: float | None = None
    limits: Limits = "95 %"
    unit: Literal["months", "weeks"] = "months"
    arm: str | None = None
    status: Status = "verified"
    where: str | None = None
    via: str | None = None
    printed: str | None = None
    note: str | None = None

    @property
    def text(self) -> str:
        """The median with its limits and unit, e.g. ``10.8 (4.3 to NA) months``; or what is printed."""
        if self.median == "not applicable" and self.printed:
            return f"{self.printed} (as printed)"
        ends = ["NA" if end is None else f"{end:g}" for end in (self.low, self.high)]
        kind = "" if self.limits == "95 %" else f"{self.limits}: "
        limits = "" if self.low is self.high is None else f" ({kind}{' to '.join(ends)})"
        return f"{self.median}{limits}" + (f" {self.unit}" if isinstance(self.median, float | int) else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate(Factors):
    """Patients per 100 without the event at a time, as printed: ``12-month PFS 19.5 %``."""

    __pydantic_config__ = STRICT

    endpoint: Endpoint
    at: float
    unit: Literal["months", "weeks", "years"] = "months"
    percent: Decimal
    interval: tuple[Decimal, Decimal] | None = None
    arm: str | None = None
    status: Status = "verified"
    where: str
    via: str | None = None
    printed: str | None = None
    note: str | None = None

    @property
    def text(self) -> str:
        """The rate with its limits, e.g. ``54.1 % (40.2 to 72.8)``."""
        return f"{self.percent} %" + (f" ({' to '.join(map(str, self.interval))})" if self.interval else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class PValue:
    """A P value as printed, and what it compares."""

    __pydantic_config__ = STRICT

    compares: str
    p: Decimal
    where: str
    via: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One publication of the trial."""

    __pydantic_config__ = STRICT

    id: str
    citation: str
    kind: ReportKind
    published: str  # 2019, 2019-05, 2019-05-31 or unknown
    doi: str | None = None
    pmid: int | None = None
    tables: tuple[Table, ...] = ()
    survival: tuple[Survival, ...] = ()
    rates: tuple[Rate, ...] = ()
    p_values: tuple[PValue, ...] = ()
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drug:
    """A drug and what it binds."""

    __pydantic_config__ = STRICT

    name: str
    target: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """What differs in one arm; anything left out is the trial's."""

    __pydantic_config__ = STRICT

    drugs: tuple[Drug, ...] | None = None
    regimen: Regimen | None = None
    line: Line | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A publication that is not the trial's own but quotes its numbers; `via` names its id."""

    __pydantic_config__ = STRICT

    id: str
    citation: str
    doi: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place(Factors):
    """One number of a report, named by what it is about and not by its position.

    `report`, `outcome` (for survival: `endpoint`), `term` and the factors are those of the row. The other
    fields are needed only where several numbers would fit without them; None fits any. What a table or
    row does not state is "none".
    """

    report: str
    outcome: Outcome | None = None
    endpoint: Endpoint | None = None
    term: str | None = None
    number: Number | None = None
    criteria: Criteria | Literal["none"] | None = None
    population: Population | Literal["none"] | None = None
    timepoint: str | None = None
    arm: str | None = None
    assessor: Assessor | None = None
    confirmed: bool | Literal["unknown"] | None = None
    where: str | None = None
    via: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged(Place):
    """A contradiction that the source itself prints: its place, the audit's finding and our reason."""

    __pydantic_config__ = STRICT

    finding: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """An oddity of a source that no arithmetic can see."""

    __pydantic_config__ = STRICT

    text: str
    where: str
    via: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One trial with all its reports; `id` is the file's name."""

    __pydantic_config__ = STRICT

    id: str
    drugs: tuple[Drug, ...]
    regimen: Regimen
    region: Region
    reports: tuple[Report, ...]
    registry: tuple[str, ...] = ()
    line: Line | None = None
    phase: str | None = None
    countries: tuple[str, ...] = ()
    shares_patients_with: tuple[str, ...] = ()
    same_protocol_as: tuple[str, ...] = ()
    selected_on: str | None = None
    prior_lines: tuple[int, int] | None = None  # the fewest and the most that a patient had
    screened: int | None = None
    results: Literal["none printed"] | None = None  # of response; None: its reports print some
    arms: Mapping[str, Arm] = field(default_factory=dict)
    sources: tuple[Source, ...] = ()
    acknowledged: tuple[Acknowledged, ...] = ()
    remarks: tuple[Remark, ...] = ()
    extracted_by: str | None = None
    checked_by: str | None = None
    extracted_on: str | None = None
    note: str | None = None

    @property
    def related(self) -> dict[str, tuple[str, ...]]:
        """Trials with the same patients, and those with other patients of the same protocol, by field."""
        return {"shares_patients_with": self.shares_patients_with, "same_protocol_as": self.same_protocol_as}


@dataclass(frozen=True, slots=True)
class TrialFile:
    """A loaded trial with its file's name and the line of every path in it.

    `lines` maps paths as the messages print them (``reports[0].tables[1].rows[2].n``) to lines
    counted from 1. `doubts` maps the paths of rows to the reasons why their contradictions were acknowledged.
    """

    trial: Trial
    file: str
    lines: Mapping[str, int]
    doubts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def line(self, path: str) -> int:
        """The line of `path`, or of the nearest thing that contains it."""
        while path and path not in self.lines:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.lines.get(path, 1)
