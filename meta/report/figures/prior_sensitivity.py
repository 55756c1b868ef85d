"""Posteriors of the rates and of tau under several priors of tau, each with its prior."""

from __future__ import annotations

from functools import partial
from itertools import cycle
from typing import TYPE_CHECKING

from meta.format import interval, level, number, percent
from meta.report.drawing.canvas import (
    BOLD,
    MARGIN,
    PLAIN,
    SMALL,
    VIEWER,
    WIDTH,
    pinned_settings,
    put,
    text_width,
    wrap,
)
from meta.report.drawing.palette import COLOURS, DASHED
from meta.report.drawing.panels import LINE, TICK, axes_at, curve, label, last_above, sample, start
from meta.report.figures.registry import Analysed, Figure, Plan, Section, heading_of
from meta.report.language import wording
from meta.report.language.roles import first_fit, marked
from meta.results import name_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Picture

    from meta.results import Fit, Quantity

_PANEL, _GAP = 138.0, 16.0


def plans(analysed: Analysed) -> Iterator[Plan]:
    """One of each line of YAML whose variations are to be compared by their posteriors."""
    for base, _ in analysed.overall:
        for name, word, runs in analysed.families("posteriors"):
            fits = [(run, fit) for run in runs if (fit := first_fit(run)) is not None and fit.grids]
            found = [(run.item.name if run.item else run.variation, fit) for run, fit in fits]
            if found:
                yield Plan(
                    name=f"{base.name}.{name}",
                    shows=tuple(runs),
                    section=Section.PRIORS,
                    title=word.heading,
                    caption=word.shows,
                    draw=partial(prior_sensitivity, found, title=heading_of(base, word)),
                )


FIGURE = Figure(order=160, plans=plans)


def prior_sensitivity(fits: Sequence[tuple[str, Fit]], *, title: str) -> Picture:
    """Draw median ORR, mean ORR and tau of fits under several priors of tau, each with the prior's name."""
    subtitle = "Full lines: posterior. Dashed lines of the same colour: prior (of the ORRs: what it implies)."
    rows = [
        (wrap(marked(name, fit), PLAIN, 190.0), fit, colour)
        for (name, fit), colour in zip(fits, cycle(COLOURS), strict=False)
    ]
    with pinned_settings():
        below = sum(len(lines) * LINE + 3 for lines, _, _ in rows)
        picture, top = start(_PANEL + 54 + below, marked(title, *(fit for _, fit in fits)), subtitle)
        width = (WIDTH - 2 * MARGIN - 12 - 2 * _GAP - TICK) / 3
        for i, name in enumerate(("median", "mean", "tau")):
            axes = axes_at(picture, (MARGIN + 12 + i * (width + _GAP), top, width, _PANEL))
            _posteriors(axes, name, [(fit, colour) for _, fit, colour in rows])
            label(axes, _axis_name(fits[0][1], name), "Density" if i == 0 else "")
        _prior_table(picture, rows, top + _PANEL + 42)
        return picture


def _axis_name(fit: Fit, name: str) -> str:
    if name == "tau" or fit.estimands is None:
        return "τ (log odds)" if name == "tau" else name
    found: Quantity = getattr(fit.estimands, name)
    return f"{wording.capital(name_of(found.estimand, fit.outcome))}, %"


def _posteriors(axes: Axes, name: str, fits: Iterable[tuple[Fit, str]]) -> None:
    """Draw the curves of one quantity; the axis shows where posteriors are, not how far priors reach."""
    unit = 1.0 if name == "tau" else 100.0
    top = right = 0.0
    for fit, colour in fits:
        x, density = unit * curve(fit, f"{name}.x"), curve(fit, f"{name}.density")
        axes.plot(x, density, color=colour, lw=1.1, gid=f"{name}.posterior")
        axes.plot(x, curve(fit, f"{name}.prior"), color=colour, lw=0.7, ls=DASHED, gid=f"{name}.prior")
        top, right = max(top, float(density.max())), max(right, last_above(x, density))
    axes.set_xlim(0, right)
    axes.set_ylim(0, 1.12 * top)
    axes.set_yticks([])


def _prior_table(picture: Picture, rows: Sequence[tuple[list[str], Fit, str]], y: float) -> None:
    """Write median and interval of every posterior, beside the key of its colour."""
    first, widest = rows[0][1], max(text_width(line) for lines, _, _ in rows for line in lines)
    left = MARGIN + 34
    second = left + max(widest * VIEWER, 100.0) + 24
    columns = (left, second, second + 100, second + 200)
    heads = [*(_axis_name(first, name) for name in ("median", "mean")), "τ"]
    for x, head in zip(columns, ("Prior of τ", *heads), strict=True):
        put(picture, x, y, head, BOLD)
    put(picture, left, y + LINE, f"posterior median ({level(first.level)} CrI)", SMALL)
    y += 2 * LINE + 4
    for lines, fit, colour in rows:
        sample(picture, MARGIN, y, 13, color=colour, lw=1.3)
        sample(picture, MARGIN + 16, y, 13, color=colour, lw=0.9, ls=(0, (3, 1.5)))
        for number_, line in enumerate(lines):
            put(picture, columns[0], y + number_ * LINE, line, PLAIN)
        for x, cell in zip(columns[1:], _cells(fit), strict=True):
            put(picture, x, y, cell, PLAIN)
        y += len(lines) * LINE + 3


def _cells(fit: Fit) -> tuple[str, str, str]:
    found, tau = fit.estimands, fit.tau
    if found is None or tau is None or tau.value is None or tau.low is None or tau.high is None:
        return ("", "", "")
    ends = interval(tau.low, tau.high, lambda z: number(z, 2))
    return _cell(found.median), _cell(found.mean), f"{number(tau.value, 2)} ({ends})"


def _cell(found: Quantity) -> str:
    if found.value is None or found.low is None or found.high is None:
        return "not given"
    return f"{percent(found.value)} ({interval(found.low, found.high, percent)})"
