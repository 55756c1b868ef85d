"""What was known at each date of publication, trials added as they came."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from meta.report.figures.leave_one_out import named_fits, several_forest
from meta.report.figures.registry import Analysed, Figure, Plan, Section
from meta.report.language.variations import date_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from meta.records.run import Run


def plans(analysed: Analysed) -> Iterator[Plan]:
    """One of each line of YAML that goes through the dates."""
    for base, whole in analysed.overall:
        for name, runs in analysed.families("each-date").items():
            rows = named_fits(_named(sorted(runs, key=date_of)))
            title = f"{base.name}: as trials were published"
            yield Plan(
                name=f"{base.name}.{name}",
                shows=(base, *runs),
                section=Section.DATA,
                title="As trials were published",
                caption="The pooled estimate at each date of publication.",
                draw=partial(several_forest, whole, rows, title=title, subtitle=base.question),
            )


FIGURE = Figure(order=30, plans=plans)


def _named(runs: Sequence[Run]) -> Iterator[tuple[str, Run]]:
    """Each run with its date and the trials that came with it."""
    known: set[str] = set()
    for run in runs:
        labels = [trial.label for fit in run.fits[:1] for trial in fit.trials]
        yield f"{date_of(run)}: + {', '.join(label for label in labels if label not in known)}", run
        known |= set(labels)
