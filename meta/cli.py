"""The command line: the only place that prints or exits."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meta.errors import MetaError

if TYPE_CHECKING:
    from rich.console import Console

    from meta.records.run import Run

app = typer.Typer(
    help="Pool small single-arm trials of checkpoint inhibitors in neuroendocrine neoplasms.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Root = Annotated[Path, typer.Option("--root", help="The folder with trials/ and analyses/.", file_okay=False)]
BAD_INPUT, FAILED, INTERRUPTED = 2, 1, 130


def main() -> None:
    """Run the command line; a fault of the user's is a message and exit code 2, never a traceback."""
    try:
        app()
    except MetaError as error:
        _console(stderr=True).print(_safe(str(error)), markup=False, highlight=False, soft_wrap=True)
        sys.exit(BAD_INPUT)
    except KeyboardInterrupt:
        _console(stderr=True).print("Interrupted: what was finished is kept.", markup=False)
        sys.exit(INTERRUPTED)


def _console(*, stderr: bool = False) -> Console:
    from rich.console import Console  # noqa: PLC0415 - imports stay inside, so that --help is quick

    return Console(stderr=stderr)


def _safe(text: str) -> str:
    """Text from files without control characters, line by line."""
    from meta.report.format import clean  # noqa: PLC0415

    return "\n".join(clean(line) for line in text.split("\n"))


def _say(text: str = "") -> None:
    _console().print(_safe(text), markup=False, highlight=False, soft_wrap=True)


