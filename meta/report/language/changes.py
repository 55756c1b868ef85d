"""Pooled answers in a few words, to be set beside each other; and how far they move between analyses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meta.format import interval, percent
from meta.models import policy
from meta.report.language.bound_words import leading, numbers, span
from meta.report.language.latent_words import answer
from meta.report.language.roles import first_fit
from meta.report.language.site_words import difference
from meta.report.language.variations import repeats
from meta.results import Bounds, Fit, RateDifference, StandardisedRate
from meta.results.rows import orr

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from meta.records.run import Run


def words(one: Fit | Bounds | StandardisedRate | RateDifference) -> str:
    """Counts and estimate with its interval; of bounds, the hull of the estimates and that of the limits."""
    if isinstance(one, Fit):
        return f"{one.responders}/{one.n}, k {one.k}: {orr(one.proportion)}"
    if isinstance(one, Bounds):
        count = f"{span(one.responders)}/{span(one.n)}, k {span(one.k)}"
        return f"{count}: {numbers(one.ignorance)} ({numbers(one.uncertainty)})"
    if isinstance(one, StandardisedRate):
        return orr(one.mean)
    crude = f"; without groups {difference(one.without_groups)}" if one.without_groups is not None else ""
    return f"{difference(one.standardised)}{crude}"


def sensitivity(base: Run, others: Sequence[Run]) -> str | None:
    """Say how many other analyses move the overall estimate out of its interval, and the range of estimates.

    Parameters
    ----------
    others : sequence of Run
        Its variations; those whose overall answer is the base's own are not counted.

    Returns
    -------
    str or None
        None where nothing can be compared.
    """
    fit = first_fit(base)
    found = [both for run in others if not _repeats(base, run) and (both := _estimates(run)) is not None]
    if fit is None or fit.proportion.low is None or fit.proportion.high is None or not found:
        return None
    low, high = fit.proportion.low, fit.proportion.high
    outside = sum(least < low or most > high for least, most in found)
    ends = interval(min(least for least, _ in found), max(most for _, most in found), percent)
    return (
        f"Sensitivity analyses: {outside} of {len(found)} have an estimate outside the interval of all "
        f"trials; their estimates are {ends} %"
    )


def _repeats(base: Run, run: Run) -> bool:
    fit = first_fit(run)
    return fit is not None and repeats(base, run, fit)


def _estimates(run: Run) -> tuple[float, float] | None:
    """The least and the greatest estimate that a run gives of all its trials."""
    fit, hull, latent = first_fit(run), leading(run), answer(run.latent) if run.latent is not None else None
    if fit is not None:
        low = high = fit.proportion.value
    elif hull is not None:
        low, high = hull.ignorance.low, hull.ignorance.high
    else:
        low = high = latent[1].mean.value if latent is not None else None
    return None if low is None or high is None else (low, high)


def no_headlines(run: Run) -> Iterator[str]:
    """Say of the leading answers that are no headline why not, those with the same reason together."""
    why: dict[str, list[str]] = {}
    for by in dict.fromkeys(fit.by for fit in run.fits):
        fit = first_fit(run, by)
        for part in (fit.groups if by is not None else (fit,)) if fit is not None else ():
            if not part.standing.headline:
                why.setdefault(policy.words(part.standing), []).append(part.label or "all trials")
    yield from (f"* {', '.join(labels)}: {words}" for words, labels in why.items())
