"""What a figure's table consists of, and how wide its columns are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from meta.format import clean
from meta.report.drawing.canvas import GREY, PLAIN, POINT, Style, text_width
from meta.report.drawing.marks import Mark

DRAWN = 180.0  # mm: what figures are drawn for, the double column of a journal
WIDTH = DRAWN / 25.4 * POINT
MARGIN, GUTTER, PLOT_GAP = 6.0, 9.0, 11.0  # half a square may stand beyond either end of the axis
PLOT_WIDTHS = 116.0, 185.0
SOURCE_GAP = 1.0
VIEWER = 1.03  # browsers set the text of an SVG up to 3 % wider than it was measured here
PLOT = "plot"

Align = Literal["left", "right", "center"]

BOLD, SMALL = Style(bold=True), Style(colour=GREY)


@dataclass(frozen=True, slots=True)
class Column:
    """A column; one without a heading, other than the plot, lends its space to the next one's heading."""

    key: str
    heading: str
    align: Align = "right"

    @property
    def shares(self) -> bool:
        """Whether the heading of the next column stands above this one too."""
        return not self.heading and self.key != PLOT


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of the table.

    `reason` is printed in place of the estimate, to the right of the plot; `details` are lines
    below it, as wide as the page where no reason stands beside them; `source` is a raised number; `under`
    is a light mark below the other one.
    """

    label: str
    style: Style = PLAIN
    cells: Mapping[str, str] = field(default_factory=dict)
    mark: Mark | None = None
    under: Mark | None = None
    reason: str | None = None
    source: str = ""
    details: tuple[tuple[str, Style], ...] = ()
    indent: float = 0.0
    above: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """Text below the axis, as wide as the page, with a bold lead-in."""

    text: str
    lead: str = ""
    style: Style = PLAIN
    rule: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """All that a figure shows."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    below: tuple[Paragraph, ...]
    axis_label: str
    reference: float | None
    title: str | None = None
    subtitle: str | None = None


@dataclass(frozen=True, slots=True)
class Grid:
    """Left and right edge of every column."""

    edges: Mapping[str, tuple[float, float]]
    columns: tuple[Column, ...]


def grid_of(table: Table) -> Grid:
    """Measure the columns; the plot gets what is left, and the labels what the plot can spare."""
    columns = table.columns
    widths = {column.key: _natural(table, column) for column in columns}
    gaps = {column.key: _gap(column) for column in columns[:-1]}
    for column, following in pairwise(columns):
        if column.shares:
            room = gaps[column.key] + widths[following.key]
            widths[column.key] = max(widths[column.key], text_width(following.heading, BOLD) - room)
    label = columns[0].key
    fixed = sum(width for key, width in widths.items() if key not in {label, PLOT})
    free = WIDTH - 2 * MARGIN - sum(gaps.values()) - fixed
    least, most = PLOT_WIDTHS
    widths[label] = min(max(widths[label], free - most), free - least)
    widths[PLOT] = free - widths[label]
    edges, x = {}, MARGIN
    for column in columns:
        edges[column.key] = (x, x + widths[column.key])
        x += widths[column.key] + gaps.get(column.key, 0.0)
    return Grid(edges, columns)


def _gap(column: Column) -> float:
    if column.key == PLOT:
        return PLOT_GAP
    return GUTTER / 2 if column.shares else GUTTER


def _natural(table: Table, column: Column) -> float:
    """Width of a column's widest cell; labels of rows without cells run on to the right."""
    ahead = {following.key for own, following in pairwise(table.columns) if own.shares}
    heading = 0.0 if column.key in ahead else text_width(column.heading, BOLD)
    if column is table.columns[0]:
        return max([heading, *(_label_width(row) for row in table.rows if row.cells)])
    return max([heading, *(text_width(row.cells.get(column.key, ""), row.style) for row in table.rows)])


def _label_width(row: Row) -> float:
    return row.indent + reach(clean(row.label), row.style) + text_width(row.source)


def reach(text: str, style: Style) -> float:
    """How far a text may reach, in points, where another follows it on the line."""
    return text_width(text, style) * VIEWER + SOURCE_GAP
