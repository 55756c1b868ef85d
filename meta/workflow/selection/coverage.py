"""Which trials have patients at which levels of which factors, as far as their reports say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meta.records.coverage import Coverage, CoverageCell, CoverageFactor, CoverageTrial
from meta.records.factors import FACTORS, UNKNOWN
from meta.records.patients import union
from meta.workflow.selection.group import names_of, parts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from meta.records.analysis import Analysis
    from meta.workflow.selection.included import Included

    Cells = Mapping[str, CoverageCell]

OF_PATIENTS = tuple(name for name, factor in FACTORS.items() if factor.mapped)
NOT_STATED = "not stated"
OUTSIDE = "none of these"  # patients at no level that the analysis names


def coverage(included: Sequence[Included], analysis: Analysis) -> Coverage:
    """Patients and responders of each trial by the mapped factors, region, response criteria and year.

    Parameters
    ----------
    included : sequence of Included
        The trials of the overall estimate.
    analysis : Analysis
        Its sites are at `site_level`.

    Returns
    -------
    Coverage
        Of the population of the analysis alone; the year is that of the report that was used. A level at
        which nobody is known to be is left out, except where a trial might have patients at it.
    """
    found: dict[str, list[Cells]] = {
        name: [_of_patients(trial, included, analysis, name) for trial in included] for name in OF_PATIENTS
    }
    stated = [_of_trial(trial) for trial in included]
    for name in dict.fromkeys(name for one in stated for name in one):
        found[name] = [{one[name]: _whole(trial)} for trial, one in zip(included, stated, strict=True)]
    factors = [_factor(name, cells, ordered=name in OF_PATIENTS) for name, cells in found.items()]
    shown = tuple(factor for factor in factors if factor.levels)
    return Coverage(
        factors=shown,
        trials=tuple(
            CoverageTrial(
                label=trial.label,
                n=trial.found.n,
                responders=trial.found.responders,
                cells={f.name: cells for f in shown if (cells := _kept(found[f.name][i], f))},
            )
            for i, trial in enumerate(included)
        ),
    )


def _of_patients(trial: Included, included: Sequence[Included], analysis: Analysis, factor: str) -> Cells:
    """A trial's patients by level of a factor that differs within trials; empty where nothing is reported."""
    margins = trial.chosen.margins
    levels = dict(parts(trial, trial.patients, analysis, (factor,), names_of(included, analysis, (factor,))))
    outside = trial.patients - union(levels.values())
    cells = {}
    for name, patients in (*levels.items(), (OUTSIDE, outside)):
        counts, size = margins.counts(patients), margins.size(patients)
        cells[name] = CoverageCell(
            n=counts.n if counts else size.n if size else None,
            responders=counts.responders if counts else None,
        )
    return cells if any(cell.n for cell in cells.values()) else {}


def _of_trial(trial: Included) -> dict[str, str]:
    """What all patients of a trial share."""
    published = trial.chosen.report.published
    return {
        "region": trial.attributes["region"],
        "response criteria": trial.chosen.table.criteria or NOT_STATED,
        "year of report": published if published == "unknown" else published[: len("2019")],
    }


def _whole(trial: Included) -> CoverageCell:
    return CoverageCell(n=trial.found.n, responders=trial.found.responders)


def _factor(name: str, trials: Sequence[Cells], *, ordered: bool) -> CoverageFactor:
    """The levels at which somebody is or may be; of what is called unknown, only where somebody is."""
    levels = dict.fromkeys(level for cells in trials for level in cells)
    known = [
        level
        for level in levels
        if any(
            cells[level].n or (cells[level].n is None and level not in _RESTS)
            for cells in trials
            if level in cells
        )
    ]
    return CoverageFactor(name=name, levels=tuple(known if ordered else sorted(known)))


_RESTS = (UNKNOWN, OUTSIDE)  # of no use on a map unless a patient is known to be there


def _kept(cells: Cells, factor: CoverageFactor) -> Cells:
    return {level: cell for level, cell in cells.items() if level in factor.levels}
