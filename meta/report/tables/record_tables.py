"""Tables of what the records print: the ledger, and a published table beside ours."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from meta.format import percent
from meta.frames import fields
from meta.records.audit.arithmetic import percent_of, roundings, unit
from meta.report.tables.declaration import RUN, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from decimal import Decimal

    from meta.records.analysis import Reproduces
    from meta.records.run import Printed, Run

ORDER = ("patients", "response", "median")  # of the numbers of a trial's table

ledger = Table(  # what became of every row, with its place in the record and in the publication
    lambda run: ({"run": run, "entry": entry} for entry in run.ledger),
    {
        **RUN,
        **fields("entry", "trial", "report", "action", "reason", "by", "group", "n", "responders"),
        **fields("entry", "where", "via", "file", "line", "path"),
    },
    {"n": "Int64", "responders": "Int64"},
)


def reproduction(run: Run) -> list[dict[str, Any]]:
    """The numbers of the published table that the analysis reproduces, each beside ours.

    One row a number: `count` of `of`, `ours` in percent, `printed` as the table has it, and whether
    ours rounds to it (`agrees`); empty where the analysis reproduces nothing.
    """
    wanted = run.analysis.reproduces
    if wanted is None:
        return []
    return [cells for row in run.printed if _stands_in(row, wanted) for cells in _comparison(row)]


def side_by_side(rows: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """A :func:`reproduction` in the shape of the published table: a column a trial."""
    cells = {}
    for row in sorted(rows, key=lambda row: ORDER.index(row["kind"])):
        ours = f"{row['count']}/{row['of']} = {row['ours']} %" if row["ours"] else ""
        printed = f"printed {row['printed']}" if row["printed"] else ""
        differs = " (differs)" if row["agrees"] is False else ""
        cells[row["what"], row["trial"]] = "; ".join(part for part in (ours, printed) if part) + differs
    whats, trials = (list(dict.fromkeys(pair[i] for pair in cells)) for i in (0, 1))
    return ["", *trials], [
        [what, *(cells.get((what, trial), "not printed") for trial in trials)] for what in whats
    ]


def _stands_in(row: Printed, wanted: Reproduces) -> bool:
    """In the table itself, or the pooled count: that table prints it, whatever place the record names."""
    return (row.via or row.report) == wanted.source and (row.where == wanted.where or row.pooled)


def _comparison(row: Printed) -> Iterator[dict[str, Any]]:
    """The row's numbers; those that are our arithmetic were not printed and have nothing to stand beside."""
    place = {"trial": row.label, "where": row.where, "file": row.file, "line": row.line}
    if row.median is not None:
        blank = {"count": None, "of": None, "ours": None, "agrees": None}
        yield {"kind": "median", "what": f"{row.outcome} median", **blank, "printed": row.median, **place}
    if row.n is not None and row.total and row.patients != "all patients" and not row.derived:
        printed = row.percent_of_total
        yield {"kind": "patients", "what": f"n, {row.patients}", **_share(row.n, row.total, printed), **place}
    if row.responders is not None and row.n and row.pooled:
        yield {"kind": "response", "what": "ORR", **_share(row.responders, row.n, row.percent), **place}


def _share(count: int, of: int, printed: Decimal | None) -> dict[str, Any]:
    """A count in percent, and whether the printed percentage is its rounding."""
    agrees = None if printed is None else Fraction(printed) in roundings(percent_of(count, of), unit(printed))
    text = None if printed is None else str(printed)
    return {"count": count, "of": of, "ours": percent(count / of), "printed": text, "agrees": agrees}


reproduced = Table(
    reproduction,
    fields("", "what", "count", "of", "ours", "printed", "agrees", "trial", "where", "file", "line"),
    {"count": "Int64", "of": "Int64"},
)
