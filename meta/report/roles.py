"""Which of several fits of the same trials leads, and which of them is not to be believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from meta.records.run import Run
    from meta.results import Fit, SiteRegionFit

FAILED = "FAILED: diagnostics"
ORDER = {"primary": 0, "frequentist": 1, "conventional": 2}


def failed(fit: Fit) -> bool:
    """Tell whether a sampler broke its limits, so that its draws are not to be believed."""
    return any(part.sampling is not None and not part.sampling.passed for part in (fit, *fit.groups))


def sampler_failed(fit: SiteRegionFit) -> bool:
    """Tell whether a sampler broke its limits, with groups or without.

    That of the reporting trials alone has contrasts of its own, which it alone makes unbelievable.
    """
    sampled = (fit.sampling, fit.sampling_without_groups)
    return any(one is not None and not one.passed for one in sampled)


def marked(words: str, fit: Fit) -> str:
    """Say in front of the words that a sampler failed, where it did."""
    return f"[{FAILED}] {words}" if failed(fit) else words


def ordered(fits: Iterable[Fit]) -> list[Fit]:
    """Order fits by role, the primary one first; one whose sampler failed comes last."""
    return sorted(fits, key=lambda fit: (failed(fit), ORDER.get(fit.role or "", len(ORDER))))


def first_fit(run: Run, by: str | None = None) -> Fit | None:
    """The run's leading fit of a grouping; the overall one if `by` is None."""
    return next(iter(ordered(fit for fit in run.fits if fit.by == by)), None)
