"""What stands in a plot column: points with intervals, diamonds, bars; and the axis that holds them all."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from meta.report.drawing.palette import (
    BLUE,
    GREEN,
    INK,
    LIGHT_BLUE,
    MID_GREY,
    SHORT_DASHES,
    VERMILION,
    WHITE,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.axes import Axes

    from meta.results import Quantity

    Point = Literal["square", "dot", "expected", "model", "crude", "direct", "prior", "surprise", "shrunken"]
    MarkKind = Literal[Point, "diamond", "bar", "bound"]

PLOT = "plot"  # the column that a mark stands in, unless it says another
UNDER = 4.4  # points that a lighter mark stands below the other one
APART = 2.3  # points that two marks of one row stand from its middle

_MOST_TICKS, _TICK = 6, 19.0  # at most so many steps, each so wide at least (points)
_SQUARE_SIDES = 2.4, 7.5  # smallest and largest, points
_DIAMOND_HALF, _BAR_HALF, _BOUND_HALF = 3.4, 1.5, 2.8
_TRIALS = ("square", "expected")
_OUTLIERS = 0.1  # share of trial intervals that may be cut off for the sake of the others ...
_WORTH_CUTTING = 0.6  # ... where the axis then is at most this much of its full length


@dataclass(frozen=True, slots=True)
class _Look:
    """A point's shape and size in points, the colour of it and its interval."""

    marker: str
    size: float
    colour: str
    hollow: bool = False
    edge: float = 0.8
    line: float = 0.8
    dashes: Any = "-"


