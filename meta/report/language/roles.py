"""Which of several fits of the same trials leads, and which of them is not to be believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meta.results import FAILED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from meta.records.run import Run
    from meta.results import Fit, SiteRegionFit

ORDER = {"primary": 0, "frequentist": 1, "conventional": 2}


def marked(words: str, *fits: Fit | SiteRegionFit) -> str:
    """Say in front of the words that a sampler failed, where one did."""
    return f"[{FAILED}] {words}" if any(fit.failed for fit in fits) else words


def ordered(fits: Iterable[Fit]) -> list[Fit]:
    """Order fits by role, the primary one first; one whose sampler failed comes last."""
    return sorted(fits, key=lambda fit: (fit.failed, ORDER.get(fit.role or "", len(ORDER))))


def first_fit(run: Run, by: str | None = None) -> Fit | None:
    """The run's leading fit of a grouping; the overall one if `by` is None."""
    return next(iter(ordered(fit for fit in run.fits if fit.by == by)), None)
