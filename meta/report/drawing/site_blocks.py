"""Tables with a plot that may reach below zero: what the figures of sites and regions are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from matplotlib.patches import Rectangle

from meta.format import clean
from meta.report.drawing.canvas import INK, PLAIN, POINT, Picture, Style, put, text_width, wrap
from meta.report.drawing.columns import BOLD, GUTTER, MARGIN, PLOT_GAP, SMALL, VIEWER, WIDTH
from meta.report.drawing.marks import BLUE, REFERENCE_GREY, VERMILION
from meta.report.drawing.panels import DASHED, LINE, axes_at, bare, label, start
from meta.results import FAILED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from meta.results import SiteRegionFit

    Place = tuple[float, float, float, float]

Look = Literal["leading", "beside", "other", "direct", "prior"]

# told apart by shape and fill too, so that grey is enough
_LOOKS: dict[Look, dict[str, Any]] = {
    "leading": {"marker": "o", "ms": 4.5, "mfc": BLUE, "mec": BLUE, "color": BLUE},
    "beside": {"marker": "o", "ms": 4.5, "mfc": "white", "mec": BLUE, "color": BLUE},
    "other": {"marker": "s", "ms": 3.8, "mfc": "white", "mec": VERMILION, "color": VERMILION},
    "direct": {"marker": "D", "ms": 3.8, "mfc": INK, "mec": INK, "color": INK},
    "prior": {"marker": "o", "ms": 4.5, "mfc": "white", "mec": INK, "color": INK},
}
_PAD, _AXIS, _HEAD = 4.0, 32.0, 16.0
_LABEL_LEAST, _PLOT_LEAST, _PLOT_MOST = 66.0, 96.0, 190.0
_APART = 2.3  # of the two marks of one line, from its middle
_FIRST = 7.5  # baseline of a line's first row of text, from its top
INDENT = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """A point and, where they are known, the ends of its interval, in the axis's unit."""

    look: Look
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line: `reason` stands in place of marks and cells that cannot be given."""

    label: str
    cells: tuple[str, ...] = ()
    dots: tuple[Dot, ...] = ()
    reason: str | None = None
    style: Style = PLAIN
    indent: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A table: `before` and `after` are the headings on either side of the plot, that of the labels first.

    The axis shows every mark unless it has `ends`; a dashed line stands at its `reference`.
    """

    before: tuple[str, ...]
    after: tuple[str, ...]
    axis: str
    lines: tuple[Line, ...]
    joined: bool = False  # whether a thin line joins the dots of a line
    ends: tuple[float, float] | None = None
    reference: float | None = None


@dataclass(frozen=True, slots=True)
class _Places:
    """Right edges of the cells, left edge and width of the plot, and room for the labels."""

    rights: tuple[float, ...]
    plot: tuple[float, float]
    label: float


def titled(fit: SiteRegionFit, title: str) -> str:
    """Say in front of a title that a sampler failed, where one did."""
    samplings = (fit.sampling, fit.sampling_without_groups)
    failed = any(sampling is not None and not sampling.passed for sampling in samplings)
    return f"[{FAILED}] {title}" if failed else title


def draw_blocks(titles: tuple[str, str], blocks: Sequence[Block], below: Sequence[str]) -> Picture:
    """Draw tables below one another, and paragraphs below them."""
    placed = [(block, _places(block)) for block in blocks]
    words = [wrap(text, SMALL, WIDTH - 2 * MARGIN) for text in below]
    height = sum(_height(block, places) for block, places in placed)
    picture, y = start(height + sum(len(lines) * LINE + 3 for lines in words), titles, [])
    for block, places in placed:
        _draw(picture, block, places, y)
        y += _height(block, places)
    paragraphs(picture, words, y)
    return picture


def box(
    picture: Picture, place: Place, face: object, gid: str, *, hatch: str = "", dashed: bool = False
) -> None:
    """Draw a rectangle; left, top, width and height in points from the top left corner."""
    left, top, width, height = place
    whole = picture.get_size_inches() * POINT
    patch = Rectangle(
        (left / whole[0], 1 - (top + height) / whole[1]), width / whole[0], height / whole[1],
        fc=face, ec="none" if gid == "cell" else INK, lw=0.5, ls=(0, (2, 1.5)) if dashed else "-",
        hatch=hatch, gid=gid, transform=picture.transFigure,
    )  # fmt: skip
    picture.add_artist(patch)


def paragraphs(picture: Picture, words: Sequence[Sequence[str]], y: float) -> None:
    """Place wrapped paragraphs from `y` downwards."""
    for lines in words:
        for line in lines:
            put(picture, MARGIN, y + _FIRST, line, SMALL)
            y += LINE
        y += 3


