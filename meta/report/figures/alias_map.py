"""The aliasing map: levels of every factor by trial, to show which characteristics are confounded."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from meta.format import clean, counts
from meta.records.coverage import CoverageCell, CoverageTrial
from meta.report.drawing.canvas import (
    BOLD,
    MARGIN,
    PLAIN,
    SMALL,
    VIEWER,
    WIDTH,
    Style,
    box,
    line,
    paragraphs,
    pinned_settings,
    put,
    text_width,
    wrap,
)
from meta.report.drawing.palette import BLUE, GREY, INK, SHORT_DASHES, TINTS, WHITE
from meta.report.drawing.panels import LINE, start
from meta.report.drawing.table import GUTTER
from meta.report.figures.registry import Analysed, Figure, Plan, Section
from meta.report.language.aliasing import nested, same_trials
from meta.report.language.wording import capital

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.figure import Figure as Picture

    from meta.records.coverage import Coverage
    from meta.report.drawing.canvas import Box

    _Line = tuple[str, str | None, list[str], float]

_MOST = 12  # trials side by side; further ones stand below
_NAMED = 6  # up to so many trials carry their names, more of them numbers
_ROW, _SPACE, _BAR = 14.0, 1.6, 2.2
_LABEL_MOST, _CELL_MOST, _CELL_LEAST = 120.0, 84.0, 25.0
_INDENT, _GAP, _KEY = 6.0, 10.0, 18.0
_COUNT = Style(size=6.3)


@dataclass(frozen=True, slots=True)
class _Strip:
    """Trials that stand side by side, with their headings; `sums` are written beside the last."""

    trials: tuple[CoverageTrial, ...]
    heads: tuple[list[str], ...]
    label: float
    width: float
    sums: bool

    @property
    def above(self) -> float:
        """Height of the headings."""
        return max(map(len, self.heads)) * LINE + 5


def plans(analysed: Analysed) -> Iterator[Plan]:
    """One of an analysis with trials whose counts are known."""
    base = analysed.base
    if base is not None and base.coverage is not None and base.coverage.trials:
        yield Plan(
            name=f"{base.name}.aliasing",
            shows=(base,),
            section=Section.SITES,
            title="What goes with what",
            caption="How characteristics of trials go together.",
            draw=partial(alias_map, base.coverage, title=f"{base.name}: what goes with what"),
        )


FIGURE = Figure(order=110, plans=plans)


def alias_map(shown: Coverage, *, title: str, subtitle: str | None = None) -> Picture:
    """Draw every trial's patients and responders by level of each factor.

    Filled cells: responders reported; dashed ones: only patients; a question mark: neither.
    """
    with pinned_settings():
        strips = _strips(shown)
        words = [wrap(text, SMALL, WIDTH - 2 * MARGIN) for text in _below(shown)]
        rows = list(_rows(shown, strips[0].label if strips else _LABEL_MOST))
        body = sum(height for *_, height in rows)
        whole = sum(strip.above + body + _GAP for strip in strips) + _KEY
        whole += sum(len(lines) * LINE + 3 for lines in words)
        said = subtitle or "Responders/patients of each trial at each level; ? where not reported."
        picture, y = start(whole, title, said)
        for strip in strips:
            _draw(picture, shown, strip, rows, y)
            y += strip.above + body + _GAP
        _key(picture, y)
        paragraphs(picture, words, y + _KEY)
        return picture


def _rows(shown: Coverage, room: float) -> Iterator[_Line]:
    """Factor, level (None: its heading), wrapped text and height of each row."""
    yield "", "", ["All patients"], _ROW
    for factor in shown.factors:
        heading = wrap(capital(factor.name), BOLD, room)
        yield factor.name, None, heading, max(_ROW, len(heading) * LINE + 4)
        for level in factor.levels:
            lines = wrap(level, PLAIN, room - _INDENT)
            yield factor.name, level, lines, max(_ROW, len(lines) * LINE + 4)


def _strips(shown: Coverage) -> list[_Strip]:
    """Share the trials out over strips of equal width."""
    names = [clean(level) for factor in shown.factors for level in factor.levels]
    heads = [clean(capital(factor.name)) for factor in shown.factors]
    wanted = [text_width("All patients", BOLD), *(text_width(name) + _INDENT for name in names)]
    wanted += [text_width(name, BOLD) for name in heads]
    label = min(max(wanted) * VIEWER + GUTTER, _LABEL_MOST)
    sums = (
        max((text_width(_sum(shown, *row), _COUNT) for row in _places(shown)), default=0.0) * VIEWER + GUTTER
    )
    sums = max(sums, text_width("All trials", BOLD) + GUTTER)
    free = WIDTH - 2 * MARGIN - label - sums
    written = (_text(c) for row in _places(shown) for c in _cells(shown.trials, row[0], row[1] or ""))
    least = max([_CELL_LEAST, *(text_width(text, _COUNT) * VIEWER + 4 for text in written)])
    across = max(1, min(len(shown.trials), _MOST, int(free / least)))
    width = min(free / across, _CELL_MOST)
    strips = []
    for first in range(0, len(shown.trials), across):
        trials = shown.trials[first : first + across]
        titles = (
            wrap(trial.label, BOLD, width - 6) if len(shown.trials) <= _NAMED else [str(first + i + 1)]
            for i, trial in enumerate(trials)
        )
        strips.append(_Strip(trials, tuple(titles), label, width, first + across >= len(shown.trials)))
    return strips


def _places(shown: Coverage) -> Iterator[tuple[str, str | None]]:
    yield "", ""
    yield from ((factor.name, level) for factor in shown.factors for level in factor.levels)


def _cells(trials: Sequence[CoverageTrial], factor: str, level: str) -> list[CoverageCell | None]:
    """A row's cells: None where the factor was not reported at all."""
    if not factor:
        return [CoverageCell(n=trial.n, responders=trial.responders) for trial in trials]
    nobody = CoverageCell(n=0)
    return [trial.cells[factor].get(level, nobody) if factor in trial.cells else None for trial in trials]


