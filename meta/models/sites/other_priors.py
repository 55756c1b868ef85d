"""The contrast between levels under other priors."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

from meta.models.policy import standing, weakest, words
from meta.models.sites import answers_by_group as answers
from meta.results import FAILED, Estimand, PriorPoint, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meta.models.sites.question import Question
    from meta.models.sites.site_graph import SiteRegionDraws


def sweep(asked: Question, drawn: Mapping[float, SiteRegionDraws]) -> tuple[PriorPoint, ...]:
    """Every pair of levels under several prior standard deviations of the difference between levels.

    Parameters
    ----------
    drawn : mapping of float to SiteRegionDraws
        By standard deviation, the draws made under it.

    Returns
    -------
    tuple of PriorPoint
        Empty without two levels.
    """
    if asked.contrast is None:
        return ()
    names = asked.levels()[0]
    points = []
    for sd, found in drawn.items():
        effects, means = found.levels[asked.contrast], answers.levels(asked, found).new_mean
        here = replace(asked, method=f"{asked.method}, contrast ~ normal:0,{sd:g}")
        for i, j in combinations(range(len(names)), 2):
            called = weakest(standing(*asked.behind(names[z]), bayesian=True) for z in (i, j))
            why = words(called) if called.status is Status.EXACT_INTERVAL_ONLY else None
            why = why if found.diagnostics.passed else FAILED
            ratio, difference = (
                here.quantity(of, draws[:, j] - draws[:, i]).withheld(why)
                for of, draws in ((Estimand.LOG_ODDS_RATIO, effects), (Estimand.DIFFERENCE_OF_MEANS, means))
            )
            points.append(
                PriorPoint(
                    prior_sd=sd,
                    level=names[j],
                    reference=names[i],
                    log_odds_ratio=ratio,
                    difference=difference,
                    effective=found.diagnostics.ess_tail,
                )
            )
    return tuple(points)
