"""Forest plots: what each trial found, and what they say together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from meta.format import counts, level
from meta.records.factors import noun_of
from meta.report.drawing.canvas import BOLD, SMALL
from meta.report.drawing.rows import (
    absent_details,
    answer_rows,
    companion_row,
    group_details,
    pooled_row,
    prediction_row,
    shows_shrunken,
    size,
    trial_row,
    weighted,
    withheld_row,
)
from meta.report.drawing.table import BLOCK_GAP, INDENT, Column, Paragraph, Plot, Row, Table, draw
from meta.report.figures.registry import Analysed, Figure, Plan, Section, file_name, placed, title_of
from meta.report.language import wording
from meta.report.language.paragraphs import exclusions, footnotes, statistics
from meta.report.language.reconstructed import legend, model_rows, unreported_rows
from meta.report.language.roles import ordered

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.figure import Figure as Picture

    from meta.records.run import LedgerEntry, Run
    from meta.results import Fit, SiteRegionFit, TrialEffect

_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def plans(analysed: Analysed) -> Iterator[Plan]:
    """One of each run that stands alone and each of its groupings, the overall one first."""
    for run in analysed.single:
        yield from forests(run).values()


FIGURE = Figure(order=10, plans=plans)


def forests(run: Run) -> dict[str | None, Plan]:
    """A forest plot of a run by each grouping, None for the overall one; the leading role's fit first."""
    by = sorted(dict.fromkeys(fit.by for fit in run.fits), key=lambda by: by is not None)
    return {name: _plan(run, name, *ordered(fit for fit in run.fits if fit.by == name)) for name in by}


def _plan(run: Run, by: str | None, fit: Fit, *companions: Fit) -> Plan:
    asked = run.analysis.sites
    sites = run.sites if asked is not None and by == asked.by else None
    title = title_of(run, f"by {by}" if by else "overall")
    return Plan(
        name=file_name(run, by.replace(" ", "-") if by else "overall"),
        shows=(run,),
        section=placed(run, Section.FOREST),
        title=f"Forest plot by {noun_of(by)}" if by else "Forest plot: all trials",
        caption=f"Trials and pooled estimates by {noun_of(by)}."
        if by
        else "Each trial's rate, exact interval, pooled rates.",
        draw=lambda: forest(
            fit, companions=companions, ledger=run.ledger, sites=sites, title=title, subtitle=run.question
        ),
        rows=tuple(rows(run, fit)),
    )


def rows(run: Run, fit: Fit) -> list[str]:
    """What is said of each trial's row: its count and where that is printed."""
    shown = [(group, trial) for group in fit.groups for trial in group.trials]
    if not _shows_all(fit):
        shown += [(fit, trial) for trial in fit.trials]
    return [_said(run, fit.by, part.label, trial) for part, trial in shown]


def _said(run: Run, by: str | None, group: str | None, trial: TrialEffect) -> str:
    where = wording.source(run.ledger, trial.label, by, group) or "no source in the ledger"
    return f"{trial.label}: {counts(trial.responders, trial.n)}; {where}"


def _shows_all(fit: Fit) -> bool:
    """Whether the groups of a fit have all its trials, with the same counts."""
    shown = {(t.label, t.responders, t.n) for group in fit.groups for t in group.trials}
    return shown.issuperset((t.label, t.responders, t.n) for t in fit.trials)


def forest(
    fit: Fit,
    *,
    companions: Sequence[Fit] = (),
    ledger: Sequence[LedgerEntry] = (),
    sites: SiteRegionFit | None = None,
    title: str | None = None,
    subtitle: str | None = None,
) -> Picture:
    """Draw the trials of a fit, group by group where it has groups, and the pooled estimates.

    Parameters
    ----------
    companions : sequence of Fit
        Other models' fits of the same trials and groups, shown as smaller diamonds below the leading one.
    ledger : sequence of LedgerEntry
        The run's; entries used by this fit become its footnotes, and so does every trial that was
        left out, in part or whole.
    sites : SiteRegionFit, optional
        The model of the same groups that takes trials in which report totals alone: its rates stand below
        each group's estimates, and what it expects where a group's responders were not reported.
    """
    sources = _Sources(ledger, fit.by)
    rows = []
    for group in fit.groups:
        rows += _block(fit, group, _same(companions, group.label), sources)
        rows += unreported_rows(group, sites, indent=INDENT) + model_rows(group.label, sites, indent=INDENT)
    rows += _overall(fit, companions, sources)
    what = wording.capital(wording.measure(fit))
    columns: tuple[Column | Plot, ...] = (
        Column("label", "Trial", "left"),
        Column("counts", counted(fit)),
        Plot(axis=f"{what}, %", references=(None if wording.withheld(fit) else fit.proportion.value,)),
        Column("value", ""),
        Column("ends", f"{what} % [{_interval(fit, companions, sites)}]"),
        *([Column("weight", "Weight %")] if weighted(fit) else []),
    )
    below = (
        *statistics(fit, companions),
        *footnotes(fit, companions),
        *legend(fit, sites),
        *exclusions(ledger),
        *sources.paragraphs(),
    )
    return draw(Table(columns, tuple(rows)), below, title, subtitle)


