"""Names of the variations of an analysis, and which of their answers repeat the base."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meta.records.run import BASE
from meta.records.sensitivity_words import WORDS, Word

if TYPE_CHECKING:
    from collections.abc import Iterable

    from meta.records.run import Run
    from meta.results import Fit


def word_of(run: Run) -> Word | None:
    """The word that made the run with others; None for any other run."""
    return None if run.expansion is None else WORDS[run.expansion]


def variation_name(run: Run) -> str:
    """A run beside its siblings: by what it is about where a word made it, else as the YAML calls it."""
    word = word_of(run)
    if word is not None and run.item is not None:
        return word.label.format(run.item.name)
    return "all trials" if run.variation == BASE else run.variation


def repeats(base: Run, run: Run, fit: Fit) -> bool:
    """Whether a fit of another run is one of the base's own: the same counts, model and options."""
    return run.variation != BASE and any(_made_of(own) == _made_of(fit) for own in base.fits)


def _made_of(fit: Fit) -> tuple[Any, ...]:
    counts = [(trial.label, trial.responders, trial.n) for trial in fit.trials]
    return fit.by, fit.model, counts, fit.standing


def identical(base: Run, runs: Iterable[Run]) -> str | None:
    """Say how many overall answers of other runs are the base's own, and whose; None if none is."""
    names = [
        variation_name(run) for run in runs for fit in run.fits if fit.by is None and repeats(base, run, fit)
    ]
    if not names:
        return None
    whose = ", ".join(dict.fromkeys(names))
    return f"{len(names)} (same counts, model and options; not shown: {whose})"
