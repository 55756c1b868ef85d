"""Possible counts of the patients who are not excluded, where it is unknown whether some of them are."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from meta.workflow.selection.margins import Margins


def stays(
    margins: Margins, targets: Sequence[int], doubtful: int, declared: Sequence[tuple[int, tuple[int, int]]]
) -> NDArray[np.int64]:
    """List the possible numbers of patients and responders after any of the doubtful patients are excluded.

    Parameters
    ----------
    margins : Margins
    targets : sequence of int
        Sets of cells.
    doubtful : int
        Cells in which any number of patients, with any number of their responders, may be excluded.
    declared : sequence of (int, (int, int))

    Returns
    -------
    ndarray of int, shape (C, T, 2)

    Raises
    ------
    DataError
        As :meth:`Margins.completions`.
    """
    apart = [bool(margins.occupied(cells & doubtful)) for cells in targets]
    sets = [
        part
        for cells, some in zip(targets, apart, strict=True)
        for part in ((cells & ~doubtful, cells & doubtful) if some else (cells,))
    ]
    found = margins.completions(sets, declared)
    if not any(apart) or not len(found):
        return found
    every = {choice for row in found.tolist() for choice in product(*_choices(row, apart))}
    return np.array(sorted(every), dtype=np.int64)


def _choices(row: list[list[int]], apart: Sequence[bool]) -> Iterator[list[tuple[int, int]]]:
    """Yield, for each target, the possible (n, responders) after excluding some of its doubtful patients."""
    parts = iter(row)
    for some in apart:
        n, x = next(parts)
        most, responders = next(parts) if some else (0, 0)
        yield [
            (n + more, x + among)
            for more in range(most + 1)
            for among in range(max(0, responders - (most - more)), min(more, responders) + 1)
        ]
