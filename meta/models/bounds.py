"""Bounds over the completions of counts that were not reported, from the models' own statistics, batched."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from meta.models.batch import answers
from meta.models.contract import Rows
from meta.models.describe import TRIAL_INTERVALS
from meta.models.policy import of_completions
from meta.results import Bound, Bounds, Completed, Estimand
from meta.stats.unreported.extremes import MOST, extremes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meta.data import Completions
    from meta.data.counts import IntArray
    from meta.models.contract import PoolingModel
    from meta.stats.normal.scales import FloatArray
    from meta.stats.unreported.extremes import Extremes

_COUNTS = 4  # columns of trials, patients, responders and other patients


def bounds(model: PoolingModel, data: Completions, *, most: int = MOST) -> tuple[Bounds, ...]:
    """Bound every estimand of a model, of all trials or of each group.

    Parameters
    ----------
    most : int
        Completions up to which every one is fitted; above, a search (:mod:`meta.stats.unreported.extremes`).

    Returns
    -------
    tuple of Bounds
        Group by group; `role` and `by` are left to the caller. Completions in which a group has no patient do
        not count for it. Where groups share tau, those of all groups count together, as each bears on the
        others; where they are fitted separately, those of each group by itself.

    Raises
    ------
    SpecError
        If the model has no batched statistics.
    """
    many = max(len(data.names), 1)
    if many > 1 and model.groups == "separate":  # what is in one group says nothing of another
        return tuple(one for group in range(many) for one in bounds(model, data.within(group), most=most))

    def evaluate(choice: IntArray) -> FloatArray:
        rows = _rows(data, choice, many)
        given = answers(model, rows)
        return np.concatenate([*_counted(rows), *(z for one in given for z in one[1:])], axis=1)

    hull = _Hull(model, data, extremes(data.sizes, evaluate, most=most), many)
    return tuple(one for group in range(many) for one in hull.of(group))


def _rows(data: Completions, choice: IntArray, many: int) -> Rows:
    """Return completions as arrays; where there is no row at all, with one of nobody."""
    x, n = data.arrays(choice)
    if x.shape[1]:
        return Rows(x, n, data.group, many)
    nobody = np.zeros((len(choice), 1), dtype=np.int64)
    return Rows(nobody, nobody, np.zeros(1, dtype=np.int64), many)


def _counted(rows: Rows) -> tuple[FloatArray, ...]:
    """Trials, patients, responders and others of each group, shape (B, G); NaN where it has none."""
    own = np.equal.outer(rows.group, np.arange(rows.many)).astype(float)
    k = (rows.n > 0) @ own
    return tuple(np.where(k > 0, z, np.nan) for z in (k, rows.n @ own, rows.x @ own, (rows.n - rows.x) @ own))


class _Hull(NamedTuple):
    """Puts extremes into results; columns are counts, then answers, each of all groups."""

    model: PoolingModel
    data: Completions
    found: Extremes
    many: int

    def of(self, group: int) -> Iterator[Bounds]:
        """Each estimand of a group; of one trial alone, the only one that there is."""
        k = self._span(self._column(group, 0))
        if k == (1, 1):
            method = TRIAL_INTERVALS[self.model.trial_interval]
            yield self._of(group, 0, Estimand.ONE_TRIAL, method)
            return
        for place, estimand in enumerate(self.model.estimands):
            yield self._of(group, place, estimand, self.model.method)

    def _of(self, group: int, place: int, estimand: Estimand, method: str) -> Bounds:
        value, low, high = (self._column(group, _COUNTS + 3 * place + i) for i in range(3))
        k, n, x, others = (self._span(self._column(group, i)) for i in range(_COUNTS))
        level = self.model.level
        return Bounds(
            model=self.model.model,
            estimand=estimand,
            method=method,
            ignorance=self._bound(value, value, group, None),
            uncertainty=self._bound(low, high, group, level),
            completions=prod(self.data.sizes),
            evaluated=self.found.evaluated,
            searched=not self.found.complete,
            k=k,
            n=n,
            responders=x,
            standing=of_completions(k, x, others, bayesian=self.model.BAYESIAN),
            group=self.data.names[group] if self.data.names else None,
        )

    def _column(self, group: int, block: int) -> int:
        return block * self.many + group

    def _span(self, column: int) -> tuple[int, int]:
        ends = self.found.low[column], self.found.high[column]
        return (0, 0) if np.isnan(ends[0]) else (int(ends[0]), int(ends[1]))

    def _bound(self, low: int, high: int, group: int, level: float | None) -> Bound:
        found = self.found
        empty = found.missing[self._column(group, 0)]
        lost = max(found.missing[low], found.missing[high]) - empty
        if empty == found.evaluated:
            return Bound(low=None, high=None, level=level, reason="no trial reported responders")
        if lost:
            reason = f"not given in {lost} of {found.evaluated - empty} completions"
            return Bound(low=None, high=None, level=level, reason=reason)
        return Bound(
            low=float(found.low[low]),
            high=float(found.high[high]),
            level=level,
            low_at=tuple(self._completed(found.low_at[low])),
            high_at=tuple(self._completed(found.high_at[high])),
        )

    def _completed(self, choice: IntArray) -> Iterator[Completed]:
        data = self.data
        for i, label in enumerate(data.labels):
            rows = data.options[i][choice[i]]
            for (x, n), group in zip(rows.tolist(), data.groups[i], strict=True):
                if data.sizes[i] > 1:
                    name = data.names[group] if len(rows) > 1 else None
                    yield Completed(label=label, responders=x, n=n, group=name)
