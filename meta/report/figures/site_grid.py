"""The grid of sites and regions as a heat map: rate, interval, and how much of each cell was reported."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from meta.format import clean, interval, level, percent
from meta.report.drawing.canvas import (
    BOLD,
    MARGIN,
    SMALL,
    VIEWER,
    WIDTH,
    Style,
    box,
    paragraphs,
    pinned_settings,
    put,
    text_width,
    wrap,
)
from meta.report.drawing.palette import HEAT, INK, WHITE
from meta.report.drawing.panels import LINE, axes_at, bare, start
from meta.report.figures.registry import Analysed, Figure, Plan, Section, file_name, placed, title_of
from meta.report.language.aliasing import totals
from meta.report.language.roles import marked
from meta.report.language.site_words import (
    DESCRIPTIVE,
    group_noun,
    groups_of,
    levels_of,
    not_headlines,
    target,
)
from meta.report.language.wording import capital, not_given
from meta.results import Estimand, Outcome, name_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from matplotlib.figure import Figure as Picture

    from meta.records.run import Run
    from meta.report.drawing.canvas import Box

    # Nothing evaluates _Cell's annotations.
    from meta.results import Quantity, SiteRegionFit  # noqa: TC004

    Colour = tuple[float, float, float]

_ROW, _STRIP, _SPACE = 48.0, 5.0, 3.0  # height of a cell, of the strip along its foot, between cells
_LABEL_MOST, _CELL_MOST, _MARGIN_GAP = 110.0, 108.0, 7.0
_NUMBER, _ENDS, _COUNT = Style(bold=True, size=9.0), Style(size=7.0), Style(size=6.0)
_PITCH, _ABOVE, _LEGEND = 1.2, 4.0, 44.0  # of lines in a cell, room above them, height of the legend
_BAR = 8.0
_INSIDE = 4.0  # room on either side of a cell's text


@dataclass(frozen=True, slots=True)
class _Cell:
    """What is drawn; `n` is None where cells are added up over a mix."""

    rate: Quantity | None
    n: int | None = None
    reported: int = 0
    responders: int = 0


@dataclass(frozen=True, slots=True)
class _Sheet:
    """The cells, by row and column, and the room they have."""

    rows: tuple[tuple[str, tuple[_Cell, ...]], ...]
    columns: tuple[str, ...]
    label: float
    width: float
    margins: tuple[int, bool]  # so many rows, and a column, of margins come last
    upper: float


def plans(analysed: Analysed) -> Iterator[Plan]:
    """One of each run with the model of sites and regions."""
    for run, fit in analysed.sites:
        yield _plan(run, fit)


FIGURE = Figure(order=80, plans=plans)


def _plan(run: Run, fit: SiteRegionFit) -> Plan:
    noun, contrast = group_noun(fit), fit.contrast
    by = f"{noun} and {contrast}" if contrast else noun
    known = totals(run.coverage, contrast) if run.coverage and contrast else {}
    within = f" in each {contrast}" if contrast else ""
    return Plan(
        name=file_name(run, "site-grid"),
        shows=(run,),
        section=placed(run, Section.SITES),
        title=f"{capital(noun)}s{f' by {contrast}' if contrast else ''}: what was reported",
        caption=f"Responders and patients known{within} at each {noun}.",
        draw=lambda: site_grid(fit, totals=known, title=title_of(run, f"response by {by}")),
    )


def site_grid(
    fit: SiteRegionFit,
    *,
    totals: Mapping[str, tuple[int, int]] | None = None,
    title: str,
    subtitle: str | None = None,
) -> Picture:
    """Draw the mean ORR of every group at every level.

    The last column is by group, the last rows by level: of the model without groups, and at the target mix.
    `totals` are responders and patients of each level, all groups together.
    """
    with pinned_settings():
        sheet = _sheet(fit, totals or {})
        what = capital(name_of(Estimand.MEAN_NEW, fit.outcome))
        said = subtitle or f"{what}, %, [{level(fit.level)} credible interval]."
        words = [wrap(text, SMALL, WIDTH - 2 * MARGIN) for text in _below(fit)]
        heads = [wrap(name, BOLD, sheet.width - 2 * _INSIDE) for name in sheet.columns]
        heights = [_height(sheet, row) for row in sheet.rows]
        above = max(map(len, heads)) * LINE + 5
        body = above + sum(heights) + _MARGIN_GAP
        below = _LEGEND + sum(len(lines) * LINE + 3 for lines in words)
        picture, top = start(body + below, marked(title, fit), said)
        _heads(picture, sheet, heads, top + above - 5)
        _rows(picture, sheet, heights, top + above)
        _legend(picture, sheet, top + body + 4, fit.outcome)
        paragraphs(picture, words, top + body + _LEGEND)
        return picture


def _heads(picture: Picture, sheet: _Sheet, heads: list[list[str]], bottom: float) -> None:
    for i, lines in enumerate(heads):
        centre = _left(sheet, i) + (sheet.width - _SPACE) / 2
        for j, line in enumerate(reversed(lines)):
            put(picture, centre, bottom - j * LINE, line, BOLD, "center")


def _rows(picture: Picture, sheet: _Sheet, heights: list[float], y: float) -> None:
    for i, (row, height) in enumerate(zip(sheet.rows, heights, strict=True)):
        y += _MARGIN_GAP if sheet.margins[0] and i == len(sheet.rows) - sheet.margins[0] else 0.0
        names = _name(sheet, row[0])
        for j, line in enumerate(names):
            middle = y + (height - _SPACE - (len(names) - 1) * LINE) / 2 + 2.5
            put(picture, MARGIN, middle + j * LINE, line, BOLD)
        for j, cell in enumerate(row[1]):
            place = (_left(sheet, j), y, sheet.width - _SPACE, height - _SPACE)
            _cell(picture, sheet, cell, place)
        y += height


def _height(sheet: _Sheet, row: tuple[str, tuple[_Cell, ...]]) -> float:
    """Height of a row: as its fullest cell or its name asks for."""
    texts = [sum(style.size * _PITCH for _, style in _lines(sheet, cell)) for cell in row[1]]
    return max(
        [_ROW, *(z + _ABOVE + _STRIP + _SPACE + 3 for z in texts), len(_name(sheet, row[0])) * LINE + 6]
    )


def _sheet(fit: SiteRegionFit, totals: Mapping[str, tuple[int, int]]) -> _Sheet:
    groups, levels = groups_of(fit), levels_of(fit)
    rates = {(rate.group, rate.level): rate for rate in fit.rates}
    across = len(levels) > 1
    rows = []
    for group in groups:
        found = [rates.get((group, name)) for name in (*levels, *([None] if across else []))]
        cells = (
            _Cell(one.mean, one.n, one.n_reported, one.responders) if one else _Cell(None) for one in found
        )
        rows.append((group, tuple(cells)))
    last = list(_margins(fit, levels, totals)) if len(groups) > 1 else []
    rows += [(name, (*cells, *([_Cell(None, 0)] if across else []))) for name, cells in last]
    columns = (*levels, *([f"average of {fit.contrast or 'level'}s"] if across else []))
    label = min(max(text_width(clean(name), BOLD) for name, _ in rows) * VIEWER + 8, _LABEL_MOST)
    width = min((WIDTH - 2 * MARGIN - label - _MARGIN_GAP) / len(columns), _CELL_MOST)
    seen = [
        c.rate.value for _, cells in rows for c in cells if c.rate is not None and c.rate.value is not None
    ]
    return _Sheet(tuple(rows), columns, label, width, (len(last), across), _round_up(max([*seen, 0.01])))


def _margins(
    fit: SiteRegionFit, levels: list[str], totals: Mapping[str, tuple[int, int]]
) -> Iterator[tuple[str, tuple[_Cell, ...]]]:
    """Each level over all groups: as the trials' patients are, without groups; and at the target mix."""
    crude, mixed = (
        {one.level: one.mean for one in rates if one.population == "new-trials"}
        for rates in (fit.without_groups, fit.standardised)
    )
    if crude:
        cells = (_whole(crude.get(name), totals.get(name)) for name in levels)
        yield f"model without {group_noun(fit)}s", tuple(cells)
    yield "at the target mix", tuple(_Cell(mixed.get(name)) for name in levels)


