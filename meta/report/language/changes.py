"""Pooled answers in a few words, to be set beside each other."""

from __future__ import annotations

from meta.report.language.bound_words import numbers, span
from meta.report.terminal.site_text import difference
from meta.results import Bounds, Fit, RateDifference, StandardisedRate
from meta.results.rows import orr


def words(one: Fit | Bounds | StandardisedRate | RateDifference) -> str:
    """Counts and estimate with its interval; of bounds, the hull of the estimates and that of the limits.

    Parameters
    ----------
    one : Fit, Bounds, StandardisedRate or RateDifference
    """
    if isinstance(one, Fit):
        return f"{one.responders}/{one.n}, k {one.k}: {orr(one.proportion)}"
    if isinstance(one, Bounds):
        count = f"{span(one.responders)}/{span(one.n)}, k {span(one.k)}"
        return f"{count}: {numbers(one.ignorance)} ({numbers(one.uncertainty)})"
    if isinstance(one, StandardisedRate):
        return orr(one.mean)
    crude = f"; without groups {difference(one.without_groups)}" if one.without_groups is not None else ""
    return f"{difference(one.standardised)}{crude}"
