"""Every whole-number completion of a table of which only some margins are known.

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
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from meta.errors import ConvergenceError, DataError
from meta.stats.scales import FloatArray

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, NDArray


MOST = 10_000  # completions of one table; a trial's own are a few dozen
_INFEASIBLE = 2  # milp's status


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
    wanted = np.asarray(targets, dtype=float)
    table = _Table.of(np.asarray(rows, dtype=float), np.asarray(n), np.asarray(responders), wanted)
    found: list[tuple[int, ...]] = []
    for values in table.values(()):
        if len(found) == most:
            raise DataError(f"completions: found more than {most}; a table that says more is needed")
        found.append(values)
    many = len(wanted)
    flat = np.array(found, dtype=np.int64).reshape(len(found), 2, many)
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
    """The table as linear constraints low <= matrix @ (n, x) <= high; the last 2 T are the targets."""

    matrix: FloatArray
    low: FloatArray
    high: FloatArray
    many: int

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
        return cls(matrix, low, high, len(targets))

    def values(self, fixed: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        """All ways to go on from the first values of the targets."""
        least = self.least(fixed, 1.0)
        if least is None:
            return
        greatest = self.least(fixed, -1.0)
        assert greatest is not None  # there is a table, as there is a least value
        last = len(fixed) + 1 == 2 * self.many
        for value in range(least, -greatest + 1):
            if not last:
                yield from self.values((*fixed, value))
            elif value in (least, -greatest) or self.least((*fixed, value), 0.0) is not None:
                yield (*fixed, value)

    def least(self, fixed: tuple[int, ...], sign: float) -> int | None:
        """The least of the next target times `sign`, over all tables; None where there is none."""
        low, high = self.low.copy(), self.high.copy()
        start = len(low) - 2 * self.many
        place = start + np.arange(len(fixed))
        low[place] = high[place] = fixed
        following = min(start + len(fixed), len(low) - 1)
        goal = sign * self.matrix[following]
        every = np.ones(self.matrix.shape[1], dtype=np.int64)
        done = milp(
            goal,
            constraints=LinearConstraint(self.matrix, low, high),
            integrality=every,
            bounds=Bounds(0, np.inf),
        )
        if done.status == _INFEASIBLE:
            return None
        if done.x is None:
            raise DataError(f"completions: found no bound of a target, or no answer ({done.message})")
        whole = np.round(done.x)
        sums = self.matrix @ whole
        if (sums < low).any() or (sums > high).any():
            raise ConvergenceError("completions: the solver's table does not agree with the rows")
        return round(float(goal @ whole))
