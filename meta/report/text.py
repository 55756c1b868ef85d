"""Fits and runs as lines of plain text, for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meta.records.run import BASE, Run
from meta.report import exact, wording
from meta.report.figures import left_out
from meta.report.format import counts, interval, level, percent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from meta.results import Fit, Proportion


def orr(found: Proportion) -> str:
    """An estimate with its interval in percent, or why there is none."""
    if found.value is None:
        return f"not given: {found.reason}"
    if found.low is None or found.high is None:
        return f"{percent(found.value)} (no interval: {found.reason})"
    return f"{percent(found.value)} ({interval(found.low, found.high, percent)})"


def prediction(fit: Fit) -> str:
    """The prediction interval in percent, or a dash."""
    ahead = fit.prediction.proportion
    if ahead.low is None or ahead.high is None:
        return "–"
    return interval(ahead.low, ahead.high, percent)


def lines(fit: Fit) -> Iterator[str]:
    """A fit as a reader of a terminal wants it: trials, pooled estimate, heterogeneity, groups, notes."""
    for group in fit.groups:
        yield ""
        yield f"{group.label}"
        yield from _one(group)
    if fit.groups:
        yield ""
        yield f"{wording.capital(wording.scope(fit)).removesuffix(':')}"
    yield from _one(fit)
    between = wording.between(fit)
    if between:
        yield f"Differences between groups: {between}"
    for test in exact.tests(fit):
        yield f"  {test}"
    for note in wording.notes(fit, fit.groups):
        yield f"Note: {note}"


def _one(fit: Fit) -> Iterator[str]:
    width = max((len(trial.label) for trial in fit.trials), default=0)
    for trial in fit.trials:
        weight = "" if trial.weight is None else f"  weight {percent(trial.weight)} %"
        count = counts(trial.responders, trial.n)
        yield f"  {trial.label:<{width}}  {count:>9}  {orr(trial.proportion):>18}{weight}"
    found = fit.proportion
    yield f"  {wording.capital(found.estimand)}, % ({level(found.level)} interval): {orr(found)}"
    for other in exact.others(fit):
        yield f"  {wording.capital(other.estimand)}, % ({level(other.level)} interval): {orr(other)}"
    for said in (exact.probabilities(fit), exact.new_trial(fit)):
        if said:
            yield f"  {wording.capital(said)}"
    yield f"  k = {fit.k}, {counts(fit.responders, fit.n)} responders; {fit.standing.reason}"
    yield f"  {wording.method(fit)}"
    yield f"  {_ahead(fit)}"
    yield f"  {wording.heterogeneity(fit, intervals=True)}"
    for entry in fit.not_reported:
        yield f"  {wording.not_reported(entry)}"


def _ahead(fit: Fit) -> str:
    """The prediction interval with its method, or why there is none."""
    ahead = fit.prediction.proportion
    if ahead.low is None or ahead.high is None:
        return f"Prediction interval {wording.not_given(fit.prediction.reason)}"
    how = wording.prediction(fit.prediction)
    return f"{level(ahead.level)} prediction interval, %: {prediction(fit)} ({how})"


def answers(runs: Sequence[Run]) -> Iterator[tuple[str, ...]]:
    """Rows of the table that a pooling run ends with.

    Yields
    ------
    tuple of str
        Population, k (with a star where the estimate is no headline), responders/n, ORR with
        interval, prediction interval; the base with its groups first, then every other variation's
        overall estimate.
    """
    for run in runs:
        for fit in run.fits:
            if fit.by is None:
                yield _answer(_variation(runs[0], run), fit)
            elif run.variation == BASE:
                yield from (_answer(f"  {fit.by}: {group.label}", group) for group in fit.groups)


def _variation(base: Run, run: Run) -> str:
    if run.variation == BASE:
        return "all trials"
    trial = left_out(base, run)
    return f"without {trial}" if trial else run.variation


def _answer(name: str, fit: Fit) -> tuple[str, ...]:
    count = counts(fit.responders, fit.n)
    star = "" if fit.standing.status == "headline" else "*"
    estimate = "–" if fit.proportion.value is None else orr(fit.proportion)
    return name, f"{fit.k}{star}", count, estimate, prediction(fit)
