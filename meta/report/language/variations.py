"""What the variations of an analysis are called beside each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meta.records.run import BASE
from meta.records.sensitivity_words import WORDS, Word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meta.records.run import Run


def word_of(run: Run) -> Word | None:
    """The word that made the run with others; None for any other run."""
    return None if run.expansion is None else WORDS[run.expansion]


def variation_name(run: Run) -> str:
    """A run beside its siblings: by what it is about where a word made it, else as the YAML calls it."""
    word = word_of(run)
    if word is not None and run.item is not None:
        return word.label.format(run.item.name)
    return "all trials" if run.variation == BASE else run.variation


def different(base: Run, runs: Sequence[Run]) -> list[Run]:
    """Runs without those made by a word that repeat the analysis itself, as under its own prior."""
    own = [(fit.model, fit.trials) for fit in base.fits if fit.by is None]
    return [
        run
        for run in runs
        if run.expansion is None
        or not all((fit.model, fit.trials) in own for fit in run.fits if fit.by is None)
    ]
