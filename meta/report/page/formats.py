"""The report in the format that is asked for: a page, Markdown, or the runs as one JSON text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meta.errors import SpecError
from meta.records.run import BASE
from meta.records.storing.store import to_json
from meta.report.language.roles import first_fit
from meta.report.page.html import current, page
from meta.report.page.whatif import stored_panels
from meta.report.tables.publication import escaped, markdown
from meta.report.terminal.text import answers, header

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from meta.records.run import Run
    from meta.records.storing.outputs import Outputs

FORMATS = ("html", "md", "json")


def written(runs: Sequence[Run], kind: str, outputs: Outputs) -> str:
    """The report of stored runs.

    Parameters
    ----------
    kind : {"html", "md", "json"}
    outputs : Outputs
        Whose current figures the page takes as they are.

    Raises
    ------
    SpecError
        If `kind` is none of these.
    """
    if kind == "html":
        return page(runs, whatif=stored_panels(runs, outputs.folder), drawn=current(outputs))
    if kind == "md":
        return "".join(_sections(runs))
    if kind == "json":
        return to_json({"runs": runs})
    raise SpecError(f"--format: found {kind!r}; {', '.join(FORMATS)} are allowed")


def _sections(runs: Sequence[Run]) -> Iterator[str]:
    """A heading and a table of answers for each analysis."""
    for name in dict.fromkeys(run.name for run in runs):
        several = sorted((run for run in runs if run.name == name), key=lambda run: run.variation != BASE)
        fit = first_fit(several[0])
        yield markdown_heading(name, several[0].question)
        if fit is not None:
            yield markdown(header(fit, median=True), answers(several, median=True))
        yield "\n\\* not a headline\n\n"


def markdown_heading(name: str, question: str) -> str:
    """A heading and a paragraph, in which names of records are text and never markup."""
    return f"## {escaped(name)}\n\n{escaped(question)}\n\n"
