"""Figures at the width of a journal's column, everything in proportion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from meta.errors import SpecError
from meta.report.drawing.canvas import DRAWN, pinned_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

# Texts are drawn with 6 points at least, and journals print 5 at least; no page is wider than 210 mm
ALLOWED = 150.0, 210.0


def check_width(width: float) -> str | None:
    """What is wrong with a width in mm; None if nothing is."""
    low, high = ALLOWED
    if low <= width <= high:
        return None
    return f"--width: found {width:g}; {low:g} to {high:g} mm are allowed (text is below 5 points in less)"


def resized(figure: Figure, width: float | None) -> Figure:
    """The same figure at another width: its texts, lines and marks become larger or smaller with it.

    Parameters
    ----------
    figure : Figure
        As it was drawn; it is changed, and given back.
    width : float or None
        In mm; None leaves it as it was drawn.

    Raises
    ------
    SpecError
        If the width is not among those allowed.
    """
    if width is None or width == DRAWN:
        return figure
    if wrong := check_width(width):
        raise SpecError(wrong)
    share = width / DRAWN
    with pinned_settings():
        figure.canvas.draw()  # so that every tick is there
        wide, high = figure.get_size_inches() * share
        figure.set_size_inches(wide, high)
        for axes in figure.axes:
            _ticks(axes.xaxis, "xtick", share)
            _ticks(axes.yaxis, "ytick", share)
        _artists(figure, share)
    return figure


def _ticks(axis: Axis, group: str, share: float) -> None:
    """Marks, labels and their distances, of ticks yet to be made too."""
    import matplotlib as mpl

    own, settings = axis.get_tick_params(), cast("Mapping[str, Any]", mpl.rcParams)
    names = {"length": "size", "width": "width", "pad": "pad"}
    usual = {name: settings[f"{group}.major.{option}"] for name, option in names.items()}
    axis.set_tick_params(**{name: own.get(name, value) * share for name, value in usual.items()})
    axis.labelpad *= share


def _artists(figure: Figure, share: float) -> None:
    from matplotlib.collections import Collection
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        text.set_fontsize(float(text.get_fontsize()) * share)
    for line in figure.findobj(Line2D):
        if isinstance(line.get_marker(), int):
            continue  # a tick's mark: done with its axis
        line.set_linewidth(line.get_linewidth() * share)
        line.set_markersize(line.get_markersize() * share)
        line.set_markeredgewidth(line.get_markeredgewidth() * share)
    for patch in figure.findobj(Patch):
        patch.set_linewidth(patch.get_linewidth() * share)
    for group in figure.findobj(Collection):
        group.set_linewidth(np.multiply(group.get_linewidth(), share).tolist())