_LOOKS: dict[str, _Look] = {
    "square": _Look("s", _SQUARE_SIDES[1], MID_GREY, edge=0.0),
    "dot": _Look("o", 4.5, BLUE),
    "expected": _Look("s", 4.2, MID_GREY, hollow=True, edge=0.9, dashes=SHORT_DASHES),
    "model": _Look("^", 4.6, GREEN),
    "crude": _Look("s", 3.8, VERMILION, hollow=True),
    "direct": _Look("D", 3.8, INK),
    "prior": _Look("o", 4.5, INK, hollow=True),
    "surprise": _Look("D", 4.0, VERMILION),
    "shrunken": _Look("o", 2.4, LIGHT_BLUE, edge=0.0, line=0.7),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A point and its interval; `share` scales it, `filled` marks a headline.

    Of bounds `inner` are the ends of the thick part. It stands `below` the middle of its row by so many
    points, in the plot `column` of that key.
    """

    kind: MarkKind
    low: float
    high: float
    value: float | None = None
    share: float = 1.0
    filled: bool = True
    inner: tuple[float, float] | None = None
    below: float = 0.0
    column: str = PLOT


def point(kind: MarkKind, value: float, *, filled: bool = True, below: float = 0.0) -> Mark:
    """Make a mark without an interval."""
    return Mark(kind=kind, low=value, value=value, high=value, filled=filled, below=below)


def marks_of(kind: MarkKind, found: Quantity, *, filled: bool = True, below: float = 0.0) -> tuple[Mark, ...]:
    """Make the mark of an estimate, with its interval if it has one; none where there is no estimate."""
    if found.value is None:
        return ()
    ends = (found.value, found.value) if found.low is None or found.high is None else (found.low, found.high)
    return (Mark(kind=kind, low=ends[0], value=found.value, high=ends[1], filled=filled, below=below),)


@dataclass(frozen=True, slots=True)
class Axis:
    """Both ends and the step between ticks, in the axis's own unit."""

    low: float
    high: float
    step: float

    @property
    def ticks(self) -> dict[float, str]:
        """Places and labels."""
        first, last = math.ceil(round(self.low / self.step, 9)), math.floor(round(self.high / self.step, 9))
        digits = max(0, -math.floor(math.log10(self.step) + 1e-9))
        return {
            i * self.step: f"{i * self.step:.{digits}f}".replace("-", "−") for i in range(first, last + 1)
        }


def axis(marks: Iterable[Mark], unit: float, width: float, ends: tuple[float, float] | None = None) -> Axis:
    """Choose the axis of a plot that is `width` points wide; a mark's values are multiplied by `unit`.

    Everything is shown, from zero where nothing is below it, except that a few very long intervals of single
    trials end in an arrow where they would squeeze all others; a pooled estimate never does.
    """
    most = min(_MOST_TICKS, max(2, int(width / _TICK)))
    if ends is not None:
        return Axis(*ends, _step(*ends, most))
    marks = tuple(marks)
    loose = sorted(unit * mark.high for mark in marks if mark.kind in _TRIALS)
    tight = [unit * (mark.high if mark.kind not in _TRIALS else mark.value or 0.0) for mark in marks]
    low = min([0.0, *(unit * mark.low for mark in marks)])
    kept = loose[: len(loose) - math.floor(_OUTLIERS * len(loose))]
    full, cut = (_rounded(low, [*highs, 0.0], unit, most) for highs in (loose + tight, kept + tight))
    return cut if cut.high <= _WORTH_CUTTING * full.high else full


def _step(low: float, high: float, most: int) -> float:
    """The smallest step of 1, 2 or 5 times a power of ten with at most so many steps between whole ones."""
    power = math.floor(math.log10(high - low)) - 1
    for step in (one * 10.0**at for at in range(power, power + 3) for one in (1, 2, 5)):
        if math.ceil(round(high / step, 9)) - math.floor(round(low / step, 9)) <= most:
            return step
    raise AssertionError  # a step of ten times the range is always enough


def _rounded(low: float, highs: Sequence[float], unit: float, most: int) -> Axis:
    high = max(highs) if max(highs) > low else unit  # nothing to show: the whole range of a rate
    step = _step(low, high, most)
    return Axis(math.floor(round(low / step, 9)) * step, math.ceil(round(high / step, 9)) * step, step)


def draw_mark(axes: Axes, mark: Mark, y: float, unit: float) -> None:
    """Draw one mark at `y`."""
    match mark.kind:
        case "diamond":
            _diamond(axes, mark, y, unit)
        case "bar":
            _rectangle(axes, (unit * mark.low, unit * mark.high), y, _BAR_HALF, gid="bar", ec=INK, lw=0.4)
        case "bound":
            _bound(axes, mark, y, unit)
        case _:
            _point(axes, mark, y, unit)


def _diamond(axes: Axes, mark: Mark, y: float, unit: float) -> None:
    from matplotlib.patches import Polygon

    if mark.value is None:
        return
    low, middle, high = unit * mark.low, unit * mark.value, unit * mark.high
    half = _DIAMOND_HALF * mark.share
    corners = [(low, y), (middle, y - half), (high, y), (middle, y + half)]
    face = BLUE if mark.filled else WHITE
    axes.add_patch(
        Polygon(corners, fc=face, ec=BLUE, lw=0.9, joinstyle="miter", zorder=4, clip_on=False, gid="diamond")
    )


def _rectangle(axes: Axes, ends: tuple[float, float], y: float, half: float, **look: Any) -> None:
    from matplotlib.patches import Rectangle

    settings = {"fc": VERMILION, "zorder": 4, "clip_on": False, **look}
    axes.add_patch(Rectangle((ends[0], y - half), ends[1] - ends[0], 2 * half, **settings))


def _bound(axes: Axes, mark: Mark, y: float, unit: float) -> None:
    """Draw bounds: a thin line for the limits, across it a thick bar for the estimates."""
    inner = mark.inner or (mark.low, mark.high)
    low, high = unit * inner[0], unit * inner[1]
    ends, half = [unit * mark.low, unit * mark.high], _BOUND_HALF * mark.share
    axes.plot(ends, [y, y], color=VERMILION, lw=0.9, solid_capstyle="butt", zorder=2.5, gid="uncertainty")
    axes.plot([low, high], [y, y], "|", color=VERMILION, ms=2 * half, mew=0.8, zorder=3)
    face = VERMILION if mark.filled else WHITE
    _rectangle(axes, (low, high), y, half, gid="ignorance", fc=face, ec=VERMILION, lw=0.8)


def _point(axes: Axes, mark: Mark, y: float, unit: float) -> None:
    """Draw a point and the interval across it, cut off at the ends of the axis."""
    first, last = axes.get_xlim()
    look, hollow = _LOOKS[mark.kind], _LOOKS[mark.kind].hollow or not mark.filled
    trial = mark.kind == "square"
    size = max(_SQUARE_SIDES[0], look.size * math.sqrt(mark.share)) if trial else look.size
    colour = INK if trial else look.colour  # of the line
    low, high = unit * mark.low, unit * mark.high
    ends = [max(low, first), min(high, last)]
    axes.plot(
        ends, [y, y], color=colour, lw=look.line, ls=look.dashes, solid_capstyle="butt", zorder=2.5,
        clip_on=False, gid="shrunken" if mark.kind == "shrunken" else "interval",
    )  # fmt: skip
    for end, beyond, arrow in ((first, low < first, "<"), (last, high > last, ">")):
        if beyond:
            axes.plot([end], [y], arrow, ms=3.5, color=colour, mew=0, zorder=3, clip_on=False, gid="arrow")
    if mark.value is not None:
        axes.plot(
            [unit * mark.value], [y], ls="", marker=look.marker, ms=size, mec=look.colour,
            mfc=WHITE if hollow else look.colour, mew=look.edge, zorder=2.0 if trial else 3.0, clip_on=False,
            gid=mark.kind,
        )  # fmt: skip
