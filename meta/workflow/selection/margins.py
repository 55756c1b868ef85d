"""Counts and numbers of patients in any set of patients, from the rows of one table.

Rows are partial margins of one latent table (:class:`meta.records.factors.Universe`). A count is
taken from the row for exactly the patients asked for, else as the sum of rows that do not overlap
and together make them up, else as a row's count less such a sum. What cannot be obtained in this
way is not reported; it is never 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from meta.errors import DataError
from meta.stats.unreported.completions import completions, patients

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from meta.records.factors import Universe
    from meta.records.trial import Row

    Pair = tuple[float, float]

MOST_STEPS = 20_000  # of a search for parts that fill a row; records need a few dozen
MOST_PARTS = 8  # rows added up or subtracted for one count; more were never printed


@dataclass(frozen=True, slots=True)
class Margin:
    """One row: its place in the table, its patients as cells, and its counts."""

    index: int
    cells: int
    n: int | None
    responders: int | None


@dataclass(frozen=True, slots=True)
class Found:
    """A count and the rows it was made from; `minus` were subtracted from `plus`."""

    n: int
    responders: int
    plus: tuple[int, ...]
    minus: tuple[int, ...] = ()

    def how(self, *, printed: bool) -> str:
        """Say in words, for the ledger, which rows the count is from, and whether they are `printed`."""
        if self.minus:
            return "a larger row less the rows of the other patients"
        if len(self.plus) > 1:
            return "sum of rows that do not overlap"
        return f"{'printed' if printed else 'a row'} for exactly these patients"


@dataclass(frozen=True, slots=True)
class Sized:
    """A number of patients and the rows it was made from."""

    n: int
    rows: tuple[int, ...]


class Margins:
    """The rows of one table, asked about sets of patients.

    Parameters
    ----------
    universe : Universe
    rows : iterable of (index, Row)
        The usable rows with their place in the table.
    """

    def __init__(self, universe: Universe, rows: Iterable[tuple[int, Row]]) -> None:
        self._everyone = universe.everyone
        self._margins = [Margin(i, universe.mask(row.given()), row.n, row.count) for i, row in rows]
        self._empty = 0
        self._empty = self._without_patients()

    def occupied(self, cells: int) -> int:
        """`cells` without those in which the table leaves no patient."""
        return cells & ~self._empty

    def counts(self, cells: int) -> Found | None:
        """Patients and responders in `cells`, or None where they are not reported."""
        if not self.occupied(cells):
            return Found(0, 0, ())
        known = [m for m in self._margins if m.n is not None and m.responders is not None]
        parts = self._plus_minus(cells, known)
        if parts is None:
            return None
        plus, minus = parts
        n = sum(m.n or 0 for m in plus) - sum(m.n or 0 for m in minus)
        responders = sum(m.responders or 0 for m in plus) - sum(m.responders or 0 for m in minus)
        if not 0 <= responders <= n:  # printed numbers that contradict each other are no basis
            return None
        return Found(n, responders, tuple(m.index for m in plus), tuple(m.index for m in minus))

    def size(self, cells: int) -> Sized | None:
        """Patients in `cells`, whether or not their responders are reported; None where unknown."""
        if not self.occupied(cells):
            return Sized(0, ())
        parts = self._plus_minus(cells, [m for m in self._margins if m.n is not None])
        if parts is None:
            return None
        n = sum(m.n or 0 for m in parts[0]) - sum(m.n or 0 for m in parts[1])
        return Sized(n, tuple(m.index for part in parts for m in part)) if n >= 0 else None

    def completions(
        self, targets: Sequence[int], ranges: Sequence[tuple[int, tuple[int, int]]] = ()
    ) -> NDArray[np.int64]:
        """Everything that patients and responders in some sets of cells can be, given all rows.

        Parameters
        ----------
        targets : sequence of int
            Sets of cells.
        ranges : sequence of (int, (int, int))
            Sets of cells with the least and the most patients in them, besides what the rows say.

        Returns
        -------
        ndarray of int, shape (C, T, 2)
            Patients and responders of each target; C = 0 where the rows contradict each other.

        Raises
        ------
        DataError
            If no row bounds a target, or there are too many completions.
        """
        return completions(*self._system(targets, ranges))

    def sized(self, cells: int) -> bool:
        """Whether the rows together leave one number of patients in `cells`, by whatever arithmetic."""
        if self.size(cells) is not None:
            return True
        try:
            rows, n, x, target = self._system([cells], ())
            between = patients(rows, n, x, target[0])
        except DataError:  # nothing bounds it
            return False
        return between is not None and between[0] == between[1]

    def _system(
        self, targets: Sequence[int], ranges: Sequence[tuple[int, tuple[int, int]]]
    ) -> tuple[NDArray[np.bool_], list[Pair], list[Pair], NDArray[np.bool_]]:
        """Rows, patients, responders and targets as :mod:`meta.stats.unreported.completions` takes them."""
        margins = [m for m in self._margins if m.n is not None or m.responders is not None]
        unknown: Pair = (0.0, np.inf)
        n: list[Pair] = [unknown if m.n is None else (m.n, m.n) for m in margins]
        n += [between for _, between in ranges]
        x: list[Pair] = [unknown if m.responders is None else (m.responders, m.responders) for m in margins]
        masks = [m.cells for m in margins] + [cells for cells, _ in ranges]
        kinds = self._kinds([*masks, *targets])
        rows, wanted = kinds[: len(masks)], kinds[len(masks) :]
        return rows, n, x + [unknown] * len(ranges), wanted

    def _kinds(self, masks: Sequence[int]) -> NDArray[np.bool_]:
        """Which masks hold which kinds of cells, shape (masks, kinds); a kind is in the same masks."""
        bits = (bit for bit in range(self._everyone.bit_length()) if self._everyone >> bit & 1)
        found = dict.fromkeys(tuple(mask >> bit & 1 for mask in masks) for bit in bits)
        return np.array([kind for kind in found if any(kind)], dtype=bool).T

    def _plus_minus(
        self, cells: int, margins: Sequence[Margin]
    ) -> tuple[tuple[Margin, ...], tuple[Margin, ...]] | None:
        direct = self._cover(self.occupied(cells), margins)
        if direct is not None:
            return direct, ()
        target = self.occupied(cells)
        for larger in margins:
            whole = self.occupied(larger.cells)
            if target & ~whole == 0:
                others = self._cover(whole & ~target, margins)
                if others is not None:
                    return (larger,), others
        return None

    def _cover(self, target: int, margins: Sequence[Margin]) -> tuple[Margin, ...] | None:
        """The fewest rows that do not overlap and together are exactly `target`."""
        inside = [m for m in margins if self.occupied(m.cells) and self.occupied(m.cells) & ~target == 0]
        return next(
            (found for most in range(1, MOST_PARTS + 1) if (found := self._search(target, inside, most))),
            None,
        )

    def _search(self, target: int, margins: Sequence[Margin], most: int) -> tuple[Margin, ...] | None:
        first = target & -target  # some row must hold the first cell that is still open
        for margin in margins:
            cells = self.occupied(margin.cells)
            if not cells & first or cells & ~target:
                continue
            if cells == target:
                return (margin,)
            if most > 1:
                rest = self._search(target & ~cells, margins, most - 1)
                if rest:
                    return (margin, *rest)
        return None

    def _without_patients(self) -> int:
        """Cells that must be empty: rows of n = 0, and what is left when parts add up to their whole."""
        sized = [m for m in self._margins if m.n is not None]
        empty = 0
        for m in sized:
            if m.n == 0:
                empty |= m.cells
        for whole in sized:
            parts = [m for m in sized if m.n and m.cells & ~whole.cells == 0 and m.cells != whole.cells]
            for filled in _fillings(whole.n or 0, parts, 0, [MOST_STEPS]):
                left = whole.cells & ~filled
                if not any(m.n and m.cells & ~left == 0 for m in sized):  # else the source contradicts itself
                    empty |= left
        return empty


def _fillings(n: int, parts: Sequence[Margin], taken: int, steps: list[int]) -> Iterator[int]:
    """The cells of every choice of parts that do not overlap and hold `n` patients together.

    The search ends with its `steps`: what it has not found then is not taken for empty.
    """
    steps[0] -= 1
    if steps[0] < 0:
        return
    if n == 0:
        yield taken
        return
    left = [part for part in parts if part.n and part.n <= n and not part.cells & taken]
    most = sum(part.n or 0 for part in left)
    for i, part in enumerate(left):
        if most < n:  # not even all that is left would do
            return
        yield from _fillings(n - (part.n or 0), left[i + 1 :], taken | part.cells, steps)
        most -= part.n or 0
