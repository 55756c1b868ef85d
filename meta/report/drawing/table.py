"""Tables with plots in their columns: measured, placed, then drawn; several may stand below one another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

from meta.format import clean
from meta.report.drawing.canvas import (
    BOLD,
    LINE,
    MARGIN,
    PLAIN,
    SMALL,
    VIEWER,
    WIDTH,
    Style,
    line,
    new_picture,
    pinned_settings,
    put,
    text_width,
    titles,
    wrap,
)
from meta.report.drawing.marks import PLOT, Axis, Mark, axis, draw_mark
from meta.report.drawing.palette import DASHED, LIGHT_GREY
from meta.report.drawing.panels import axes_at, bare

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    Align = Literal["left", "right", "center"]

GUTTER, PLOT_GAP = 9.0, 11.0
PLOT_WIDTHS = 116.0, 185.0  # of a plot that stands alone; of several, a further one is narrower
_FURTHER = 60.0
INDENT, BLOCK_GAP = 6.0, 5.0
_SOURCE_GAP = 1.0
_ROW_PAD = 2.6
_AXIS_HEIGHT, _LABEL_DEPTH = 31.0, 8.0  # ticks, their labels, and what the axis shows, this far from the end
_MID_LETTER = 0.36  # of the type size: marks sit at half the height of a capital


@dataclass(frozen=True, slots=True)
class Column:
    """A column of text; one without a heading lends its space to the next one's heading."""

    key: str
    heading: str
    align: Align = "right"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A column of marks above an axis.

    A mark's values are multiplied by `unit`. The axis shows every mark unless it has `ends`, in its own unit;
    dashed lines stand at the `references` (None: nowhere), values like those of marks, and a line at zero
    where the axis goes below it. `joined` marks of a row are joined by a thin line.
    """

    axis: str
    key: str = PLOT
    heading: str = ""
    unit: float = 100.0
    ends: tuple[float, float] | None = None
    references: tuple[float | None, ...] = ()
    joined: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of the table.

    `reason` is printed in place of the estimate, to the right of the plot; `details` are lines
    below it, as wide as the page where no reason stands beside them; `source` is a raised number.
    """

    label: str
    style: Style = PLAIN
    cells: Mapping[str, str] = field(default_factory=dict)
    marks: tuple[Mark, ...] = ()
    reason: str | None = None
    source: str = ""
    details: tuple[tuple[str, Style], ...] = ()
    indent: float = 0.0
    above: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """Text below the tables, as wide as the page, with a bold lead-in."""

    text: str
    lead: str = ""
    style: Style = PLAIN
    rule: bool = False


def small(texts: Iterable[str]) -> list[Paragraph]:
    """Small paragraphs without lead-in."""
    return [Paragraph(text=text, style=SMALL) for text in texts]


@dataclass(frozen=True, slots=True)
class Table:
    """Columns, the first of which holds the rows' labels and at least one of which is a plot."""

    columns: tuple[Column | Plot, ...]
    rows: tuple[Row, ...]

    @property
    def plots(self) -> list[Plot]:
        """The columns of marks."""
        return [column for column in self.columns if isinstance(column, Plot)]


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

    y: float
    lines: list[_Line]
    rules: list[tuple[float, float]] = field(default_factory=list)  # y and thickness
    plots: list[_Placed] = field(default_factory=list)

    def text(self, x: float, lines: Sequence[str], style: Style, top: float, align: Align = "left") -> float:
        """Place lines from `top` downwards; return where they end."""
        pitch = style.size * LINE
        for number, words in enumerate(lines):
            if words:
                self.lines.append(_Line(x, top + style.size + number * pitch, words, style, align))
        return top + len(lines) * pitch

    def rule(self, thickness: float) -> None:
        """Place a line across the page."""
        self.rules.append((self.y, thickness))


@dataclass(frozen=True, slots=True)
class _Placed:
    """A plot column with its place on the page, and its marks row by row, each with its height."""

    plot: Plot
    left: float
    right: float
    top: float
    bottom: float
    rows: tuple[tuple[tuple[Mark, ...], float], ...]


def draw(
    tables: Table | Sequence[Table], below: Sequence[Paragraph], title: str | None, subtitle: str | None
) -> Figure:
    """Draw tables below one another and paragraphs below them; as high as their rows ask for."""
    with pinned_settings():
        head, y = titles(title, subtitle)
        page = _Page(y, [_Line(MARGIN, at, words, style) for at, words, style in head])
        for table in (tables,) if isinstance(tables, Table) else tables:
            _table(page, table)
        for paragraph in below:
            _paragraph(page, paragraph)
        picture = new_picture(page.y + MARGIN)
        for placed in page.plots:
            _plot(picture, page, placed)
        for one in page.lines:
            put(picture, one.x, one.y, one.text, one.style, one.align)
        for y, thickness in page.rules:
            line(picture, MARGIN, WIDTH - MARGIN, y, lw=thickness)
        return picture


