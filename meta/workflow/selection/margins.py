"""Counts and numbers of patients in any set of patients, from the rows of one table.

Rows are partial margins of one latent table (:class:`meta.records.patients.Universe`). A count is
taken from the row for exactly the patients asked for, else as the sum of rows that do not overlap
and together make them up, else as a row's count less such a sum. What cannot be obtained in this
way is not reported; it is never 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from meta.errors import DataError
from meta.records.patients import NOBODY, Patients, union
from meta.stats.unreported.completions import completions
from meta.stats.unreported.completions import patients as number_of_patients

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from meta.records.patients import Universe
    from meta.records.trial import Row

    Pair = tuple[float, float]

MOST_STEPS = 20_000  # of a search for parts that fill a row; records need a few dozen
MOST_PARTS = 8  # rows added up or subtracted for one count; more were never printed


@dataclass(frozen=True, slots=True)
class Margin:
    """One row: its place in the table, its patients, and its counts."""

    index: int
    patients: Patients
    responders: int | None
    n: int | None


@dataclass(frozen=True, slots=True)
class Found:
    """A count and the rows it was made from; `minus` were subtracted from `plus`."""

    responders: int
    n: int
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
    """The rows of one table, asked about sets of patients; see :func:`margins_of`.

    Parameters
    ----------
    everyone : Patients
        All patients there can be.
    margins : sequence of Margin
        The usable rows.
    """

    def __init__(self, everyone: Patients, margins: Sequence[Margin]) -> None:
        self._everyone = everyone
        self._margins = margins
        self._counts: dict[Patients, Found | None] = {}
        self._sizes: dict[Patients, Sized | None] = {}
        self._empty = self._without_patients()

    def occupied(self, patients: Patients) -> Patients:
        """`patients` without those of whom the table leaves none, as in a row of n = 0."""
        return patients - self._empty

    def counts(self, patients: Patients) -> Found | None:
        """Responders and n of `patients`, or None where they are not reported."""
        if patients not in self._counts:
            self._counts[patients] = self._find_counts(patients)
        return self._counts[patients]

    def size(self, patients: Patients) -> Sized | None:
        """How many `patients` there are, whether or not their responders are reported; None where unknown."""
        if patients not in self._sizes:
            self._sizes[patients] = self._find_size(patients)
        return self._sizes[patients]

    def completions(
        self, targets: Sequence[Patients], ranges: Sequence[tuple[Patients, tuple[int, int]]] = ()
    ) -> NDArray[np.int64]:
        """Everything that responders and n of some sets of patients can be, given all rows.

        Parameters
        ----------
        ranges : sequence of (Patients, (int, int))
            The least and the most patients in a set, besides what the rows say.

        Returns
        -------
        ndarray of int, shape (C, T, 2)
            Responders and n of each target; C = 0 where the rows contradict each other.

        Raises
        ------
        DataError
            If no row bounds a target, or there are too many completions.
        """
        return np.ascontiguousarray(completions(*self._system(targets, ranges))[..., ::-1])

    def sized(self, patients: Patients) -> bool:
        """Whether the rows together leave one number of `patients`, by whatever arithmetic."""
        if self.size(patients) is not None:
            return True
        try:
            rows, n, x, target = self._system([patients], ())
            between = number_of_patients(rows, n, x, target[0])
        except DataError:  # nothing bounds it
            return False
        return between is not None and between[0] == between[1]

    def _find_counts(self, patients: Patients) -> Found | None:
        if not self.occupied(patients):
            return Found(0, 0, ())
        known = [m for m in self._margins if m.n is not None and m.responders is not None]
        parts = self._plus_minus(patients, known)
        if parts is None:
            return None
        plus, minus = parts
        n = sum(m.n or 0 for m in plus) - sum(m.n or 0 for m in minus)
        responders = sum(m.responders or 0 for m in plus) - sum(m.responders or 0 for m in minus)
        if not 0 <= responders <= n:  # printed numbers that contradict each other are no basis
            return None
        return Found(responders, n, tuple(m.index for m in plus), tuple(m.index for m in minus))

    def _find_size(self, patients: Patients) -> Sized | None:
        if not self.occupied(patients):
            return Sized(0, ())
        parts = self._plus_minus(patients, [m for m in self._margins if m.n is not None])
        if parts is None:
            return None
        n = sum(m.n or 0 for m in parts[0]) - sum(m.n or 0 for m in parts[1])
        return Sized(n, tuple(m.index for part in parts for m in part)) if n >= 0 else None

    def _system(
        self, targets: Sequence[Patients], ranges: Sequence[tuple[Patients, tuple[int, int]]]
    ) -> tuple[NDArray[np.bool_], list[Pair], list[Pair], NDArray[np.bool_]]:
        """Rows, patients, responders and targets as :mod:`meta.stats.unreported.completions` takes them."""
        margins = [m for m in self._margins if m.n is not None or m.responders is not None]
        unknown: Pair = (0.0, np.inf)
        n: list[Pair] = [unknown if m.n is None else (m.n, m.n) for m in margins]
        n += [between for _, between in ranges]
        x: list[Pair] = [unknown if m.responders is None else (m.responders, m.responders) for m in margins]
        sets = [m.patients for m in margins] + [patients for patients, _ in ranges]
        kinds = self._kinds([*sets, *targets])
        rows, wanted = kinds[: len(sets)], kinds[len(sets) :]
        return rows, n, x + [unknown] * len(ranges), wanted

    def _kinds(self, sets: Sequence[Patients]) -> NDArray[np.bool_]:
        """Which sets hold which kinds of patients, shape (sets, kinds); one kind is in the same sets."""
        found = dict.fromkeys(tuple(cell.inside(one) for one in sets) for cell in self._everyone.cells())
        return np.array([kind for kind in found if any(kind)], dtype=bool).T

    def _plus_minus(
        self, patients: Patients, margins: Sequence[Margin]
    ) -> tuple[tuple[Margin, ...], tuple[Margin, ...]] | None:
        target = self.occupied(patients)
        direct = self._cover(target, margins)
        if direct is not None:
            return direct, ()
        for larger in margins:
            whole = self.occupied(larger.patients)
            if target.inside(whole):
                others = self._cover(whole - target, margins)
                if others is not None:
                    return (larger,), others
        return None

    def _cover(self, target: Patients, margins: Sequence[Margin]) -> tuple[Margin, ...] | None:
        """The fewest rows that do not overlap and together are exactly `target`."""
        here = ((margin, self.occupied(margin.patients)) for margin in margins)
        inside = [(margin, patients) for margin, patients in here if patients and patients.inside(target)]
        return next(
            (found for most in range(1, MOST_PARTS + 1) if (found := _search(target, inside, most))), None
        )

    def _without_patients(self) -> Patients:
        """Cells that must be empty: rows of n = 0, and what is left when parts add up to their whole."""
        sized = [m for m in self._margins if m.n is not None]
        empty = union(m.patients for m in sized if m.n == 0)
        for whole in sized:
            parts = [m for m in sized if m.n and m.patients != whole.patients]
            parts = [m for m in parts if m.patients.inside(whole.patients)]
            for filled in _fillings(whole.n or 0, parts, NOBODY, [MOST_STEPS]):
                left = whole.patients - filled
                if not any(
                    m.n and m.patients.inside(left) for m in sized
                ):  # else the source contradicts itself
                    empty |= left
        return empty


def margins_of(universe: Universe, rows: Iterable[tuple[int, Row]]) -> Margins:
    """The margins of a table's usable rows, given with their places; those of the same rows are made once."""
    return _margins(
        universe.everyone,
        tuple(Margin(i, universe.patients(row.given()), row.count, row.n) for i, row in rows),
    )


