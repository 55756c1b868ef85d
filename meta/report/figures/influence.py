"""What each trial does to the answer: a table with small plots."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from meta.format import MINUS, number
from meta.report.drawing.canvas import PLAIN, Picture, pinned_settings, put, text_width, wrap
from meta.report.drawing.columns import MARGIN, WIDTH
from meta.report.drawing.marks import BLUE, REFERENCE_GREY, VERMILION
from meta.report.drawing.panels import HEAD, LINE, axes_at, bare, label, start
from meta.report.language import exact, wording
from meta.report.language.wording import leading_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from meta.results import Fit

MEASURES = ("divergence", "mean_shift", "mid_p")
TAIL = 0.025  # of the predictive distribution, beyond which a trial surprises
_PAD, _GAP = 4.5, 12.0
_LABEL_MOST, _NUMBERS = 150.0, 34.0


class _Panel(NamedTuple):
    """One measure: its heading, what its axis is called, and how a number of it is written."""

    head: str
    axis: str
    unit: float
    write: Callable[[float], str]


def influence(fit: Fit, *, title: str) -> Figure:
    """Draw how far each trial moves the posterior and the mean ORR, and how it fits in with the others.

    Parameters
    ----------
    fit : Fit
        With the influence of an exact model.
    title : str

    Returns
    -------
    Figure
    """
    with pinned_settings():
        rows = [wrap(one.label, PLAIN, _LABEL_MOST) for one in fit.influence]
        heights = [len(lines) * LINE + _PAD for lines in rows]
        whole = 16 + sum(heights) + 26
        picture, top = start(whole, (title, _subtitle(fit)), [fit])
        widest = max([text_width("Trial", HEAD), *(text_width(t, PLAIN) for lines in rows for t in lines)])
        put(picture, MARGIN, top + 8, "Trial", HEAD)
        top += 16
        ys = top + np.cumsum([0.0, *heights[:-1]])
        for lines, y in zip(rows, ys, strict=True):
            for i, line in enumerate(lines):
                put(picture, MARGIN, y + 7.5 + i * LINE, line, PLAIN)
        left = MARGIN + widest * 1.03 + _GAP
        width = (WIDTH - MARGIN - left) / 3
        panels = _panels(fit)
        for i, name in enumerate(MEASURES):
            values = [one.measures.get(name) for one in fit.influence]
            place = (left + i * width, top, width - _NUMBERS - _GAP, sum(heights))
            axes = _draw(picture, panels[i], values, place, ys - top + 5.0)
            _limit(axes, name, [z * panels[i].unit for z in values if z is not None])
        return picture


def _subtitle(fit: Fit) -> str:
    return (
        f"{exact.model_name(fit)}. Divergence: how far the trial moves the posterior. Shift: all trials less "
        "all others. Mid-p: where the trial lies in what the others predict for it, marked where outside "
        f"{number(TAIL)} to {number(1 - TAIL)}."
    )


def _panels(fit: Fit) -> tuple[_Panel, _Panel, _Panel]:
    rate = leading_name(fit)
    return (
        _Panel("Divergence", "nats", 1.0, lambda z: number(z, 2)),
        _Panel(f"Shift of {rate}", "percentage points", 100.0, lambda z: number(z, 1)),
        _Panel("Predictive mid-p", "mid-p", 1.0, number),
    )


def _draw(
    picture: Picture,
    panel: _Panel,
    values: Sequence[float | None],
    place: tuple[float, float, float, float],
    ys: np.ndarray,
) -> Axes:
    """Draw a dot a trial and its number beside it; an ordinate of the panel is a point."""
    left, top, width, height = place
    axes = axes_at(picture, place)
    axes.set_ylim(height, 0)
    bare(axes, "left")
    label(axes, panel.axis)
    put(picture, left, top - 8, wording.capital(panel.head), HEAD)
    for value, y in zip(values, ys, strict=True):
        if value is None:
            put(picture, left + width + _NUMBERS, top + y + 2.5, "not given", PLAIN, "right")
            continue
        shown = panel.unit * value
        surprising = panel.axis == "mid-p" and not TAIL <= value <= 1 - TAIL
        colour = VERMILION if surprising else BLUE
        start_at = 0.5 if panel.axis == "mid-p" else 0.0
        axes.plot([start_at, shown], [y, y], color=colour, lw=0.9, zorder=2, clip_on=False)
        axes.plot(
            [shown], [y], "D" if surprising else "o", color=colour, ms=4, mew=0, zorder=3, clip_on=False,
            gid=panel.head,
        )  # fmt: skip
        sign = "+" if panel.unit > 1 and round(shown, 1) > 0 else ""
        put(picture, left + width + _NUMBERS, top + y + 2.5, sign + panel.write(shown), PLAIN, "right")
    return axes


def _limit(axes: Axes, name: str, shown: Sequence[float]) -> None:
    """Choose the ends of an axis, and draw the lines to compare with."""
    lines = {"mid_p": (TAIL, 0.5, 1 - TAIL)}.get(name, (0.0,))
    most = max((abs(z) for z in shown), default=1.0) or 1.0
    if name == "mid_p":
        axes.set_xlim(0, 1)
        axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    else:
        axes.set_xlim(-1.15 * most if name == "mean_shift" else 0.0, 1.15 * most)
        axes.locator_params(axis="x", nbins=4)
        if name == "mean_shift":
            axes.xaxis.set_major_formatter(lambda z, _: f"{z:g}".replace("-", MINUS))
    for x in lines:
        axes.axvline(x, color=REFERENCE_GREY, lw=0.6, ls="-" if x in (0.0, 0.5) else (0, (4, 2.5)), zorder=1)
