"""An analysis becomes its variations, each a complete analysis of its own."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from meta.errors import Fault, SpecError
from meta.records.analysis import Analysis, Expansion, Where
from meta.records.run import BASE
from meta.workflow.selection.select import Selection, select

if TYPE_CHECKING:
    from meta.records.trial import TrialFile

# Of tau on the logit scale, from sceptical of heterogeneity to open to any: what each-prior goes through.
PRIORS = ("half-normal:0.5", "half-normal:1", "half-normal:1.25", "half-cauchy:0.5", "uniform:0,4")


@dataclass(frozen=True, slots=True)
class Variation:
    """A complete analysis under the name it has among its siblings, and its counts."""

    name: str
    analysis: Analysis
    selection: Selection
    family: str | None = None  # the name in the YAML, where one line there stands for several variations
    expansion: Expansion | None = None


def expand(trials: Mapping[str, TrialFile], analysis: Analysis) -> tuple[Variation, ...]:
    """The base and every sensitivity analysis, with their counts selected.

    Parameters
    ----------
    trials : mapping of id to TrialFile
    analysis : Analysis

    Returns
    -------
    tuple of Variation
        The base first; each-trial is one variation a trial that is left out, ``leave-one-out.<trial>``,
        each-prior one a prior of tau, ``prior-sensitivity.<prior>``, of the primary model's overall estimate,
        and each-date one a date, ``cumulative.<date>``, of the leading model's with the trials until then.

    Raises
    ------
    SpecError
        If a variation's counts cannot be selected.
    """
    plain = replace(analysis, sensitivity={})
    first = _with_sites(plain, analysis, BASE)
    base = Variation(BASE, first, select(trials, first))
    variations, faults = [base], list[Fault]()
    changes = list(_sensitivity(analysis, replace(base, analysis=plain)))
    _check_names(analysis, base, [name for name, *_ in changes])
    for name, asked, family, expansion in changes:
        changed = _with_sites(asked, analysis, family or name)
        try:
            variations.append(Variation(name, changed, select(trials, changed), family, expansion))
        except SpecError as error:
            faults += error.faults
    if faults:
        raise SpecError(f"analysis {analysis.name}: trials cannot be selected as asked", faults)
    return tuple(variations)


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


def _sensitivity(
    analysis: Analysis, base: Variation
) -> Iterator[tuple[str, Analysis, str | None, Expansion | None]]:
    for name, change in analysis.sensitivity.items():
        if isinstance(change, Analysis):
            yield name, change, None, None
            continue
        for part, changed in _EACH[change](base):
            yield f"{name}.{part}", changed, name, change


def _each_trial(base: Variation) -> Iterator[tuple[str, Analysis]]:
    plain = base.analysis
    for left_out in dict.fromkeys(trial.chosen.trial.id for trial in base.selection.included):
        yield left_out, replace(plain, exclude=(*plain.exclude, Where(trial=left_out)))


def _each_prior(base: Variation) -> Iterator[tuple[str, Analysis]]:
    """The primary model's overall estimate under each prior; no other model and no group is fitted."""
    plain = base.analysis
    primary = plain.fitted().get("primary")
    if primary is None or primary.prior is None:
        raise SpecError(f"analysis {plain.name}: each-prior: found no prior of tau in the primary model")
    for prior in PRIORS:
        changed = replace(plain, models={"primary": primary.with_options(prior=prior)}, by=())
        yield re.sub("[:,]", "-", prior), changed


def _each_date(base: Variation) -> Iterator[tuple[str, Analysis]]:
    """The leading model's overall estimate at each date of publication but the last, which is the base."""
    plain = base.analysis
    dates = {one.chosen.trial.id: one.chosen.report.published for one in base.selection.included}
    leading = dict(list(plain.fitted().items())[:1])
    for date in sorted(set(dates.values()))[:-1]:  # an unknown one sorts last
        later = [Where(trial=trial) for trial, published in dates.items() if published > date]
        yield date, replace(plain, exclude=(*plain.exclude, *later), models=leading, by=())


_EACH: Mapping[Expansion, Callable[[Variation], Iterator[tuple[str, Analysis]]]] = {
    "each-trial": _each_trial,
    "each-prior": _each_prior,
    "each-date": _each_date,
}


def _check_names(analysis: Analysis, base: Variation, names: list[str]) -> None:
    """Refuse a name that would put two results, or two figures, into one file."""
    figures = [BASE, "overall", *(grouping.by.replace(" ", "-") for grouping in base.selection.groupings)]
    figures += [name for name, change in analysis.sensitivity.items() if isinstance(change, str)]
    twice = [name for name, times in Counter([*figures, *names]).items() if times > 1]
    if twice:
        found = f"found {', '.join(twice)} as the name of two variations, or of one and a grouping"
        raise SpecError(f"analysis {analysis.name}: sensitivity: {found}; names of their own are allowed")
