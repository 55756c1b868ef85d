"""Fits and runs as lines of plain text, for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meta.format import DASH, counts, level, number, percent
from meta.models import policy
from meta.records.run import BASE, Run
from meta.report.language import differences, exact, wording
from meta.report.language.bound_words import leading, numbers, span
from meta.report.language.latent_words import answer, reported, star, withheld
from meta.report.language.latent_words import marked as marked_latent
from meta.report.language.roles import first_fit, marked
from meta.report.language.variations import variation_name
from meta.results import FAILED, name_of
from meta.results.rows import orr
from meta.results.rows import span as hull

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from meta.results import Bounds, Diagnostics, Fit, Latent, Quantity


def lines(fit: Fit) -> Iterator[str]:
    """A fit as a reader of a terminal wants it: trials, pooled estimate, heterogeneity, groups, notes."""
    for group in fit.groups:
        yield ""
        yield f"{group.label}"
        yield from _one(group)
    if fit.groups:
        yield ""
        yield wording.capital(wording.scope(fit))
    yield from _one(fit)
    between = wording.between(fit)
    if between:
        yield f"Differences between groups (descriptive): {between}"
    for note in wording.notes(fit, fit.groups):
        yield f"Note: {note}"


def _one(fit: Fit) -> Iterator[str]:
    width = max((len(trial.label) for trial in fit.trials), default=0)
    for trial in fit.trials:
        weight = "" if trial.weight is None else f"  weight {percent(trial.weight)} %"
        count = counts(trial.responders, trial.n)
        yield f"  {trial.label:<{width}}  {count:>9}  {orr(trial.proportion):>18}{weight}"
    for found in (fit.proportion, *exact.others(fit)):
        name = marked(
            f"{wording.capital(name_of(found.estimand, fit.outcome))}, % ({level(found.level)} interval)", fit
        )
        yield f"  {name}: {orr(found)}"
    for said in (exact.probabilities(fit), exact.new_trial(fit)):
        if said:
            yield f"  {wording.capital(said)}"
    yield f"  k = {fit.k}, {counts(fit.responders, fit.n)} {fit.outcome.events}; {wording.standing(fit)}"
    yield f"  {wording.method(fit)}"
    yield f"  {_ahead(fit)}"
    yield f"  {wording.heterogeneity(fit, intervals=True)}"
    for test in differences.tests(fit.dispersion.tests if fit.dispersion is not None else ()):
        yield f"  {wording.capital(test)}"
    if fit.sampling is not None:
        yield f"  {sampling(fit.sampling)}"
    for entry in fit.not_reported:
        yield f"  {wording.not_reported(entry)}"


def _interval(found: Quantity) -> str:
    return f"{level(found.level)} {'CrI' if found.kind == 'credible' else 'CI'}"


def sampling(found: Diagnostics) -> str:
    """What a sampler's diagnostics are, and whether they are good enough."""
    words = "passed" if found.passed else f"{FAILED} ({'; '.join(found.faults) or 'limits broken'})"
    effective = f"{found.ess_bulk:.0f} (bulk), {found.ess_tail:.0f} (tail)"
    divergences = "1 divergence" if found.divergences == 1 else f"{found.divergences} divergences"
    return (
        f"Sampler {found.backend}, {found.chains} chains of {found.draws} draws: {words}; "
        f"R-hat {number(found.rhat)}, effective draws {effective}, "
        f"BFMI {number(found.bfmi, 2)}, {divergences}"
    )


def _ahead(fit: Fit) -> str:
    """The prediction interval with its method, or why there is none."""
    ahead = fit.prediction.proportion
    if ahead.low is None or ahead.high is None:
        return f"Prediction interval {wording.not_given(fit.prediction.proportion.reason)}"
    how = wording.prediction(fit.prediction)
    return f"{level(ahead.level)} prediction interval, %: {hull(ahead)} ({how})"


def answers(runs: Sequence[Run], *, median: bool = False) -> Iterator[tuple[str, ...]]:
    """Rows of the table that a pooling run ends with; :func:`header` has their heads.

    Parameters
    ----------
    runs : sequence of Run
        All variations of one analysis.
    median : bool
        Whether the median rate stands beside the leading estimand.

    Yields
    ------
    tuple of str
        Population, k (with a star where the estimate is no headline), responders/n, the leading estimand
        with its interval, prediction interval; the base with its groups first, then every other
        variation's overall estimate. Of a single trial only its own exact interval is given.
    """
    for run in runs:
        bounds = None if run.fits else leading(run)
        if bounds is not None:
            yield _bounded(run, bounds, median=median)
        if not run.fits and run.latent is not None:
            yield from _latent(run, run.latent, median=median)
        for by in dict.fromkeys(fit.by for fit in run.fits):
            fit = first_fit(run, by)
            assert fit is not None  # there is one of each grouping
            if by is None:
                yield _answer(variation_name(run), fit, median=median)
            elif run.variation == BASE:
                for group in fit.groups:
                    yield _answer(f"  {by}: {group.label}", group, median=median)


def _bounded(run: Run, found: Bounds, *, median: bool) -> tuple[str, ...]:
    """The row of a run that has bounds in place of an estimate: hull of the estimates (of the limits)."""
    star = "" if found.standing.headline else "*"
    count = f"{span(found.responders)}/{span(found.n)}"
    estimate = f"{numbers(found.ignorance)} ({numbers(found.uncertainty)})"
    return (variation_name(run), f"{span(found.k)}{star}", count, estimate, *([""] if median else []), DASH)


def _latent(run: Run, found: Latent, *, median: bool) -> Iterator[tuple[str, ...]]:
    """The row of a run with the latent model in place of estimates: remaining patients, where reported."""
    here = answer(found)
    if here is None:
        return
    fit, rate = here
    estimate = marked_latent(found, policy.words(rate.standing) if withheld(rate) else orr(rate.mean))
    rest = [orr(rate.median) if rate.median is not None else ""] if median else []
    count = reported(found, fit, None)
    yield (variation_name(run), f"{fit.k}{star(found, rate)}", count, estimate, *rest, DASH)


def header(fit: Fit, *, median: bool = False) -> tuple[str, ...]:
    """Heads of the columns of :func:`answers`."""
    heads = [fit.proportion, *(exact.others(fit) if median else [])]
    named = [f"{name_of(found.estimand, fit.outcome)}, % ({_interval(found)})" for found in heads]
    counted = wording.counts_heading(fit.outcome)
    return ("", "k", counted, *named, *([""] if median and len(heads) == 1 else []), "prediction")


def _answer(name: str, fit: Fit, *, median: bool) -> tuple[str, ...]:
    count = counts(fit.responders, fit.n)
    star = "" if wording.headline(fit) else "*"
    found = fit.proportion
    estimate = marked("–" if found.value is None else orr(found), fit)
    rest = next((orr(other) for other in exact.others(fit)), "")
    return (
        name,
        f"{fit.k}{star}",
        count,
        estimate,
        *([rest] if median else []),
        hull(fit.prediction.proportion),
    )
