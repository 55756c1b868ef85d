"""Bounds: what an answer can be where counts were not reported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from meta.frames import Shown, Tabular, flat
from meta.results.estimands import Estimand, name_of
from meta.results.outcomes import Outcome
from meta.results.rows import BOUNDS, span
from meta.results.standing import Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """What an unreported count is in one completion; `group` is None for all of a trial's patients."""

    label: str
    responders: int
    n: int
    group: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """The hull of an answer over all completions, with a completion that attains each end.

    Proportions are fractions. `level` is that of the limits of which this is the hull; None for the hull of
    point estimates. `low` and `high` are None beside a `reason`. Several completions may attain an end: the
    first of them is given, as the counts of the trials that are not fully reported.
    """

    low: float | None
    high: float | None
    level: float | None
    kind: Literal["bound"] = "bound"
    low_at: tuple[Completed, ...] = ()
    high_at: tuple[Completed, ...] = ()
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds(Tabular):
    """One estimand of one model over every completion of what is not reported.

    Attributes
    ----------
    model, method : str
        The model's name and how it makes its intervals; its options stand in the run's analysis, by role.
    ignorance : Bound
        Hull of the point estimates: what is not known however many patients there were (Manski's [1]_
        identification region, at the estimates).
    uncertainty : Bound
        Hull of the interval limits: ignorance and sampling together. It covers at least as often as the
        interval of the true completion, and so is on the safe side of the intervals of [2]_.
    completions, evaluated : int
        How many there are, and how many were fitted; where these differ, `searched` is True: the bounds are
        what a search has found, and may be wider.
    k, n, responders : (int, int)
        Least and greatest over the completions that were fitted.
    standing : Standing
        What the k policy lets the weakest completion be called.

    References
    ----------
    .. [1] Manski (1990), Am Econ Rev 80(2):319-323
    .. [2] Imbens & Manski (2004), Econometrica 72:1845-1857, doi:10.1111/j.1468-0262.2004.00555.x
    """

    model: str
    estimand: Estimand
    method: str
    ignorance: Bound
    uncertainty: Bound
    completions: int
    evaluated: int
    searched: bool
    k: tuple[int, int]
    n: tuple[int, int]
    responders: tuple[int, int]
    standing: Standing
    role: str | None = None
    by: str | None = None
    group: str | None = None
    outcome: Outcome = Outcome.RESPONSE

    def rows(self) -> list[dict[str, Any]]:
        """Return one row: both hulls, and what the completions are."""
        return [flat(self, BOUNDS)]

    def shown(self) -> Shown:
        """Return both hulls in percent."""
        of = f", {self.group}" if self.group else ""
        many = f"{self.evaluated} of {self.completions}" if self.searched else f"all {self.completions}"
        hulls = (("Hull of the estimates", self.ignorance), ("Hull of the limits", self.uncertainty))
        return Shown(
            caption=f"{self.model}: {name_of(self.estimand, self.outcome)}{of}",
            header=("", "%"),
            rows=tuple(
                (name, f"not given: {hull.reason}" if hull.reason else span(hull)) for name, hull in hulls
            ),
            notes=(f"Over {many} completions of what is not reported; {self.standing.status}.",),
        )
