"""What stands in the plot column: squares, diamonds, bars, and the axis below them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from matplotlib.patches import Polygon, Rectangle

from meta.report.drawing.canvas import INK, PLAIN

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.axes import Axes

MarkKind = Literal["square", "dot", "diamond", "bar", "shrunken", "bound", "expected", "model"]

# Okabe and Ito's blue, vermilion and green: told apart by the colour-blind; in grey, by shape
BLUE, VERMILION, SQUARE = "#0072B2", "#D55E00", "#8C8C8C"
GREEN = "#009E73"
REFERENCE_GREY, LIGHT_BLUE = "#A6A6A6", "#6BAED6"

_STEPS = (1, 2, 5, 10, 20)
_MOST_TICKS = 6
_SQUARE_SIDES = 2.4, 7.5  # smallest and largest, points
_DOT = 4.5
_DIAMOND_HALF, _BAR_HALF, _BOUND_HALF = 3.4, 1.5, 2.8
_EXPECTED, _MODEL = 4.2, 4.6  # sizes of the square of what is expected, and of the triangle
_TRIALS = ("square", "expected")
_OUTLIERS = 0.1  # share of trial intervals that may be cut off for the sake of the others ...
_WORTH_CUTTING = 0.6  # ... where the axis then is at most this much of its full length


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A point and its interval, fractions; `share` scales it, `filled` marks a headline.

    Of bounds `inner` are the ends of the thick part.
    """

    kind: MarkKind
    low: float
    high: float
    value: float | None = None
    share: float = 1.0
    filled: bool = True
    inner: tuple[float, float] | None = None


def axis(marks: Iterable[Mark]) -> tuple[int, int]:
    """Choose the upper end of the axis and the step of its ticks, in percent.

    Everything is shown, except that a few very long intervals of single trials end in an arrow
    where they would squeeze all others; a pooled estimate never does.
    """
    marks = tuple(marks)
    loose = sorted(mark.high for mark in marks if mark.kind in _TRIALS)
    tight = [mark.high if mark.kind not in _TRIALS else mark.value or 0.0 for mark in marks]
    kept = loose[: len(loose) - math.floor(_OUTLIERS * len(loose))]
    full, cut = _round_up(loose + tight), _round_up(kept + tight)
    return cut if cut[0] <= _WORTH_CUTTING * full[0] else full


def _round_up(highs: Sequence[float]) -> tuple[int, int]:
    needed = max(100 * max(highs, default=1.0), 1e-9)
    step = next((step for step in _STEPS if needed <= step * _MOST_TICKS), _STEPS[-1])
    return math.ceil(round(needed / step, 9)) * step, step


def set_axis(axes: Axes, upper: int, step: int, height: float) -> None:
    """Draw a bare axis from 0 to `upper` percent; the ordinate is points from the top."""
    axes.set_xlim(0, upper)
    axes.set_ylim(height, 0)
    axes.patch.set_visible(False)
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_linewidth(0.6)
    axes.set_yticks([])
    axes.set_xticks(range(0, upper + 1, step), [str(tick) for tick in range(0, upper + 1, step)])
    axes.tick_params(axis="x", length=2.5, width=0.6, pad=2)
    for label in axes.get_xticklabels():
        label.set_fontproperties(PLAIN.font)


def draw_reference(axes: Axes, value: float, stretches: Iterable[tuple[float, float]]) -> None:
    """Draw the light line at the pooled estimate."""
    for stretch in stretches:
        x = [100 * value] * 2
        axes.plot(x, stretch, color=REFERENCE_GREY, lw=0.6, ls=(0, (4, 2.5)), zorder=1, gid="reference")


def draw_mark(axes: Axes, mark: Mark, y: float) -> None:
    """Draw one row's mark at `y`."""
    match mark.kind:
        case "diamond":
            _diamond(axes, mark, y)
        case "bar":
            _bar(axes, mark, y)
        case "bound":
            _bound(axes, mark, y)
        case "shrunken":
            _shrunken(axes, mark, y)
        case _:
            _point(axes, mark, y)


