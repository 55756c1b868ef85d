"""Forest plots: what each trial found, and what they say together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from meta.format import level
from meta.report.drawing.canvas import pinned_settings, save
from meta.report.drawing.columns import BOLD, PLOT, SMALL, Column, Paragraph, Row, Table
from meta.report.drawing.layout import draw
from meta.report.drawing.rows import (
    BLOCK_GAP,
    INDENT,
    absent_details,
    answer_rows,
    companion_row,
    group_details,
    pooled_row,
    prediction_row,
    shows_shrunken,
    size,
    summary_row,
    trial_row,
    weighted,
    withheld_row,
)
from meta.report.language import exact, wording
from meta.report.language.paragraphs import exclusions, footnotes, several_notes, statistics
from meta.report.language.reconstructed import legend, model_rows, unreported_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from meta.records.run import LedgerEntry
    from meta.results import Fit, SiteRegionFit

__all__ = ["forest", "save", "several_forest"]

_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def forest(
    fit: Fit,
    *,
    companions: Sequence[Fit] = (),
    ledger: Sequence[LedgerEntry] = (),
    sites: SiteRegionFit | None = None,
    title: str | None = None,
    subtitle: str | None = None,
) -> Figure:
    """Draw the trials of a fit, group by group where it has groups, and the pooled estimates.

    Parameters
    ----------
    fit : Fit
        As stored.
    companions : sequence of Fit
        Other models' fits of the same trials and groups, shown as smaller diamonds below the leading one.
    ledger : sequence of LedgerEntry
        The run's; entries used by this fit become its footnotes, and so does every trial that was
        left out, in part or whole.
    sites : SiteRegionFit, optional
        The model of the same groups that takes trials in which report totals alone: its rates stand below
        each group's estimates, and what it expects where a group's responders were not reported.
    title, subtitle : str, optional

    Returns
    -------
    Figure
        As wide as a journal's double column, 180 mm; as high as its rows ask for.
    """
    sources = _Sources(ledger, fit.by)
    rows = []
    for group in fit.groups:
        rows += _block(fit, group, _same(companions, group.label), sources)
        rows += unreported_rows(group, sites, indent=INDENT) + model_rows(group.label, sites, indent=INDENT)
    rows += _overall(fit, companions, sources)
    what = wording.capital(wording.measure(fit))
    table = Table(
        columns=(
            Column("label", "Trial", "left"),
            Column("counts", _counted(fit)),
            Column(PLOT, ""),
            Column("value", ""),
            Column("ends", f"{what} % [{_interval(fit, companions, sites)}]"),
            *([Column("weight", "Weight %")] if weighted(fit) else []),
        ),
        rows=tuple(rows),
        below=(
            *statistics(fit, companions),
            *footnotes(fit, companions),
            *legend(fit, sites),
            *exclusions(ledger),
            *sources.paragraphs(),
        ),
        axis_label=f"{what}, %",
        reference=None if wording.withheld(fit) else fit.proportion.value,
        title=title,
        subtitle=subtitle,
    )
    with pinned_settings():
        return draw(table)


def several_forest(
    base: Fit,
    others: Sequence[tuple[str, Fit]],
    *,
    title: str | None = None,
    subtitle: str | None = None,
) -> Figure:
    """Draw the pooled estimates of several sets of trials, and of all of them.

    Parameters
    ----------
    base : Fit
        With all trials.
    others : sequence of (str, Fit)
        Which trials, e.g. "without A", and their fit.
    title, subtitle : str, optional

    Returns
    -------
    Figure
        As of :func:`forest`.
    """
    what = wording.capital(wording.leading_name(base))
    spread = [Column("tau", "τ")] if exact.is_exact(base) else [Column("tau2", "τ²"), Column("I2", "I² %")]
    kind = "CrI" if base.proportion.kind == "credible" else "CI"
    columns = (
        Column("label", "Trials pooled", "left"),
        Column("k", "k"),
        Column("counts", _counted(base)),
        Column(PLOT, ""),
        Column("value", ""),
        Column("ends", f"{what} % [{level(base.proportion.level)} {kind}]"),
        *spread,
    )
    rows = [summary_row(_named(label, fit, base), fit) for label, fit in others]
    keys = {column.key for column in columns}
    table = Table(
        columns=columns,
        rows=tuple(
            replace(row, cells={key: text for key, text in row.cells.items() if key in keys})
            for row in (*rows, summary_row("All trials", base, base=True))
        ),
        below=tuple(several_notes(base, [fit for _, fit in others])),
        axis_label=f"{what}, %",
        reference=base.proportion.value,
        title=title,
        subtitle=subtitle,
    )
    with pinned_settings():
        return draw(table)


def _named(label: str, fit: Fit, base: Fit) -> str:
    """Name a row; where the base's model had no answer, by the model that stands in for it."""
    same = fit.model.model == base.model.model
    instead = "" if same else f" ({wording.leading_name(fit)}, {exact.short_name(fit)})"
    return f"{label}{instead}"


class _Sources:
    """Numbers the sources in the order in which rows ask for them."""

    def __init__(self, ledger: Sequence[LedgerEntry], by: str | None) -> None:
        self._ledger, self._by, self._numbers = ledger, by, dict[str, int]()

    def mark(self, label: str, group: str | None) -> str:
        """Return the raised number of a row's source; nothing where the ledger has none."""
        text = wording.source(self._ledger, label, self._by, group)
        if text is None:
            return ""
        return str(self._numbers.setdefault(text, len(self._numbers) + 1)).translate(_RAISED)

    def paragraphs(self) -> list[Paragraph]:
        """Return the list of sources."""
        lines = [f"{str(i).translate(_RAISED)} {text}" for text, i in self._numbers.items()]
        return [Paragraph(lead="Sources:", text="; ".join(lines) + ".", style=SMALL)] if lines else []


def _counted(fit: Fit) -> str:
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
    shown = {(t.label, t.responders, t.n) for group in fit.groups for t in group.trials}
    rows: list[Row] = []
    if not shown.issuperset((t.label, t.responders, t.n) for t in fit.trials):
        if fit.groups:
            rows.append(Row(label="All groups together", style=BOLD, above=BLOCK_GAP))
        rows += _trials(fit, fit, sources)
    told = {entry for group in fit.groups for entry in group.not_reported}
    absent = absent_details([entry for entry in fit.not_reported if entry not in told])
    if wording.withheld(fit):
        return [*rows, replace(withheld_row(fit), above=BLOCK_GAP, details=absent)]
    method = wording.method(fit)
    pooled = pooled_row(fit, wording.scope(fit))
    details = (*pooled.details, *([(method, SMALL)] if method else []), *absent)
    leading = replace(pooled, above=BLOCK_GAP, details=details)
    beside = [companion_row(other, method=True) for other in companions]
    return [*rows, leading, *answer_rows(fit), prediction_row(fit), *beside]
