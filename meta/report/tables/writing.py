"""The tables that a pooling run writes."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import TYPE_CHECKING

from meta.records.run import BASE
from meta.records.storing.code import drawing_code
from meta.report.tables import fit_tables, record_tables, site_tables
from meta.report.tables.publication import FORMATS, estimates
from meta.spreadsheet import to_csv

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from meta.records.run import Run
    from meta.records.storing.outputs import Outputs

FILES: dict[str, Callable[[Sequence[Run]], pd.DataFrame]] = {
    "summary.csv": fit_tables.summary,
    "tables/groups.csv": fit_tables.groups,
    "tables/latent.csv": site_tables.latent,
    "tables/ledger.csv": record_tables.ledger,
    **{f"tables/{name}.csv": table for name, table in (fit_tables.TABLES | site_tables.TABLES).items()},
}


def write_tables(runs: Sequence[Run], outputs: Outputs) -> None:
    """Write every table of the runs, where what they are made from has changed."""
    made = _digest(runs)
    for name, table in FILES.items():
        if not outputs.is_current(name, made):
            outputs.write(name, made, to_csv(table(runs)))
    for run in runs:
        for name, text in _of_paper(run).items() if run.variation == BASE else ():
            path = f"tables/{run.name}.{name}"
            made = _digest([run])
            if not outputs.is_current(path, made):
                outputs.write(path, made, text())


def _of_paper(run: Run) -> dict[str, Callable[[], str]]:
    """The tables that a paper prints, by the end of their file names."""
    tables: dict[str, Callable[[], str]] = {
        f"estimates.{end}": partial(write, *estimates(run)) for end, write in FORMATS.items()
    }
    rows = record_tables.reproduction(run)
    if rows:
        beside = record_tables.side_by_side(rows)
        tables |= {f"reproduced.{end}": partial(FORMATS[end], *beside) for end in ("md", "tex")}
        # number by number, with its place in print
        tables["reproduced.csv"] = lambda: to_csv(record_tables.reproduced([run]))
    return tables


def _digest(runs: Sequence[Run]) -> str:
    """What tables are made from: the runs, and the code that writes them."""
    return hashlib.sha256(
        "".join((drawing_code(), *(run.provenance.digest for run in runs))).encode()
    ).hexdigest()
