"""Which levels of factors occur together in all trials, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meta.records.coverage import Coverage


def same_trials(coverage: Coverage) -> tuple[tuple[tuple[str, str], ...], ...]:
    """Levels of different factors that exactly the same trials have, and which are therefore aliased.

    Returns
    -------
    tuple of tuple of (factor, level)
        Levels that all trials have are left out.

    Examples
    --------
    >>> from meta.records.coverage import Coverage, CoverageCell, CoverageFactor, CoverageTrial
    >>> region = CoverageFactor(name="region", levels=("Asia",))
    >>> year = CoverageFactor(name="year", levels=("2020",))
    >>> cells = {"region": {"Asia": CoverageCell(n=9)}, "year": {"2020": CoverageCell(n=9)}}
    >>> one = CoverageTrial(label="a", n=9, responders=1, cells=cells)
    >>> other = CoverageTrial(label="b", n=8, responders=0, cells={})
    >>> same_trials(Coverage(factors=(region, year), trials=(one, other)))
    ((('region', 'Asia'), ('year', '2020')),)
    """
    classes: dict[frozenset[int], list[tuple[str, str]]] = {}
    for factor in coverage.factors:
        for level in factor.levels:
            members = _whole(coverage, factor.name, level)
            if members and len(members) < len(coverage.trials):
                classes.setdefault(members, []).append((factor.name, level))
    return tuple(tuple(found) for found in classes.values() if len({name for name, _ in found}) > 1)


def wholly(coverage: Coverage, factor: str) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """What every patient at a level of a factor is, as far as reported, and not every one at the others.

    Returns
    -------
    tuple of (level, tuple of (factor, level))
        Levels of other factors; levels of `factor` without any are left out.

    Examples
    --------
    >>> from meta.records.coverage import Coverage, CoverageCell, CoverageFactor, CoverageTrial
    >>> region = CoverageFactor(name="region", levels=("Asia", "West"))
    >>> kind = CoverageFactor(name="differentiation", levels=("poor", "well"))
    >>> poor, mixed = {"poor": CoverageCell(n=9)}, {"poor": CoverageCell(n=5), "well": CoverageCell(n=3)}
    >>> asia = {"region": {"Asia": CoverageCell(n=9)}, "differentiation": poor}
    >>> west = {"region": {"West": CoverageCell(n=8)}, "differentiation": mixed}
    >>> one = CoverageTrial(label="a", n=9, responders=1, cells=asia)
    >>> other = CoverageTrial(label="b", n=8, responders=0, cells=west)
    >>> wholly(Coverage(factors=(region, kind), trials=(one, other)), "region")
    (('Asia', (('differentiation', 'poor'),)),)
    """
    levels = [level for one in coverage.factors if one.name == factor for level in one.levels]
    found = {}
    for level in levels:
        members = _whole(coverage, factor, level)
        found[level] = tuple(
            (other.name, own)
            for other in coverage.factors
            for own in other.levels
            if members
            and other.name != factor
            and members <= (at := _at_only(coverage, other.name, own))
            and len(at) < len(coverage.trials)
        )
    return tuple((level, tied) for level, tied in found.items() if tied)


def nested(coverage: Coverage) -> tuple[tuple[str, str], ...]:
    """Factors of whole trials of which no level has trials at two levels of the other.

    Returns
    -------
    tuple of (inner, outer)
        For example year in region where no year has trials of two regions: trials of one year do not
        tell regions apart. Both have two levels or more.
    """
    found = {factor.name: _of_trials(coverage, factor.name) for factor in coverage.factors}
    usable = {name: at for name, at in found.items() if at is not None and len(set(at)) > 1}
    return tuple(
        (inner, outer)
        for inner, own in usable.items()
        for outer, others in usable.items()
        if inner != outer and len(set(zip(own, others, strict=True))) == len(set(own))
    )


def totals(coverage: Coverage, factor: str) -> dict[str, tuple[int, int]]:
    """Responders and patients at each level of a factor of whole trials; empty where it is not one."""
    levels = _of_trials(coverage, factor)
    found: dict[str, tuple[int, int]] = {}
    for level, trial in zip(levels or (), coverage.trials, strict=levels is not None):
        responders, n = found.get(level, (0, 0))
        found[level] = (responders + trial.responders, n + trial.n)
    return found


def _of_trials(coverage: Coverage, factor: str) -> tuple[str, ...] | None:
    """The level of each trial; None where patients of one trial differ or it was not reported."""
    levels = []
    for trial in coverage.trials:
        cells = trial.cells.get(factor, {}).items()
        whole = [level for level, cell in cells if cell.n == trial.n]
        if len(whole) != 1 or any(cell.n != 0 for level, cell in cells if level != whole[0]):
            return None
        levels.append(whole[0])
    return tuple(levels)


def _at_only(coverage: Coverage, factor: str, level: str) -> frozenset[int]:
    """Places of the trials all of whose patients are at a level."""
    cells = ((i, t.n, t.cells.get(factor, {}).get(level)) for i, t in enumerate(coverage.trials))
    return frozenset(i for i, n, cell in cells if cell is not None and cell.n == n)


def _whole(coverage: Coverage, factor: str, level: str) -> frozenset[int]:
    """Places of the trials at a level with all their patients; empty where any has only some there."""
    cells = ((i, t, t.cells.get(factor, {}).get(level)) for i, t in enumerate(coverage.trials))
    found = [(i, cell.n == trial.n) for i, trial, cell in cells if cell is not None and cell.n != 0]
    return frozenset(i for i, _ in found) if all(whole for _, whole in found) else frozenset()
