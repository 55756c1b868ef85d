"""An analysis becomes its variations, each a complete analysis of its own."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from meta.errors import Fault, SpecError
from meta.records.analysis import Analysis, Where
from meta.records.run import BASE
from meta.workflow.select import Selection, select

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from meta.records.trial import TrialFile


@dataclass(frozen=True, slots=True)
class Variation:
    """A complete analysis under the name it has among its siblings, and its counts."""

    name: str
    analysis: Analysis
    selection: Selection


def expand(trials: Mapping[str, TrialFile], analysis: Analysis) -> tuple[Variation, ...]:
    """The base and every sensitivity analysis, with their counts selected.

    Parameters
    ----------
    trials : mapping of id to TrialFile
    analysis : Analysis

    Returns
    -------
    tuple of Variation
        The base first; a leave-one-out is one variation a trial, ``leave-one-out.<trial>``.

    Raises
    ------
    SpecError
        If a variation's counts cannot be selected.
    """
    plain = replace(analysis, sensitivity={})
    base = Variation(BASE, plain, select(trials, plain))
    variations, faults = [base], list[Fault]()
    changes = list(_sensitivity(analysis, base))
    _check_names(analysis, base, [name for name, _ in changes])
    for name, changed in changes:
        try:
            variations.append(Variation(name, changed, select(trials, changed)))
        except SpecError as error:
            faults += error.faults
    if faults:
        raise SpecError(f"analysis {analysis.name}: trials cannot be selected as asked", faults)
    return tuple(variations)


def _sensitivity(analysis: Analysis, base: Variation) -> Iterator[tuple[str, Analysis]]:
    plain = base.analysis
    for name, change in analysis.sensitivity.items():
        if isinstance(change, Analysis):
            yield name, change
            continue
        for left_out in dict.fromkeys(trial.chosen.trial.id for trial in base.selection.included):
            yield f"{name}.{left_out}", replace(plain, exclude=(*plain.exclude, Where(trial=left_out)))


def _check_names(analysis: Analysis, base: Variation, names: list[str]) -> None:
    """Refuse a name that would put two results, or two figures, into one file."""
    figures = [BASE, "overall", *(grouping.by.replace(" ", "-") for grouping in base.selection.groupings)]
    figures += [name for name, change in analysis.sensitivity.items() if change == "each-trial"]
    twice = [name for name, times in Counter([*figures, *names]).items() if times > 1]
    if twice:
        found = f"found {', '.join(twice)} as the name of two variations, or of one and a grouping"
        raise SpecError(f"analysis {analysis.name}: sensitivity: {found}; names of their own are allowed")
