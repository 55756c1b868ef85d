"""Heterogeneity, what was not reported, and what other choices give, as the page shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from meta.records.run import BASE
from meta.report.exact import is_exact
from meta.report.page_answers import Line, leading, line
from meta.report.page_refs import At

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Spread:
    """Overall fits by what they say of heterogeneity.

    `exact` has tau, `conventional` I2. `zero` tells whether a model estimates none, which is no agreement.
    """

    exact: tuple[At, ...]
    conventional: tuple[At, ...]
    tests: tuple[At, ...]
    zero: bool


@dataclass(frozen=True, slots=True)
class Other:
    """The overall answer of another variation or model."""

    variation: str
    role: str
    line: Line


def spread_of(base: At) -> Spread:
    """What the overall fits of a run say of heterogeneity."""
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
    """Every variation and model with an overall estimate, from the lowest to the highest."""
    found = [
        Other(name, str(fit.it.role), line(fit))
        for name, run in runs.items()
        for fit in run.fits
        if fit.it.by is None
    ]
    given = [one for one in found if one.line.shown.it.value is not None]
    return sorted(given, key=lambda one: float(one.line.shown.it.value))


def priors(runs: Mapping[str, At]) -> list[Line]:
    """The leading fit under each prior of tau, the base's first."""
    return [line(fit) for fit in _priors(runs)]


def cumulative(runs: Mapping[str, At]) -> list[tuple[At, Line]]:
    """The leading fit with the trials published until each date, in order; the base's is the last."""
    dated = sorted(
        (run for run in runs.values() if run.it.expansion == "each-date"),
        key=lambda run: str(run.it.variation),
    )
    found = [(run, leading(run, None)) for run in ((*dated, runs[BASE]) if dated else ())]
    return [(run, line(fit)) for run, fit in found if fit is not None]


def _priors(runs: Mapping[str, At]) -> Iterator[At]:
    others = [run for run in runs.values() if run.it.expansion == "each-prior"]
    for run in (runs[BASE], *others) if others else ():
        fit = leading(run, None)
        if fit is not None and fit.it.tau is not None:
            yield fit


def bounded(runs: Mapping[str, At]) -> list[tuple[str, list[At]]]:
    """The bounds of every run that has them: of its leading role, by variation."""
    found = []
    for name, run in runs.items():
        roles = list(dict.fromkeys(one.role for one in run.it.bounds))
        if roles:
            found.append((name, [one for one in run.bounds if one.it.role == roles[0]]))
    return found
