"""Forest plots: what each trial found, and what they say together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from meta.report import exact, wording
from meta.report.canvas import pinned_settings, save
from meta.report.format import level, symbols
from meta.report.layout import BOLD, PLOT, SMALL, Column, Paragraph, Row, Table, draw
from meta.report.rows import (
    BLOCK_GAP,
    INDENT,
    absent_details,
    companion_rows,
    group_details,
    pooled_row,
    prediction_row,
    summary_row,
    trial_row,
    weighted,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from meta.records.run import LedgerEntry
    from meta.results import Fit

__all__ = ["forest", "leave_one_out_forest", "save"]

_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def forest(
    fit: Fit,
    *,
    companions: Sequence[Fit] = (),
    ledger: Sequence[LedgerEntry] = (),
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
    title, subtitle : str, optional

    Returns
    -------
    Figure
        As wide as a journal's double column, 180 mm; as high as its rows ask for.
    """
    sources = _Sources(ledger, fit.by)
    rows = [
        row for i, group in enumerate(fit.groups) for row in _block(fit, group, _same(companions, i), sources)
    ]
    rows += _overall(fit, companions, sources)
    what = wording.capital(wording.measure(fit))
    table = Table(
        columns=(
            Column("label", "Trial", "left"),
            Column("counts", _counted(fit)),
            Column(PLOT, ""),
            Column("value", ""),
            Column("ends", f"{what} % [{_interval(fit)}]"),
            *([Column("weight", "Weight %")] if weighted(fit) else []),
        ),
        rows=tuple(rows),
        below=(
            *_statistics(fit, companions),
            *_footnotes(fit, companions),
            *_unlike_the_reports(ledger),
            *sources.paragraphs(),
        ),
        axis_label=f"{what}, %",
        reference=fit.proportion.value,
        title=title,
        subtitle=subtitle,
    )
    with pinned_settings():
        return draw(table)


def leave_one_out_forest(
    base: Fit,
    left_out: Sequence[tuple[str, Fit]],
    *,
    title: str | None = None,
    subtitle: str | None = None,
) -> Figure:
    """Draw the pooled estimate without each trial in turn, and with all of them.

    Parameters
    ----------
    base : Fit
        With all trials.
    left_out : sequence of (str, Fit)
        The trial taken away, and the fit of the others.
    title, subtitle : str, optional

    Returns
    -------
    Figure
        As of :func:`forest`.
    """
    what = wording.capital(base.proportion.estimand)
    table = Table(
        columns=(
            Column("label", "Trials pooled", "left"),
            Column("k", "k"),
            Column("counts", _counted(base)),
            Column(PLOT, ""),
            Column("value", ""),
            Column("ends", f"{what} % [{_interval(base)}]"),
            *([] if exact.is_exact(base) else [Column("tau2", "τ²"), Column("I2", "I² %")]),
            *([Column("tau", "τ")] if exact.is_exact(base) else []),
        ),
        rows=(
            *(summary_row(f"without {label}", fit) for label, fit in left_out),
            summary_row("All trials", base, base=True),
        ),
        below=tuple(_leave_one_out_notes(base, [fit for _, fit in left_out])),
        axis_label=f"{what}, %",
        reference=base.proportion.value,
        title=title,
        subtitle=subtitle,
    )
    with pinned_settings():
        return draw(table)


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
    return "Responders/n" if "ORR" in wording.measure(fit) else "Events/n"


def _interval(fit: Fit) -> str:
    name = "CrI" if fit.proportion.kind == "credible" else "CI"
    return f"{level(fit.proportion.level)} {name}"


def _same(companions: Sequence[Fit], index: int) -> list[Fit]:
    """Return the companions' fits of one group."""
    return [other.groups[index] for other in companions if len(other.groups) > index]


def _block(fit: Fit, group: Fit, companions: Sequence[Fit], sources: _Sources) -> list[Row]:
    """Return the rows of one group: heading, trials, pooled, and whose responders are unknown."""
    heading = Row(label=wording.heading(fit.by, group.label), style=BOLD, above=BLOCK_GAP)
    if group.k == 0:
        absent = absent_details(group.not_reported)
        return [heading, Row(label=wording.NO_RESPONDERS_REPORTED, indent=INDENT, details=absent)]
    pooled = pooled_row(group, "pooled")
    details = (*pooled.details, *group_details(group, fit, pooled.reason))
    leading = replace(pooled, details=details, indent=INDENT)
    beside = companion_rows(group, companions, indent=INDENT)
    return [heading, *_trials(group, sources, group.label), leading, *beside]


def _trials(fit: Fit, sources: _Sources, group: str | None) -> list[Row]:
    heaviest = max((trial.weight or 0.0 for trial in fit.trials), default=0.0)
    return [trial_row(trial, heaviest, sources.mark(trial.label, group)) for trial in fit.trials]


