"""Which figures a pooling run draws, and from which runs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from meta.records.run import BASE, Run
from meta.report.tables import LEAVE_ONE_OUT, headline
from meta.results import Fit

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class Plan:
    """A figure to be drawn: its name without ending, the digest of what it shows, and how."""

    name: str
    digest: str
    draw: Callable[[], Figure]


def figures(runs: Sequence[Run]) -> Iterator[Plan]:
    """A forest plot of each variation, overall and by each grouping, and one of the leave-one-outs.

    Parameters
    ----------
    runs : sequence of Run
        All variations of one analysis.
    """
    without = [run for run in runs if LEAVE_ONE_OUT in f"{run.variation}."]
    for run in runs:
        if run not in without:
            yield from (_forest(run, fit) for fit in run.fits)
    base = next((run for run in runs if run.variation == BASE), None)
    if base is not None and without and headline(base) is not None:
        yield _leave_one_out(base, without)


def _forest(run: Run, fit: Fit) -> Plan:
    variation = "" if run.variation == BASE else f".{run.variation}"
    by = fit.by.replace(" ", "-") if fit.by else "overall"
    name = f"{run.name}{variation}.{by}"

    def draw() -> Figure:
        from meta.report.forest import forest  # noqa: PLC0415 - matplotlib takes a second to load

        return forest(fit, ledger=run.ledger, title=_title(run, fit.by), subtitle=run.question)

    return Plan(name, run.provenance.digest, draw)


def _title(run: Run, by: str | None) -> str:
    variation = "" if run.variation == BASE else f", {run.variation}"
    return f"{run.name}{variation}: {f'by {by}' if by else 'overall'}"


def _leave_one_out(base: Run, without: Sequence[Run]) -> Plan:
    digest = hashlib.sha256("".join(run.provenance.digest for run in (base, *without)).encode()).hexdigest()
    name = without[0].variation.partition(".")[0]

    def draw() -> Figure:
        from meta.report.forest import leave_one_out_forest  # noqa: PLC0415

        whole = headline(base)
        rows = [(left_out(base, run.variation.partition(".")[2]), fit) for run in without if (fit := headline(run)) is not None]
        assert whole is not None  # figures() has looked
        title = f"{base.name}: leave one out"
        return leave_one_out_forest(whole, rows, title=title, subtitle=base.question)

    return Plan(f"{base.name}.{name}", digest, draw)


def left_out(base: Run, trial: str) -> str:
    """The label of a trial that is in the base, by its id."""
    return next((entry.label for entry in base.ledger if entry.trial == trial and entry.action == "used"), trial)
