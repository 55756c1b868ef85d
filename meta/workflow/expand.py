"""An analysis becomes its variations, each a complete analysis of its own."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from meta.errors import Fault, SpecError
from meta.records.analysis import Analysis, Where
from meta.records.run import BASE
from meta.records.sensitivity_words import WORDS, Entered, Expansion, Item, Varied
from meta.workflow.selection.select import Selection, select

if TYPE_CHECKING:
    from meta.records.trial import TrialFile


@dataclass(frozen=True, slots=True)
class Variation:
    """A complete analysis under the name it has among its siblings, and its counts.

    `family`, `expansion` and `item` are as of :class:`meta.records.run.Run`.
    """

    name: str
    analysis: Analysis
    selection: Selection
    family: str | None = None
    expansion: Expansion | None = None
    item: Item | None = None


def expand(trials: Mapping[str, TrialFile], analysis: Analysis) -> tuple[Variation, ...]:
    """The base and every sensitivity analysis, with their counts selected.

    Returns
    -------
    tuple of Variation
        The base first. A word under `sensitivity` becomes several, each ``<name>.<item>``.

    Raises
    ------
    SpecError
        If a variation's counts cannot be selected.
    """
    plain = replace(analysis, sensitivity={})
    first = _with_sites(plain, analysis, BASE)
    base = Variation(BASE, first, select(trials, first))
    planned, faults = [base], list[Fault]()
    changes = list(_sensitivity(analysis, replace(base, analysis=plain)))
    _check_names(analysis, base, [variation.name for variation in changes])
    for variation in changes:
        changed = _with_sites(variation.analysis, analysis, variation.family or variation.name)
        try:
            planned.append(replace(variation, analysis=changed, selection=select(trials, changed)))
        except SpecError as error:
            faults += error.faults
    if faults:
        raise SpecError(f"analysis {analysis.name}: trials cannot be selected as asked", faults)
    return tuple(planned)


def _with_sites(changed: Analysis, analysis: Analysis, name: str) -> Analysis:
    """Without the model of sites and regions, unless asked for under this name or with other options.

    Under the same options the base alone has further models beside it: they take as long again, and what
    they show of the data changes little with a trial. Under `unresolved: latent` they are options of the
    latent model.
    """
    if changed.unresolved == "latent":
        return changed
    if changed.sites is None or changed.sites != analysis.sites:
        return changed
    if name not in changed.sites.variations:
        return replace(changed, sites=None)
    return changed if name == BASE else replace(changed, sites=replace(changed.sites, beside=False))


def _sensitivity(analysis: Analysis, base: Variation) -> Iterator[Variation]:
    """Every sensitivity analysis, still with the base's counts."""
    for name, change in analysis.sensitivity.items():
        if isinstance(change, Analysis):
            yield replace(base, name=name, analysis=change)
            continue
        for varied in _each(change, name, base):
            file = re.sub("[^a-z0-9._-]+", "-", varied.item.id.lower())
            changed = _changed(base.analysis, varied, overall=WORDS[change].overall)
            yield replace(
                base, name=f"{name}.{file}", analysis=changed, family=name, expansion=change, item=varied.item
            )


def _each(word: Expansion, name: str, base: Variation) -> Iterator[Varied]:
    models = base.analysis.fitted()
    lacking = WORDS[word].lacks(models)
    if lacking:
        raise SpecError(f"analysis {base.analysis.name}: sensitivity.{name}: {'; '.join(lacking)}")
    entered = [
        Entered(
            id=one.chosen.trial.id,
            label=whole.label,
            published=one.chosen.report.published,
            attributes=one.attributes,
        )
        for whole in base.selection.included
        for one in whole.records
    ]
    return WORDS[word].vary(entered, models)


def _changed(plain: Analysis, varied: Varied, *, overall: bool) -> Analysis:
    conditions: tuple[Mapping[str, Any], ...] = varied.exclude
    return replace(
        plain,
        exclude=(*plain.exclude, *(Where(**condition) for condition in conditions)),
        models=plain.models if varied.models is None else varied.models,
        by=() if overall else plain.by,
    )


def _check_names(analysis: Analysis, base: Variation, names: list[str]) -> None:
    """Refuse a name that would put two results, or two figures, into one file."""
    figures = [BASE, "overall", *(grouping.by.replace(" ", "-") for grouping in base.selection.groupings)]
    figures += [name for name, change in analysis.sensitivity.items() if isinstance(change, str)]
    twice = [name for name, times in Counter([*figures, *names]).items() if times > 1]
    if twice:
        found = f"found {', '.join(twice)} as the name of two variations, or of one and a grouping"
        raise SpecError(f"analysis {analysis.name}: sensitivity: {found}; names of their own are allowed")
