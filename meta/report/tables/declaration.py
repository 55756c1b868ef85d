"""The declaration of a table: its rows for a run, and its columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from meta.frames import Columns, flat
from meta.records.run import Run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

Row = dict[str, Any]
RUN: Columns = {"analysis": "run.name", "variation": "run.variation"}


@dataclass(frozen=True, slots=True)
class Table:
    """A table of runs.

    Attributes
    ----------
    rows : function
        From a run to its rows, each a mapping of names to what the row is about.
    columns : Columns
    types : mapping of str to str
        Of columns that pandas would take for something else where a cell is empty.
    """

    rows: Callable[[Run], Iterable[Row]]
    columns: Columns
    types: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, runs: Sequence[Run]) -> pd.DataFrame:
        """The table of some runs; without a row it has its columns all the same."""
        import pandas as pd

        rows = [flat(row, self.columns) for run in runs for row in self.rows(run)]
        return pd.DataFrame(rows, columns=list(self.columns)).astype(dict(self.types))


def each(rows: Iterable[Row], name: str, of: Callable[[Row], Iterable[Any]]) -> Iterator[Row]:
    """Rows once more for each of several things, under a name of theirs."""
    return (row | {name: one} for row in rows for one in of(row))
