"""Which figures a pooling run draws, and from which runs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from meta.records.run import BASE, Run
from meta.report.drawing.plan import Plan
from meta.report.figures.bound_plans import bounds_plans, split_plans
from meta.report.figures.several_plans import several_plans
from meta.report.language.roles import first_fit, ordered
from meta.report.language.site_words import has_contrasts
from meta.report.language.variations import different, variation_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from meta.records.coverage import Coverage
    from meta.results import Fit, SiteRegionFit

SITE_FIGURES = ("site-grid", "standardised", "site-rates", "site-contrasts")


def figures(runs: Sequence[Run]) -> Iterator[Plan]:
    """Forest plots, one of the variations of each word, and what is drawn of the base's posterior.

    Parameters
    ----------
    runs : sequence of Run
        All variations of one analysis.
    """
    base = next((run for run in runs if run.variation == BASE), None)
    for run in runs:
        if run.expansion is None:  # the others have a figure together
            yield from forests(run).values()
            yield from _sites(run)
    if base is not None and base.coverage is not None and base.coverage.trials:
        yield _aliasing(base, base.coverage)
    if base is not None and first_fit(base) is not None:
        if len(runs) > 1:
            yield _specification(base, runs)
        yield from _posteriors(base)
        yield from several_plans(base, runs)
        yield from bounds_plans(base, runs)
        yield from split_plans(base, runs)


def forests(run: Run) -> dict[str | None, Plan]:
    """A forest plot of a run by each grouping, None for the overall one; the leading role's fit first."""
    by = dict.fromkeys(fit.by for fit in run.fits)
    return {name: _forest(run, *ordered(fit for fit in run.fits if fit.by == name)) for name in by}


def _forest(run: Run, fit: Fit, *companions: Fit) -> Plan:
    variation = "" if run.variation == BASE else f".{run.variation}"
    by = fit.by.replace(" ", "-") if fit.by else "overall"
    name = f"{run.name}{variation}.{by}"

    def draw() -> Figure:
        from meta.report.figures.forest import forest

        asked = run.analysis.sites
        return forest(
            fit,
            companions=companions,
            ledger=run.ledger,
            sites=run.sites if asked is not None and fit.by == asked.by else None,
            title=_title(run, fit.by),
            subtitle=run.question,
        )

    return Plan(name, run.provenance.digest, draw)


def _sites(run: Run) -> Iterator[Plan]:
    """What is drawn of the model of sites and regions, if the run has it."""
    if run.sites is None:
        return
    title = run.name if run.variation == BASE else f"{run.name}.{run.variation}"
    for name in SITE_FIGURES:
        if name == "site-contrasts" and not has_contrasts(run.sites):
            continue
        yield Plan(f"{title}.{name}", run.provenance.digest, _site(name, run.sites, run.coverage, title))


def _site(name: str, fit: SiteRegionFit, coverage: Coverage | None, title: str) -> Callable[[], Figure]:
    def draw() -> Figure:
        from meta.report.figures.site_figures import site_figure

        return site_figure(name, fit, title, coverage)

    return draw


def _aliasing(base: Run, coverage: Coverage) -> Plan:
    """Who was reported at which level of which factor."""

    def draw() -> Figure:
        from meta.report.figures.alias_map import alias_map

        return alias_map(coverage, title=f"{base.name}: what goes with what")

    return Plan(f"{base.name}.aliasing", base.provenance.digest, draw)


def _title(run: Run, by: str | None) -> str:
    variation = "" if run.variation == BASE else f", {run.variation}"
    return f"{run.name}{variation}: {f'by {by}' if by else 'overall'}"


def _specification(base: Run, runs: Sequence[Run]) -> Plan:
    """A figure of every overall fit of every run."""
    digest = hashlib.sha256("".join(run.provenance.digest for run in runs).encode()).hexdigest()

    def draw() -> Figure:
        from meta.report.figures.specification import specification, specifications

        found = [
            one
            for run in different(base, runs)
            for one in specifications(variation_name(run), run, base=run is base)
        ]
        return specification(found, title=f"{base.name}: every sensitivity analysis", subtitle=base.question)

    return Plan(f"{base.name}.specification", digest, draw)


def _posteriors(base: Run) -> Iterator[Plan]:
    """What is drawn of the base's overall posterior, if it is one and its grids are there."""
    fit = first_fit(base)
    if fit is None:
        return
    for name, what in (
        ("posterior", "posterior"),
        ("sweep", "if tau were known"),
        ("prior-predictive", "prior predictive"),
        ("influence", "influence of each trial"),
    ):
        if _shown(name, fit):
            title = f"{base.name}: {what}"
            yield Plan(f"{base.name}.{name}", base.provenance.digest, _curve(name, fit, title))


def _shown(name: str, fit: Fit) -> bool:
    """Whether the fit has what a figure shows."""
    there = {
        "posterior": "joint.density" in fit.grids,
        "sweep": bool(fit.sweep) and "tau.x" in fit.grids,
        "prior-predictive": "before.mean.x" in fit.grids,
        "influence": any("divergence" in one.measures for one in fit.influence),
    }
    return there[name]


def _curve(name: str, fit: Fit, title: str) -> Callable[[], Figure]:
    def draw() -> Figure:
        from meta.report.figures.curves import prior_predictive, sweep
        from meta.report.figures.influence import influence
        from meta.report.figures.joint import posterior

        drawn = {
            "posterior": posterior,
            "sweep": sweep,
            "prior-predictive": prior_predictive,
            "influence": influence,
        }
        return drawn[name](fit, title=title)

    return draw