class _Sources:
    """Numbers the sources in the order in which rows ask for them."""

    def __init__(self, ledger: Sequence[LedgerEntry], by: str | None) -> None:
        self._ledger, self._by, self._numbers = ledger, by, dict[str, int]()

    def mark(self, label: str, group: str | None) -> str:
        """Return the raised number of a row's source; nothing where the ledger has none."""
        place = wording.source(self._ledger, label, self._by, group)
        if place is None:
            return ""
        text = f"{label}: {place}"
        return str(self._numbers.setdefault(text, len(self._numbers) + 1)).translate(_RAISED)

    def paragraphs(self) -> list[Paragraph]:
        """Return the list of sources."""
        lines = [f"{str(i).translate(_RAISED)} {text}" for text, i in self._numbers.items()]
        return [Paragraph(lead="Sources:", text="; ".join(lines) + ".", style=SMALL)] if lines else []


def counted(fit: Fit) -> str:
    """Name the column of counts."""
    return f"{wording.capital(fit.outcome.events)}/n"


def _interval(fit: Fit, companions: Sequence[Fit], sites: SiteRegionFit | None) -> str:
    """Name the intervals of the table; those of the trials say what they are below it."""
    shown = [fit.proportion, *(trial.proportion for part in (fit, *fit.groups) for trial in part.trials)]
    shown += [other.proportion for other in companions]
    shown += [rate.mean for rate in sites.rates] if sites is not None else []
    kinds = {"CrI" if found.kind == "credible" else "CI" for found in shown}
    return f"{level(fit.proportion.level)} {kinds.pop() if len(kinds) == 1 else 'interval'}"


def _same(companions: Sequence[Fit], label: str | None) -> list[Fit]:
    """Return the companions' fits of one group."""
    return [group for other in companions for group in other.groups if group.label == label]


def _block(fit: Fit, group: Fit, companions: Sequence[Fit], sources: _Sources) -> list[Row]:
    """Return the rows of one group: heading, trials and pooled."""
    heading = Row(label=wording.heading(fit.by, group.label), style=BOLD, above=BLOCK_GAP)
    if group.k == 0:
        return [heading, Row(label=wording.NO_RESPONDERS_REPORTED, indent=INDENT)]
    rows = [heading, *_trials(fit, group, sources)]
    if wording.withheld(group):
        return [*rows, withheld_row(group, indent=INDENT)]
    pooled = pooled_row(group, "pooled")
    details = (*pooled.details, *group_details(group, fit, pooled.reason))
    rows.append(replace(pooled, details=details, indent=INDENT))
    rows += answer_rows(group, indent=INDENT)
    return rows + [companion_row(other, indent=INDENT) for other in companions]


def _trials(fit: Fit, part: Fit, sources: _Sources) -> list[Row]:
    """Return the rows of a part's trials; squares by weight within it, or by patients in the whole figure."""
    beside = part.trials if weighted(part) else [t for one in (fit, *fit.groups) for t in one.trials]
    largest = max(map(size, beside), default=0.0)
    shrunken = shows_shrunken(fit)
    return [
        trial_row(trial, largest, sources.mark(trial.label, part.label), shrunken=shrunken)
        for trial in part.trials
    ]


def _overall(fit: Fit, companions: Sequence[Fit], sources: _Sources) -> list[Row]:
    """Return the rows of the overall estimate; its trials too, unless the groups have shown the same."""
    rows: list[Row] = []
    if not _shows_all(fit):
        if fit.groups:
            rows.append(Row(label="All groups together", style=BOLD, above=BLOCK_GAP))
        rows += _trials(fit, fit, sources)
    told = {entry for group in fit.groups for entry in group.not_reported}
    absent = absent_details([entry for entry in fit.not_reported if entry not in told])
    if wording.withheld(fit):
        return [*rows, replace(withheld_row(fit), above=BLOCK_GAP, details=absent)]
    method = wording.method(fit)
    pooled = pooled_row(fit, f"{wording.scope(fit)}:")
    details = (*pooled.details, *([(method, SMALL)] if method else []), *absent)
    leading = replace(pooled, above=BLOCK_GAP, details=details)
    beside = [companion_row(other, method=True) for other in companions]
    return [*rows, leading, *answer_rows(fit), prediction_row(fit), *beside]
