"""The pooled estimates of the variations of a word, such as without each trial in turn, beside the base's."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from meta.format import level
from meta.report.drawing.rows import summary_row
from meta.report.drawing.table import Column, Plot, Table, draw
from meta.report.figures.forest import counted
from meta.report.figures.registry import Analysed, Figure, Plan, Section, heading_of
from meta.report.language import exact, wording
from meta.report.language.paragraphs import several_notes
from meta.report.language.roles import first_fit
from meta.report.language.variations import variation_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from matplotlib.figure import Figure as Picture

    from meta.records.run import Run
    from meta.results import Fit


def plans(analysed: Analysed) -> Iterator[Plan]:
    """One of each line of YAML whose variations are to be compared by their estimates."""
    for base, whole in analysed.overall:
        for name, word, runs in analysed.families("estimates"):
            rows = named_fits((variation_name(run), run) for run in runs)
            yield Plan(
                name=f"{base.name}.{name}",
                shows=(base, *runs),
                section=Section.FOREST,
                title=word.heading,
                caption=word.shows,
                draw=partial(
                    several_forest, whole, rows, title=heading_of(base, word), subtitle=base.question
                ),
            )


FIGURE = Figure(order=20, plans=plans)


def named_fits(runs: Iterable[tuple[str, Run]]) -> list[tuple[str, Fit]]:
    """The leading overall fit of each run that has one, with the run's name."""
    return [(name, fit) for name, run in runs if (fit := first_fit(run)) is not None]


def several_forest(
    base: Fit,
    others: Sequence[tuple[str, Fit]],
    *,
    title: str | None = None,
    subtitle: str | None = None,
) -> Picture:
    """Draw the pooled estimates of several sets of trials, each with its name, and of all of them."""
    what = wording.capital(wording.leading_name(base))
    spread = [Column("tau", "τ")] if exact.is_exact(base) else [Column("tau2", "τ²"), Column("I2", "I² %")]
    kind = "CrI" if base.proportion.kind == "credible" else "CI"
    columns: tuple[Column | Plot, ...] = (
        Column("label", "Trials pooled", "left"),
        Column("k", "k"),
        Column("counts", counted(base)),
        Plot(axis=f"{what}, %", references=(base.proportion.value,)),
        Column("value", ""),
        Column("ends", f"{what} % [{level(base.proportion.level)} {kind}]"),
        *spread,
    )
    rows = [summary_row(_named(label, fit, base), fit) for label, fit in others]
    keys = {column.key for column in columns}
    shown = (
        replace(row, cells={key: text for key, text in row.cells.items() if key in keys})
        for row in (*rows, summary_row("All trials", base, base=True))
    )
    below = tuple(several_notes(base, [fit for _, fit in others]))
    return draw(Table(columns, tuple(shown)), below, title, subtitle)


def _named(label: str, fit: Fit, base: Fit) -> str:
    """Name a row; where the base's model had no answer, by the model that stands in for it."""
    same = fit.model.model == base.model.model
    instead = "" if same else f" ({wording.leading_name(fit)}, {exact.short_name(fit)})"
    return f"{label}{instead}"
