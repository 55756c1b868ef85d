"""Add to a fit its role and grouping, unreported counts, and differences between its trials' tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from meta.models.policy import waived

if TYPE_CHECKING:
    from meta.results import Fit, NotReported, Outcome
    from meta.workflow.selection.group import Grouping
    from meta.workflow.selection.included import Included


def mixtures(included: Sequence[Included], fit: Fit) -> Iterator[str]:
    """Notes on criteria and time points that differ between the pooled tables."""
    pooled = {trial.label for trial in fit.trials}
    tables = [trial.chosen.table for trial in included if trial.label in pooled]
    for what, stated in (
        ("Response criteria", [table.criteria or "not stated" for table in tables]),
        ("Time points", [table.timepoint for table in tables]),
    ):
        kinds = Counter(stated)
        if len(kinds) > 1:
            yield f"{what} differ between trials: {', '.join(f'{kind} ({k})' for kind, k in kinds.items())}."


def with_missing(fit: Fit, grouping: Grouping) -> Fit:
    """The fit with the patients whose responders were not reported, by group."""
    missing = grouping.not_reported
    groups = tuple(replace(g, not_reported=_missing(missing, g.label)) for g in fit.groups)
    return replace(fit, groups=groups, not_reported=_missing(missing, None))


def _missing(
    missing: Mapping[str | None, tuple[NotReported, ...]], name: str | None
) -> tuple[NotReported, ...]:
    return missing.get(name, ())


def named(fit: Fit, role: str, by: str | None, outcome: Outcome, *, waive: bool) -> Fit:
    """The fit with its role, grouping and outcome, and its standing where the k policy is off.

    Parameters
    ----------
    waive : bool
        Whether it does.
    """
    groups = tuple(named(part, role, by, outcome, waive=waive) for part in fit.groups)
    under = replace(fit, role=role, by=by, outcome=outcome, groups=groups)
    return replace(under, standing=waived(fit.standing)) if waive else under
