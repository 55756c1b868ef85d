"""What each trial does to the answer: how far it moves the posterior and the rate, and how it fits in."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from meta.format import number
from meta.report.drawing.marks import Mark
from meta.report.drawing.table import Column, Plot, Row, Table, draw
from meta.report.figures.registry import Analysed, Figure, Plan, Section
from meta.report.language import exact
from meta.report.language.roles import marked
from meta.report.language.wording import leading_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.figure import Figure as Picture

    from meta.report.drawing.marks import MarkKind
    from meta.results import Fit, Influence

TAIL = 0.025  # of the predictive distribution, beyond which a trial surprises


def plans(analysed: Analysed) -> Iterator[Plan]:
    """One of an analysis whose leading overall fit says how much each trial matters."""
    for base, fit in analysed.overall:
        if any("divergence" in one.measures for one in fit.influence):
            yield Plan(
                name=f"{base.name}.influence",
                shows=(base,),
                section=Section.HETEROGENEITY,
                title="Influence of each trial",
                caption="How far each trial moves the answer.",
                draw=partial(influence, fit, title=f"{base.name}: influence of each trial"),
            )


FIGURE = Figure(order=60, plans=plans)


def influence(fit: Fit, *, title: str) -> Picture:
    """Draw how far each trial moves the posterior and the mean ORR, and how it fits in with the others."""
    columns = (
        Column("label", "Trial", "left"),
        Plot(key="divergence", heading="Divergence", axis="nats", unit=1.0),
        Column("divergence value", " "),
        Plot(key="mean_shift", heading=f"Shift of {leading_name(fit)}", axis="percentage points"),
        Column("mean_shift value", " "),
        Plot(
            key="mid_p", heading="Predictive mid-p", axis="mid-p", unit=1.0, ends=(0.0, 1.0),
            references=(TAIL, 0.5, 1 - TAIL),
        ),
        Column("mid_p value", " "),
    )  # fmt: skip
    subtitle = (
        f"{exact.model_name(fit)}. Divergence: how far the trial moves the posterior. Shift: all trials "
        "minus all others. Mid-p: where the trial lies in what the others predict for it, marked where "
        f"outside {number(TAIL)} to {number(1 - TAIL)}."
    )
    return draw(Table(columns, tuple(map(_row, fit.influence))), (), marked(title, fit), subtitle)


def _row(one: Influence) -> Row:
    """A trial's marks and numbers."""
    divergence, shift, mid_p = (one.measures.get(name) for name in ("divergence", "mean_shift", "mid_p"))
    marks = [
        *_stem("divergence", divergence, 0.0),
        *_stem("mean_shift", shift, 0.0),
        *_stem("mid_p", mid_p, 0.5, surprising=mid_p is not None and not TAIL <= mid_p <= 1 - TAIL),
    ]
    moved = None if shift is None else number(100 * shift, 1)
    plus = "+" if shift is not None and round(100 * shift, 1) > 0 else ""
    cells = {
        "divergence value": "not given" if divergence is None else number(divergence, 2),
        "mean_shift value": "not given" if moved is None else plus + moved,
        "mid_p value": "not given" if mid_p is None else number(mid_p),
    }
    return Row(label=one.label, cells=cells, marks=tuple(marks))


def _stem(column: str, value: float | None, start: float, *, surprising: bool = False) -> Iterator[Mark]:
    if value is not None:
        kind: MarkKind = "surprise" if surprising else "dot"
        yield Mark(kind=kind, low=min(start, value), value=value, high=max(start, value), column=column)