@lru_cache(maxsize=256)  # every variation asks the same tables
def _margins(everyone: Patients, margins: tuple[Margin, ...]) -> Margins:
    return Margins(everyone, margins)


def _search(
    target: Patients, margins: Sequence[tuple[Margin, Patients]], most: int
) -> tuple[Margin, ...] | None:
    """At most so many rows that do not overlap and together are exactly `target`."""
    first = target.first()  # some row must hold the first cell that is still open
    for margin, patients in margins:
        if first.disjoint(patients) or not patients.inside(target):
            continue
        if patients == target:
            return (margin,)
        if most > 1:
            rest = _search(target - patients, margins, most - 1)
            if rest:
                return (margin, *rest)
    return None


def _fillings(n: int, parts: Sequence[Margin], taken: Patients, steps: list[int]) -> Iterator[Patients]:
    """The patients of every choice of parts that do not overlap and have `n` patients together.

    The search ends with its `steps`: what it has not found then is not taken for empty.
    """
    steps[0] -= 1
    if steps[0] < 0:
        return
    if n == 0:
        yield taken
        return
    left = [part for part in parts if part.n and part.n <= n and part.patients.disjoint(taken)]
    most = sum(part.n or 0 for part in left)
    for i, part in enumerate(left):
        if most < n:  # not even all that is left would do
            return
        yield from _fillings(n - (part.n or 0), left[i + 1 :], taken | part.patients, steps)
        most -= part.n or 0
