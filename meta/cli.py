"""The command line: the only place that prints or exits."""

from __future__ import annotations

import sys
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meta.cli_fit import Root, fit, subset
from meta.errors import MetaError
from meta.terminal import progress, say, table

if TYPE_CHECKING:
    from meta.records.outputs import Outputs
    from meta.records.run import Run
    from meta.workflow.expand import Variation

app = typer.Typer(
    help="Pool small single-arm trials of checkpoint inhibitors in neuroendocrine neoplasms.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

BAD_INPUT, FAILED, INTERRUPTED = 2, 1, 130


def main() -> None:
    """Run the command line; a fault of the user's is a message and exit code 2, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without τ shows a question mark
    try:
        app()
    except MetaError as error:
        say(*str(error).split("\n"), stderr=True)
        sys.exit(BAD_INPUT)
    except (KeyboardInterrupt, SystemExit) as stop:  # typer turns the first into the second
        if isinstance(stop, SystemExit) and stop.code != INTERRUPTED:
            raise
        say("Interrupted: what was finished is kept.", stderr=True)
        sys.exit(INTERRUPTED)


@app.command()
def pool(
    analyses: Annotated[list[str] | None, typer.Argument(help="Names of analyses; all if left out.")] = None,
    root: Root = Path(),
    out: Annotated[Path | None, typer.Option(help="Where results go; ROOT/out if left out.")] = None,
) -> None:
    """Pool the trials: results, tables and figures; what did not change is not done again."""
    from meta.records.outputs import Outputs
    from meta.records.store import write_schemas
    from meta.report.figures import write_figures
    from meta.report.html import REPORT
    from meta.report.tables import write_tables
    from meta.workflow.pool import RESULTS, files_of, others, plan, runs

    planned = plan(root, analyses)
    folder = out or root / "out"
    outputs = Outputs(folder)
    done: list[Run] = []
    fitted = 0
    with progress("fitting") as left:
        for run, fresh in runs(planned, folder):
            done.append(run)
            fitted += fresh
            left(len(planned) - len(done))
    untouched = others(outputs.known(RESULTS), planned, folder)
    every = sorted([*done, *untouched], key=lambda run: run.name)
    write_tables(every, outputs)
    write_schemas(outputs)
    drawn = 0
    for name in dict.fromkeys(run.name for run in done):
        with progress(f"drawing {name}") as left:
            drawn += write_figures([run for run in done if run.name == name], outputs, left)
    tables = _page(planned, every, outputs)
    kept = [name for variation, run in zip(planned, done, strict=True) for name in files_of(variation, run)]
    outputs.close([*kept, *tables], complete=not analyses)
    _answers(done)
    say(f"{len(done)} runs ({fitted} fitted, the rest unchanged), {drawn} figures drawn.")
    say(f"In {folder}: {REPORT}, results/ (JSON), figures/ (PNG, SVG), tables/ and summary.csv")
    _failures(done)


def _page(planned: list[Variation], every: list[Run], outputs: Outputs) -> list[str]:
    """Write the report with its choices of trials, and name the tables of these."""
    from meta.report.html import write_report
    from meta.report.whatif import stored_panels
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


def _answers(done: list[Run]) -> None:
    """A table an analysis and role: of the first role every variation, of the others the base alone."""
    from dataclasses import replace

    from meta.report.site_text import site_lines
    from meta.report.tables import first_fit
    from meta.report.text import answers

    header = ["", "k", "resp./n", "%, 95 % interval", "prediction"]
    for name in dict.fromkeys(run.name for run in done):
        runs = [run for run in done if run.name == name]
        for i, role in enumerate(dict.fromkeys(found.role for found in runs[0].fits)):
            several = runs if i == 0 else runs[:1]
            of_role = [
                replace(
                    run,
                    fits=tuple(f for f in run.fits if f.role == role),
                    bounds=tuple(one for one in run.bounds if one.role == role),
                )
                for run in several
            ]
            first = first_fit(of_role[0])
            said = f": {first.proportion.estimand}, {first.proportion.method}" if first else ""
            table(f"{name}, {role}{said}", header, list(answers(of_role)))
        for run in runs:
            say(*site_lines(run))
    say("* not a headline: two trials or fewer, or so few that only a Bayesian model gives one.")
    say("prediction: where a new trial's true rate would lie, in %.")


@app.command()
def check(root: Root = Path()) -> None:
    """Check every record: form, arithmetic, and whether every analysis can select its trials."""
    from meta.records.load import load
    from meta.workflow.pool import variations

    trials, analyses = load(root)
    planned = variations(trials, analyses)
    known = sum(len(file.trial.acknowledged) for file in trials.values())
    say(f"{len(trials)} trials, {len(analyses)} analyses, {len(planned)} runs: no fault.")
    say(f"{known} contradictions that sources print are acknowledged in the records.")


@app.command("list")
def list_records(root: Root = Path()) -> None:
    """List trials and analyses."""
    from meta.records.load import load

    trials, analyses = load(root)
    rows = [(f.trial.id, f.trial.region, f.trial.regimen, str(len(f.trial.reports))) for f in trials.values()]
    table("Trials (trials/<id>.yaml)", ["id", "region", "regimen", "reports"], rows)
    for analysis in analyses.values():
        say(f"{analysis.name}: {analysis.question}")
        say(f"  variations: base, {', '.join(analysis.sensitivity) or 'no sensitivity analysis'}")


@app.command()
def show(trial: Annotated[str, typer.Argument(help="The trial's id.")], root: Root = Path()) -> None:
    """Show a trial: every number with its line in the record and its place in print."""
    from meta.errors import SpecError
    from meta.records.load import load_trials
    from meta.report.trial import trial_lines

    trials = load_trials(root)
    if trial not in trials:
        raise SpecError(f"trial: found {trial!r}; {', '.join(trials)} are on record")
    for line in trial_lines(trials[trial]):
        say(line)


@app.command()
def forest(
    result: Annotated[str, typer.Argument(help="A stored run: a JSON file, or e.g. g3-nen/base.")],
    by: Annotated[str | None, typer.Option(help="region, site …; the overall plot if left out.")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="A .png or .svg file.")] = Path("forest.svg"),
    root: Root = Path(),
) -> None:
    """Draw the forest plot of a stored run again, without fitting anything."""
    from meta.errors import SpecError
    from meta.records.store import load_run
    from meta.report.canvas import save
    from meta.report.figures import forests
    from meta.workflow.pool import stored

    run = load_run(stored(result, root / "out"))
    plans = forests(run)
    if by not in plans:
        there = ", ".join(name or "(none)" for name in plans)
        raise SpecError(f"--by: found {by!r}; this run has {there or 'no fit, but bounds'}")
    save(plans[by].draw(), output)
    say(str(output))


@app.command()
def report(
    kind: Annotated[str, typer.Option("--format", help="html, md or json.")] = "html",
    root: Root = Path(),
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file.")] = None,
) -> None:
    """Write the report of the stored runs again, without fitting anything."""
    from meta.records.files import write
    from meta.records.outputs import Outputs
    from meta.report.html import REPORT
    from meta.report.written import written
    from meta.workflow.pool import every_stored

    outputs = Outputs(root / "out")
    text = written(every_stored(root, outputs.folder), kind, outputs)
    if output is None and kind != "html":
        sys.stdout.write(text)
        return
    path = output or outputs.folder / REPORT
    write(path, text.encode())
    say(str(path))


@app.command()
def diff(
    root: Root = Path(),
    against: Annotated[str, typer.Option(help="The git revision to compare with.")] = "HEAD",
) -> None:
    """Show the pooled answers before and after the change of the records in the working tree."""
    from meta.report.text import orr
    from meta.workflow.diff import diff as changes_since

    changes = changes_since(root, against)
    if not changes:
        say(f"No pooled answer differs from {against}.")
        return
    say(f"Pooled answers that differ from {against}: responders/n, k: % (95 % interval)")
    heading = ("", "", "")
    for change in changes:
        if change.key[:3] != heading:
            heading = change.key[:3]
            say("", change.heading)
        before, after = (
            f"{f.responders}/{f.n}, k {f.k}: {orr(f.proportion)}" if f else "–"
            for f in (change.before, change.after)
        )
        same = " (further digits, tau2 or the prediction interval differ)" if before == after else ""
        say(f"  {' / '.join(change.key[3:])}: {before} -> {after}{same}")


@app.command()
def new(trial: Annotated[str, typer.Argument(help="The new trial's id.")], root: Root = Path()) -> None:
    """Start the record of a new trial."""
    from meta.records.scaffold import new_trial

    path = new_trial(root, trial)
    say(f"{path}: fill in every TODO, then run nen-meta check (trials/README.md explains the fields).")


app.command()(fit)
app.command()(subset)


@app.command()
def schema(record: Annotated[str, typer.Argument(help="run, analysis or trial")]) -> None:
    """Print the JSON Schema of a record."""
    from meta.errors import SpecError
    from meta.records.store import RECORDS
    from meta.records.store import schema as schema_of

    if record not in RECORDS:
        raise SpecError(f"record: found {record!r}; {', '.join(RECORDS)} are allowed")
    sys.stdout.write(schema_of(record))