def _table(page: _Page, table: Table) -> None:
    edges = _edges(table)
    _headings(page, table, edges)
    top, middles = page.y, []
    for row in table.rows:
        middles.append(page.y + row.above + row.style.size * (1 - _MID_LETTER))
        _row(page, row, table, edges)
    bottom = page.y = page.y + _ROW_PAD
    page.y += _AXIS_HEIGHT
    for plot in table.plots:
        left, right = edges[plot.key]
        rows = tuple(
            (tuple(mark for mark in row.marks if mark.column == plot.key), middle - top)
            for row, middle in zip(table.rows, middles, strict=True)
        )
        page.plots.append(_Placed(plot, left, right, top, bottom, rows))
        at = min(
            max((left + right) / 2, MARGIN + text_width(plot.axis) / 2),
            WIDTH - MARGIN - text_width(plot.axis) / 2,
        )
        page.lines.append(_Line(at, page.y - _LABEL_DEPTH, plot.axis, PLAIN, "center"))


def _edges(table: Table) -> dict[str, tuple[float, float]]:
    """Left and right edge of every column: plots get what is left, and the labels what plots can spare."""
    columns = table.columns
    widths = {column.key: _natural(table, column) for column in columns if isinstance(column, Column)}
    gaps = {column.key: _gap(column) for column in columns[:-1]}
    for column, following in pairwise(columns):
        if _shares(column):
            room = gaps[column.key] + widths[following.key]
            widths[column.key] = max(widths[column.key], text_width(following.heading, BOLD) - room)
    label, plots = columns[0].key, len(table.plots)
    fixed = sum(width for key, width in widths.items() if key != label)
    free = WIDTH - 2 * MARGIN - sum(gaps.values()) - fixed
    least, most = PLOT_WIDTHS[0] + (plots - 1) * _FURTHER, plots * PLOT_WIDTHS[1]
    widths[label] = min(max(widths[label], free - most), free - least)
    widths |= {plot.key: (free - widths[label]) / plots for plot in table.plots}
    edges, x = {}, MARGIN
    for column in columns:
        edges[column.key] = (x, x + widths[column.key])
        x += widths[column.key] + gaps.get(column.key, 0.0)
    return edges


def _shares(column: Column | Plot) -> bool:
    """Whether the heading of the next column stands above this one too."""
    return isinstance(column, Column) and not column.heading


def _gap(column: Column | Plot) -> float:
    if isinstance(column, Plot):
        return PLOT_GAP
    return GUTTER if column.heading else GUTTER / 2


def _natural(table: Table, column: Column) -> float:
    """Width of a column's widest cell; labels of rows without cells run on to the right."""
    ahead = {following.key for own, following in pairwise(table.columns) if _shares(own)}
    heading = 0.0 if column.key in ahead else text_width(column.heading, BOLD)
    if column is table.columns[0]:
        return max([heading, *(_label_width(row) for row in table.rows if row.cells)])
    return max([heading, *(text_width(row.cells.get(column.key, ""), row.style) for row in table.rows)])


def _label_width(row: Row) -> float:
    return row.indent + _reach(clean(row.label), row.style) + text_width(row.source)


def _reach(text: str, style: Style) -> float:
    """How far a text may reach, in points, where another follows it on the line."""
    return text_width(text, style) * VIEWER + _SOURCE_GAP


def _headings(page: _Page, table: Table, edges: Mapping[str, tuple[float, float]]) -> None:
    """Column headings between two rules."""
    page.y += 2
    page.rule(0.9)
    page.y += 2
    for column in table.columns:
        align: Align = column.align if isinstance(column, Column) else "left"
        page.text(edges[column.key][align == "right"], [column.heading], BOLD, page.y, align)
    page.y += BOLD.size * LINE + 2.5
    page.rule(0.5)
    page.y += 3


