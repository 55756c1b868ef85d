"""What was known at each date of publication, trials added as they came."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from meta.report.figures.estimates import named_fits, several_forest
from meta.report.figures.registry import Analysed, Figure, Plan, Section, heading_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from meta.records.run import Run


def plans(analysed: Analysed) -> Iterator[Plan]:
    """One of each line of YAML whose variations add trials one after the other."""
    for base, whole in analysed.overall:
        for name, word, runs in analysed.families("added"):
            yield Plan(
                name=f"{base.name}.{name}",
                shows=(base, *runs),
                section=Section.DATA,
                title=word.heading,
                caption=word.shows,
                draw=partial(
                    several_forest,
                    whole,
                    named_fits(_named(runs)),
                    title=heading_of(base, word),
                    subtitle=base.question,
                ),
            )


FIGURE = Figure(order=30, plans=plans)


def _named(runs: Sequence[Run]) -> Iterator[tuple[str, Run]]:
    """Runs in order, each with its date and the trials that the one before it did not have."""
    known: set[str] = set()
    for item, run in sorted(((run.item, run) for run in runs if run.item), key=lambda pair: pair[0].id):
        labels = [trial.label for fit in run.fits[:1] for trial in fit.trials]
        yield f"{item.name}: + {', '.join(label for label in labels if label not in known)}", run
        known |= set(labels)
