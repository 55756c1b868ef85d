"""Which trials have patients at which levels of which factors: what an aliasing map shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from meta.errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasCell:
    """Patients of one trial at one level; None where their number or that of responders was not reported."""

    n: int | None
    responders: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasFactor:
    """A property of patients or trials, e.g. primary site or region, and its levels in order."""

    name: str
    levels: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasTrial:
    """A trial's patients by level of each factor.

    Attributes
    ----------
    label : str
    n : int
    responders : int or None
    cells : mapping of str to mapping of str to AliasCell
        By factor and level. A factor that is missing was not reported; a level that is missing from a
        factor has no patients.
    """

    label: str
    n: int
    responders: int | None
    cells: Mapping[str, Mapping[str, AliasCell]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasMap:
    """What may be confounded with what.

    Raises
    ------
    DataError
        If a trial has cells of a factor or level that is not listed, or more responders than patients.
    """

    factors: tuple[AliasFactor, ...]
    trials: tuple[AliasTrial, ...]

    def __post_init__(self) -> None:
        known = {factor.name: set(factor.levels) for factor in self.factors}
        for trial in self.trials:
            for factor, cells in trial.cells.items():
                if strange := set(cells) - known.get(factor, set()):
                    found = ", ".join(map(repr, sorted(strange)))
                    raise DataError(f"{trial.label}: found {factor} {found}; only listed levels are allowed")
                for level, cell in cells.items():
                    if cell.n is not None and cell.responders is not None and cell.responders > cell.n:
                        raise DataError(
                            f"{trial.label}, {factor} {level}: found {cell.responders} responders of "
                            f"{cell.n} patients; at most as many as patients are allowed"
                        )

    def same_trials(self) -> tuple[tuple[tuple[str, str], ...], ...]:
        """Levels of different factors that the same trials have wholly, and no others: not to be told apart.

        Returns
        -------
        tuple of tuple of (factor, level)
            Levels that all trials have are left out.

        Examples
        --------
        >>> region = AliasFactor(name="region", levels=("Asia",))
        >>> year = AliasFactor(name="year", levels=("2020",))
        >>> cells = {"region": {"Asia": AliasCell(n=9)}, "year": {"2020": AliasCell(n=9)}}
        >>> one = AliasTrial(label="a", n=9, responders=1, cells=cells)
        >>> other = AliasTrial(label="b", n=8, responders=None, cells={})
        >>> AliasMap(factors=(region, year), trials=(one, other)).same_trials()
        ((('region', 'Asia'), ('year', '2020')),)
        """
        classes: dict[frozenset[int], list[tuple[str, str]]] = {}
        for factor in self.factors:
            for level in factor.levels:
                members = self._whole(factor.name, level)
                if members and len(members) < len(self.trials):
                    classes.setdefault(members, []).append((factor.name, level))
        return tuple(tuple(found) for found in classes.values() if len({name for name, _ in found}) > 1)

    def nested(self) -> tuple[tuple[str, str], ...]:
        """Factors of whole trials of which no level has trials at two levels of the other.

        Returns
        -------
        tuple of (inner, outer)
            For example year in region where no year has trials of two regions: trials of one year do not
            tell regions apart. Both have two levels or more.
        """
        found = {factor.name: self._of_trials(factor.name) for factor in self.factors}
        usable = {name: at for name, at in found.items() if at is not None and len(set(at)) > 1}
        return tuple(
            (inner, outer)
            for inner, own in usable.items()
            for outer, others in usable.items()
            if inner != outer and len(set(zip(own, others, strict=True))) == len(set(own))
        )

    def _of_trials(self, factor: str) -> tuple[str, ...] | None:
        """The level of each trial; None where patients of one trial differ or it was not reported."""
        levels = []
        for trial in self.trials:
            cells = trial.cells.get(factor, {}).items()
            whole = [level for level, cell in cells if cell.n == trial.n]
            if len(whole) != 1 or any(cell.n != 0 for level, cell in cells if level != whole[0]):
                return None
            levels.append(whole[0])
        return tuple(levels)

    def _whole(self, factor: str, level: str) -> frozenset[int]:
        """Places of the trials at a level with all their patients; empty where any has only some there."""
        cells = ((i, trial, trial.cells.get(factor, {}).get(level)) for i, trial in enumerate(self.trials))
        found = [(i, cell.n == trial.n) for i, trial, cell in cells if cell is not None and cell.n != 0]
        return frozenset(i for i, _ in found) if all(whole for _, whole in found) else frozenset()
