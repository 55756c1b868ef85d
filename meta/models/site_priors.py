"""The contrast between levels under other priors, from the draws under one."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from meta.results import PriorPoint, Quantity
from meta.stats import reweight
from meta.stats.standardise import sum_to_zero

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meta.models.mcmc.site_region import SiteRegionDraws
    from meta.models.site_answers import Levels
    from meta.models.site_question import Question
    from meta.stats.scales import FloatArray

LEAST = 200.0  # draws: the standard error of a 97.5 % quantile is then about 0.2 standard deviations


def sweep(
    asked: Question, found: SiteRegionDraws, rates: Levels, prior_sd: float, others: Sequence[float]
) -> tuple[PriorPoint, ...]:
    """Every pair of levels under other prior standard deviations of their difference.

    Parameters
    ----------
    asked : Question
    found : SiteRegionDraws
    rates : Levels
        Its standardised rates.
    prior_sd : float
        Under which the draws were made.
    others : sequence of float

    Returns
    -------
    tuple of PriorPoint
        Empty without two levels.
    """
    if asked.contrast is None or len(asked.levels()[0]) < 2:
        return ()
    effects, names = found.levels[asked.contrast], asked.levels()[0]
    coefficients = effects @ np.linalg.pinv(sum_to_zero(len(names))).T
    points = []
    for sd in others:
        weight, effective = reweight.weights(reweight.normal_ratio(coefficients, prior_sd, sd))
        weigh = replace(asked, method=f"{asked.method}, contrast ~ normal:0,{sd:g} by weights")
        for i, j in combinations(range(len(names)), 2):
            pairs = (effects, rates.new_mean)
            ratio, difference = (
                _quantity(weigh, name, draws[:, j] - draws[:, i], weight, effective)
                for name, draws in zip(("log odds ratio", "difference of mean ORRs"), pairs, strict=True)
            )
            points.append(
                PriorPoint(
                    prior_sd=sd,
                    level=names[j],
                    reference=names[i],
                    log_odds_ratio=ratio,
                    difference=difference,
                    effective=effective,
                )
            )
    return tuple(points)


def _quantity(
    asked: Question, name: str, draws: FloatArray, weight: FloatArray, effective: float
) -> Quantity:
    tail = (1 - asked.level) / 2
    low, value, high = reweight.quantiles(draws, weight, [tail, 0.5, 1 - tail]).tolist()
    found = Quantity(
        name=name, value=value, low=low, high=high, level=asked.level, kind="credible", method=asked.method
    )
    if effective >= LEAST:
        return found
    reason = f"the draws are worth {effective:.0f} under this prior; {LEAST:.0f} are needed: sample with it"
    return replace(found, value=None, low=None, high=None, reason=reason)
