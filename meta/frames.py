"""Results that show themselves: as a data frame, and as a small table in a notebook."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from meta.format import clean

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

_LEFT = ' style="text-align:left"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a reader sees at a glance: a caption, a table of text, and what must be said below it."""

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
        """Return the rows as a data frame, in full precision; proportions are fractions.

        Returns
        -------
        pandas.DataFrame
        """
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