def _places(block: Block) -> _Places:
    """Measure the columns; labels get what the plot can spare."""
    heads = (*block.before[1:], *block.after)
    full = [line for line in block.lines if line.cells]
    widths = [
        max([text_width(head, BOLD), *(text_width(line.cells[i], line.style) for line in full)])
        for i, head in enumerate(heads)
    ]
    fixed = sum(width * VIEWER + GUTTER for width in widths) + PLOT_GAP
    free = WIDTH - 2 * MARGIN - fixed
    wanted = [line.indent + text_width(clean(line.label), line.style) * VIEWER for line in full]
    natural = max([text_width(block.before[0], BOLD), *wanted])
    room = max(min(max(natural, free - _PLOT_MOST), free - _PLOT_LEAST), _LABEL_LEAST)
    x, rights = MARGIN + room, []
    for width in widths[: len(block.before) - 1]:
        x += GUTTER + width * VIEWER
        rights.append(x)
    plot = (x + PLOT_GAP, free - room - PLOT_GAP)
    x = plot[0] + plot[1] + PLOT_GAP - GUTTER
    for width in widths[len(block.before) - 1 :]:
        x += GUTTER + width * VIEWER
        rights.append(x)
    return _Places(tuple(rights), plot, room)


def _texts(line: Line, places: _Places) -> tuple[list[str], list[str]]:
    """Wrap the label and the reason."""
    room = places.label if line.cells or line.reason else WIDTH - 2 * MARGIN
    reason = wrap(line.reason, SMALL, WIDTH - MARGIN - places.plot[0]) if line.reason else []
    return wrap(line.label, line.style, room - line.indent), reason


def _line_height(line: Line, places: _Places) -> float:
    return max(map(len, _texts(line, places))) * LINE + _PAD


def _height(block: Block, places: _Places) -> float:
    return _HEAD + sum(_line_height(line, places) for line in block.lines) + _AXIS


def _draw(picture: Picture, block: Block, places: _Places, top: float) -> None:
    put(picture, MARGIN, top + 8, block.before[0], BOLD)
    for right, head in zip(places.rights, (*block.before[1:], *block.after), strict=True):
        put(picture, right, top + 8, head, BOLD, "right")
    top += _HEAD
    height = _height(block, places) - _HEAD - _AXIS
    axes = axes_at(picture, (places.plot[0], top, places.plot[1], height))
    axes.set_ylim(height, 0)
    axes.set_xlim(*(block.ends or _limits(block)))
    bare(axes, "left")
    axes.locator_params(axis="x", nbins=5)
    label(axes, block.axis)
    y = 0.0
    for line in block.lines:
        _text(picture, line, places, top + y)
        _marks(axes, line, y + _FIRST - 2.5, joined=block.joined)
        tall = _line_height(line, places)
        if line.dots and axes.get_xlim()[0] < 0:  # where no text runs across
            axes.plot([0, 0], [y - 1, y + tall], color=REFERENCE_GREY, lw=0.6, zorder=1, gid="zero")
        if line.dots and block.reference is not None:
            ends = [y - 1, y + tall]
            axes.plot([block.reference] * 2, ends, color=REFERENCE_GREY, lw=0.6, ls=DASHED, gid="reference")
        y += tall


def _text(picture: Picture, line: Line, places: _Places, y: float) -> None:
    name, reason = _texts(line, places)
    for i, text in enumerate(name):
        put(picture, MARGIN + line.indent, y + _FIRST + i * LINE, text, line.style)
    for right, cell in zip(places.rights, line.cells, strict=False):
        put(picture, right, y + _FIRST, cell, line.style, "right")
    for i, text in enumerate(reason):
        put(picture, places.plot[0], y + _FIRST + i * LINE, text, SMALL)


def _marks(axes: Axes, line: Line, y: float, *, joined: bool) -> None:
    """Draw a line's marks, two of them on either side of its middle unless they are joined."""
    apart = 0.0 if joined or len(line.dots) == 1 else _APART
    if joined and len(line.dots) > 1:
        axes.plot(
            [dot.value for dot in line.dots], [y] * len(line.dots), color=REFERENCE_GREY, lw=0.8, zorder=2
        )
    for i, dot in enumerate(line.dots):
        at, look = y - apart + 2 * apart * i, _LOOKS[dot.look]
        if dot.low is not None and dot.high is not None:
            axes.plot([dot.low, dot.high], [at, at], color=look["color"], lw=0.9, zorder=2.5, gid="interval")
        axes.plot([dot.value], [at], ls="", mew=0.8, zorder=3, clip_on=False, gid=dot.look, **look)


def _limits(block: Block) -> tuple[float, float]:
    """Return the ends of an axis that shows every mark, from zero where nothing is below it."""
    seen = [
        end
        for line in block.lines
        for dot in line.dots
        for end in (dot.low, dot.value, dot.high)
        if end is not None
    ]
    low, high = min(seen, default=0.0), max(seen, default=1.0)
    pad = 0.05 * (max(high, 0.0) - min(low, 0.0)) or 1.0
    return (min(low, 0.0) - pad if low < 0 else 0.0), max(high, 0.0) + pad