def _diamond(axes: Axes, mark: Mark, y: float) -> None:
    if mark.value is None:
        return
    low, middle, high = 100 * mark.low, 100 * mark.value, 100 * mark.high
    half = _DIAMOND_HALF * mark.share
    corners = [(low, y), (middle, y - half), (high, y), (middle, y + half)]
    face = BLUE if mark.filled else "white"
    axes.add_patch(
        Polygon(corners, fc=face, ec=BLUE, lw=0.9, joinstyle="miter", zorder=4, clip_on=False, gid="diamond")
    )


def _bar(axes: Axes, mark: Mark, y: float) -> None:
    corner, width, height = (100 * mark.low, y - _BAR_HALF), 100 * (mark.high - mark.low), 2 * _BAR_HALF
    axes.add_patch(
        Rectangle(corner, width, height, fc=VERMILION, ec=INK, lw=0.4, zorder=4, clip_on=False, gid="bar")
    )


def _bound(axes: Axes, mark: Mark, y: float) -> None:
    """Draw bounds: a thin line for the limits, across it a thick bar for the estimates."""
    low, high = mark.inner or (mark.low, mark.high)
    ends, half = [100 * mark.low, 100 * mark.high], _BOUND_HALF * mark.share
    axes.plot(ends, [y, y], color=VERMILION, lw=0.9, solid_capstyle="butt", zorder=2.5, gid="uncertainty")
    axes.plot([100 * low, 100 * high], [y, y], "|", color=VERMILION, ms=2 * half, mew=0.8, zorder=3)
    face = VERMILION if mark.filled else "white"
    corner, width = (100 * low, y - half), 100 * (high - low)
    axes.add_patch(
        Rectangle(corner, width, 2 * half, fc=face, ec=VERMILION, lw=0.8, zorder=4, gid="ignorance")
    )


def _shrunken(axes: Axes, mark: Mark, y: float) -> None:
    """Draw a trial's true rate as all trials together have it, lightly."""
    look: dict[str, Any] = {"color": LIGHT_BLUE, "zorder": 2.2, "clip_on": False, "gid": "shrunken"}
    axes.plot([100 * mark.low, min(100 * mark.high, axes.get_xlim()[1])], [y, y], lw=0.7, **look)
    axes.plot([100 * (mark.value or 0.0)], [y], "o", ms=2.4, mew=0, **look)


def _point(axes: Axes, mark: Mark, y: float) -> None:
    """Draw a point and the interval across it, cut off at the end of the axis."""
    upper = axes.get_xlim()[1]
    look, line = _looks(mark)
    if mark.value is not None:
        order = 2.0 if mark.kind == "square" else 3.0  # a hollow mark hides the line behind it
        axes.plot([100 * mark.value], [y], zorder=order, clip_on=False, gid=mark.kind, **look)
    ends = [100 * mark.low, min(100 * mark.high, upper)]
    axes.plot(ends, [y, y], lw=0.8, zorder=2.5, clip_on=False, gid="interval", **line)
    if 100 * mark.high > upper:
        axes.plot([upper], [y], ">", ms=3.5, color=line["color"], mew=0, zorder=3, clip_on=False, gid="arrow")


def _looks(mark: Mark) -> tuple[dict[str, Any], dict[str, Any]]:
    """How a point and its line look: a trial's square, a fit's dot, what is expected, a model's triangle."""
    solid: dict[str, Any] = {"color": INK, "solid_capstyle": "butt"}
    if mark.kind == "square":
        side = max(_SQUARE_SIDES[0], _SQUARE_SIDES[1] * math.sqrt(mark.share))
        face = SQUARE if mark.filled else "white"
        return {"marker": "s", "ms": side, "mec": SQUARE, "mfc": face, "mew": 0.0}, solid
    if mark.kind == "expected":
        square = {"marker": "s", "ms": _EXPECTED, "mec": SQUARE, "mfc": "white", "mew": 0.9}
        return square, {"color": SQUARE, "ls": (0, (2, 1.5))}
    marker, colour, size = ("^", GREEN, _MODEL) if mark.kind == "model" else ("o", BLUE, _DOT)
    face = colour if mark.filled else "white"
    line = {**solid, "color": colour} if mark.kind == "model" else solid
    return {"marker": marker, "ms": size, "mec": colour, "mfc": face, "mew": 0.8}, line
