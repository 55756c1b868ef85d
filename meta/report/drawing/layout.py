"""A table with a plot in one of its columns: rows are measured, placed, then drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from meta.report.drawing import marks
from meta.report.drawing.canvas import (
    GREY,
    PLAIN,
    POINT,
    Picture,
    Style,
    new_picture,
    put,
    rule,
    text_width,
    wrap,
)
from meta.report.drawing.columns import (
    BOLD,
    GUTTER,
    MARGIN,
    PLOT,
    PLOT_GAP,
    SMALL,
    SOURCE_GAP,
    VIEWER,
    WIDTH,
    Align,
    Grid,
    Paragraph,
    Row,
    Table,
    grid_of,
    reach,
)
from meta.report.drawing.marks import Mark

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINE = 1.3  # line pitch, of the type size
ROW_PAD = 2.6
AXIS_HEIGHT, LABEL_DEPTH = 31.0, 8.0  # ticks, their labels, and what the axis shows, this far from the end
UNDER = 4.4  # the lighter mark, below the other one
MID_LETTER = 0.36  # of the type size: marks sit at half the height of a capital

TITLE, SUBTITLE = Style(bold=True, size=9.0), Style(colour=GREY, size=7.5)


@dataclass(frozen=True, slots=True)
class _Line:
    x: float
    y: float
    text: str
    style: Style
    align: Align = "left"


@dataclass(slots=True)
class _Page:
    """What has been placed so far; `y` is where the next thing goes, in points from the top."""

    y: float = MARGIN
    lines: list[_Line] = field(default_factory=list)
    rules: list[tuple[float, float]] = field(default_factory=list)  # y and thickness
    placed: list[tuple[Mark, float]] = field(default_factory=list)

    def text(self, x: float, lines: Sequence[str], style: Style, top: float, align: Align = "left") -> float:
        """Place lines from `top` downwards; return where they end."""
        pitch = style.size * LINE
        for number, line in enumerate(lines):
            if line:
                self.lines.append(_Line(x, top + style.size + number * pitch, line, style, align))
        return top + len(lines) * pitch

    def rule(self, thickness: float) -> None:
        """Place a line across the page."""
        self.rules.append((self.y, thickness))


def _head(page: _Page, table: Table, grid: Grid) -> None:
    """Title, subtitle and column headings between two rules."""
    for text, style in ((table.title, TITLE), (table.subtitle, SUBTITLE)):
        if text:
            page.y = page.text(MARGIN, wrap(text, style, WIDTH - 2 * MARGIN), style, page.y) + 2
    page.y += 2
    page.rule(0.9)
    page.y += 2
    for column in grid.columns:
        edge = grid.edges[column.key][column.align == "right"]
        page.text(edge, [column.heading], BOLD, page.y, column.align)
    page.y += BOLD.size * LINE + 2.5
    page.rule(0.5)
    page.y += 3


def _row(page: _Page, row: Row, grid: Grid) -> None:
    """Place one row; its mark and numbers stand beside the label's first line."""
    top = page.y + row.above
    x = MARGIN + row.indent
    label_end, plot_start = grid.edges[grid.columns[0].key][1], grid.edges[PLOT][0] - GUTTER
    right = label_end if row.cells else plot_start if row.reason else WIDTH - MARGIN
    room = (right - x - text_width(row.source) - SOURCE_GAP) / VIEWER
    label = wrap(row.label, row.style, room)
    end = page.text(x, label, row.style, top)
    if row.source:
        last = top + row.style.size + (len(label) - 1) * row.style.size * LINE
        page.lines.append(_Line(x + reach(label[-1], row.style), last, row.source, PLAIN))
    for key, text in row.cells.items():
        page.text(grid.edges[key][1], [text], row.style, top, align="right")
    beside = _reason(page, row, grid, top) if row.reason else end
    right = plot_start if beside > end else WIDTH - MARGIN
    for text, style in row.details:
        end = page.text(x, wrap(text, style, right - x), style, end)
    middle = top + row.style.size * (1 - MID_LETTER)
    page.placed += [(mark, y) for mark, y in ((row.mark, middle), (row.under, middle + UNDER)) if mark]
    page.y = max(end, beside) + ROW_PAD


