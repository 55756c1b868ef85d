"""Text that is measured before it is placed, and figures that come out the same twice."""

from __future__ import annotations

import io
import re
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meta.errors import SpecError
from meta.format import clean
from meta.records.storing.files import write
from meta.report.drawing.palette import GREY, INK

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.backend_bases import RendererBase
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties

    Box = tuple[float, float, float, float]  # left, top, width, height: points from the top left corner

POINT = 72.0  # points an inch
DPI = 200.0
DRAWN = 180.0  # mm: what figures are drawn for, the double column of a journal
WIDTH = DRAWN / 25.4 * POINT
MARGIN = 6.0  # half a square may stand beyond either end of an axis
VIEWER = 1.03  # browsers set the text of an SVG up to 3 % wider than it was measured here

_PINNED: dict[Any, Any] = {
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: the same widths everywhere
    "svg.fonttype": "none",
    "svg.hashsalt": "nen-meta",
    "pdf.fonttype": 42,  # whole fonts, which journals ask for: text can be searched and edited
}
_METADATA: dict[str, dict[str, Any]] = {  # without dates and versions
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
FORMATS = tuple(_METADATA)
_SLACK = 0.01  # points, so that a text fits into its own width
# where a line may break: not in "p = 0.15", "95 % CI 0.1–0.2", nor between a raised number and its source
_BREAK = re.compile(r"(?<![=<⁰¹²³⁴⁵⁶⁷⁸⁹])(?<!CI) (?![=<%]|CI )")


@dataclass(frozen=True, slots=True)
class Style:
    """How a piece of text looks; `size` in points."""

    bold: bool = False
    italic: bool = False
    colour: str = INK
    size: float = 7.0

    @property
    def font(self) -> FontProperties:
        """The font, with a generic family behind it for viewers of the SVG."""
        from matplotlib.font_manager import FontProperties

        return FontProperties(
            family=["DejaVu Sans", "sans-serif"],
            weight="bold" if self.bold else "normal",
            style="italic" if self.italic else "normal",
            size=self.size,
        )


PLAIN, BOLD, SMALL = Style(), Style(bold=True), Style(colour=GREY)
TITLE, SUBTITLE = Style(bold=True, size=9.0), Style(colour=GREY, size=7.5)
LINE = 1.3  # pitch of lines, of the type size


@contextmanager
def pinned_settings() -> Iterator[None]:
    """Work under matplotlib's own defaults and ours, whatever the user has set; restored afterwards.

    A glyph that no font has is drawn as a box, without a warning.
    """
    import matplotlib as mpl

    with mpl.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from", category=UserWarning)
        mpl.rcdefaults()
        mpl.rcParams.update(_PINNED)
        yield


def new_picture(height: float) -> Figure:
    """Make an empty white figure, its height in points, as wide as all."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    picture = Figure(figsize=(WIDTH / POINT, height / POINT), dpi=DPI, facecolor="white")
    FigureCanvasAgg(picture)
    return picture


def put(picture: Figure, x: float, y: float, text: str, style: Style, align: str = "left") -> None:
    """Place one line; x and y (of its baseline) in points from the top left corner.

    A ``$`` or ``_`` in a trial's name is a character, not mathematics.
    """
    width, height = picture.get_size_inches() * POINT
    picture.text(
        x / width,
        1 - y / height,
        text,
        ha=align,
        va="baseline",
        color=style.colour,
        fontproperties=style.font,
        parse_math=False,
        usetex=False,
    )


def line(picture: Figure, left: float, right: float, y: float, **look: Any) -> None:
    """Draw a horizontal line; all in points, y from the top; `look` as matplotlib has it."""
    from matplotlib.lines import Line2D

    width, height = picture.get_size_inches() * POINT
    drawn = Line2D([left / width, right / width], [1 - y / height] * 2, **{"color": INK, **look})
    drawn.set_transform(picture.transFigure)
    picture.add_artist(drawn)


def box(picture: Figure, place: Box, face: object, gid: str, **look: Any) -> None:
    """Draw a rectangle with a thin edge; `look` as matplotlib has it."""
    from matplotlib.patches import Rectangle

    left, top, width, height = place
    whole = picture.get_size_inches() * POINT
    patch = Rectangle(
        (left / whole[0], 1 - (top + height) / whole[1]), width / whole[0], height / whole[1],
        **{"fc": face, "ec": INK, "lw": 0.5, "gid": gid, "transform": picture.transFigure, **look},
    )  # fmt: skip
    picture.add_artist(patch)


def titles(title: str | None, subtitle: str | None) -> tuple[list[tuple[float, str, Style]], float]:
    """Lines of a title and subtitle, each with its baseline, and where they end; points from the top."""
    y, lines = MARGIN, []
    for text, style in ((title, TITLE), (subtitle, SUBTITLE)):
        if text:
            for part in wrap(text, style, WIDTH - 2 * MARGIN):
                lines.append((y + style.size, part, style))
                y += style.size * LINE
            y += 2
    return lines, y


def paragraphs(picture: Figure, words: Sequence[Sequence[str]], y: float) -> None:
    """Place small paragraphs, wrapped already, from `y` downwards."""
    for lines in words:
        for text in lines:
            put(picture, MARGIN, y + SMALL.size + 0.5, text, SMALL)
            y += SMALL.size * LINE
        y += 3


@cache
def _renderer() -> RendererBase:
    from matplotlib.backends.backend_agg import RendererAgg

    return RendererAgg(1, 1, DPI)  # type: ignore[no-untyped-call]  # matplotlib types only its base class


@lru_cache(maxsize=50_000)
def text_width(text: str, style: Style = PLAIN) -> float:
    """Measure a line, in points."""
    width, _, _ = _renderer().get_text_width_height_descent(text, style.font, ismath=False)
    return float(width) * POINT / DPI


def wrap(text: str, style: Style, width: float, first: float | None = None) -> list[str]:
    """Break cleaned text into lines no wider than `width` points (the first: `first`)."""
    words = _BREAK.split(clean(text))
    lines: list[str] = []
    line, position = "", 0
    while position < len(words):
        room = (first if first is not None and not lines else width) + _SLACK
        taken = _fitting(line, words[position:], style, room)
        if taken:
            line = " ".join([*([line] if line else []), *words[position : position + taken]])
            position += taken
            continue
        if line:
            lines.append(line)
        *full, line = _split_word(words[position], style, width + _SLACK)
        lines.extend(full)
        position += 1
    return [*lines, line]


def _fitting(line: str, words: list[str], style: Style, room: float) -> int:
    """How many words can be put behind a line; widths of single words, which come again, give a guess."""

    def fits(many: int) -> bool:
        return text_width(" ".join([*([line] if line else []), *words[:many]]), style) <= room

    space, total, many = text_width(" ", style), text_width(line, style) if line else 0.0, 0
    while many < len(words) and total <= room:
        total += text_width(words[many], style) + space
        many += 1
    guess = many
    while many and not fits(many):
        many -= 1
    while many == guess and many < len(words) and fits(many + 1):
        many = guess = many + 1
    return many


def _split_word(word: str, style: Style, width: float) -> list[str]:
    """Cut a word that is wider than a whole line, letter by letter."""
    parts = [""]
    for letter in word:
        if parts[-1] and text_width(parts[-1] + letter, style) > width:
            parts.append("")
        parts[-1] += letter
    return parts


def render(figure: Figure, kind: str) -> bytes:
    """Return a figure as PNG (200 dpi), SVG or PDF (text kept as text), always in the same bytes.

    Raises
    ------
    SpecError
        If `kind` is none of the three.
    """
    if kind not in FORMATS:
        raise SpecError(f"figure: found format {kind!r}; {', '.join(FORMATS)} are allowed")
    buffer = io.BytesIO()
    with pinned_settings():
        figure.savefig(buffer, format=kind, dpi=DPI, metadata=_METADATA[kind])
    return buffer.getvalue()


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure in the format of the name's ending; the file is complete or not there at all.

    Raises
    ------
    SpecError
        If the name ends in none of .png, .svg and .pdf.
    """
    target = Path(path)
    write(target, render(figure, target.suffix.lower().removeprefix(".")))
