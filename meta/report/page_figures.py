"""Which figures stand on the page, and under which heading."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from meta.report.figures import figures
from meta.report.page_svg import Figure, embedded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from meta.records.run import Run
    from meta.report.figures import Plan

# What the figures whose names end so show: heading on the page, title, description
KINDS: dict[str, tuple[str, str, str]] = {
    "overall": ("forest", "Forest plot: all trials", "Each trial's rate with its exact interval, and the pooled estimates."),
    "region": ("forest", "Forest plot by region", "Trials and pooled estimates region by region."),
    "site": ("forest", "Forest plot by primary site", "Trials and pooled estimates site by site."),
    "leave-one-out": ("forest", "Leave one out", "The pooled estimate without each trial in turn."),
    "posterior": ("heterogeneity", "What the data say of mean and τ together", "Posterior of the mean rate and of tau, beside their priors."),
    "sweep": ("heterogeneity", "If τ were known", "The answers at every fixed tau."),
    "influence": ("heterogeneity", "Influence of each trial", "How far each trial moves the answer."),
    "site-rates": ("sites", "Rates by primary site", "Each site's rate in the model of sites and regions."),
    "site-grid": ("sites", "Sites by region: what was reported", "Responders and patients known in each region at each site."),
    "standardised": ("sites", "Regions at the same mix of sites", "Rates of the regions at one mix of primary sites, and crude."),
    "aliasing": ("sites", "What goes with region", "How characteristics of trials go together."),
    "bounds": ("unreported", "Bounds over everything that was not reported", "The answer under every completion of unreported counts."),
    "specification": ("specification", "Every sensitivity analysis", "Sorted estimates."),
    "prior-predictive": ("priors", "What the priors say by themselves", "Densities of the rates before any data."),
    "prior-sensitivity": ("priors", "Posteriors under other priors of τ", "Posterior of the mean rate and of tau under each prior."),
}  # fmt: skip

Figures = dict[str, list[Figure]]


@dataclass(frozen=True, slots=True)
class _Wanted:
    heading: str
    title: str
    text: str


def figures_of(slug: str, runs: Sequence[Run], drawn: Callable[[Plan], str]) -> Figures:
    """The figures of an analysis by the heading that they stand under.

    Parameters
    ----------
    slug : str
        What every id begins with.
    runs : sequence of Run
        All variations of one analysis.
    drawn : callable
        Gives a figure's SVG.
    """
    found: Figures = {}
    plans = {plan.name.removeprefix(f"{runs[0].name}."): plan for plan in figures(runs)}
    for kind, (heading, title, text) in KINDS.items():
        if kind in plans:
            plan = plans[kind]
            svg = embedded(drawn(plan), f"{slug}-{kind}", title, text)
            found.setdefault(heading, []).append(Figure(f"{slug}-{kind}", plan.name, title, text, svg))
    return found
