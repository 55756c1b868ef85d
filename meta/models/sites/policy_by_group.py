"""The k policy for answers of the model of sites and regions: each rests on trials of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from meta.models.policy import standing
from meta.results import Rate, RateDifference, StandardisedRate, Standing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from meta.models.sites.question import Question

Judged = TypeVar("Judged", Rate, StandardisedRate, RateDifference)

_WEAKEST_FIRST = ("none", "one trial", "two trials", "beside", "headline")


def trials_of(asked: Question, level: str | None) -> tuple[int, int]:
    """Trials that inform a level (all of them: None), and their responders.

    Parameters
    ----------
    asked : Question
    level : str or None
    """
    data, (names, index) = asked.data, asked.levels()
    rows = data.row_patients() > 0
    if level is not None:
        rows &= index[data.trial] == names.index(level)
    return len(set(data.trial[rows].tolist())), int(data.responders[rows].sum())


def _reporting(asked: Question, group: str, level: str | None) -> tuple[int, int]:
    """Trials that report a group by itself, and its responders there."""
    data, (names, index) = asked.data, asked.levels()
    here = np.ones(len(index), dtype=bool) if level is None else index == names.index(level)
    known = data.known()[here, data.groups.index(group)]
    return int((~np.isnan(known)).sum()), int(np.nansum(known))


def judged(asked: Question, answers: Iterable[Judged]) -> tuple[Judged, ...]:
    """The answers with what the k policy lets each be called.

    Parameters
    ----------
    asked : Question
    answers : iterable of Rate, StandardisedRate or RateDifference
        A rate of a group rests on the trials that report it by itself, a standardised one on those of its
        level, a difference on the weaker of both.
    """
    return tuple(replace(one, standing=_standing(asked, one)) for one in answers)


def _standing(asked: Question, one: Rate | StandardisedRate | RateDifference) -> Standing:
    if isinstance(one, Rate):
        return standing(*_reporting(asked, one.group, one.level), bayesian=True)
    levels = [one.level, one.reference] if isinstance(one, RateDifference) else [one.level]
    several = [standing(*trials_of(asked, level), bayesian=True) for level in levels]
    return min(several, key=lambda found: _WEAKEST_FIRST.index(found.status))
