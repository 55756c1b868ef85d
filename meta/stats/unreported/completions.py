"""All whole-number completions of a table with partly unreported margins.

The cells of the table hold patients and, among them, responders. Rows that were printed are sums over cells;
what is wanted are other sums, the targets. A completion is a value of all targets for which some table of
whole numbers agrees with every row: the identification region of the targets [1]_, of integers. Whether such
a table exists is asked of a mixed-integer solver, as no shortcut is exact once rows overlap.

References
----------
.. [1] Manski (1990), Am Econ Rev 80(2):319-323: bounds from what is known, without an assumption about what
   is not; Manski (2003), Partial Identification of Probability Distributions, Springer
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from meta.errors import ConvergenceError, DataError
from meta.stats.normal.scales import BoolArray, FloatArray

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, NDArray


MOST = 10_000  # completions of one table; a trial's own are a few dozen
_INFEASIBLE = 2  # milp's status
_WHOLE = 1e-6  # a number this close to a whole one is it: ten times the solver's tolerance of a row
_FEW = 200  # candidates that are tried one by one; more are searched step by step
_PARTS = 200_000  # partial candidates held at once


def completions(
    rows: ArrayLike, n: ArrayLike, responders: ArrayLike, targets: ArrayLike, *, most: int = MOST
) -> NDArray[np.int64]:
    """List what the targets can be, given the rows.

    Parameters
    ----------
    rows : array_like of bool, shape (R, A)
        The cells of each printed row.
    n, responders : array_like, shape (R, 2)
        Least and most patients and responders of each row: equal where printed, 0 and infinity where not.
    targets : array_like of bool, shape (T, A)
        The cells of each target.
    most : int
        Completions at most.

    Returns
    -------
    ndarray of int, shape (C, T, 2)
        Patients and responders of each target, in lexicographic order of all patients, then all responders;
        C = 0 where no table agrees with the rows.

    Raises
    ------
    DataError
        If nothing bounds a target, or there are more than `most`.
    ConvergenceError
        If the solver gives up.

    Examples
    --------
    >>> rows = [[1, 1], [1, 0]]  # 29 patients with 2 responders, of whom 10 are to be left out
    >>> completions(rows, [[29, 29], [10, 10]], [[2, 2], [0, np.inf]], [[0, 1]])[:, 0].tolist()
    [[19, 0], [19, 1], [19, 2]]
    """
    arrays = [np.asarray(array, dtype=float) for array in (rows, n, responders, targets)]
    return _completions(*(_Given(array.shape, array.tobytes()) for array in arrays), most).copy()


class _Given(NamedTuple):
    """An array as a hashable key of the cache."""

    shape: tuple[int, ...]
    values: bytes

    def array(self) -> FloatArray:
        return np.frombuffer(self.values).reshape(self.shape)


@lru_cache(maxsize=256)  # the variations of an analysis ask for the same trials' again
def _completions(
    rows: _Given, n: _Given, responders: _Given, targets: _Given, most: int
) -> NDArray[np.int64]:
    table = _Table.of(*(given.array() for given in (rows, n, responders, targets)))
    listed: list[tuple[int, ...]] = []
    for values in table.values():
        if len(listed) == most:
            raise DataError(f"completions: found more than {most}; a table that says more is needed")
        listed.append(values)
    flat = np.array(listed, dtype=np.int64).reshape(len(listed), 2, len(table.targets))
    return np.moveaxis(flat, 1, 2)


def patients(
    rows: ArrayLike, n: ArrayLike, responders: ArrayLike, target: ArrayLike
) -> tuple[int, int] | None:
    """Give the least and the most patients that one target can have.

    Parameters
    ----------
    rows, n, responders
        As of :func:`completions`.
    target : array_like of bool, shape (A,)

    Returns
    -------
    tuple of int, or None
        None where no table agrees with the rows.

    Raises
    ------
    DataError
        If nothing bounds the target.
    ConvergenceError
        If the solver gives up.
    """
    one = np.asarray([target], dtype=float)
    table = _Table.of(np.asarray(rows, dtype=float), np.asarray(n), np.asarray(responders), one)
    least, greatest = table.least((), 1.0), table.least((), -1.0)
    return None if least is None or greatest is None else (least, -greatest)


@dataclass(frozen=True, slots=True)
class _Table:
    """The table as linear constraints low <= matrix @ (n, x) <= high; the first 2 R are the rows, n then x.

    The last 2 T are the targets. `rows` and `targets` are their cells, shapes (R, A) and (T, A).
    """

    matrix: FloatArray
    low: FloatArray
    high: FloatArray
    rows: FloatArray
    targets: FloatArray

    @classmethod
    def of(cls, rows: FloatArray, n: FloatArray, x: FloatArray, targets: FloatArray) -> _Table:
        cells = rows.shape[-1]
        both = np.eye(2)
        inside = np.hstack([np.eye(cells), -np.eye(cells)])  # responders are patients
        matrix = np.vstack([np.kron(both, rows), inside, np.kron(both, targets)])
        n, x = n.reshape(-1, 2), x.reshape(-1, 2)
        free = np.zeros(cells + 2 * len(targets))
        low = np.concatenate([n[:, 0], x[:, 0], free])
        high = np.concatenate([n[:, 1], x[:, 1], np.full(len(free), np.inf)])
        return cls(matrix, low, high, rows, targets)

    @property
    def many(self) -> int:
        """Number of targets."""
        return len(self.targets)

    def values(self) -> Iterator[tuple[int, ...]]:
        """All completions: candidates that no single row rules out, tried against all rows together."""
        candidates, total_decides = self._candidates(), self._total_decides()
        if candidates is None or (len(candidates) > _FEW and not total_decides):
            yield from self._following(())
            return
        possible: dict[int, bool] = {}
        for values in map(tuple, candidates.tolist()):
            total = sum(values[: self.many]) if total_decides else len(possible)
            if total not in possible:
                possible[total] = self.least(values, 0.0) is not None
            if possible[total]:
                yield values

    def _total_decides(self) -> bool:
        """Whether a candidate is possible whenever its total number of patients is.

        That holds if every cell is in one target, and every row is either a union of targets or gives only
        patients, by another factor of which each level may occur in each target: patients by the one and by
        the other can be arranged whenever their totals agree, and responders placed anywhere among them.
        """
        if (self.targets.sum(0) != 1).any():
            return False
        union = np.array(
            [(self.targets[(self.targets * row).any(1)].sum(0) == row).all() for row in self.rows]
        )
        other = np.flatnonzero(~union)
        x = len(self.rows) + other
        if (self.low[x] > 0).any() or np.isfinite(self.high[x]).any():
            return False
        kinds = {tuple(kind) for kind in self.rows[other].T.tolist()}
        both = {tuple(kind) for kind in np.vstack([self.targets, self.rows[other]]).T.tolist()}
        return len(both) == self.many * len(kinds)

    def _candidates(self) -> NDArray[np.int64] | None:
        """Candidates: all values of the targets that no single row rules out; None if too many to list.

        To try a few candidates takes the solver less time than to search for the least and greatest value of
        every target given all values of those before it.
        """
        if (self.targets.sum(0) > 1).any():  # sums over targets mean nothing where they overlap
            return None
        partial = np.zeros((1, 0), dtype=np.int64)
        for place in range(2 * self.many):
            ends = self._ends(place)
            if ends is None:
                return np.zeros((0, 2 * self.many), dtype=np.int64)
            step = np.arange(ends[0], ends[1] + 1)
            partial = np.hstack([np.repeat(partial, len(step), axis=0), np.tile(step, len(partial))[:, None]])
            partial = partial[self._allowed(partial)]
            if len(partial) > _PARTS:
                return None
        return partial

    def _ends(self, place: int) -> tuple[int, int] | None:
        """Least and greatest value of a target by single rows, else by all rows; None if no table agrees."""
        block, which = divmod(place, self.many)
        own = slice(block * len(self.rows), (block + 1) * len(self.rows))
        inside = (self.rows <= self.targets[which]).all(1)
        around = (self.rows >= self.targets[which]).all(1)
        low = self.low[own][inside].max(initial=0.0)
        high = self.high[own][around].min(initial=np.inf)
        if np.isfinite(high):
            return int(low), int(high)
        least, greatest = self.least((), 1.0, place), self.least((), -1.0, place)
        return None if least is None or greatest is None else (least, -greatest)

    def _allowed(self, partial: NDArray[np.int64]) -> BoolArray:
        """Which candidates, given by their first values, no single row rules out."""
        n, x = partial[:, : self.many], partial[:, self.many :]
        allowed = (x <= n[:, : x.shape[1]]).all(1)
        for block, values in enumerate((n, x)):
            known = self.targets[: values.shape[1]]
            for i, row in enumerate(self.rows):
                place = block * len(self.rows) + i
                inside = (known <= row).all(1)
                touching = (self.targets * row).any(1)
                allowed &= values[:, inside].sum(1) <= self.high[place]
                if (self.targets[touching].sum(0) >= row).all() and not touching[len(known) :].any():
                    allowed &= values[:, touching[: len(known)]].sum(1) >= self.low[place]
        return np.asarray(allowed)

    def _following(self, fixed: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        """All completions that begin with these values of the first targets."""
        least = self.least(fixed, 1.0)
        if least is None:
            return
        greatest = self.least(fixed, -1.0)
        assert greatest is not None  # there is a table, as there is a least value
        last = len(fixed) + 1 == 2 * self.many
        for value in range(least, -greatest + 1):
            if not last:
                yield from self._following((*fixed, value))
            elif value in (least, -greatest) or self.least((*fixed, value), 0.0) is not None:
                yield (*fixed, value)

    def least(self, fixed: tuple[int, ...], sign: float, place: int | None = None) -> int | None:
        """Least value of the next target, or of that at `place`, times `sign`; None if no table agrees."""
        low, high = self.low.copy(), self.high.copy()
        start = len(low) - 2 * self.many
        first = start + np.arange(len(fixed))
        low[first] = high[first] = fixed
        following = min(start + (len(fixed) if place is None else place), len(low) - 1)
        goal = sign * self.matrix[following]
        # Without whole numbers it takes a quarter of the time, and usually settles the question
        done = self._solved(goal, low, high, whole=False)
        if done.status != _INFEASIBLE and (
            done.x is None or np.abs(done.x - np.round(done.x)).max() > _WHOLE
        ):
            done = self._solved(goal, low, high, whole=True)
        if done.status == _INFEASIBLE:
            return None
        if done.x is None:
            raise DataError(f"completions: found no bound of a target, or no answer ({done.message})")
        whole = np.round(done.x)
        sums = self.matrix @ whole
        if (sums < low).any() or (sums > high).any():
            raise ConvergenceError("completions: the solver's table does not agree with the rows")
        return round(float(goal @ whole))

    def _solved(self, goal: FloatArray, low: FloatArray, high: FloatArray, *, whole: bool) -> Any:
        """The solver's answer to the least `goal` between `low` and `high`."""
        return milp(
            goal,
            constraints=LinearConstraint(self.matrix, low, high),
            integrality=np.full(self.matrix.shape[1], int(whole)),
            bounds=Bounds(0, np.inf),
            options={"presolve": False},  # HiGHS 1.12 returns wrong optima with it (as in its issue 3073)
        )