def _table(title: str, header: list[str], rows: list[tuple[str, ...]]) -> None:
    from rich import box  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(title=Text(_safe(title)), box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for i, name in enumerate(header):
        table.add_column(name, justify="left" if i == 0 else "right", overflow="fold", no_wrap=i > 0)
    for row in rows:
        table.add_row(*(Text(("  " if cell.startswith("  ") else "") + _safe(cell)) for cell in row))
    _console().print(table)


@contextmanager
def _progress(what: str, total: int) -> Iterator[Any]:
    from rich.progress import Progress  # noqa: PLC0415

    with Progress(console=_console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda: progress.advance(task)


@app.command()
def pool(
    analyses: Annotated[list[str] | None, typer.Argument(help="Names of analyses; all if left out.")] = None,
    root: Root = Path(),
    out: Annotated[Path | None, typer.Option(help="Where results go; ROOT/out if left out.")] = None,
) -> None:
    """Pool the trials: results, tables and figures; what did not change is not done again."""
    from meta.records.outputs import Outputs  # noqa: PLC0415
    from meta.workflow.pool import name_of, plan, runs  # noqa: PLC0415

    planned = plan(root, analyses)
    folder = out or root / "out"
    outputs = Outputs(folder)
    done: list[Run] = []
    fitted = 0
    with _progress("fitting", len(planned)) as advance:
        for run, fresh in runs(planned, folder):
            done.append(run)
            fitted += fresh
            advance()
    drawn = _write(done, outputs)
    outputs.close([name_of(variation) for variation in planned], complete=not analyses)
    _answers(done)
    _say(f"{len(done)} runs ({fitted} fitted, the rest unchanged), {drawn} figures drawn.")
    _say(f"Results {folder}/results/, figures {folder}/figures/, tables {folder}/tables/ and {folder}/summary.csv")
    failures = [(run, failure) for run in done for failure in run.failures]
    for run, failure in failures:
        _say(f"FAILED {run.name}/{run.variation}, {failure.role} by {failure.by}: {failure.reason}")
    if failures:
        raise typer.Exit(FAILED)


def _write(done: list[Run], outputs: Any) -> int:
    """Tables and figures of all runs; returns how many figures had to be drawn."""
    from meta.records import store  # noqa: PLC0415
    from meta.report.figures import figures  # noqa: PLC0415
    from meta.report.tables import write_tables  # noqa: PLC0415

    write_tables(done, outputs)
    for record in store.RECORDS:
        outputs.write(f"schema/{record}.schema.json", "", store.schema(record))
    by_analysis = {name: [run for run in done if run.name == name] for name in dict.fromkeys(r.name for r in done)}
    stale = []
    for runs in by_analysis.values():
        for figure in figures(runs):
            names = [f"figures/{figure.name}{ending}" for ending in (".png", ".svg")]
            if not all([outputs.is_current(name, figure.digest) for name in names]):
                stale.append((figure, names))
    if not stale:
        return 0
    from meta.report.canvas import render  # noqa: PLC0415

    with _progress("drawing", len(stale)) as advance:
        for figure, names in stale:
            picture = figure.draw()
            for name in names:
                outputs.write(name, figure.digest, render(picture, name.rpartition(".")[2]))
            advance()
    return len(stale)


def _answers(done: list[Run]) -> None:
    from meta.report.tables import headline  # noqa: PLC0415
    from meta.report.text import answers  # noqa: PLC0415

    for name in dict.fromkeys(run.name for run in done):
        runs = [run for run in done if run.name == name]
        fit = headline(runs[0])
        title = f"{name}: {fit.proportion.estimand}, {fit.proportion.method}" if fit else name
        header = ["", "k", "resp./n", "ORR %, 95 % CI", "prediction"]
        _table(title, header, list(answers(runs)))
    _say("* not a headline: rests on one or two trials only. prediction: where a new trial's true ORR would lie, %.")


@app.command()
def check(root: Root = Path()) -> None:
    """Check every record: form, arithmetic, and whether every analysis can select its trials."""
    from meta.records.load import load  # noqa: PLC0415
    from meta.workflow.pool import variations  # noqa: PLC0415

    trials, analyses = load(root)
    planned = variations(trials, analyses)
    known = sum(len(file.trial.acknowledged) for file in trials.values())
    _say(f"{len(trials)} trials, {len(analyses)} analyses, {len(planned)} runs: no fault.")
    _say(f"{known} contradictions that sources print are acknowledged in the records.")


@app.command("list")
def list_records(root: Root = Path()) -> None:
    """List trials and analyses."""
    from meta.records.load import load  # noqa: PLC0415

    trials, analyses = load(root)
    rows = [
        (f.trial.id, f.trial.region, f.trial.regimen, str(len(f.trial.reports)), f.file) for f in trials.values()
    ]
    _table("Trials", ["id", "region", "regimen", "reports", "file"], rows)
    for analysis in analyses.values():
        _say(f"{analysis.name}: {analysis.question}")
        _say(f"  variations: base, {', '.join(analysis.sensitivity) or 'no sensitivity analysis'}")


@app.command()
def show(trial: Annotated[str, typer.Argument(help="The trial's id.")], root: Root = Path()) -> None:
    """Show a trial: every number with its line in the record and its place in print."""
    from meta.errors import SpecError  # noqa: PLC0415
    from meta.records.load import load_trials  # noqa: PLC0415
    from meta.report.trial import trial_lines  # noqa: PLC0415

    trials = load_trials(root)
    if trial not in trials:
        raise SpecError(f"trial: found {trial!r}; {', '.join(trials)} are on record")
    for line in trial_lines(trials[trial]):
        _say(line)


@app.command()
def forest(
    result: Annotated[Path, typer.Argument(help="A stored run, e.g. out/results/g3-nen/base.json.")],
    by: Annotated[str | None, typer.Option(help="region, site …; the overall plot if left out.")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="A .png or .svg file.")] = Path("forest.svg"),
) -> None:
    """Draw the forest plot of a stored run again, without fitting anything."""
    from meta.errors import SpecError  # noqa: PLC0415
    from meta.records.store import load_run  # noqa: PLC0415
    from meta.report.canvas import save  # noqa: PLC0415
    from meta.report.figures import figures  # noqa: PLC0415

    run = load_run(result)
    plans = dict(zip([fit.by for fit in run.fits], figures([run]), strict=False))
    if by not in plans:
        there = ", ".join(name or "(none)" for name in plans)
        raise SpecError(f"--by: found {by!r}; this run has {there}")
    save(plans[by].draw(), output)
    _say(str(output))


@app.command()
def diff(
    root: Root = Path(),
    against: Annotated[str, typer.Option(help="The git revision to compare with.")] = "HEAD",
) -> None:
    """Show the pooled answers before and after the change of the records in the working tree."""
    from meta.report.text import orr  # noqa: PLC0415
    from meta.workflow.diff import diff as changes_since  # noqa: PLC0415

    changes = changes_since(root, against)
    if not changes:
        _say(f"No pooled answer differs from {against}.")
        return
    rows = [
        (
            " / ".join(change.key),
            *(f"{f.responders}/{f.n}, k {f.k}: {orr(f.proportion)}" if f else "–" for f in (change.before, change.after)),
        )
        for change in changes
    ]
    _table(f"Pooled answers that differ from {against}, ORR % (95 % CI)", ["", "before", "after"], rows)


@app.command()
def new(trial: Annotated[str, typer.Argument(help="The new trial's id.")], root: Root = Path()) -> None:
    """Start the record of a new trial."""
    from meta.records.scaffold import new_trial  # noqa: PLC0415

    _say(f"{new_trial(root, trial)}: fill in every TODO, then run nen-meta check (trials/README.md explains the fields).")


class Format(StrEnum):
    """How `fit` prints."""

    text = "text"
    json = "json"
    csv = "csv"


@app.command()
def fit(
    file: Annotated[Path, typer.Argument(help="A CSV file with a header, one trial (and group) a line.")],
    responders: Annotated[str, typer.Option(help="Column of responders.")] = "responders",
    n: Annotated[str, typer.Option("--n", help="Column of patients.")] = "n",
    label: Annotated[str | None, typer.Option(help="Column of trial names.")] = None,
    by: Annotated[str | None, typer.Option(help="Column of groups.")] = None,
    unit: Annotated[str, typer.Option(help="trial, or arm: lines with the same name count apart.")] = "trial",
    model: Annotated[str, typer.Option(help="inverse-variance")] = "inverse-variance",
    scale: Annotated[str, typer.Option(help="logit, log, identity, arcsine or double-arcsine")] = "logit",
    tau2: Annotated[str, typer.Option(help="REML, DL, PM or common-effect")] = "REML",
    interval: Annotated[str | None, typer.Option(help="mhk, hk or wald; mhk, for common-effect wald")] = None,
    prediction: Annotated[str, typer.Option(help="hts, hk, t, normal or none")] = "hts",
    groups: Annotated[str, typer.Option(help="common or separate tau2")] = "common",
    continuity: Annotated[str, typer.Option(help="a number such as 0.5, or none")] = "0.5",
    trial_interval: Annotated[str, typer.Option(help="clopper-pearson, wilson or jeffreys")] = "clopper-pearson",
    level: Annotated[float, typer.Option(help="Of every interval.")] = 0.95,
    format: Annotated[Format, typer.Option(help="How to print.")] = Format.text,  # noqa: A002 - the option's name
) -> None:
    """Pool a table of your own, without any YAML."""
    from meta.records.counts_file import Columns, read_counts  # noqa: PLC0415
    from meta.records.options import model_from  # noqa: PLC0415

    options = {
        "model": model, "scale": scale, "tau2": tau2, "prediction": prediction, "groups": groups,
        "interval": interval or ("wald" if tau2 == "common-effect" else "mhk"),
        "continuity": continuity, "trial_interval": trial_interval, "level": level,
    }  # fmt: skip
    chosen = model_from(options, unit=unit)
    data = read_counts(file, Columns(responders=responders, n=n, label=label, by=by), unit=unit)
    _print_fit(chosen.fit(data), format)


def _print_fit(found: Any, how: Format) -> None:
    from dataclasses import asdict  # noqa: PLC0415

    from meta.records.store import dumps  # noqa: PLC0415

    if how is Format.text:
        from meta.report.text import lines  # noqa: PLC0415

        for line in lines(found):
            _say(line)
        return
    if how is Format.json:
        sys.stdout.write(dumps(asdict(found)))
        return
    from meta.report.tables import fit_table  # noqa: PLC0415

    sys.stdout.write(fit_table(found).to_csv(index=False))


@app.command()
def schema(record: Annotated[str, typer.Argument(help="run, analysis or trial")]) -> None:
    """Print the JSON Schema of a record."""
    from meta.errors import SpecError  # noqa: PLC0415
    from meta.records.store import RECORDS  # noqa: PLC0415
    from meta.records.store import schema as schema_of  # noqa: PLC0415

    if record not in RECORDS:
        raise SpecError(f"record: found {record!r}; {', '.join(RECORDS)} are allowed")
    sys.stdout.write(schema_of(record))
