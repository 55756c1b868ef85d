"""Which figures stand on the page, and under which heading."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meta.format import counts
from meta.records.run import BASE
from meta.report.drawing.svg import Figure, embedded
from meta.report.figures.registry import figures
from meta.report.language.roles import first_fit
from meta.report.language.variations import word_of
from meta.report.language.wording import source

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from meta.records.run import Run
    from meta.report.drawing.plan import Plan
    from meta.results import TrialEffect

# What the figures whose names end so show: heading on the page, title, description
KINDS: dict[str, tuple[str, str, str]] = {
    "overall": ("forest", "Forest plot: all trials", "Each trial's rate, exact interval, pooled rates."),
    "region": ("forest", "Forest plot by region", "Trials and pooled estimates region by region."),
    "site": ("forest", "Forest plot by primary site", "Trials and pooled estimates site by site."),
    "posterior": (
        "heterogeneity",
        "What the data say of mean and τ together",
        "Posterior of the mean rate and of tau, beside their priors.",
    ),
    "sweep": ("heterogeneity", "If τ were known", "The answers at every fixed tau."),
    "influence": ("heterogeneity", "Influence of each trial", "How far each trial moves the answer."),
    "site-rates": ("sites", "Rates by primary site", "Each site's rate in the model of sites and regions."),
    "site-grid": (
        "sites",
        "Sites by region: what was reported",
        "Responders and patients known in each region at each site.",
    ),
    "site-contrasts": (
        "sites",
        "Orders, unreported splits and other priors",
        "Which site responds more often, who may have responded where only totals are printed, and how far "
        "the prior decides.",
    ),
    "standardised": (
        "sites",
        "Regions at the same mix of sites",
        "Rates of the regions at one mix of primary sites, and in the model without sites.",
    ),
    "aliasing": ("sites", "What goes with region", "How characteristics of trials go together."),
    "bounds": (
        "unreported",
        "Bounds over everything that was not reported",
        "The answer under every completion of unreported counts.",
    ),
    "site-bounds": (
        "unreported",
        "Bounds by primary site",
        "Rates by site under every split of the totals that were printed.",
    ),
    "specification": ("specification", "Every sensitivity analysis", "Sorted estimates."),
    "prior-predictive": (
        "priors",
        "What the priors say by themselves",
        "Densities of the rates before any data.",
    ),
}
# The heading on the page of figures of variations that a word made, by how they are drawn
_TOGETHER = {"estimates": "forest", "added": "data", "posteriors": "priors"}

FORESTS = ("overall", "region", "site")  # with a trial a row, as many squares as rows

Figures = dict[str, list[Figure]]


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
    base = next(run for run in runs if run.variation == BASE)
    words = {run.family: word for run in runs if run.family is not None and (word := word_of(run))}
    together = {name: (_TOGETHER[word.figure], word.heading, word.shows) for name, word in words.items()}
    for kind, (heading, title, text) in (KINDS | together).items():
        if kind in plans:
            plan = plans[kind]
            svg = embedded(drawn(plan), f"{slug}-figure-{kind}", title, text, rows(base, kind))
            found.setdefault(heading, []).append(Figure(f"{slug}-figure-{kind}", plan.name, title, text, svg))
    return found


def rows(run: Run, kind: str) -> list[str]:
    """What is said of each row of a forest plot with a trial in it: its count and where that is printed."""
    by = None if kind == "overall" else kind
    fit = first_fit(run, by) if kind in FORESTS else None
    if fit is None:
        return []
    shown = [(group, trial) for group in fit.groups for trial in group.trials]
    known = {(trial.label, trial.responders, trial.n) for _, trial in shown}
    if not known.issuperset((trial.label, trial.responders, trial.n) for trial in fit.trials):
        shown += [(fit, trial) for trial in fit.trials]
    return [_said(run, by, part.label, trial) for part, trial in shown]


def _said(run: Run, by: str | None, group: str | None, trial: TrialEffect) -> str:
    place = source(run.ledger, trial.label, by, group)
    where = place.removeprefix(f"{trial.label}: ") if place else "no source in the ledger"
    return f"{trial.label}: {counts(trial.responders, trial.n)}; {where}"
