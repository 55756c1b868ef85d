"""Tables from declared columns; results that show themselves as a data frame and in a notebook.

A column is a name and where its cell comes from: a path of attributes in what the row is of, or a function of
it. A row may be one object, or a mapping of names to the objects that it is about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import TYPE_CHECKING, Any

from meta.format import clean

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

Columns = Mapping[str, str | Callable[[Any], Any]]

_LEFT = ' style="text-align:left"'


def at(row: Any, path: str) -> Any:
    """What stands at the end of a path such as ``part.tau.value``; None where a part of the way is missing.

    A mapping may be without a name, an object not without an attribute: a path that is wrong is an error.
    """
    for name in path.split("."):
        if row is None:
            return None
        row = row.get(name) if isinstance(row, Mapping) else getattr(row, name)
    return row


def flat(row: Any, columns: Columns) -> dict[str, Any]:
    """Flatten what a row is of: one cell a column."""
    return {name: at(row, of) if isinstance(of, str) else of(row) for name, of in columns.items()}


def fields(path: str, *names: str, called: str = "{}") -> dict[str, str]:
    """Columns of attributes of what stands at a path ("" is the row itself); `called` makes their names."""
    return {called.format(name): f"{path}.{name}" if path else name for name in names}


def under(path: str, columns: Columns) -> dict[str, Callable[[Any], Any]]:
    """Columns of what stands at a path; empty cells where nothing does."""

    def cell(name: str, row: Any) -> Any:
        found = at(row, path)
        return None if found is None else flat(found, {name: columns[name]})[name]

    return {name: partial(cell, name) for name in columns}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A short display of a result: a caption, a table of text, and notes."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


class Tabular:
    """Something that is rows of numbers, and can be shown."""

    __slots__ = ()

    def rows(self) -> list[dict[str, Any]]:
        """Return the numbers in full precision, one mapping of columns to values a row."""
        raise NotImplementedError

    def shown(self) -> Shown:
        """Return what a reader sees at a glance."""
        raise NotImplementedError

    def to_dataframe(self) -> pd.DataFrame:
        """Return the rows as a data frame, in full precision; proportions are fractions."""
        import pandas as pd

        return pd.DataFrame(self.rows())

    def _repr_html_(self) -> str:
        """Show in a notebook; every text is escaped, as names come from files and tables of others."""
        shown = self.shown()
        body = "".join(_row(cells, "td") for cells in shown.rows)
        below = "".join(f"<div>{escape(clean(note))}</div>" for note in shown.notes)
        head = _row(shown.header, "th")
        caption = f'<caption style="text-align:left">{escape(clean(shown.caption))}</caption>'
        return f"<div><table>{caption}<thead>{head}</thead><tbody>{body}</tbody></table>{below}</div>"


def _row(cells: Iterable[str], kind: str) -> str:
    """Write a row of cells; the first of them names it and stands on the left."""
    marked = (f"<{kind}{'' if i else _LEFT}>{escape(clean(c))}</{kind}>" for i, c in enumerate(cells))
    return f"<tr>{''.join(marked)}</tr>"
