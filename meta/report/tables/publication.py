"""Tables for a paper: the estimates of an analysis, and how a table is written as CSV, Markdown and LaTeX."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meta.format import DASH, clean, counts, level
from meta.frames import Columns, flat
from meta.report.language import exact, wording
from meta.report.language.roles import marked, ordered
from meta.results.rows import estimand, orr, span
from meta.spreadsheet import comma_separated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from meta.records.run import Run
    from meta.results import Fit

    Cells = tuple[str, ...]

STAR = "*"


def estimates(run: Run) -> tuple[Cells, list[Cells]]:
    """Every model's answer, overall and by group, as a paper would print it.

    Returns
    -------
    header : tuple of str
    rows : list of tuple of str
        Percent with one decimal; k has a star where the k policy lets the estimate be no headline.
    """
    fits = ordered(run.fits)
    name = level(fits[0].level) if fits else ""
    header = tuple(head.format(level=name) for head in ESTIMATES)
    return header, [tuple(flat(row, ESTIMATES).values()) for fit in fits for row in _rows(fit)]


def _rows(fit: Fit) -> Iterator[dict[str, Any]]:
    """Every estimand of the groups; of all trials only where the fit is of all: it has one of its own."""
    for part in (fit,) if fit.by is None else fit.groups:
        for found in (part.proportion, *exact.others(part)):
            yield {"fit": fit, "part": part, "found": found}


ESTIMATES: Columns = {
    "Group": lambda row: row["part"].label or "All trials",
    "k": lambda row: f"{row['part'].k}{'' if wording.headline(row['part']) else STAR}",
    "Responders/n": lambda row: counts(row["part"].responders, row["part"].n),
    "Model": lambda row: exact.short_name(row["fit"]),
    "Estimand": estimand("found", "part.outcome"),
    "Estimate, % ({level} interval)": lambda row: marked(orr(row["found"]), row["part"]),
    "{level} prediction, %": lambda row: (
        span(row["part"].prediction.proportion) if row["found"] is row["part"].proportion else DASH
    ),
}


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown, every cell escaped: names in records are text, never markup."""
    head, *body = ([escaped(cell) for cell in row] for row in (header, *rows))
    lines = [head, ["---"] * len(head), *body]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def escaped(cell: str) -> str:
    """A text in which Markdown sees no markup."""
    text = clean(cell)
    for character in "\\`*_[]<>|":
        text = text.replace(character, f"\\{character}")
    return text


def latex(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in LaTeX for the package booktabs, every cell escaped, to be put into a document."""
    import pandas as pd

    cells = [[clean(cell) for cell in row] for row in (header, *rows)]
    frame = pd.DataFrame(cells[1:], columns=cells[0])
    return str(frame.to_latex(index=False, escape=True, column_format="l" * len(cells[0])))


FORMATS: dict[str, Callable[[Sequence[str], Iterable[Sequence[str]]], str]] = {
    "csv": comma_separated,
    "md": markdown,
    "tex": latex,
}
