"""The whole numbers in which a sum over groups may split."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from meta.data.counts import IntArray


def splits(n: ArrayLike, x: int) -> IntArray:
    """Every way in which x responders may fall on groups of these sizes.

    Parameters
    ----------
    n : array_like of int, shape (S,)
        Patients of each group.
    x : int
        Responders of all groups together.

    Returns
    -------
    ndarray of int, shape (K, S)
        In lexicographic order; :func:`count_splits` says beforehand how many.

    Examples
    --------
    >>> splits([3, 2], 2).tolist()
    [[0, 2], [1, 1], [2, 0]]
    """
    sizes = np.asarray(n, dtype=np.int64)
    found = np.zeros((1, 0), dtype=np.int64)
    left = np.array([x], dtype=np.int64)
    for s, most in enumerate(sizes.tolist()):
        room = int(sizes[s + 1 :].sum())
        options = np.arange(most + 1)
        row, column = np.nonzero((options <= left[:, None]) & (left[:, None] - options <= room))
        found = np.column_stack([found[row], options[column]])
        left = left[row] - options[column]
    return found


def count_splits(n: ArrayLike, x: int) -> int:
    """Number of ways in which x responders may fall on groups of these sizes.

    Parameters
    ----------
    n, x
        As of :func:`splits`.

    Returns
    -------
    int
        Exact, however large.

    Examples
    --------
    >>> count_splits([3, 2], 2), count_splits([40] * 8, 60) > 10**8
    (3, True)
    """
    ways = [1] + [0] * x
    for most in np.asarray(n, dtype=np.int64).tolist():
        ways = [sum(ways[max(t - most, 0) : t + 1]) for t in range(x + 1)]
    return ways[x] if x >= 0 else 0
