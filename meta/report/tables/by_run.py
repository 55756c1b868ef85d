"""Tables made from runs: one row a run, one row a group, the ledger, and a published table beside ours."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any

from meta.format import percent
from meta.records.audit.arithmetic import percent_of, roundings, unit
from meta.records.run import BASE
from meta.records.storing.code import drawing_code
from meta.report.language.roles import first_fit, ordered
from meta.report.tables.long_tables import TABLES
from meta.report.tables.publication import FORMATS, estimates
from meta.report.tables.site_tables import TABLES as SITES
from meta.report.terminal.latent_text import TABLES as LATENT
from meta.results.rows import fit_row

if TYPE_CHECKING:
    import pandas as pd

    from meta.records.analysis import Reproduces
    from meta.records.run import Printed, Run
    from meta.records.storing.outputs import Outputs
    from meta.results import Fit

__all__ = [
    "first_fit", "groups", "ledger", "reproduction", "side_by_side", "summary", "write_tables",
]  # fmt: skip


def _names(run: Run) -> dict[str, Any]:
    return {"analysis": run.name, "variation": run.variation}


def _instead(run: Run) -> str | None:
    """Where the answers are of a run that has no fits."""
    if run.latent is not None:
        return "latent split: tables/latent.csv"
    return "bounds: tables/bounds.csv" if run.bounds else None


def summary(runs: Sequence[Run]) -> pd.DataFrame:
    """One row a run and model: its overall estimate, and its own test between the groups of each grouping.

    Of a test its name, p, common tau and caveat stand side by side; a model without one has empty cells.
    """
    import pandas as pd

    rows = []
    for run in runs:
        left = " | ".join(dict.fromkeys(entry.label for entry in run.ledger if entry.action == "dropped"))
        end = {"dropped": left, "failures": len(run.failures)}
        overall = [fit for fit in ordered(run.fits) if fit.by is None]
        rows += [
            {**_names(run), "role": fit.role, **fit_row(fit), **_between(run, fit),
             "trials": " | ".join(trial.label for trial in fit.trials), **end}
            for fit in overall
        ]  # fmt: skip
        if not overall:
            rows.append({**_names(run), "role": None, "reason": _instead(run), "trials": "", **end})
    return pd.DataFrame(rows, columns=None if rows else ["analysis", "variation"])


def _between(run: Run, overall: Fit) -> dict[str, Any]:
    """The tests between groups of the model of an overall fit."""
    cells: dict[str, Any] = {}
    for fit in run.fits:
        if fit.role == overall.role and fit.by is not None and fit.between is not None:
            test = fit.between
            given = test.p is not None
            cells |= {
                f"test_between_{fit.by}": test.method if given else None,
                f"p_between_{fit.by}": test.p,
                f"tau_of_test_{fit.by}": test.tau if given else None,
                f"caveat_between_{fit.by}": test.caveat if given else None,
            }
    return cells


def groups(runs: Sequence[Run]) -> pd.DataFrame:
    """One row a run, grouping and group."""
    import pandas as pd

    rows = [
        {**_names(run), "role": fit.role, "by": fit.by, "group": group.label, **fit_row(group),
         "patients_not_reported": sum(entry.n or 0 for entry in group.not_reported)}
        for run in runs for fit in run.fits for group in fit.groups
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=None if rows else ["analysis", "variation", "role", "by", "group"])


def ledger(runs: Sequence[Run]) -> pd.DataFrame:
    """What became of every row, with its place in the record and in the publication."""
    import pandas as pd

    columns = (
        "trial", "report", "action", "reason", "by", "group", "n", "responders", "where", "via",
        "file", "line", "path",
    )  # fmt: skip
    rows = [
        {**_names(run), **{c: getattr(entry, c) for c in columns}} for run in runs for entry in run.ledger
    ]
    frame = pd.DataFrame(rows, columns=["analysis", "variation", *columns])
    return frame.astype({"n": "Int64", "responders": "Int64"})


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
    for row in rows:
        ours = f"{row['count']}/{row['of']} = {row['ours']} %" if row["ours"] else ""
        printed = f"printed {row['printed']}" if row["printed"] else ""
        differs = " (differs)" if row["agrees"] is False else ""
        cells[row["what"], row["trial"]] = "; ".join(part for part in (ours, printed) if part) + differs
    whats, trials = (list(dict.fromkeys(pair[i] for pair in cells)) for i in (0, 1))
    ordered = sorted(whats, key=_order)
    return ["", *trials], [
        [what, *(cells.get((what, trial), "not printed") for trial in trials)] for what in ordered
    ]


def _order(what: str) -> int:
    """Patients by differentiation, by site, response, survival: the order of a trial's tables."""
    return next(
        (i for i, start in enumerate(("n, differentiation", "n, ", "ORR")) if what.startswith(start)), 3
    )


