"""Bounds over unreported splits as lines of plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meta.format import level
from meta.report.language import wording
from meta.report.language.bound_words import divided, fates, groups_of, leading, numbers, span
from meta.results import name_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meta.records.run import Run
    from meta.results import Bounds


def split_lines(run: Run) -> Iterator[str]:
    """The leading estimand of each group over every split, and who is not in it.

    Yields
    ------
    str
        Nothing where the run has no such bounds.
    """
    for by in divided(run):
        found = [one for group in groups_of(run, by) if (one := leading(run, by, group))]
        first = found[0]
        limits = f"{level(first.uncertainty.level or 0.95)} limits"
        what = name_of(first.estimand, first.outcome)
        yield f"{run.name}, {run.variation}: {what} by {by}, % ({limits}), {how(first)}"
        width = max(len(one.group or "") for one in found)
        for one in found:
            star = "" if one.standing.headline else "*"
            count = f"{span(one.responders)}/{span(one.n)}, k {span(one.k)}{star}"
            estimate = f"{numbers(one.ignorance)} ({numbers(one.uncertainty)})"
            yield f"  {one.group:<{width}}  {estimate}  {count}"
        for entry in fates(run, by)["not bounded"]:
            yield f"  Not in it: {wording.fate(entry)}"


def how(found: Bounds) -> str:
    """How many splits were fitted, and of how many."""
    if found.searched:
        many = f"{found.completions} splits of unreported responders, of which {found.evaluated} were fitted"
        return f"a search over {many}: may be wider"
    return f"over all {found.completions} splits of unreported responders"
