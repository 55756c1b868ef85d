"""Which figures of bounds are drawn, and from which runs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from meta.report.drawing.plan import Plan
from meta.report.language.bound_words import compared, divided, leading

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from meta.records.run import Run


def bounds_plans(base: Run, runs: Sequence[Run]) -> Iterator[Plan]:
    """A figure of each run with bounds, beside the runs that settle the same exclusion otherwise.

    Parameters
    ----------
    base : Run
    runs : sequence of Run
        All variations of the analysis.
    """
    bounded = [run for run in runs if leading(run) is not None]
    for run in bounded:
        name = "bounds" if len(bounded) == 1 else f"{run.variation}.bounds"
        yield _bounds_of(f"{base.name}.{name}", base, run, runs)


def _bounds_of(name: str, base: Run, run: Run, runs: Sequence[Run]) -> Plan:
    shown = compared(runs, base, run)
    parts = (base, run, *(other for _, other in shown.others), *([shown.latent] if shown.latent else []))
    digest = hashlib.sha256("".join(part.provenance.digest for part in parts).encode()).hexdigest()

    def draw() -> Figure:
        from meta.report.figures.bounds import bounds_figure

        return bounds_figure(shown, title=f"{base.name}: {run.variation}", subtitle=base.question)

    return Plan(name, digest, draw)


def split_plans(base: Run, runs: Sequence[Run]) -> Iterator[Plan]:
    """A figure of each run and grouping with bounds over unreported splits, beside the base.

    Parameters
    ----------
    base : Run
    runs : sequence of Run
        All variations of the analysis.
    """
    found = [(run, by) for run in runs for by in divided(run)]
    for run, by in found:
        several = [other for other, also in found if also == by]
        name = f"{by.replace(' ', '-')}-bounds"
        yield _split_bounds_of(name if len(several) == 1 else f"{run.variation}.{name}", base, run, by)


def _split_bounds_of(name: str, base: Run, run: Run, by: str) -> Plan:
    digest = hashlib.sha256(f"{base.provenance.digest}{run.provenance.digest}".encode()).hexdigest()

    def draw() -> Figure:
        from meta.report.figures.split_bounds import split_bounds_figure

        title = f"{base.name}: {run.variation}, by {by}"
        return split_bounds_figure(base, run, by, title=title, subtitle=base.question)

    return Plan(f"{base.name}.{name}", digest, draw)
