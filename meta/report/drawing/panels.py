"""Panels of the curve figures: axes placed in points, text that is measured, and one palette."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from meta.report.drawing.canvas import (
    MARGIN,
    PLAIN,
    POINT,
    line,
    new_picture,
    put,
    titles,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from meta.report.drawing.canvas import Box
    from meta.results import Fit

    Floats = NDArray[np.float64]

LINE = 9.1  # pitch of lines of text, points
TICK = 8.0  # half of the last tick's label stands beyond the axis


def start(height: float, title: str, subtitle: str) -> tuple[Figure, float]:
    """Begin a figure of some height (points) below its titles; also return where these end."""
    lines, top = titles(title, subtitle)
    picture = new_picture(top + height + MARGIN)
    for y, text, style in lines:
        put(picture, MARGIN, y, text, style)
    return picture, top + 2


def axes_at(picture: Figure, box: Box) -> Axes:
    """Add axes with two spines; left, top, width and height in points from the top left corner."""
    left, top, width, height = box
    whole = picture.get_size_inches() * POINT
    axes = picture.add_axes(
        (left / whole[0], 1 - (top + height) / whole[1], width / whole[0], height / whole[1])
    )
    axes.patch.set_visible(False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_linewidth(0.6)
    axes.tick_params(length=2.5, width=0.6, pad=2)
    _set_ticks(axes)
    return axes


def _set_ticks(axes: Axes) -> None:
    from matplotlib.ticker import MaxNLocator, ScalarFormatter

    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        axis.set_major_formatter(ScalarFormatter(useOffset=False))
        for side in ("label1", "label2"):
            for tick in axis.get_major_ticks():
                getattr(tick, side).set_fontproperties(PLAIN.font)
    axes.tick_params(labelsize=PLAIN.size)


def bare(axes: Axes, *sides: str) -> None:
    """Take away spines, with the ticks and labels that belong to them."""
    for side in sides:
        axes.spines[side].set_visible(False)
        axis = axes.yaxis if side in {"left", "right"} else axes.xaxis
        axis.set_ticks([])


def label(axes: Axes, x: str = "", y: str = "") -> None:
    """Name the axes, in our own words."""
    if x:
        axes.set_xlabel(x, fontproperties=PLAIN.font, labelpad=3)
    if y:
        axes.set_ylabel(y, fontproperties=PLAIN.font, labelpad=3)


def curve(fit: Fit, name: str) -> Floats:
    """One of a fit's grids."""
    return np.array(fit.grids[name])


def last_above(x: Floats, height: Floats, share: float = 0.01) -> float:
    """The largest x at which a curve still has some share of its top."""
    return float(x[np.flatnonzero(height >= share * height.max())[-1]])


def sample(picture: Figure, x: float, y: float, width: float, **look: Any) -> None:
    """Draw a short line as a key of the legend, at half the height of the text whose baseline is `y`."""
    line(picture, x, x + width, y - 2.5, **look)
