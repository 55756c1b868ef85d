"""The latent model's answers in words and rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meta.format import counts, interval, number, percent
from meta.report.language.site_words import parameter_name, plain_name
from meta.results import FAILED, Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meta.results import Latent, Parameter, Quantity, Rate, SiteRegionFit, StandardisedRate

# Conventions of wording: how much of the prior's sd is left, and how far the mean has moved, in prior sds
_NOTHING, _LITTLE, _SHIFT = 0.9, 0.8, 0.25


def latent_failed(found: Latent) -> bool:
    """Tell whether a sampler of the latent model broke its limits."""
    alone = found.sampling_alone
    return any(fit.failed for fit in found.fits) or (alone is not None and not alone.passed)


def answer(
    found: Latent, by: str | None = None, group: str | None = None
) -> tuple[SiteRegionFit, StandardisedRate] | None:
    """The rate of the remaining patients in new trials, overall or at a level; None if not given.

    Parameters
    ----------
    by, group : str or None
        What the levels are, and the level.
    """
    pairs = (
        (fit, rate)
        for fit in found.fits
        if fit.contrast == by
        for rate in fit.standardised
        if rate.population == "new-trials" and (by is None or rate.level == group)
    )
    return next(pairs, None)


def answers_by(found: Latent) -> Iterator[tuple[SiteRegionFit, StandardisedRate]]:
    """The rates of the remaining patients in new trials: overall, then by level."""
    for fit in found.fits:
        for rate in fit.standardised:
            if rate.population == "new-trials":
                yield fit, rate


def estimand(found: Latent, rate: Quantity) -> str:
    """The estimand of the rate: the remaining patients are the whole target mix."""
    return f"{plain_name(rate.estimand, found.outcome)}, {found.factor} {found.stays}"


def reported(found: Latent, fit: SiteRegionFit, level: str | None) -> str:
    """Responders/n of the remaining patients where they are reported separately; empty if nowhere."""
    rate = _rate(found, fit, level)
    return counts(rate.responders, rate.n_reported) if rate is not None and rate.n_reported else ""


def _rate(found: Latent, fit: SiteRegionFit, level: str | None) -> Rate | None:
    at = level if fit.contrast else None
    return next((one for one in fit.rates if (one.group, one.level) == (found.stays, at)), None)


def star(found: Latent, rate: StandardisedRate) -> str:
    """A star where an answer is no headline."""
    headline = rate.standing.headline and not latent_failed(found)
    return "" if headline else "*"


def withheld(rate: StandardisedRate) -> bool:
    """Tell whether the k policy leaves nothing of an answer to show."""
    return rate.standing.status in {Status.NO_ESTIMATE, Status.EXACT_INTERVAL_ONLY}


def marked(found: Latent, words: str) -> str:
    """Say in front of the words that a sampler failed, where it did."""
    return f"[{FAILED}] {words}" if latent_failed(found) else words


def moved(one: Parameter) -> str:
    """How far a contrast has moved from its prior."""
    ratio, shift = one.sd / one.prior_sd, one.expectation / one.prior_sd
    verdict = "informed by the data, though not by many"
    if ratio >= _NOTHING and abs(shift) < _SHIFT:
        verdict = "the data say next to nothing of it"
    elif ratio >= _LITTLE:
        verdict = "mostly its prior"
    width = f"prior sd {number(one.prior_sd, 2)}, posterior sd {number(one.sd, 2)} ({percent(ratio)} %)"
    return f"{width}, mean moved by {number(shift, 2)} prior sd: {verdict}"


def contrast(found: Latent) -> Iterator[str]:
    """The contrast between the groups beside its prior, and without the rows that were added for it."""
    one = found.contrast.posterior
    if one.value is not None and one.low is not None and one.high is not None:
        ends = interval(one.low, one.high, lambda value: number(value, 2))
        yield f"{parameter_name(found.contrast)} {number(one.value, 2)} ({ends}); {moved(found.contrast)}"
    if found.alone is not None:
        yield f"without what reports print of {found.leaves} outside the population: {moved(found.alone)}"


def splits(found: Latent) -> Iterator[str]:
    """How the responders of each sum are expected to split, trial by trial."""
    for one in found.splits:
        low, high = one.leaving
        who = f"{low}" if low == high else f"{low} to {high} (expected {number(one.expected_leaving, 1)})"
        ends = f"{one.low} to {one.high}"
        yield (
            f"{one.trial}: of {counts(one.responders, one.n)}, {number(one.expected, 1)} ({ends}) responders "
            f"expected to be {found.stays}; patients {found.leaves}: {who}"
        )
