"""Bounds in words, and which runs stand beside them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from meta.format import DASH, counts, interval, percent
from meta.report.language.wording import not_given

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meta.records.analysis import Analysis
    from meta.records.run import LedgerEntry, Run
    from meta.results import Bound, Bounds, Completed

LABELS = {
    "keep": "patients kept where not reported separately",
    "drop": "trials dropped where not reported separately",
}


class Compared(NamedTuple):
    """A bounded run, the base, and the runs of the same exclusion by what they do with unresolved trials.

    `latent` has rates under the latent model in place of fits.
    """

    base: Run
    bound: Run
    others: tuple[tuple[str, Run], ...]
    latent: Run | None = None


def compared(runs: Sequence[Run], base: Run, bound: Run) -> Compared:
    """Find the runs that differ from a bounded one in `unresolved` alone."""
    same = [run for run in runs if _besides(run.analysis) == _besides(bound.analysis)]
    others = [
        (label, run) for word, label in LABELS.items() for run in same if run.analysis.unresolved == word
    ]
    latent = next((run for run in same if run.latent is not None), None)
    return Compared(base, bound, tuple(others), latent)


def _besides(analysis: Analysis) -> Analysis:
    """The analysis without what may differ between runs that stand beside each other."""
    return replace(analysis, unresolved="error", sites=None)


def divided(run: Run) -> list[str]:
    """The groupings of which a run has bounds over unreported splits."""
    if run.analysis.unreported != "bound":
        return []
    return list(dict.fromkeys(one.by for one in run.bounds if one.by))


def groups_of(run: Run, by: str) -> list[str]:
    """The groups of a grouping of which a run has bounds."""
    return list(dict.fromkeys(one.group for one in run.bounds if one.by == by and one.group))


def fates(run: Run, by: str | None = None) -> dict[str, list[LedgerEntry]]:
    """What the ledger says about trials that were bounded, or could not be, under either word."""
    words = ("bounded", "not bounded")
    return {word: [e for e in run.ledger if (e.action, e.by) == (word, by)] for word in words}


def each_role(bound: Run, by: str | None = None, group: str | None = None) -> list[Bounds]:
    """The bounds of each role's first estimand, of all patients or of a group; the leading role's first."""
    first: dict[str | None, Bounds] = {}
    for one in bound.bounds:
        if (one.by, one.group) == (by, group):
            first.setdefault(one.role, one)
    roles = dict.fromkeys(one.role for one in bound.bounds)
    return [first[role] for role in roles if role in first]


def leading(bound: Run, by: str | None = None, group: str | None = None) -> Bounds | None:
    """The first of :func:`each_role`."""
    return next(iter(each_role(bound, by, group)), None)


def numbers(found: Bound) -> str:
    """Both ends in percent, or why there is none."""
    if found.low is None or found.high is None:
        return not_given(found.reason)
    return interval(found.low, found.high, percent)


def span(ends: tuple[int, int]) -> str:
    """Least and greatest of a count, once where they are the same."""
    return DASH.join(str(end) for end in dict.fromkeys(ends))


def completion(at: Sequence[Completed]) -> str:
    """A completion as counts, e.g. ``0/38 and 1/20``."""
    groups = (f" {one.group}" if one.group else "" for one in at)
    return " and ".join(
        f"{counts(one.responders, one.n)}{group}" for one, group in zip(at, groups, strict=True)
    )