def _whole(rate: Quantity | None, total: tuple[int, int] | None) -> _Cell:
    """A cell over all groups, of which every trial that entered reports responders."""
    return _Cell(rate, total[1], total[1], total[0]) if total else _Cell(rate)


def _round_up(value: float) -> float:
    """The next tenth, so that figures of like rates have one scale."""
    return min(math.ceil(round(10 * value, 9)) / 10, 1.0)


def _name(sheet: _Sheet, name: str) -> list[str]:
    return wrap(name, BOLD, sheet.label - 6)


def _left(sheet: _Sheet, column: int) -> float:
    gap = _MARGIN_GAP if sheet.margins[1] and column == len(sheet.columns) - 1 else 0.0
    return MARGIN + sheet.label + column * sheet.width + gap


def colour_of(value: float, upper: float) -> tuple[Colour, str]:
    """Return the colour of a rate, given the largest one, and black or white, whichever stands out on it."""
    import matplotlib as mpl

    red, green, blue, _ = mpl.colormaps[HEAT](min(value / upper, 1.0))
    face = (float(red), float(green), float(blue))
    light = luminance(face)
    return face, INK if (light + 0.05) / 0.05 >= 1.05 / (light + 0.05) else WHITE


def luminance(colour: Colour | str) -> float:
    """Relative luminance of a colour as the accessibility guidelines define it."""
    from matplotlib.colors import to_rgb

    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def _lines(sheet: _Sheet, cell: _Cell) -> list[tuple[str, Style]]:
    """The texts of a cell, from the top."""
    room = sheet.width - _SPACE - 2 * _INSIDE
    if cell.rate is None:
        return []
    if cell.rate.value is None:
        absent = [(line, SMALL) for line in wrap(not_given(cell.rate.reason), SMALL, room)]
        return absent + [(line, _COUNT) for text in _reported(cell) for line in wrap(text, _COUNT, room)]
    _, ink = colour_of(cell.rate.value, sheet.upper)
    texts = [(percent(cell.rate.value), _NUMBER)]
    if cell.rate.low is not None and cell.rate.high is not None:
        texts.append((f"[{interval(cell.rate.low, cell.rate.high, percent)}]", _ENDS))
    texts += [(line, _COUNT) for text in _reported(cell) for line in wrap(text, _COUNT, room)]
    return [(text, replace(style, colour=ink)) for text, style in texts]


