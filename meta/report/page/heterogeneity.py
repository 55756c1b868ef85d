"""Heterogeneity, what was not reported, and what other choices give, as the page shows them."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING

from meta.records.run import BASE
from meta.report.language.bound_words import each_role
from meta.report.language.exact import is_exact, whether
from meta.report.language.variations import repeats, variation_name, word_of
from meta.report.page.answers import LatentLine, Line, latent_lines, leading, line
from meta.report.page.references import At
from meta.results import Procedure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Spread:
    """Overall fits by what they say about heterogeneity.

    `exact` has tau, `conventional` I2. `zero` tells whether a model estimates none, which is no agreement.
    """

    exact: tuple[At, ...]
    conventional: tuple[At, ...]
    tests: tuple[At, ...]
    zero: bool

    @property
    def equal_rates(self) -> At | None:
        """The exact test of equal rates in all trials, where it has a p-value."""
        found = (one for one in self.tests if one.it.procedure is Procedure.CONDITIONAL)
        return next((one for one in found if one.it.p is not None), None)

    @property
    def whether(self) -> str:
        """Whether the trials differ, by that test; nothing without it."""
        return "" if self.equal_rates is None else whether(self.equal_rates.it)


@dataclass(frozen=True, slots=True)
class Other:
    """The overall answer of a variation and model: a fit's, a latent split's, or bounds."""

    name: str
    base: bool
    line: Line | None = None
    latent: LatentLine | None = None
    bounds: At | None = None

    @property
    def middle(self) -> float:
        """The estimate, or the middle of its bounds."""
        if self.bounds is not None:
            return float(self.bounds.it.ignorance.low + self.bounds.it.ignorance.high) / 2
        found = self.line.shown if self.line is not None else self.latent.rate.mean if self.latent else None
        return float("nan") if found is None or found.it.value is None else float(found.it.value)


def spread_of(base: At) -> Spread:
    """What the overall fits of a run say about heterogeneity."""
    whole = [fit for fit in base.fits if fit.it.by is None and fit.it.k > 1]
    tests = next(
        (list(fit.dispersion.tests) for fit in whole if fit.it.dispersion and fit.it.dispersion.tests), []
    )
    return Spread(
        exact=tuple(fit for fit in whole if fit.it.tau is not None or fit.it.correlation is not None),
        conventional=tuple(fit for fit in whole if not is_exact(fit.it)),
        tests=tuple(tests),
        zero=any(fit.it.at_zero for fit in whole),
    )


def specifications(runs: Mapping[str, At]) -> list[Other]:
    """Every overall answer that is not the base's own again, from the lowest to the highest."""
    found = [one for run in runs.values() for one in _overall(runs[BASE], run)]
    return sorted((one for one in found if not isnan(one.middle)), key=lambda one: one.middle)


def _overall(base: At, run: At) -> Iterator[Other]:
    name, is_base = variation_name(run.it), run.it.variation == BASE
    yield from (
        Other(name, is_base, line=line(fit))
        for fit in run.fits
        if fit.it.by is None and not repeats(base.it, run.it, fit.it)
    )
    yield from (Other(name, is_base, latent=one) for one in latent_lines(run) if one.overall)
    given = [id(one) for one in each_role(run.it) if one.ignorance.low is not None]
    yield from (Other(name, is_base, bounds=one) for one in run.bounds if id(one.it) in given)


def priors(runs: Mapping[str, At]) -> list[Line]:
    """The leading fit under each prior of tau, the base's first."""
    return [line(fit) for fit in _priors(runs)]


def cumulative(runs: Mapping[str, At]) -> list[tuple[At, Line]]:
    """The leading fit with the trials published until each date, in order; the base's is the last."""
    dated = sorted(_drawn_as("added", runs.values()), key=lambda run: str(run.it.item.id))
    found = [(run, leading(run, None)) for run in ((*dated, runs[BASE]) if dated else ())]
    return [(run, line(fit)) for run, fit in found if fit is not None]


def _drawn_as(figure: str, runs: Iterable[At]) -> list[At]:
    """Those made by a word whose variations are drawn together in this way."""
    words = ((run, word_of(run.it)) for run in runs)
    return [run for run, word in words if word is not None and word.figure == figure]


def _priors(runs: Mapping[str, At]) -> Iterator[At]:
    base = runs[BASE]
    others = [
        fit
        for run in _drawn_as("posteriors", runs.values())
        if (fit := leading(run, None)) is not None and not repeats(base.it, run.it, fit.it)
    ]
    yield from (fit for fit in (leading(base, None), *others) if others and fit is not None and fit.it.tau)


def bounded(runs: Mapping[str, At]) -> list[tuple[str, list[At]]]:
    """The bounds of every run that has them: of its leading role, by variation."""
    found = []
    for name, run in runs.items():
        roles = list(dict.fromkeys(one.role for one in run.it.bounds))
        if roles:
            found.append((name, [one for one in run.bounds if one.it.role == roles[0]]))
    return found
