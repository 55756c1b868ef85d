"""Which figures of several sets of trials are drawn, and from which runs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from meta.report.drawing.plan import Plan
from meta.report.language.roles import first_fit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from meta.records.run import Run


def cumulative(base: Run, dated: Sequence[Run]) -> Iterator[Plan]:
    """A figure of what was known at each date of publication, trials added as they came.

    Parameters
    ----------
    base : Run
    dated : sequence of Run
        One a date.
    """
    for family in dict.fromkeys(run.family for run in dated):
        known: set[str] = set()
        named = []
        for run in sorted((run for run in dated if run.family == family), key=lambda run: run.variation):
            labels = [trial.label for fit in run.fits[:1] for trial in fit.trials]
            added = ", ".join(label for label in labels if label not in known)
            named.append((f"{date_of(run)}: + {added}", run))
            known |= set(labels)
        yield several(str(family), "as trials were published", base, named)


def date_of(run: Run) -> str:
    """Until when the trials of a run were published, where one line of YAML made one a date."""
    return run.variation.removeprefix(f"{run.family}.")


def several(name: str, what: str, base: Run, others: Sequence[tuple[str, Run]]) -> Plan:
    """A figure of the pooled estimates of several runs, and of the base.

    Parameters
    ----------
    name, what : str
        Of the figure's file, and for its title.
    base : Run
        With an overall fit.
    others : sequence of (str, Run)
        What each is called, in the order of the rows.
    """
    runs = (base, *(run for _, run in others))
    digest = hashlib.sha256("".join(run.provenance.digest for run in runs).encode()).hexdigest()

    def draw() -> Figure:
        from meta.report.figures.forest import several_forest

        whole = first_fit(base)
        rows = [(label, fit) for label, run in others if (fit := first_fit(run)) is not None]
        assert whole is not None  # figures() has looked
        return several_forest(whole, rows, title=f"{base.name}: {what}", subtitle=base.question)

    return Plan(f"{base.name}.{name}", digest, draw)
