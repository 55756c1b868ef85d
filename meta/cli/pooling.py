"""The command `pool`: fit what the records ask for, write results, tables and figures, print the answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meta.cli.printing import progress, say, table
from meta.cli.root import Root, Width

if TYPE_CHECKING:
    from meta.records.run import Run
    from meta.records.storing.outputs import Outputs
    from meta.workflow.expand import Variation

FAILED = 1  # exit code where a model could not run, or a sampler broke its limits


def pool(
    analyses: Annotated[list[str] | None, typer.Argument(help="Names of analyses; all if left out.")] = None,
    root: Root = Path(),
    out: Annotated[Path | None, typer.Option(help="Where results go; ROOT/out if left out.")] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Print every model, variation and diagnostic.")
    ] = False,
) -> None:
    """Pool the trials: results, tables and figures; what did not change is not done again."""
    from meta.records.storing.outputs import Outputs
    from meta.report.page.html import REPORT
    from meta.workflow.pool import RESULTS, files_of, others, plan, runs

    planned = plan(root, analyses)
    folder = out or root / "out"
    outputs = Outputs(folder)
    with progress("fitting") as left:
        found = runs(planned, folder, left)
    done, fitted = [run for run, _ in found], sum(fresh for _, fresh in found)
    untouched = others(outputs.known(RESULTS), planned, folder)
    every = sorted([*done, *untouched], key=lambda run: run.name)
    drawn = _written(done, every, outputs)
    tables = _page(planned, every, outputs)
    kept = [name for variation, run in zip(planned, done, strict=True) for name in files_of(variation, run)]
    outputs.close([*kept, *tables], complete=not analyses)
    _answers(done, verbose=verbose)
    say(f"{len(done)} runs ({fitted} fitted, the rest unchanged), {drawn} figures drawn.")
    say(f"In {folder}: {REPORT}, results/ (JSON), figures/ (PNG, SVG), tables/ and summary.csv")
    _failures(done)


def figures(
    analyses: Annotated[list[str] | None, typer.Argument(help="Names of analyses; all if left out.")] = None,
    kind: Annotated[str, typer.Option("--format", help="pdf, svg or png.")] = "pdf",
    width: Width = None,
    root: Root = Path(),
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A folder; ROOT/out/FORMAT if left out.")
    ] = None,
) -> None:
    """Draw the figures of the stored runs in one format, at the width of a journal's page."""
    from meta.errors import SpecError
    from meta.report.drawing.canvas import FORMATS
    from meta.report.drawing.files import save_figures
    from meta.report.drawing.widths import check_width
    from meta.workflow.pool import every_stored
    from meta.workflow.running.workers import draw

    stored = every_stored(root, root / "out")
    names = list(dict.fromkeys(run.name for run in stored))
    wrong = [
        f"analysis: found {one!r}; {', '.join(names)} are stored"
        for one in analyses or ()
        if one not in names
    ]
    if kind not in FORMATS:
        wrong.append(f"--format: found {kind!r}; {', '.join(FORMATS)} are allowed")
    if width is not None and (said := check_width(width)):
        wrong.append(said)
    if wrong:
        raise SpecError("\n".join(wrong))
    several = [[run for run in stored if run.name == name] for name in analyses or names]
    folder = output or root / "out" / kind
    with progress("drawing") as left:
        drawn = save_figures(several, folder, kind, left, draw, width=width)
    say(f"{drawn} figures drawn in {folder}")


def _written(done: list[Run], every: list[Run], outputs: Outputs) -> int:
    """Write what is made from runs: tables, schemas, figures; how many figures were drawn."""
    from meta.records.storing.code import package_code
    from meta.records.storing.outputs import write_schemas
    from meta.report.drawing.files import write_figures
    from meta.report.tables.writing import write_tables
    from meta.workflow.running.workers import draw

    write_tables(every, outputs)
    write_schemas(outputs, package_code())
    several = [[run for run in done if run.name == name] for name in dict.fromkeys(run.name for run in done)]
    with progress("drawing") as left:
        drawn = write_figures(several, outputs, left, draw)
    return drawn


def _page(planned: list[Variation], every: list[Run], outputs: Outputs) -> list[str]:
    """Write the report with its choices of trials, and name the tables of these."""
    from meta.report.page.html import write_report
    from meta.report.page.whatif import stored_panels
    from meta.workflow.whatif import write_subsets

    with progress("choices of trials") as left:
        tables = write_subsets(planned, outputs.folder, left)
    write_report(every, outputs, whatif=stored_panels(every, outputs.folder))
    return tables


def _failures(done: list[Run]) -> None:
    """Say what could not be fitted; if anything, the command has failed."""
    failures = [(run, failure) for run in done for failure in run.failures]
    for run, failure in failures:
        part = f"by {failure.by}" if failure.by else "overall"
        say(f"FAILED {run.name}/{run.variation}, {failure.role} {part}: {failure.reason}")
    if failures:
        raise typer.Exit(FAILED)


def _answers(done: list[Run], *, verbose: bool) -> None:
    """The leading answers of each analysis and how far they move; or everything."""
    from meta.models.policy import RULE

    for name in dict.fromkeys(run.name for run in done):
        runs = [run for run in done if run.name == name]
        (_all_of if verbose else _short)(name, runs)
    say(f"* not a headline. {RULE}")
    say("prediction: where a new trial's true rate would lie, in %.")
    if not verbose:
        say("Every model, variation and diagnostic: pool --verbose, or the report.")


def _short(name: str, runs: list[Run]) -> None:
    """The answers of the analysis itself by its leading model."""
    from meta.report.language.changes import no_headlines, sensitivity
    from meta.report.terminal.text import answers

    table(_title(name, runs[0]), _header(runs[0]), list(answers(runs[:1])))
    say(*no_headlines(runs[0]), *filter(None, [sensitivity(runs[0], runs[1:])]))


def _all_of(name: str, runs: list[Run]) -> None:
    """A table a role: of the first role every variation, of the others the base alone; then site models."""
    from dataclasses import replace

    from meta.report.terminal.latent_text import latent_lines
    from meta.report.terminal.site_text import site_lines
    from meta.report.terminal.split_text import split_lines
    from meta.report.terminal.text import answers

    for i, role in enumerate(dict.fromkeys(fit.role for fit in runs[0].fits)):
        of_role = [
            replace(
                run,
                fits=tuple(fit for fit in run.fits if fit.role == role),
                bounds=tuple(one for one in run.bounds if one.role == role),
            )
            for run in (runs if i == 0 else runs[:1])
        ]
        table(_title(name, of_role[0]), _header(of_role[0]), list(answers(of_role)))
    for run in runs:
        say(*site_lines(run), *latent_lines(run), *split_lines(run))


def _header(run: Run) -> tuple[str, ...]:
    from meta.report.language.wording import counts_heading

    return ("", "k", counts_heading(run.analysis.outcome), "%, 95 % interval", "prediction")


def _title(name: str, run: Run) -> str:
    """The analysis, and the role, estimand and method of its leading estimate."""
    from meta.report.language.roles import first_fit
    from meta.results import name_of

    first = first_fit(run)
    if first is None:
        return ", ".join([name, *(fit.role or "" for fit in run.fits[:1])])
    found = first.proportion
    return f"{name}, {first.role}: {name_of(found.estimand, first.outcome)}, {found.method}"