def _overall(fit: Fit, companions: Sequence[Fit], sources: _Sources) -> list[Row]:
    """Return the rows of the overall estimate; its trials too, unless the groups have shown the same."""
    shown = {(t.label, t.responders, t.n) for group in fit.groups for t in group.trials}
    rows: list[Row] = []
    if not shown.issuperset((t.label, t.responders, t.n) for t in fit.trials):
        if fit.groups:
            rows.append(Row(label="All groups together", style=BOLD, above=BLOCK_GAP))
        rows += _trials(fit, sources, None)
    told = {entry for group in fit.groups for entry in group.not_reported}
    absent = absent_details([entry for entry in fit.not_reported if entry not in told])
    method = wording.method(fit)
    pooled = pooled_row(fit, wording.scope(fit))
    details = (*pooled.details, *([(method, SMALL)] if method else []), *absent)
    leading = replace(pooled, above=BLOCK_GAP, details=details)
    return [*rows, leading, prediction_row(fit), *companion_rows(fit, companions)]


def _statistics(fit: Fit, companions: Sequence[Fit]) -> list[Paragraph]:
    """Return the statistics of the overall estimate, which stand below the axis."""
    scope = wording.scope(fit).removesuffix(":").replace("overall", "all trials")
    lines = [Paragraph(lead=f"Heterogeneity, {scope}:", text=wording.heterogeneity(fit, intervals=True))]
    test = wording.between(fit)
    if test is not None:
        by = f" by {fit.by}" if fit.by else ""
        what = (
            "Differences"
            if fit.between and fit.between.contrasts and exact.is_exact(fit)
            else "Test for differences"
        )
        lines.append(Paragraph(lead=f"{what} between groups{by}:", text=test))
    said = [text for text in (exact.probabilities(fit), exact.new_trial(fit)) if text]
    if said:
        lines.append(Paragraph(lead="Probabilities:", text=f"{'; '.join(said)}."))
    lines += [line for other in companions for line in _beside(other)]
    return [*lines, Paragraph(lead="Standing:", text=f"{wording.standing(fit)}.")]


def _beside(other: Fit) -> list[Paragraph]:
    """Return a companion's heterogeneity and tests."""
    name = wording.capital(exact.model_name(other))
    said = [wording.heterogeneity(other, intervals=False)]
    test = wording.between(other)
    if test is not None:
        said.append(f"between groups: {'; '.join([test, *exact.tests(other)])}")
    return [Paragraph(lead=f"{name}:", text=f"{'; '.join(said)}.", style=SMALL)]


def _footnotes(fit: Fit, companions: Sequence[Fit]) -> list[Paragraph]:
    """Return what the marks mean, the definitions, and the notes of the fit."""
    everyone = [trial for part in (fit, *fit.groups) for trial in part.trials]
    named = dict.fromkeys(symbols(trial.proportion.method) for trial in everyone)
    legend = [f"Trials: observed {wording.measure(fit)} with {' / '.join(named)} intervals."] if named else []
    if weighted(fit):
        within = " within each block" if fit.groups else ""
        legend.append(f"Squares: area by weight; weights add up to 100 %{within}.")
    legend.append("Filled diamond: headline estimate. Hollow diamond: shown, not a headline.")
    if companions or exact.others(fit):
        legend.append("Smaller diamonds: other estimands and models, as named.")
    conventional = [one for one in (fit, *companions) if not exact.is_exact(one)]
    legend += [f"{wording.i2_definition(one)}." for one in conventional[:1]]
    return _small_print(" ".join(legend), *dict.fromkeys(wording.notes(fit, companions)))


def _leave_one_out_notes(base: Fit, others: Sequence[Fit]) -> list[Paragraph]:
    """Return what the rows have in common."""
    legend = [
        f"Method: {wording.method(base)}." if wording.method(base) else "",
        "" if exact.is_exact(base) else f"τ²: {symbols(base.tau2.method)}. {wording.i2_definition(base)}.",
        "Filled: headline estimate. Hollow: shown, not a headline.",
    ]
    return _small_print(" ".join(filter(None, legend)), *wording.notes(base, others))


def _unlike_the_reports(ledger: Sequence[LedgerEntry]) -> list[Paragraph]:
    """Return what became of trials that are not here, or not as their reports have them."""
    lines = dict.fromkeys(wording.fate(e) for e in ledger if e.action in {"dropped", "excluded", "kept"})
    return [Paragraph(lead="Exclusions:", text=f"{'; '.join(lines)}.", style=SMALL)] if lines else []


def _small_print(*texts: str) -> list[Paragraph]:
    return [Paragraph(text=text, style=SMALL, rule=i == 0) for i, text in enumerate(texts)]
