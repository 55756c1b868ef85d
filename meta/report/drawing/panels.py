"""Panels of the curve figures: axes placed in points, text that is measured, and one palette."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from meta.report.drawing.canvas import GREY, PLAIN, POINT, Picture, Style, new_picture, put, wrap
from meta.report.drawing.columns import MARGIN, WIDTH
from meta.report.drawing.layout import SUBTITLE, TITLE
from meta.results import FAILED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from meta.results import Fit

    Floats = NDArray[np.float64]
    Box = tuple[float, float, float, float]

# Okabe and Ito's colours, told apart by the colour-blind
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
BLUE, VERMILION = COLOURS[:2]
LIGHT = Style(colour=GREY)
HEAD = Style(bold=True)
DASHED = (0, (4, 2))
LINE = 9.1  # pitch of lines of text, points


def start(height: float, titles: tuple[str, str], fits: Sequence[Fit]) -> tuple[Picture, float]:
    """Begin a figure with its title and subtitle.

    Parameters
    ----------
    height : float
        Of what stands below the titles, points.
    titles : tuple of str
        Title and subtitle.
    fits : sequence of Fit
        What is shown; where a sampler failed, the title says so.

    Returns
    -------
    picture : Picture
    top : float
        Where the titles end, points from the top.
    """
    mark = f"[{FAILED}] " if any(fit.failed for fit in fits) else ""
    lines = [(line, TITLE) for line in wrap(mark + titles[0], TITLE, WIDTH - 2 * MARGIN)]
    lines += [(line, SUBTITLE) for line in wrap(titles[1], SUBTITLE, WIDTH - 2 * MARGIN)]
    pitch = [style.size * 1.35 for _, style in lines]
    top = MARGIN + sum(pitch) + 4
    picture = new_picture(WIDTH, top + height + MARGIN)
    y = MARGIN
    for (line, style), step in zip(lines, pitch, strict=True):
        put(picture, MARGIN, y + style.size, line, style)
        y += step
    return picture, top


def axes_at(picture: Picture, box: Box) -> Axes:
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


def sample(picture: Picture, x: float, y: float, width: float, look: dict[str, Any]) -> None:
    """Draw a short line as a key of the legend, at half the height of the text whose baseline is `y`."""
    from matplotlib.lines import Line2D

    whole = picture.get_size_inches() * POINT
    height = 1 - (y - 2.5) / whole[1]
    line = Line2D([x / whole[0], (x + width) / whole[0]], [height, height], **look)
    line.set_transform(picture.transFigure)
    picture.add_artist(line)
