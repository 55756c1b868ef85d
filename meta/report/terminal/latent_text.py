"""The latent model (`unresolved: latent`) as lines of plain text, and as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meta.format import counts, level
from meta.models import policy
from meta.report.language.latent_words import (
    answers_by,
    contrast,
    estimand,
    latent_failed,
    marked,
    reported,
    splits,
    star,
    withheld,
)
from meta.report.language.site_words import parameter_name
from meta.report.terminal.text import sampling
from meta.results import FAILED
from meta.results.rows import orr

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from meta.records.run import Run
    from meta.results import Latent, SiteRegionFit, StandardisedRate

_COLUMNS = (
    "analysis", "variation", "standing", "kind_of_row", "by", "group", "k", "n_reported", "responders",
    "quantity", "value", "low", "high", "level", "expectation", "sd", "prior_sd", "sd_ratio", "method",
    "reason",
)  # fmt: skip


def latent_lines(run: Run) -> Iterator[str]:
    """The rates of those who stay, how far the contrast has moved from its prior, and the splits.

    Parameters
    ----------
    run : Run

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


def latent(runs: Sequence[Run]) -> pd.DataFrame:
    """Rates of those who stay, the contrast beside its prior, and the expected splits: one number a row."""
    import pandas as pd

    rows = [
        {"analysis": run.name, "variation": run.variation, **row}
        for run in runs
        if run.latent is not None
        for row in (*_rates(run.latent), *_contrasts(run.latent), *_splits(run.latent))
    ]
    return pd.DataFrame(rows, columns=list(_COLUMNS))


def _standing(found: Latent, status: str) -> str:
    return FAILED if latent_failed(found) else status


def _rates(found: Latent) -> Iterator[dict[str, Any]]:
    for fit, rate in answers_by(found):
        at = rate.level if fit.contrast else None
        for one in (rate.mean, rate.median):
            told = next(r for r in fit.rates if (r.group, r.level) == (found.stays, at))
            if one is not None:
                yield {
                    "standing": _standing(found, rate.standing.status), "kind_of_row": "rate",
                    "by": fit.contrast, "group": at, "k": None if at else fit.k,
                    "n_reported": told.n_reported,
                    "responders": told.responders,
                    "quantity": estimand(found, one),
                    "value": one.value, "low": one.low, "high": one.high, "level": one.level,
                    "expectation": one.expectation, "method": one.method, "reason": one.reason,
                }  # fmt: skip


def _contrasts(found: Latent) -> Iterator[dict[str, Any]]:
    several = [("contrast", found.contrast)]
    several += [("contrast, own population alone", found.alone)] if found.alone is not None else []
    for kind, one in several:
        ends = one.posterior
        yield {
            "standing": _standing(found, found.fits[-1].standing.status), "kind_of_row": kind,
            "by": found.factor, "quantity": parameter_name(one), "value": ends.value, "low": ends.low,
            "high": ends.high, "level": ends.level, "expectation": one.expectation, "sd": one.sd,
            "prior_sd": one.prior_sd, "sd_ratio": one.sd / one.prior_sd, "method": ends.method,
            "reason": ends.reason,
        }  # fmt: skip


def _splits(found: Latent) -> Iterator[dict[str, Any]]:
    for one in found.splits:
        yield {
            "standing": _standing(found, found.fits[0].standing.status), "kind_of_row": "split",
            "group": one.trial, "n_reported": one.n, "responders": one.responders,
            "quantity": f"responders {found.stays} of {counts(one.responders, one.n)}", "value": one.expected,
            "low": one.low, "high": one.high, "level": one.level, "expectation": one.expected,
            "method": "posterior mean; patients who leave: "
            f"{one.leaving[0]} to {one.leaving[1]}, expected {one.expected_leaving:.2f}",
        }  # fmt: skip


TABLES = {"latent": latent}
