"""The latent model (`unresolved: latent`) as lines of plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meta.format import level
from meta.models import policy
from meta.report.language.latent_words import (
    answers_by,
    contrast,
    estimand,
    marked,
    reported,
    splits,
    star,
    withheld,
)
from meta.report.terminal.text import sampling
from meta.results.rows import orr

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meta.records.run import Run
    from meta.results import Latent, SiteRegionFit, StandardisedRate


def latent_lines(run: Run) -> Iterator[str]:
    """The rates of the remaining patients, the contrast beside its prior, and the splits.

    Yields
    ------
    str
        Nothing where the run does not have the model.
    """
    found = run.latent
    if found is None:
        return
    what = f"{run.name}, {run.variation}: {found.factor} {found.stays}"
    yield marked(found, f"{what}, % ({level(found.fits[0].level)} credible interval)")
    for fit, rate in answers_by(found):
        yield _answer(found, fit, rate)
    yield from (f"  {words}" for words in contrast(found))
    yield from (f"  {words}" for words in splits(found))
    sampled = [fit.sampling for fit in found.fits]
    for one in (*sampled, *([found.sampling_alone] if found.sampling_alone else [])):
        yield f"  {sampling(one)}"
    for note in found.notes:
        yield f"  Note: {note}"
    if run.not_run:
        roles = ", ".join(one.role for one in run.not_run)
        yield f"  {roles}: {'; '.join(dict.fromkeys(one.reason for one in run.not_run))}"


def _answer(found: Latent, fit: SiteRegionFit, rate: StandardisedRate) -> str:
    name = f"{fit.contrast} {rate.level}" if fit.contrast else "overall"
    if withheld(rate):
        return f"  {name}*: {policy.words(rate.standing)}"
    here = reported(found, fit, rate.level)
    told = f"; reported by themselves {here}" if here else "; none reported by themselves"
    median = f"; median {orr(rate.median)}" if rate.median is not None else ""
    return f"  {name}{star(found, rate)}, {estimand(found, rate.mean)}: {orr(rate.mean)}{median}{told}"
