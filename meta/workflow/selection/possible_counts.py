"""Possible counts of the remaining patients, where it is unknown whether some of them are excluded."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from meta.records.patients import Patients
    from meta.workflow.selection.included import Declared
    from meta.workflow.selection.margins import Margins


def possible_counts(
    margins: Margins, targets: Sequence[Patients], doubtful: Patients, declared: Sequence[Declared]
) -> NDArray[np.int64]:
    """List the possible counts of each target after any of the doubtful patients are excluded.

    Parameters
    ----------
    doubtful : Patients
        Any number of them, with any number of their responders, may be excluded.
    declared : sequence of (Patients, (int, int))

    Returns
    -------
    ndarray of int, shape (C, T, 2)
        Responders and n.

    Raises
    ------
    DataError
        As :meth:`Margins.completions`.
    """
    apart = [bool(margins.occupied(target & doubtful)) for target in targets]
    sets = [
        part
        for target, some in zip(targets, apart, strict=True)
        for part in ((target - doubtful, target & doubtful) if some else (target,))
    ]
    found = margins.completions(sets, declared)
    if not any(apart) or not len(found):
        return found
    every = {choice for row in found.tolist() for choice in product(*_choices(row, apart))}
    by_size = sorted(every, key=lambda choice: [(n, x) for x, n in choice])
    return np.array(by_size, dtype=np.int64)


def _choices(row: list[list[int]], apart: Sequence[bool]) -> Iterator[list[tuple[int, int]]]:
    """Yield, for each target, the possible (responders, n) after excluding some of its doubtful patients."""
    parts = iter(row)
    for some in apart:
        x, n = next(parts)
        responders, most = next(parts) if some else (0, 0)
        yield [
            (x + among, n + more)
            for more in range(most + 1)
            for among in range(max(0, responders - (most - more)), min(more, responders) + 1)
        ]