def _reason(page: _Page, row: Row, grid: Grid, top: float) -> float:
    """Place a reason beside the plot; a long one uses the plot's space too."""
    left, right = grid.edges[PLOT]
    lines = wrap(row.reason or "", SMALL, WIDTH - MARGIN - right - PLOT_GAP)
    if len(lines) == 1:
        return page.text(right + PLOT_GAP, lines, SMALL, top)
    return page.text(left, wrap(row.reason or "", SMALL, WIDTH - MARGIN - left), SMALL, top)


def _paragraph(page: _Page, paragraph: Paragraph) -> None:
    """Place a paragraph; its lead-in takes part of the first line."""
    if paragraph.rule:
        page.y += 3
        page.rule(0.5)
        page.y += 4
    style, width = paragraph.style, WIDTH - 2 * MARGIN
    bold = replace(style, bold=True, italic=False)
    taken = reach(paragraph.lead + " ", bold) if paragraph.lead else 0.0
    first, *others = wrap(paragraph.text, style, width, width - taken)
    page.text(MARGIN, [paragraph.lead], bold, page.y)
    under = page.text(MARGIN + taken, [first], style, page.y)
    page.y = page.text(MARGIN, others, style, under) + 1.5


def _plot(picture: Picture, page: _Page, edges: tuple[float, float], top: float, bottom: float) -> Axes:
    """Draw the plot column, in whose ordinate a unit is a point."""
    width, height = picture.get_size_inches() * POINT
    box = (edges[0] / width, 1 - bottom / height, (edges[1] - edges[0]) / width, (bottom - top) / height)
    axes = picture.add_axes(box)
    upper, step = marks.axis(mark for mark, _ in page.placed)
    marks.set_axis(axes, upper, step, bottom - top)
    for mark, y in page.placed:
        marks.draw_mark(axes, mark, y - top)
    return axes


def _free_of_text(page: _Page, x: float, top: float, bottom: float) -> list[tuple[float, float]]:
    """Stretches of a vertical line at `x` that no text runs across, counted from `top`."""
    crossing = [
        line
        for line in page.lines
        if line.align == "left" and line.x < x + 2 and line.x + text_width(line.text, line.style) > x - 2
    ]
    ends = [top]
    for line in crossing:
        if top < line.y < bottom:
            ends += [line.y - line.style.size, line.y + line.style.size * (LINE - 1)]
    ends.append(bottom)
    return [(start - top, end - top) for start, end in zip(ends[::2], ends[1::2], strict=True) if end > start]


def draw(table: Table) -> Picture:
    """Draw the table; the figure is as high as its rows ask for."""
    grid, page = grid_of(table), _Page()
    _head(page, table, grid)
    top = page.y
    for row in table.rows:
        _row(page, row, grid)
    bottom = page.y = page.y + ROW_PAD
    page.y += AXIS_HEIGHT
    middle = sum(grid.edges[PLOT]) / 2
    page.lines.append(_Line(middle, page.y - LABEL_DEPTH, table.axis_label, PLAIN, "center"))
    for paragraph in table.below:
        _paragraph(page, paragraph)
    picture = new_picture(WIDTH, page.y + MARGIN)
    axes = _plot(picture, page, grid.edges[PLOT], top, bottom)
    if table.reference is not None:
        left, right = grid.edges[PLOT]
        x = left + (right - left) * 100 * table.reference / axes.get_xlim()[1]
        marks.draw_reference(axes, table.reference, _free_of_text(page, x, top, bottom))
    for line in page.lines:
        put(picture, line.x, line.y, line.text, line.style, line.align)
    for y, thickness in page.rules:
        rule(picture, MARGIN, WIDTH - MARGIN, y, thickness)
    return picture
