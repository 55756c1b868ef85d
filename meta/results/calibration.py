"""How often a model's intervals hold the truth, by simulation."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from math import nan, sqrt
from operator import add
from typing import TYPE_CHECKING, Any

from meta.frames import Columns, Shown, Tabular, fields, flat
from meta.results.estimands import Estimand, name_of
from meta.results.outcomes import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator


class Mixing(StrEnum):
    """How true rates are distributed over trials."""

    NORMAL = "normal"  # their log odds
    BETA = "beta"
    TWO_POINT = "two-point"  # each half of the trials has one of two rates


@dataclass(frozen=True, slots=True)
class Truth:
    """A distribution of true rates over trials.

    Attributes
    ----------
    rate : float
        The median of a normal distribution of log odds, the mean of a beta distribution, and expit of the
        middle between the log odds of two points.
    tau : float
        Standard deviation of the true log odds.
    """

    mixing: Mixing
    rate: float
    tau: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What intervals of simulated data sets did; tallies of one truth add up.

    Attributes
    ----------
    sets, given : int
        Data sets, and those that have an interval.
    held : float
        Intervals that hold the truth; of prediction intervals the share of new trials that they hold, summed.
    above, below : float
        Intervals (of prediction intervals, shares of new trials) that lie above the truth, and below it.
    width : float
        Sum of the widths.
    """

    sets: int
    given: int
    held: float
    above: float
    below: float
    width: float

    def __add__(self, other: Tally) -> Tally:
        """Both together."""
        return Tally(
            sets=self.sets + other.sets, given=self.given + other.given, held=self.held + other.held,
            above=self.above + other.above, below=self.below + other.below, width=self.width + other.width,
        )  # fmt: skip

    @property
    def coverage(self) -> float:
        """Share of all sets; one without an interval does not cover."""
        return self.held / self.sets

    @property
    def among_given(self) -> float:
        """Coverage of the intervals that were given; NaN if none was."""
        return self.held / self.given if self.given else nan

    @property
    def error(self) -> float:
        """Monte-Carlo standard error of the coverage; of a prediction interval at most this."""
        return sqrt(self.coverage * max(1 - self.coverage, 0.0) / self.sets)

    @property
    def mean_width(self) -> float:
        """Of those given; NaN if none is."""
        return self.width / self.given if self.given else nan


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One estimand of one model under one truth, whose value is `value` (None of a new trial's rate)."""

    role: str
    model: str
    estimand: Estimand
    level: float
    truth: Truth
    value: float | None
    tally: Tally


CELL: Columns = {
    **fields("", "role", "model"),
    "estimand": lambda cell: str(cell.estimand),
    **fields("", "level"),
    **fields("truth", "mixing", "rate", "tau"),
    "truth": "value",
    **fields("tally", "sets", "coverage", "error", "among_given"),
    "above": lambda cell: cell.tally.above / cell.tally.sets,
    "below": lambda cell: cell.tally.below / cell.tally.sets,
    "mean_width": "tally.mean_width",
    "not_given": lambda cell: 1 - cell.tally.given / cell.tally.sets,
}


def _sizes(n: tuple[int, ...]) -> str:
    """The sizes, or their range where they are many."""
    return ", ".join(map(str, n)) if len(n) <= _LISTED else f"{min(n)} to {max(n)}"


_LISTED = 6
SHOWN = ("", "worst, %", "under", "mean, %", "width")


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration(Tabular):
    """Coverage of every interval of some models at one design.

    Attributes
    ----------
    n : tuple of int
        Patients of each trial.
    sets, seed : int
        Data sets of each truth, and what they were drawn from.
    cells : tuple of Cell
        By model, estimand and truth.
    worst : tuple of Cell
        Of each model and estimand the truth with the lowest coverage, simulated again from other random
        numbers, as the lowest of several noisy numbers is too low.
    skipped : tuple of (role, reason)
        Models that cannot be simulated.
    digest : str or None
        Of the run whose models these are.
    """

    n: tuple[int, ...]
    outcome: Outcome = Outcome.RESPONSE
    sets: int
    seed: int
    cells: tuple[Cell, ...]
    worst: tuple[Cell, ...]
    skipped: tuple[tuple[str, str], ...] = ()
    digest: str | None = None

    def cells_of(self, role: str, estimand: Estimand) -> list[Cell]:
        """The cells of one estimand of one model, a truth each."""
        return [cell for cell in self.cells if (cell.role, cell.estimand) == (role, estimand)]

    def rows(self) -> list[dict[str, Any]]:
        """Return every cell, then the worst ones simulated again."""
        return [
            {"simulated": simulated, **flat(cell, CELL)}
            for simulated, cells in (("once", self.cells), ("again", self.worst))
            for cell in cells
        ]

    def shown(self) -> Shown:
        """Return the worst coverage of each estimand of each model, and the mean over truths."""
        truths = len({cell.truth for cell in self.cells})
        roles = dict.fromkeys(cell.role for cell in self.worst)
        levels = " and ".join(f"{100 * one:g} %" for one in dict.fromkeys(cell.level for cell in self.worst))
        return Shown(
            caption=f"Coverage of {levels} intervals: {len(self.n)} trials ({_sizes(self.n)}), "
            f"{self.sets:,} sets a truth",
            header=SHOWN,
            rows=tuple(row for role in roles for row in ((role, *[""] * 4), *self._shown(role))),
            notes=(
                f"Worst of {truths} truths, with its standard error; simulated again from other random "
                "numbers. A truth is how true rates are distributed over trials: form, centre, and standard "
                "deviation τ of their log odds. Width in percentage points.",
                "A set without an interval counts as not covered; in brackets, coverage where it is given.",
                *(f"{role} was not simulated: {reason}." for role, reason in self.skipped),
            ),
        )

    def _shown(self, role: str) -> Iterator[tuple[str, ...]]:
        for worst in (cell for cell in self.worst if cell.role == role):
            total = reduce(add, (cell.tally for cell in self.cells_of(role, worst.estimand)))
            truth = worst.truth
            given = f" ({100 * total.among_given:.1f})" if total.given < total.sets else ""
            yield (
                f"  {name_of(worst.estimand, self.outcome)}",
                f"{100 * worst.tally.coverage:.1f} ({100 * worst.tally.error:.1f})",
                f"{truth.mixing} {100 * truth.rate:.1f} %, τ {truth.tau:g}",
                f"{100 * total.coverage:.1f}{given}",
                f"{100 * total.mean_width:.1f}",
            )
