"""Sets of patients of one trial: which are inside others, do not overlap, or make them up together.

All rows of a trial are partial margins of one latent table, whose cells are the combinations of the levels of
every factor. A set of patients is a set of these cells, whether or not a patient is in each of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from itertools import product
from math import prod
from typing import TYPE_CHECKING

from meta.records.factors import FACTORS, values_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from meta.records.factors import FactorValue

_NO_NAME = ""  # the level of patients whom no row names, of a factor of which any name is a level


class Patients:
    """A set of patients: cells of a trial's latent table.

    Truth is whether there are any cells; ``|``, ``&`` and ``-`` are union, intersection and difference.

    Examples
    --------
    >>> one, two = Patients(0b011), Patients(0b110)
    >>> (one & two).inside(one), one.disjoint(two), one.disjoint(two - one)
    (True, False, True)
    """

    __slots__ = ("_cells",)

    def __init__(self, cells: int = 0) -> None:
        self._cells = cells  # a bit a cell

    def __bool__(self) -> bool:
        return bool(self._cells)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Patients) and self._cells == other._cells

    def __hash__(self) -> int:
        return hash(self._cells)

    def __repr__(self) -> str:
        return f"Patients({self._cells:#b})"

    def __or__(self, other: Patients) -> Patients:
        return Patients(self._cells | other._cells)

    def __and__(self, other: Patients) -> Patients:
        return Patients(self._cells & other._cells)

    def __sub__(self, other: Patients) -> Patients:
        return Patients(self._cells & ~other._cells)

    def inside(self, other: Patients) -> bool:
        """Whether all of these patients are among the others."""
        return not self._cells & ~other._cells

    def disjoint(self, other: Patients) -> bool:
        """Whether none of these patients is among the others."""
        return not self._cells & other._cells

    def first(self) -> Patients:
        """The first cell alone."""
        return Patients(self._cells & -self._cells)

    def cells(self) -> Iterator[Patients]:
        """Every cell by itself."""
        bits = (1 << bit for bit in range(self._cells.bit_length()))
        return (Patients(bit) for bit in bits if self._cells & bit)


NOBODY = Patients()


def union(sets: Iterable[Patients]) -> Patients:
    """Everybody who is in any of the sets."""
    whole = NOBODY
    for patients in sets:
        whole |= patients
    return whole


Levels = tuple[tuple[str, tuple[str, ...]], ...]


@lru_cache(maxsize=64)  # every variation asks for those of the same trials
def _by_level(levels: Levels) -> Mapping[tuple[str, str], Patients]:
    """The cells of each level of each factor; a cell is a combination of levels."""
    found: dict[tuple[str, str], int] = {}
    for bit, cell in enumerate(product(*(values for _, values in levels))):
        for (factor, _), value in zip(levels, cell, strict=True):
            found[factor, value] = found.get((factor, value), 0) | 1 << bit
    return {key: Patients(cells) for key, cells in found.items()}


class Universe:
    """The patients of one trial.

    Parameters
    ----------
    conditions : iterable of mappings
        The factors of every row, and of every population that will be asked for: a level finer than its
        factor's tree, or a cohort, exists only where one of them names it.
    """

    def __init__(self, conditions: Iterable[Mapping[str, FactorValue]]) -> None:
        named: dict[str, dict[str, None]] = {factor: {} for factor in FACTORS}
        for given in conditions:
            for factor, value in given.items():
                named[factor] |= dict.fromkeys(values_of(value))
        self._levels = {
            name: (*row.levels, *(level for level in named[name] if "/" in level))
            if row.levels
            else (*named[name], _NO_NAME)
            for name, row in FACTORS.items()
        }
        self._by_level = _by_level(tuple(self._levels.items()))
        self.everyone = Patients((1 << prod(map(len, self._levels.values()))) - 1)
        for name, row in FACTORS.items():
            for level, implied in row.implies.items():
                for other, value in implied.items():
                    self.everyone -= self._by_level[name, level] - self._by_level[other, value]

    def patients(self, given: Mapping[str, FactorValue]) -> Patients:
        """The patients described by `given`."""
        found = self.everyone
        for factor, value in given.items():
            named = union(self._named(factor, name) for name in values_of(value))
            found = found - named if isinstance(value, Mapping) else found & named
        return found

    def common(self, conditions: Iterable[Mapping[str, FactorValue]]) -> Patients:
        """The patients whom all of the conditions describe."""
        found = self.everyone
        for given in conditions:
            found &= self.patients(given)
        return found

    def _named(self, factor: str, name: str) -> Patients:
        row = FACTORS[factor]
        levels = row.below(name, self._levels[factor]) if row.tree else {name}
        return union(self._by_level.get((factor, level), NOBODY) for level in levels)
