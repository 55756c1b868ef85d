"""Tables as CSV that a spreadsheet opens without carrying out what stands in a cell.

A cell of text that begins with ``=``, ``+``, ``-``, ``@``, a tab or a line break is a formula to a
spreadsheet, and names come from files of others. Such a cell is written with an apostrophe before it, and
read back without.
"""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

_FORMULA = re.compile("'*[=+@\t\r\n-]")  # apostrophes before it too, so that each text is written in one way
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?", re.IGNORECASE)


def guarded(cell: Any) -> Any:
    """A cell as it is written; only text that a spreadsheet would carry out is changed.

    Examples
    --------
    >>> guarded("=1+1"), guarded("-2.5"), guarded(-2.5), guarded("lung")
    ("'=1+1", '-2.5', -2.5, 'lung')
    """
    formula = isinstance(cell, str) and _FORMULA.match(cell) and not _NUMBER.fullmatch(cell)
    return f"'{cell}" if formula else cell


def unguarded(cell: str) -> str:
    """A cell as it was before :func:`guarded`."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def comma_separated(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table as CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([map(guarded, row) for row in (header, *rows)])
    return text.getvalue()


def to_csv(frame: pd.DataFrame) -> str:
    """A data frame as CSV, without its index."""
    written = frame.copy(deep=False)
    for name in frame.select_dtypes(exclude=["number", "bool"]):
        cells = frame[name].astype(object)  # whole numbers beside empty cells stay whole
        cells[:] = [guarded(cell) for cell in cells]
        written[name] = cells
    return str(written.to_csv(index=False))
