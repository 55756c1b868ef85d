"""Summaries of draws of the model of sites and regions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from meta.data.partial import PartialCounts
from meta.models.sites.effects import levels_of
from meta.results import Estimand, Quantity
from meta.stats.normal.scales import FloatArray

if TYPE_CHECKING:
    from meta.data.counts import IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Question:
    """Data, contrast and target mix for which draws are summarised.

    Attributes
    ----------
    data : PartialCounts
    contrast : str or None
        Whose levels are compared.
    mix : ndarray, shape (S,)
        Target shares of the groups.
    level : float
        Of every interval.
    method : str
    """

    data: PartialCounts
    contrast: str | None
    mix: FloatArray
    level: float
    method: str

    def levels(self) -> tuple[tuple[str, ...], IntArray]:
        """Names of the levels, and each trial's index."""
        if self.contrast is None:
            return ("all",), np.zeros(len(self.data.labels), dtype=np.int64)
        return levels_of(self.data, self.contrast)

    def behind(self, level: str | None) -> tuple[int, int, int]:
        """Trials that inform a level, or all of them (None), with their responders and other patients."""
        names, index = self.levels()
        patients = self.data.row_patients()
        rows = patients > 0
        if level is not None:
            rows &= index[self.data.trial] == names.index(level)
        x, n = int(self.data.responders[rows].sum()), int(patients[rows].sum())
        return len(set(self.data.trial[rows].tolist())), x, n - x

    def reporting(self, group: str, level: str | None) -> tuple[int, int, int]:
        """Trials that report a group by itself, with its responders and other patients there."""
        names, index = self.levels()
        here = np.ones(len(index), dtype=bool) if level is None else index == names.index(level)
        place = self.data.groups.index(group)
        known = self.data.known()[here, place]
        told = ~np.isnan(known)
        x, n = int(known[told].sum()), int(self.data.n[here, place][told].sum())
        return int(told.sum()), x, n - x

    def quantity(self, estimand: Estimand, draws: FloatArray) -> Quantity:
        """Summary of draws, shape (D,)."""
        tail = (1 - self.level) / 2
        low, middle, high = (float(q) for q in np.quantile(draws, [tail, 0.5, 1 - tail]))
        return Quantity(
            estimand=estimand, value=middle, low=low, high=high, level=self.level, kind="credible",
            method=self.method, expectation=float(draws.mean()),
        )  # fmt: skip
