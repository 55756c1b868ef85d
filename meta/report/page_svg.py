"""Drawn figures as parts of a page: no style attribute, no name that another figure has too."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from meta.format import clean

if TYPE_CHECKING:
    from collections.abc import Iterable

_HEAD = re.compile(r"^.*?(?=<svg)", re.DOTALL)
_METADATA = re.compile(r"\s*<metadata>.*?</metadata>", re.DOTALL)
_STYLES = re.compile(r"\s*<defs>\s*<style.*?</style>\s*</defs>", re.DOTALL)
_ROOT = re.compile(r'<svg [^>]*?width="([\d.]+)pt" height="([\d.]+)pt" viewBox="([^"]*)"[^>]*>')
_STYLE = re.compile(r' style="([^"]*)"')
_ID = re.compile(r'(\bid="|url\(#|href="#)')
_STILL = re.compile(r' transform="rotate\(-?0 [^"]*"')
_ROW = re.compile(r'<g id="row-(\d+)">')


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of the page: where its files are called `name`, what it shows, and itself."""

    id: str
    name: str
    title: str
    text: str
    svg: Markup


def embedded(svg: str, id: str, title: str, text: str, rows: Iterable[str] = ()) -> Markup:
    """An SVG file of ours as an element of a page.

    Parameters
    ----------
    svg : str
        As matplotlib wrote it.
    id : str
        Put before every id in it, so that two figures of a page do not share one.
    title, text : str
        Name and description, for whoever does not see it.
    rows : iterable of str
        What is to be said of the groups called ``row-0``, ``row-1`` … when they are pointed at.

    Returns
    -------
    Markup
        With presentation attributes in place of style attributes, which a strict policy of the page refuses.
    """
    body = _STYLES.sub("", _METADATA.sub("", _HEAD.sub("", svg)))
    body = _STILL.sub("", _STYLE.sub(_attributes, body))
    body = _ID.sub(rf"\1{id}-", body)
    said = list(rows)
    body = re.sub(
        rf'<g id="{re.escape(id)}-row-(\d+)">', lambda found: _named(found, said), body
    )  # the title is the row's tooltip
    head = (
        rf'<svg role="img" aria-labelledby="{id}-title {id}-desc" width="\1pt" height="\2pt" viewBox="\3" '
        'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        'stroke-linejoin="round" stroke-linecap="butt">'
    )
    described = f'<title id="{id}-title">{escape(clean(title))}</title><desc id="{id}-desc">{escape(clean(text))}</desc>'
    return Markup(_ROOT.sub(lambda found: found.expand(head) + described, body, count=1))


def _named(found: re.Match[str], said: list[str]) -> str:
    index = int(found[1])
    title = f"<title>{escape(clean(said[index]))}</title>" if index < len(said) else ""
    return found[0].replace(">", ' class="row">') + title


def _attributes(found: re.Match[str]) -> str:
    """``style="fill: none; stroke-width: 2"`` as attributes of their own."""
    pairs = (part.partition(":") for part in found[1].split(";") if part.strip())
    return "".join(f' {name.strip()}="{value.strip()}"' for name, _, value in pairs)
