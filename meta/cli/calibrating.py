"""The command `calibrate`: how often the intervals of an analysis hold the truth at its own trials' sizes."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from meta.cli.printing import print_shown, progress, say
from meta.cli.root import Root


def calibrate(
    analysis: Annotated[str, typer.Argument(help="The analysis' name.")],
    sets: Annotated[int, typer.Option(help="Data sets simulated of each truth.")] = 2_000,
    seed: Annotated[int, typer.Option(help="Of the random numbers.")] = 1,
    truth: Annotated[
        list[str] | None,
        typer.Option(help="A truth beside the usual ones: normal, beta or two-point:rate,tau; repeatable."),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Print every truth, as CSV.")] = False,
    root: Root = Path(),
) -> None:
    """Simulate trials of the same sizes at known truths, and show how often intervals hold them."""
    from meta.errors import together
    from meta.models.calibration import truth_from
    from meta.workflow.calibrate import FOLDER, calibrated
    from meta.workflow.pool import plan

    out = root / "out"
    (base, *_), *truths = together(
        partial(plan, root, [analysis]), *(partial(truth_from, one) for one in truth or ())
    )
    with progress("simulating") as left:
        found = calibrated(base, out, sets=sets, seed=seed, truths=truths, left=left)
    if verbose:
        sys.stdout.write(found.to_dataframe().to_csv(index=False))
        return
    print_shown(found.shown())
    say(f"Every truth: calibrate {analysis} --verbose, or {out / FOLDER / analysis}.json.")
