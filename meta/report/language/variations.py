"""What the runs of an analysis are called beside its base, and which of their answers are the base's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meta.format import distribution
from meta.report.language.roles import first_fit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from meta.records.run import Run
    from meta.results import Fit


def left_out(base: Run, run: Run) -> str | None:
    """The label of the trial that a run of each-trial is without; None for any other run."""
    if run.expansion != "each-trial":
        return None
    trial = run.analysis.exclude[-1].trial
    return next((one.label for one in base.ledger if one.trial == trial and one.action == "used"), trial)


def date_of(run: Run) -> str:
    """Until when the trials of a run of each-date were published."""
    return run.variation.removeprefix(f"{run.family}.")


def variation_name(base: Run, run: Run) -> str:
    """What a run is called beside its base: by what it changes where one line of YAML made it with others."""
    trial, fit = left_out(base, run), first_fit(run)
    if run.expansion == "each-date":
        return f"published by {date_of(run)}"
    if run.expansion == "each-prior" and fit is not None:
        return f"τ ~ {distribution(fit.model.prior)}"
    return f"without {trial}" if trial else "all trials" if run is base else run.variation


def repeats(base: Run, run: Run, fit: Fit) -> bool:
    """Whether a fit of another run is one of the base's own: the same counts, model and options."""
    return run is not base and any(_made_of(own) == _made_of(fit) for own in base.fits)


def _made_of(fit: Fit) -> tuple[Any, ...]:
    counts = [(trial.label, trial.responders, trial.n) for trial in fit.trials]
    return fit.by, fit.model, counts, fit.standing


def identical(base: Run, runs: Iterable[Run]) -> str | None:
    """Say how many overall answers of other runs are the base's own, and whose; None if none is."""
    names = [
        variation_name(base, run)
        for run in runs
        for fit in run.fits
        if fit.by is None and repeats(base, run, fit)
    ]
    if not names:
        return None
    whose = ", ".join(dict.fromkeys(names))
    return f"{len(names)} (same counts, model and options; not shown: {whose})"
