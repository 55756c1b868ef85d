"""The report: one page of all stored runs, which opens from disk and asks nothing of a network."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from meta.errors import MetaError
from meta.records.storing.code import drawing_code
from meta.report.page.checklist import AUTHORS, ITEMS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jinja2 import Environment

    from meta.records.run import Run
    from meta.records.storing.outputs import Outputs
    from meta.report.figures.registry import Plan

REPORT = "report.html"
SECTIONS = (  # of each analysis after its answer: the template's name, and what the contents call it
    ("forest", "Forest plots"),
    ("heterogeneity", "Heterogeneity"),
    ("sites", "Sites and regions"),
    ("unreported", "Not reported"),
    ("specification", "Sensitivity"),
    ("priors", "Priors"),
    ("data", "Data"),
    ("findings", "Summary of findings"),
    ("methods", "Methods"),
)
_WHATIF = ("_whatif.html.j2", "whatif.js")  # used where there is something to try


def page(
    runs: Sequence[Run], *, whatif: Sequence[Any] = (), drawn: Callable[[Plan], str] | None = None
) -> str:
    """The whole page.

    Parameters
    ----------
    runs : sequence of Run
        Every variation of every analysis.
    whatif : sequence
        One an analysis that has it: what the template of the reader's own trial selection shows. Each has
        `analysis`, the analysis' name.
    drawn : callable, optional
        Gives the SVG of a figure; without it every figure is drawn.

    Returns
    -------
    str
        HTML with its style sheet, script and figures in it.

    Raises
    ------
    MetaError
        If the template of a section leaves out a figure that stands there.
    """
    from markupsafe import escape

    from meta.report.page.parts import parts

    environment = _environment()
    style = _file("report.css")
    script = _file("report.js") + (_file(_WHATIF[1]) if whatif else "")
    found = parts(runs, whatif, drawn or _draw)
    text = environment.get_template("report.html.j2").render(
        parts=found,
        sections=SECTIONS,
        checklist=ITEMS,
        authors=AUTHORS,
        style=style,
        script=script,
        style_hash=source_hash(style),
        script_hash=source_hash(script),
    )
    for figure in (one for part in found for section in part.figures.values() for one in section):
        if f'<figure id="{escape(figure.id)}">' not in text:
            raise MetaError(
                f"report: the figure {figure.name} is not on the page: its section's template must write "
                "m.figures(part, section) outside every condition, or the figure be a file only"
            )
    return text


def write_report(runs: Sequence[Run], outputs: Outputs, *, whatif: Sequence[Any] = ()) -> bool:
    """Write ``report.html`` where the runs, or what makes the page of them, have changed.

    Parameters
    ----------
    outputs : Outputs
        Figures that are current there are used as they are.
    whatif : sequence
        See :func:`page`; each has a `digest` of what it shows.

    Returns
    -------
    bool
        Whether it was written.
    """
    made = _digest(runs, whatif)
    if outputs.is_current(REPORT, made):
        return False
    outputs.write(REPORT, made, page(runs, whatif=whatif, drawn=current(outputs)))
    return True


def current(outputs: Outputs) -> Callable[[Plan], str]:
    """Give a figure from its file, if that is current, and else draw it."""

    def drawn(plan: Plan) -> str:
        name = f"figures/{plan.name}.svg"
        if outputs.is_current(name, plan.made):
            return (outputs.folder / name).read_text(encoding="utf-8")
        return _draw(plan)

    return drawn


def _draw(plan: Plan) -> str:
    from meta.report.drawing.canvas import render

    return render(plan.draw(), "svg").decode()


def _digest(runs: Sequence[Run], whatif: Sequence[Any]) -> str:
    """What the page is made from: the runs, and everything that decides how they are shown."""
    made = hashlib.sha256(drawing_code().encode())
    for run in runs:
        made.update(f"{run.name}/{run.variation}:{run.provenance.digest}\n".encode())
    for one in whatif:
        made.update(f"{one.digest}\n".encode())
    return made.hexdigest()


def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined
    from markupsafe import Markup

    from meta.report.page.references import FILTERS

    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        loader=FunctionLoader(_template),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= FILTERS | {"verbatim": Markup}
    return environment


def _template(name: str) -> str | None:
    file = files("meta.report.page") / "templates" / name
    return file.read_text(encoding="utf-8") if file.is_file() else None


def _file(name: str) -> str:
    return (files("meta.report.page") / "templates" / name).read_text(encoding="utf-8")


def source_hash(text: str) -> str:
    """An inline style sheet or script as a content security policy names it.

    Returns
    -------
    str
        With its quotes, as it stands in the policy.
    """
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
