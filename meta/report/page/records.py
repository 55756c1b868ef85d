"""Where every number comes from: counts and their sources, other outcomes, contradictions, the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from meta.records.run import BASE
from meta.report.page.references import At

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Outcomes that are shown beside the pooled one, with their headings
OUTCOMES = {
    "disease-control": "Disease control",
    "adverse-event-grade-3": "Adverse events of grade 3 or more",
    "PFS": "Progression-free survival, median",
    "OS": "Overall survival, median",
    "DOR": "Duration of response, median",
    "TTR": "Time to response, median",
}
ALL = "all patients"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the reports that were used print of a further outcome."""

    name: str
    title: str
    rows: tuple[At, ...]

    @property
    def counted(self) -> bool:
        """Whether it has counts; survival has medians."""
        return any(row.n for row in self.rows)


@dataclass(frozen=True, slots=True)
class Dated:
    """A trial's own rate, and when the report that it is from was published."""

    trial: At
    published: At | None


@dataclass(frozen=True, slots=True)
class Data:
    """The data of an analysis.

    `used` are the counts that entered the overall fits, `grouped` those by a factor, `unreported` patients
    whose responders nobody printed, `others` everything else that became of a row, report or trial.
    """

    used: tuple[At, ...]
    grouped: tuple[At, ...]
    unreported: tuple[At, ...]
    others: tuple[At, ...]
    contradictions: tuple[At, ...]
    outcomes: tuple[Outcome, ...]
    dated: tuple[Dated, ...]


def data_of(runs: Mapping[str, At], fit: At | None) -> Data:
    """The data of an analysis' base.

    Parameters
    ----------
    runs : mapping of str to At
        All variations by name.
    fit : At or None
        The leading overall fit, whose trials are put in order of publication.
    """
    base = runs[BASE]
    ledger = list(base.ledger)
    used = [entry for entry in ledger if entry.it.action == "used"]
    rest = [entry for entry in ledger if entry.it.action not in {"used", "not reported"}]
    return Data(
        used=tuple(entry for entry in used if entry.it.by is None),
        grouped=tuple(entry for entry in used if entry.it.by is not None),
        unreported=tuple(entry for entry in ledger if entry.it.action == "not reported"),
        others=tuple(rest),
        contradictions=tuple(base.acknowledged),
        outcomes=tuple(_outcomes(base.printed, base.it.analysis.outcome)),
        dated=() if fit is None else _dated(fit, list(base.printed)),
    )


def _outcomes(printed: At, pooled: str) -> Iterable[Outcome]:
    """Further outcomes of the whole population, in which the same row of a report stands once."""
    for name, title in OUTCOMES.items():
        rows, seen = [], set()
        for row in printed:
            it = row.it
            what = (it.trial, it.term, it.n, it.responders, it.median)
            if it.outcome == name and it.outcome != pooled and it.patients == ALL and what not in seen:
                seen.add(what)
                rows.append(row)
        if rows:
            yield Outcome(name, title, tuple(rows))


def _dated(fit: At, printed: list[At]) -> tuple[Dated, ...]:
    """The trials by date of their reports; an unknown date comes last."""
    dates = {row.it.label: row.published for row in reversed(printed) if row.it.published}
    found = [Dated(trial, dates.get(trial.it.label)) for trial in fit.trials]
    return tuple(sorted(found, key=_when))


def _when(one: Dated) -> tuple[bool, str]:
    date = "" if one.published is None else str(one.published.it)
    return date in {"", "unknown"}, date
