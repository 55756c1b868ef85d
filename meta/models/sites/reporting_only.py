"""Contrasts between groups from the trials that report every group separately."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meta.models.policy import standing
from meta.models.sites import answers_by_group as answers
from meta.results import ReportingOnly

if TYPE_CHECKING:
    from meta.data.partial import PartialCounts
    from meta.models.sites.effects import Priors
    from meta.models.sites.question import Question
    from meta.models.sites.site_graph import SiteRegionDraws


def reporting_all(data: PartialCounts) -> tuple[str, ...]:
    """The trials that report every group of theirs by itself.

    Examples
    --------
    >>> from meta.data.partial import PartialCounts
    >>> rows = [("a", ["lung"], 1), ("a", ["gut"], 0), ("b", ["lung", "gut"], 2), ("c", ["gut"], 1)]
    >>> n = [[4, 5], [6, 7], [2, 3]]
    >>> reporting_all(PartialCounts.of(n, rows, ["a", "b", "c"], ["lung", "gut"]))
    ('a',)
    """
    pooled = {int(data.trial[pool.row]) for pool in data.pools}
    told = (data.reported() == (data.n > 0)).all(-1) & (data.n.sum(-1) > 0)
    return tuple(label for t, label in enumerate(data.labels) if told[t] and t not in pooled)


def reporting_only(asked: Question, found: SiteRegionDraws, priors: Priors, prior_sd: float) -> ReportingOnly:
    """The contrasts between groups in draws from these trials alone.

    Parameters
    ----------
    asked : Question
        Of the data of these trials.
    prior_sd : float
        Prior standard deviation of a contrast between two groups.
    """
    every = answers.parameters(asked, found, priors, {"group": prior_sd})
    k, responders, others = asked.behind(None)
    return ReportingOnly(
        trials=asked.data.labels,
        responders=responders,
        parameters=tuple(one for one in every if one.group is not None),
        sampling=found.diagnostics,
        standing=standing(k, responders, others, bayesian=True),
    )
