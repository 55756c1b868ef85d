"""Drawn figures as parts of a page: no style attribute, no name that another figure has too."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from meta.format import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEAD = re.compile(r"^.*?(?=<svg)", re.DOTALL)
_METADATA = re.compile(r"\s*<metadata>.*?</metadata>", re.DOTALL)
_STYLES = re.compile(r"\s*<defs>\s*<style.*?</style>\s*</defs>", re.DOTALL)
_ROOT = re.compile(r'<svg [^>]*?viewBox="([^"]*)"[^>]*>')
_STYLE = re.compile(r' style="([^"]*)"')
_ID = re.compile(r'(?<= )id="([^"]*)"')
_REFERENCE = re.compile(r'(url\(#|href="#)')
_STILL = re.compile(r' transform="rotate\(-?0 [^"]*"')
_SQUARE = re.compile(r'<g id="square">.*?<use [^>]*?\by="([\d.]+)"', re.DOTALL)
_HALF_ROW = 6.0  # points above and below a square at which its row is pointed at


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of the page: what its files are called, what it shows, and itself."""

    id: str
    name: str
    title: str
    text: str
    svg: Markup


def embedded(svg: str, id: str, title: str, text: str, rows: Sequence[str] = ()) -> Markup:
    """An SVG file of ours as an element of a page.

    Parameters
    ----------
    svg : str
        As matplotlib wrote it.
    id : str
        Put before every id in it, so that two figures of a page do not share one.
    title, text : str
        Name and description, for whoever does not see it.
    rows : sequence of str
        What is to be said of each square's row when it is pointed at, from the top; nothing is said where
        there are not as many squares.

    Returns
    -------
    Markup
        With presentation attributes in place of style attributes, which the page's policy refuses.
    """
    body = _STYLES.sub("", _METADATA.sub("", _HEAD.sub("", svg)))
    rectangles = _rectangles(body, rows)
    body = _STILL.sub("", _STYLE.sub(_attributes, body))
    body = _REFERENCE.sub(rf"\g<1>{id}-", _unique(body, id))
    head = (
        rf'<svg role="img" aria-labelledby="{id}-title {id}-desc" viewBox="\1" '
        'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        'stroke-linejoin="round" stroke-linecap="butt">'
    )
    told = (("title", title), ("desc", text))
    described = "".join(f'<{tag} id="{id}-{tag}">{escape(clean(said))}</{tag}>' for tag, said in told)
    body = _ROOT.sub(lambda found: found.expand(head) + described, body, count=1)
    return Markup(body.replace("</svg>", f"{rectangles}</svg>"))  # its texts were escaped where they came in


def _rectangles(body: str, rows: Sequence[str]) -> str:
    """Invisible rectangles over the rows of squares, with what is said of them."""
    heights = [float(found) for found in _SQUARE.findall(body)]
    box = _ROOT.search(body)
    if len(heights) != len(rows) or box is None:
        return ""
    width = box[1].split()[2]
    return "".join(
        f'<rect class="hit" x="0" y="{y - _HALF_ROW:.1f}" width="{width}" height="{2 * _HALF_ROW:g}" '
        f'fill="none"><title>{escape(clean(said))}</title></rect>'
        for y, said in zip(heights, rows, strict=True)
    )


def _unique(body: str, id: str) -> str:
    """Every id begun with that of the figure; those that come again are counted."""
    seen: Counter[str] = Counter()

    def named(found: re.Match[str]) -> str:
        seen[found[1]] += 1
        again = f".{seen[found[1]]}" if seen[found[1]] > 1 else ""
        return f'id="{id}-{found[1]}{again}"'

    return _ID.sub(named, body)


def _attributes(found: re.Match[str]) -> str:
    """``style="fill: none; stroke-width: 2"`` as attributes of their own."""
    pairs = (part.partition(":") for part in found[1].split(";") if part.strip())
    return "".join(f' {name.strip()}="{value.strip()}"' for name, _, value in pairs)
