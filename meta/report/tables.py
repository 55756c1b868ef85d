"""Tables made from runs: one row a run, one row a group, the ledger, and a published table beside ours."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any

from meta.records.arithmetic import as_printed, percent_of, roundings, unit
from meta.records.run import BASE
from meta.report.exact import at_zero
from meta.report.format import clean, percent
from meta.report.latent import TABLES as LATENT
from meta.report.long_tables import TABLES, standing_of
from meta.report.roles import first_fit, ordered
from meta.report.site_tables import TABLES as SITES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import pandas as pd

    from meta.records.outputs import Outputs
    from meta.records.run import Printed, Run
    from meta.results import Fit, Interval

__all__ = [
    "first_fit", "fit_row", "fit_table", "groups", "ledger", "markdown", "reproduction", "side_by_side",
    "summary", "write_tables",
]  # fmt: skip


def _ends(interval: Interval | None, name: str) -> dict[str, float | None]:
    return {
        f"{name}_low": interval.low if interval else None,
        f"{name}_high": interval.high if interval else None,
    }


def fit_row(fit: Fit) -> dict[str, Any]:
    """One fit as one flat row; proportions and I2 are fractions, mu and tau2 on the analysis scale."""
    orr, ahead, het = fit.proportion, fit.prediction.proportion, fit.heterogeneity
    return {
        "k": fit.k,
        "n": fit.n,
        "responders": fit.responders,
        "estimand": orr.estimand,
        "proportion": orr.value,
        "proportion_low": orr.low,
        "proportion_high": orr.high,
        "level": orr.level,
        "prediction_low": ahead.low,
        "prediction_high": ahead.high,
        "mu": fit.mu.value,
        "mu_se": fit.mu.se,
        **_ends(fit.mu.interval, "mu"),
        "tau2": fit.tau2.value,
        "tau2_method": fit.tau2.method,
        "tau2_at_boundary": fit.tau2.at_boundary,
        **_ends(fit.tau2.interval, "tau2"),
        "Q": het.Q,
        "Q_df": het.df,
        "Q_p": het.p,
        "I2": het.I2.value,
        "I2_Q": het.I2_Q.value,
        "H2": het.H2.value,
        "H2_Q": het.H2_Q.value,
        "method": orr.method,
        "standing": standing_of(fit),
        "standing_reason": fit.standing.reason,
        "reason": orr.reason,
        **_exact_cells(fit),
        **_sampling_cells(fit),
    }


def _exact_cells(fit: Fit) -> dict[str, Any]:
    """What only the exact models say: the median rate, tau beside its prior, the median odds ratio."""
    median = fit.estimands.median if fit.estimands else None
    tau, spread = fit.tau, fit.dispersion
    prior = tau.prior if tau else None
    ratio = spread.median_odds_ratio if spread else None
    lower, upper = spread.middle if spread and not at_zero(fit) else (None, None)
    return {
        **_of(median, "median", "value", "low", "high"),
        **_of(tau, "tau", "value", "low", "high"),
        **_of(prior, "tau_prior", "value", "low", "high", "divergence", "words"),
        **_of(ratio, "median_odds_ratio", "value", "low", "high"),
        "middle_95_low": lower.value if lower else None,
        "middle_95_high": upper.value if upper else None,
        "loglik": fit.loglik,
    }


def _sampling_cells(fit: Fit) -> dict[str, Any]:
    names = ("passed", "rhat", "ess_bulk", "ess_tail", "bfmi", "divergences")
    return _of(fit.sampling, "sampling", *names)


def _of(found: object | None, name: str, *fields: str) -> dict[str, Any]:
    """Fields of a part of a fit as columns, the value under the part's own name; empty without the part."""
    columns = {field: name if field == "value" else f"{name}_{field}" for field in fields}
    return {column: getattr(found, field, None) for field, column in columns.items()}


def _names(run: Run) -> dict[str, Any]:
    return {"analysis": run.name, "variation": run.variation}


def _instead(run: Run) -> str | None:
    """Where the answers are of a run that has no fits."""
    if run.latent is not None:
        return "latent split: tables/latent.csv"
    return "bounds: tables/bounds.csv" if run.bounds else None


def summary(runs: Sequence[Run]) -> pd.DataFrame:
    """One row a run: the overall estimate, and the p-value between the groups of each grouping."""
    import pandas as pd

    rows = []
    for run in runs:
        fit = first_fit(run)
        between = {
            f"p_between_{f.by}": f.between.p
            for f in ordered(run.fits)
            if f.by is not None and f.between is not None and f.between.p is not None
        }
        left = " | ".join(dict.fromkeys(entry.label for entry in run.ledger if entry.action == "dropped"))
        trials = " | ".join(trial.label for trial in fit.trials) if fit else ""
        row = fit_row(fit) if fit else {"reason": _instead(run)}
        rows.append(
            {
                **_names(run),
                "role": fit.role if fit else None,
                **row,
                **between,
                "trials": trials,
                "dropped": left,
                "failures": len(run.failures),
            }
        )
    return pd.DataFrame(rows, columns=None if rows else ["analysis", "variation"])


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
    wanted = run.analysis.get("reproduces")
    if not wanted:
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


def _stands_in(row: Printed, wanted: Mapping[str, str]) -> bool:
    """In the table itself, or the pooled count: that table prints it, whatever place the record names."""
    return (row.via or row.report) == wanted["source"] and (row.where == wanted["where"] or row.pooled)


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


def _share(count: int, of: int, printed: float | None) -> dict[str, Any]:
    """A count in percent, and whether the printed percentage is its rounding."""
    shown = None if printed is None else as_printed(printed)
    agrees = None if shown is None else Fraction(shown) in roundings(percent_of(count, of), unit(shown))
    text = None if shown is None else str(shown)
    return {"count": count, "of": of, "ours": percent(count / of), "printed": text, "agrees": agrees}


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown, every cell escaped: names in records are text, never markup."""
    head, *body = ([_escaped(cell) for cell in row] for row in (header, *rows))
    lines = [head, ["---"] * len(head), *body]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _escaped(cell: str) -> str:
    text = clean(cell)
    for character in "\\`*_[]<>|":
        text = text.replace(character, f"\\{character}")
    return text


def fit_table(fit: Fit) -> pd.DataFrame:
    """A fit and its groups, one row each."""
    import pandas as pd

    rows = [{"group": "overall", **fit_row(fit)}, *({"group": g.label, **fit_row(g)} for g in fit.groups)]
    return pd.DataFrame(rows)


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
        rows = reproduction(run) if run.variation == BASE else []
        for ending, write in _REPRODUCED.items() if rows else ():
            name = f"tables/{run.name}.reproduced.{ending}"
            if not outputs.is_current(name, run.provenance.digest):
                outputs.write(name, run.provenance.digest, write(rows))


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    import pandas as pd

    return pd.DataFrame(rows).astype({"count": "Int64", "of": "Int64"}).to_csv(index=False)


_REPRODUCED: dict[str, Callable[[Sequence[Mapping[str, Any]]], str]] = {
    "csv": _csv,
    "md": lambda rows: markdown(*side_by_side(rows)),
}


def _digest(runs: Sequence[Run]) -> str:
    return hashlib.sha256("".join(run.provenance.digest for run in runs).encode()).hexdigest()