def _row(page: _Page, row: Row, table: Table, edges: Mapping[str, tuple[float, float]]) -> None:
    """Place one row's texts; its numbers stand beside the label's first line."""
    top = page.y + row.above
    x = MARGIN + row.indent
    plot = edges[table.plots[0].key]
    label_end, plot_start = edges[table.columns[0].key][1], plot[0] - GUTTER
    right = label_end if row.cells else plot_start if row.reason else WIDTH - MARGIN
    room = (right - x - text_width(row.source) - _SOURCE_GAP) / VIEWER
    label = wrap(row.label, row.style, room)
    end = page.text(x, label, row.style, top)
    if row.source:
        last = top + row.style.size + (len(label) - 1) * row.style.size * LINE
        page.lines.append(_Line(x + _reach(label[-1], row.style), last, row.source, PLAIN))
    for key, text in row.cells.items():
        page.text(edges[key][1], [text], row.style, top, align="right")
    beside = _reason(page, row.reason, plot, top) if row.reason else end
    right = plot_start if beside > end else WIDTH - MARGIN
    for text, style in row.details:
        end = page.text(x, wrap(text, style, right - x), style, end)
    page.y = max(end, beside) + _ROW_PAD


def _reason(page: _Page, reason: str, plot: tuple[float, float], top: float) -> float:
    """Place a reason beside the plot; a long one uses the plot's space too."""
    left, right = plot
    lines = wrap(reason, SMALL, WIDTH - MARGIN - right - PLOT_GAP)
    if len(lines) == 1:
        return page.text(right + PLOT_GAP, lines, SMALL, top)
    return page.text(left, wrap(reason, SMALL, WIDTH - MARGIN - left), SMALL, top)


def _paragraph(page: _Page, paragraph: Paragraph) -> None:
    """Place a paragraph; its lead-in takes part of the first line."""
    if paragraph.rule:
        page.y += 3
        page.rule(0.5)
        page.y += 4
    style, width = paragraph.style, WIDTH - 2 * MARGIN
    bold = replace(style, bold=True, italic=False)
    taken = _reach(paragraph.lead + " ", bold) if paragraph.lead else 0.0
    first, *others = wrap(paragraph.text, style, width, width - taken)
    page.text(MARGIN, [paragraph.lead], bold, page.y)
    under = page.text(MARGIN + taken, [first], style, page.y)
    page.y = page.text(MARGIN, others, style, under) + 1.5


def _plot(picture: Figure, page: _Page, placed: _Placed) -> None:
    """Draw a plot column, in whose ordinate a unit is a point from the top."""
    plot, height, width = placed.plot, placed.bottom - placed.top, placed.right - placed.left
    scale = axis((mark for marks, _ in placed.rows for mark in marks), plot.unit, width, plot.ends)
    axes = axes_at(picture, (placed.left, placed.top, width, height))
    bare(axes, "left")
    axes.set_xlim(scale.low, scale.high)
    axes.set_ylim(height, 0)
    axes.set_xticks(list(scale.ticks), list(scale.ticks.values()))
    for label in axes.get_xticklabels():
        label.set_fontproperties(PLAIN.font)
    for value, look in _lines_across(plot, scale):
        for stretch in _free_of_text(page, placed, (value - scale.low) / (scale.high - scale.low)):
            axes.plot([value] * 2, stretch, color=LIGHT_GREY, lw=0.6, zorder=1, **look)
    for marks, y in placed.rows:
        if plot.joined:
            _join(axes, marks, y, plot.unit)
        for mark in marks:
            draw_mark(axes, mark, y + mark.below, plot.unit)


def _lines_across(plot: Plot, scale: Axis) -> Iterator[tuple[float, dict[str, Any]]]:
    if scale.low < 0:
        yield 0.0, {"gid": "zero"}
    for value in plot.references:
        if value is not None:
            yield plot.unit * value, {"gid": "reference", "ls": DASHED}


def _join(axes: Axes, marks: Sequence[Mark], y: float, unit: float) -> None:
    values = [unit * mark.value for mark in marks if mark.value is not None]
    axes.plot(values, [y] * len(values), color=LIGHT_GREY, lw=0.8, zorder=2)


def _free_of_text(page: _Page, placed: _Placed, share: float) -> list[tuple[float, float]]:
    """Stretches of a vertical line across a plot that no text runs across, counted from its top."""
    x, top, bottom = placed.left + share * (placed.right - placed.left), placed.top, placed.bottom
    crossing = [
        one
        for one in page.lines
        if one.align == "left" and one.x < x + 2 and one.x + text_width(one.text, one.style) > x - 2
    ]
    ends = [top]
    for one in sorted(crossing, key=lambda one: one.y):
        if top < one.y < bottom:
            ends += [one.y - one.style.size, one.y + one.style.size * (LINE - 1)]
    ends.append(bottom)
    return [(start - top, end - top) for start, end in zip(ends[::2], ends[1::2], strict=True) if end > start]
