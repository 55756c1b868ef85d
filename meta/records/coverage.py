"""Which trials have patients at which levels of which factors, and of whom responders were reported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from meta.errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageCell:
    """Patients of one trial at one level; None where their number or that of responders was not reported."""

    n: int | None
    responders: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageFactor:
    """A property of patients or trials, e.g. site or region, and its levels in order."""

    name: str
    levels: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageTrial:
    """A trial's patients by level of each factor.

    Attributes
    ----------
    label : str
    n, responders : int
        Of the population of the analysis.
    cells : mapping of str to mapping of str to CoverageCell
        By factor and level. A factor that is missing was not reported; a level that is missing from a
        factor has no patients.
    """

    label: str
    n: int
    responders: int
    cells: Mapping[str, Mapping[str, CoverageCell]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Which characteristics of trials occur together.

    Raises
    ------
    DataError
        If a trial has cells of a factor or level that is not listed, or more responders than patients.
    """

    factors: tuple[CoverageFactor, ...]
    trials: tuple[CoverageTrial, ...]

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
