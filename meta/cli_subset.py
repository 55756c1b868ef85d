"""The command `subset`: an analysis without some of its trials, fitted afresh."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from meta.cli_fit import Format, print_fit


def subset(
    analysis: Annotated[str, typer.Argument(help="The analysis' name.")],
    without: Annotated[list[str] | None, typer.Option(help="A trial to leave out; repeatable.")] = None,
    model: Annotated[str, typer.Option(help="primary, frequentist or conventional.")] = "primary",
    prior: Annotated[str | None, typer.Option(help="Of tau, e.g. half-normal:0.5.")] = None,
    format: Annotated[Format, typer.Option(help="How to print.")] = Format.text,
    root: Annotated[
        Path, typer.Option("--root", help="The folder with trials/ and analyses/.", file_okay=False)
    ] = Path(),
) -> None:
    """Pool an analysis without some of its trials: the numbers of the report's what-if, computed afresh."""
    from meta.workflow.pool import plan
    from meta.workflow.whatif import subset as fitted

    base = plan(root, [analysis])[0]
    print_fit(fitted(base, without or [], model, prior), format)
