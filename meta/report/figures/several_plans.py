"""Which figures of the variations that one word made are drawn."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from meta.report.drawing.plan import Plan
from meta.report.language.roles import first_fit
from meta.report.language.variations import variation_name, word_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from meta.records.run import Run


def several_plans(base: Run, runs: Sequence[Run]) -> Iterator[Plan]:
    """A figure of the variations of each word.

    Parameters
    ----------
    base : Run
        With an overall fit.
    runs : sequence of Run
        All variations of the analysis.
    """
    families: dict[str, list[Run]] = {}
    for run in runs:
        if run.family is not None:
            families.setdefault(run.family, []).append(run)
    for name, members in families.items():
        word = word_of(members[0])
        assert word is not None  # a family has one
        heading = word.heading[0].lower() + word.heading[1:]
        if word.figure == "posteriors":
            yield from _posteriors(name, heading, base, members)
        else:
            plain = [(variation_name(run), run) for run in members]
            yield _estimates(name, heading, base, _growing(members) if word.figure == "added" else plain)


def _growing(runs: Sequence[Run]) -> list[tuple[str, Run]]:
    """Runs in order, each with the trials that the one before it did not have."""
    known: set[str] = set()
    named = []
    for item, run in sorted(((run.item, run) for run in runs if run.item), key=lambda pair: pair[0].id):
        labels = [trial.label for fit in run.fits[:1] for trial in fit.trials]
        named.append((f"{item.name}: + {', '.join(label for label in labels if label not in known)}", run))
        known |= set(labels)
    return named


def _estimates(name: str, heading: str, base: Run, others: Sequence[tuple[str, Run]]) -> Plan:
    """A figure of the pooled estimates of several runs, in the order of its rows, and of the base."""

    def draw() -> Figure:
        from meta.report.figures.forest import several_forest

        whole = first_fit(base)
        rows = [(label, fit) for label, run in others if (fit := first_fit(run)) is not None]
        assert whole is not None  # figures() has looked
        return several_forest(whole, rows, title=f"{base.name}: {heading}", subtitle=base.question)

    return Plan(f"{base.name}.{name}", _digest([base, *(run for _, run in others)]), draw)


def _posteriors(name: str, heading: str, base: Run, runs: Sequence[Run]) -> Iterator[Plan]:
    """One figure of the posteriors under all priors."""
    found = [(fit.model.prior, fit) for run in runs if (fit := first_fit(run)) and fit.grids]

    def draw() -> Figure:
        from meta.report.figures.curves import prior_sensitivity

        return prior_sensitivity(found, title=f"{base.name}: {heading}")

    if found:
        yield Plan(f"{base.name}.{name}", _digest(runs), draw)


def _digest(runs: Sequence[Run]) -> str:
    return hashlib.sha256("".join(run.provenance.digest for run in runs).encode()).hexdigest()