def _cell(picture: Picture, sheet: _Sheet, cell: _Cell, place: Box) -> None:
    """Draw one cell: colour, texts, and the strip of what was reported."""
    if cell.rate is None:
        return
    left, top, width, height = place
    body = (left, top, width, height - (_STRIP + 1 if cell.n else 0))  # a gap keeps dark from black
    if cell.rate.value is None:
        box(picture, body, WHITE, "missing")
    else:
        box(picture, body, colour_of(cell.rate.value, sheet.upper)[0], "cell", ec="none")
    y = top + (_ABOVE if cell.n is not None else _ABOVE + LINE / 2)
    for text, style in _lines(sheet, cell):
        y += style.size * _PITCH
        put(picture, left + width / 2, y, text, style, "center")
    if cell.n:
        _strip(picture, cell, (left, top + height - _STRIP, width))


def _reported(cell: _Cell) -> list[str]:
    if cell.n is None:
        return []
    if cell.n == 0:
        return ["none known here"]  # reports may hold some without their group
    if not cell.reported:
        return [f"none of {cell.n} reported"]
    if cell.reported == cell.n:
        return [f"{cell.responders}/{cell.n}"]
    return [f"{cell.responders}/{cell.reported}; {cell.reported} of {cell.n} reported"]


def _strip(picture: Picture, cell: _Cell, place: tuple[float, float, float]) -> None:
    """Draw the share of patients with reported responders solid, of whom only n is known hatched."""
    assert cell.n  # an empty cell has no strip
    left, top, width = place
    share = cell.reported / cell.n
    if share < 1:
        rest = (left + share * width, top, (1 - share) * width, _STRIP)
        box(picture, rest, WHITE, "unreported", hatch="//////")
    if share > 0:
        box(picture, (left, top, share * width, _STRIP), INK, "reported")


def _legend(picture: Picture, sheet: _Sheet, y: float, outcome: Outcome) -> None:
    """Draw the colour scale, and what the strips mean."""
    mean = capital(name_of(Estimand.MEAN, outcome))
    left = MARGIN + sheet.label
    axes = axes_at(picture, (left, y, 150.0, _BAR))
    import matplotlib as mpl

    shades = mpl.colormaps[HEAT](np.linspace(0, 1, 128))[None, :, :3]
    axes.imshow(shades, extent=(0, 100 * sheet.upper, 0, 1), aspect="auto", interpolation="nearest")
    axes.set_xlim(0, 100 * sheet.upper)
    bare(axes, "left")
    axes.locator_params(axis="x", nbins=5)
    put(picture, left + 75, y + _BAR + 20, f"{mean}, %", Style(), "center")
    keys = (("responders reported", INK, ""), ("only the number of patients known", WHITE, "//////"))
    for i, (text, face, hatch) in enumerate(keys):
        box(picture, (left + 178, y + 2 + i * (LINE + 2), 18, _STRIP), face, "key", hatch=hatch)
        put(picture, left + 201, y + 7 + i * (LINE + 2), text, Style())


def _below(fit: SiteRegionFit) -> list[str]:
    noun = group_noun(fit)
    lines = [
        f"{fit.responders} of {fit.n} patients in {fit.k} trials {fit.outcome.had}. Each number is the "
        "posterior median; a cell without reported responders comes from the model, which adds the effect of "
        f"the {noun} to that of the {fit.contrast or 'trial'}. "
        "Fractions: responders among the patients whose responders were reported.",
        target(fit),
    ]
    if fit.without_groups and len(groups_of(fit)) > 1:
        lines.append(f"Model without {noun}s: the same but for them, whatever the mix of each level.")
    policy = not_headlines(fit, "Not headlines:")
    return [*lines, *policy, *([DESCRIPTIVE] if len(levels_of(fit)) > 1 else []), *fit.notes]
