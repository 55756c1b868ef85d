"""The command line: the only place that prints or exits."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer

from meta.cli.calibrating import calibrate
from meta.cli.fitting import FitCommand, fit, subset
from meta.cli.interrupting import pressed, remembered
from meta.cli.pooling import figures, pool
from meta.cli.printing import progress, say, table
from meta.cli.root import Root, Width
from meta.errors import MetaError

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
)

BAD_INPUT, INTERRUPTED = 2, 130


def main() -> None:
    """Run the command line; a fault of the user's is a message and exit code 2, never a traceback."""
    for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM"):  # before numpy is imported: how many
        os.environ[f"{name}_NUM_THREADS"] = "1"  # threads add up a product decides its last digit
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without τ shows a question mark
    with remembered():
        _run()


def _run() -> None:
    try:
        app()
    except MetaError as error:
        say(*str(error).split("\n"), stderr=True)
        sys.exit(BAD_INPUT)
    except (KeyboardInterrupt, SystemExit) as stop:  # typer turns the first into the second
        if isinstance(stop, SystemExit) and stop.code != INTERRUPTED and not pressed():
            raise
        say("Interrupted: what was finished is kept.", stderr=True)
        sys.exit(INTERRUPTED)


def _show_version(wanted: bool) -> None:
    if wanted:
        import meta

        say(f"nen-meta {meta.__version__}")
        raise typer.Exit


@app.callback(no_args_is_help=True)
def options(
    version: Annotated[  # its callback answers
        bool, typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Pool small single-arm trials of checkpoint inhibitors in neuroendocrine neoplasms."""


app.command()(pool)
app.command()(figures)


@app.command()
def check(root: Root = Path()) -> None:
    """Check every record: form, arithmetic, and whether every analysis can select its trials."""
    from meta.records.reading.load import load
    from meta.workflow.pool import variations

    trials, analyses = load(root)
    planned = variations(trials, analyses)
    known = sum(len(file.trial.acknowledged) for file in trials.values())
    say(f"{len(trials)} trials, {len(analyses)} analyses, {len(planned)} runs: no fault.")
    say(f"{known} contradictions that sources print are acknowledged in the records.")


@app.command("list")
def list_records(root: Root = Path()) -> None:
    """List trials and analyses."""
    from meta.records.reading.load import load

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
    from meta.records.reading.load import load_trials
    from meta.report.terminal.trial_text import trial_lines

    trials = load_trials(root)
    if trial not in trials:
        raise SpecError(f"trial: found {trial!r}; {', '.join(trials)} are on record")
    for line in trial_lines(trials[trial]):
        say(line)


@app.command()
def forest(
    result: Annotated[str, typer.Argument(help="A stored run: a JSON file, or e.g. g3-nen/base.")],
    by: Annotated[str | None, typer.Option(help="region, site …; the overall plot if left out.")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="A .png, .svg or .pdf file.")] = Path(
        "forest.svg"
    ),
    width: Width = None,
    root: Root = Path(),
) -> None:
    """Draw the forest plot of a stored run again, without fitting anything."""
    from meta.errors import SpecError
    from meta.records.storing.store import load_run
    from meta.report.drawing.canvas import save
    from meta.report.drawing.widths import resized
    from meta.report.figures.forest import forests
    from meta.workflow.pool import stored

    run = load_run(stored(result, root / "out"))
    plans = forests(run)
    if by not in plans:
        there = ", ".join(name or "(none)" for name in plans)
        raise SpecError(f"--by: found {by!r}; this run has {there or 'no fit, but bounds'}")
    save(resized(plans[by].draw(), width), output)
    say(str(output))


@app.command()
def report(
    kind: Annotated[str, typer.Option("--format", help="html, md or json.")] = "html",
    root: Root = Path(),
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file.")] = None,
) -> None:
    """Write the report of the stored runs again, without fitting anything."""
    from meta.records.storing.files import write
    from meta.records.storing.outputs import Outputs
    from meta.report.page.formats import written
    from meta.report.page.html import REPORT
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
def serve(
    analyses: Annotated[list[str] | None, typer.Argument(help="Names of analyses; all if left out.")] = None,
    root: Root = Path(),
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for any that is free.")] = 8000,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page.")] = True,
) -> None:
    """Show the report in the browser, and pool again whenever a trial or an analysis changes."""
    import webbrowser
    from contextlib import suppress

    from meta.cli.serving import News, follow, served, snapshot
    from meta.report.page.html import REPORT

    def make() -> str:
        with suppress(typer.Exit):  # what failed stands in the report
            pool(analyses, root)
        return (root / "out" / REPORT).read_text(encoding="utf-8")

    known, news = snapshot(root), News()
    news.tell(make())
    with served(news, port) as address:
        say(f"{address} shows the report and follows changes; Ctrl-C ends it.")
        if browser:
            webbrowser.open(address)
        follow(root, known, news, make, lambda faults: say(*faults.split("\n"), stderr=True))


@app.command()
def diff(
    root: Root = Path(),
    against: Annotated[str, typer.Option(help="The git revision to compare with.")] = "HEAD",
    sites: Annotated[
        bool, typer.Option(help="Sample the model of sites and regions where it differs.")
    ] = True,
) -> None:
    """Show the pooled answers before and after the change of the records in the working tree."""
    from meta.report.language.changes import words
    from meta.workflow.diff import changes, sides

    before, after = sides(root, against, sites=sites)
    with progress("fitting") as left:
        found = changes(before, after, left)
    if not found:
        say(f"No pooled answer differs from {against}.")
        return
    say(f"Pooled answers that differ from {against}: responders/n, k: % (95 % interval)")
    heading = ("", "", "")
    for change in found:
        if change.key[:3] != heading:
            heading = change.key[:3]
            say("", change.heading)
        then, now = (words(one) if one else "–" for one in (change.before, change.after))
        same = " (further digits, tau2 or the prediction interval differ)" if then == now else ""
        say(f"  {' / '.join(change.key[3:])}: {then} -> {now}{same}")


@app.command()
def new(trial: Annotated[str, typer.Argument(help="The new trial's id.")], root: Root = Path()) -> None:
    """Start the record of a new trial."""
    from meta.records.reading.scaffold import new_trial

    path = new_trial(root, trial)
    say(f"{path}: fill in every TODO, then run nen-meta check (trials/README.md explains the fields).")


app.command(cls=FitCommand)(fit)
app.command()(subset)
app.command()(calibrate)


@app.command()
def schema(record: Annotated[str, typer.Argument(help="run, analysis or trial")]) -> None:
    """Print the JSON Schema of a record."""
    from meta.errors import SpecError
    from meta.records.storing.store import RECORDS
    from meta.records.storing.store import schema as schema_of

    if record not in RECORDS:
        raise SpecError(f"record: found {record!r}; {', '.join(RECORDS)} are allowed")
    sys.stdout.write(schema_of(record))