def _stands_in(row: Printed, wanted: Reproduces) -> bool:
    """In the table itself, or the pooled count: that table prints it, whatever place the record names."""
    return (row.via or row.report) == wanted.source and (row.where == wanted.where or row.pooled)


def _comparison(row: Printed) -> Iterator[dict[str, Any]]:
    """The row's numbers; those that are our arithmetic were not printed and have nothing to stand beside."""
    place = {"trial": row.label, "where": row.where, "file": row.file, "line": row.line}
    if row.median is not None:
        blank = {"count": None, "of": None, "ours": None, "agrees": None}
        yield {"what": f"{row.outcome} median", **blank, "printed": row.median, **place}
    if row.n is not None and row.total and row.patients != "all patients" and not row.derived:
        printed = row.percent_of_total
        yield {"what": f"n, {row.patients}", **_share(row.n, row.total, printed), **place}
    if row.responders is not None and row.n and row.pooled:
        yield {"what": "ORR", **_share(row.responders, row.n, row.percent), **place}


def _share(count: int, of: int, printed: Decimal | None) -> dict[str, Any]:
    """A count in percent, and whether the printed percentage is its rounding."""
    agrees = None if printed is None else Fraction(printed) in roundings(percent_of(count, of), unit(printed))
    text = None if printed is None else str(printed)
    return {"count": count, "of": of, "ours": percent(count / of), "printed": text, "agrees": agrees}


def write_tables(runs: Sequence[Run], outputs: Outputs) -> None:
    """Write every table of the runs, where what they are made from has changed."""
    made = _digest(runs)
    wanted: dict[str, Callable[[], pd.DataFrame]] = {
        "summary.csv": lambda: summary(runs),
        "tables/groups.csv": lambda: groups(runs),
        "tables/ledger.csv": lambda: ledger(runs),
        **{f"tables/{name}.csv": partial(table, runs) for name, table in (TABLES | SITES | LATENT).items()},
    }
    for name, table in wanted.items():
        if not outputs.is_current(name, made):
            outputs.write(name, made, table().to_csv(index=False))
    for run in runs:
        for name, text in _of_paper(run).items() if run.variation == BASE else ():
            path = f"tables/{run.name}.{name}"
            made = _digest([run])
            if not outputs.is_current(path, made):
                outputs.write(path, made, text())


def _of_paper(run: Run) -> dict[str, Callable[[], str]]:
    """The tables that a paper prints, by the end of their file names."""
    found = estimates(run)
    tables: dict[str, Callable[[], str]] = {
        f"estimates.{end}": partial(write, *found) for end, write in FORMATS.items()
    }
    rows = reproduction(run)
    if rows:
        beside = {end: partial(write, *side_by_side(rows)) for end, write in FORMATS.items()}
        tables |= {f"reproduced.{end}": beside[end] for end in ("md", "tex")}
        tables["reproduced.csv"] = partial(_csv, rows)  # number by number, with its place in print
    return tables


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    import pandas as pd

    return pd.DataFrame(rows).astype({"count": "Int64", "of": "Int64"}).to_csv(index=False)


def _digest(runs: Sequence[Run]) -> str:
    """What tables are made from: the runs, and the code that writes them."""
    return hashlib.sha256(
        "".join((drawing_code(), *(run.provenance.digest for run in runs))).encode()
    ).hexdigest()