def _sum(shown: Coverage, factor: str, level: str | None) -> str:
    """Add up what was reported, e.g. ``11/50 of 69``: responders among those reported, of all patients."""
    cells = [cell for cell in _cells(shown.trials, factor, level or "") if cell is not None and cell.n]
    told = [(cell.responders, cell.n) for cell in cells if cell.responders is not None]
    n = sum(cell.n or 0 for cell in cells)
    known = sum(size or 0 for _, size in told)
    if not told:
        return f"?/{n}" if n else ""
    reported = counts(sum(x for x, _ in told), known)
    return reported if known == n else f"{reported} of {n}"


def _draw(picture: Picture, shown: Coverage, strip: _Strip, rows: Sequence[_Line], y: float) -> None:
    left = MARGIN + strip.label
    right = left + strip.width * len(strip.trials)
    for i, lines in enumerate(strip.heads):
        for j, text in enumerate(reversed(lines)):
            x = left + (i + 0.5) * strip.width
            put(picture, x, y + strip.above - 6 - j * LINE, text, BOLD, "center")
    if strip.sums:
        put(picture, right + GUTTER, y + strip.above - 6, "All trials", BOLD)
    y += strip.above
    line(picture, MARGIN, WIDTH - MARGIN, y - 1.5, lw=0.5)
    for factor, level, lines, height in rows:
        style, x = (PLAIN, MARGIN + _INDENT) if factor and level is not None else (BOLD, MARGIN)
        for i, text in enumerate(lines):
            put(picture, x, y + 9 + i * LINE, text, style)
        if level is not None:
            _row(picture, strip, (factor, level), (left, y, height))
            if strip.sums:
                put(picture, right + GUTTER, y + 9, _sum(shown, factor, level), _COUNT)
        y += height


def _row(picture: Picture, strip: _Strip, row: tuple[str, str], place: tuple[float, float, float]) -> None:
    left, top, height = place
    for i, cell in enumerate(_cells(strip.trials, *row)):
        corner = left + i * strip.width, top
        _cell(picture, cell, strip.trials[i].n, (*corner, strip.width - _SPACE, height - _SPACE))


def _cell(picture: Picture, cell: CoverageCell | None, whole: int, place: Box) -> None:
    """Draw one cell; a bar at its foot is the share of the trial's patients."""
    left, top, width, height = place
    centre, baseline = left + width / 2, top + 8.6
    if cell is None or cell.n is None:
        put(picture, centre, baseline, _text(cell), Style(colour=GREY, size=_COUNT.size), "center")
        return
    if cell.n == 0:
        return
    known = cell.responders is not None
    box(
        picture,
        place,
        TINTS[BLUE] if known else WHITE,
        "reported" if known else "unreported",
        ls="-" if known else SHORT_DASHES,
    )
    put(picture, centre, baseline, _text(cell), _COUNT, "center")
    if whole:
        share = min(cell.n / whole, 1.0)
        box(picture, (left, top + height - _BAR, share * width, _BAR), INK, "share")


def _text(cell: CoverageCell | None) -> str:
    if cell is None or (cell.n is None and cell.responders is None):
        return "?"
    known = (str(number) if number is not None else "?" for number in (cell.responders, cell.n))
    return "/".join(known)


def _key(picture: Picture, y: float) -> None:
    """Say what the cells mean."""
    x = MARGIN
    keys = (("responders reported", True), ("only the number of patients", False))
    for text, known in keys:
        face = TINTS[BLUE] if known else WHITE
        box(picture, (x, y + 1, 16, 8), face, "key", ls="-" if known else SHORT_DASHES)
        put(picture, x + 20, y + 7.5, text, PLAIN)
        x += 20 + text_width(text) * VIEWER + 14
    box(picture, (x, y + 4, 16, _BAR), INK, "key")
    put(picture, x + 20, y + 7.5, "share of the trial's patients", PLAIN)


def _below(shown: Coverage) -> list[str]:
    lines = []
    if len(shown.trials) > _NAMED:
        named = (f"{i + 1} {trial.label}" for i, trial in enumerate(shown.trials))
        lines.append(f"Trials: {'; '.join(named)}.")
    for found in same_trials(shown):
        names = " = ".join(f"{factor} {level}" for factor, level in found)
        lines.append(f"The same trials, as far as reported: {names}. Their effects cannot be separated.")
    within: dict[str, list[str]] = {}
    for inner, outer in nested(shown):
        within.setdefault(outer, []).append(inner)
    lines += [
        f"No level of {' or of '.join(inner)} has trials at two levels of {outer}."
        for outer, inner in within.items()
    ]
    return [*lines, "All trials: responders among patients with reported responders, of all patients known."]
