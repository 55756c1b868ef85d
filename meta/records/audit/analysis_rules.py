"""Rules for an analysis beyond the types of its fields, by itself and against the trials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from meta.data.counts import MOST
from meta.records.analysis import Analysis, AsOf, Range, TrialEntry, Where
from meta.records.audit.trial_rules import (
    Complaints,
    date_complaints,
    factor_complaints,
    name_complaints,
    repeated,
)
from meta.records.factors import FACTORS, OTHER, TRIAL_FACTORS, describe
from meta.records.reading.schema import Complaint, suggestion
from meta.records.reading.yaml_nodes import shown
from meta.records.roles import OFF
from meta.records.trial import TrialFile

if TYPE_CHECKING:
    from meta.records.sites import Sites

LATENT = tuple(name for name, factor in FACTORS.items() if factor.latent)

# Every trial there is, by id; None for one whose own file is at fault, so that only its name is known.
Known = Mapping[str, TrialFile | None]


def analysis_complaints(analysis: Analysis, stem: str, trials: Known | None) -> Complaints:
    """List every rule that the analysis in `stem`.yaml breaks; without `trials`, ids are not looked up."""
    yield from name_complaints("name", analysis.name, stem)
    if "." in analysis.name:  # figures are called <analysis>.<variation>.<grouping>
        yield Complaint("name", f"found {analysis.name!r}", "allowed: a name without dots")
    if analysis.trials == ():
        yield Complaint("trials", "found an empty list", "allowed: all, or at least one trial")
    entries = list(_entries(analysis))
    yield from _twice(analysis, entries)
    for at, entry in entries:
        yield from _where(f"{at}.where", entry.where, trials)
        for i, declared in enumerate(entry.ranges):
            yield from _range(f"{at}.ranges[{i}]", declared)
        yield from _entry(at, entry, trials or {})
        if trials is not None:
            yield from _known(at, entry.id, trials)
    yield from _where("where", analysis.where, trials)
    yield from _exclusions(analysis, trials)
    yield from _latent(analysis)
    if isinstance(analysis.reports, AsOf):
        yield from date_complaints("reports.as-of", analysis.reports.as_of)
    yield from _groupings(analysis)
    yield from _unreported(analysis)
    yield from _sites(analysis)
    yield from _site_model(analysis, trials)
    yield from _thresholds(analysis)
    if analysis.models and all(model == OFF for model in analysis.models.values()):
        yield Complaint("models", "found none in every role", "allowed: a model in at least one role")


def _entries(analysis: Analysis) -> Iterator[tuple[str, TrialEntry]]:
    if analysis.trials == "all":
        return
    for i, entry in enumerate(analysis.trials):
        yield f"trials[{i}]", TrialEntry(id=entry) if isinstance(entry, str) else entry


def _twice(analysis: Analysis, entries: list[tuple[str, TrialEntry]]) -> Complaints:
    """Check that a trial enters once, or with each of its arms once where the unit is the arm."""
    seen: dict[str, list[str | None]] = {}
    for at, entry in entries:
        arms = seen.setdefault(entry.id, [])
        another_arm = analysis.unit == "arm" and None not in {entry.arm, *arms} and entry.arm not in arms
        if arms and not another_arm:
            allowed = "allowed: each trial once (or, with unit: arm, each of its arms)"
            yield Complaint(at, f"found {shown(entry.id)} again", allowed)
        arms.append(entry.arm)


def _entry(at: str, entry: TrialEntry, trials: Known) -> Complaints:
    known = trials.get(entry.id)
    if known is None:
        return
    reports = [report.id for report in known.trial.reports]
    if entry.report is not None and entry.report not in reports:
        listed = f"{', '.join(reports) or 'it has none'}{suggestion(entry.report, reports)}"
        allowed = f"allowed: a report of {entry.id}: {listed}"
        yield Complaint(f"{at}.report", f"found {shown(entry.report)}", allowed)
    if entry.arm is not None and entry.arm not in known.trial.arms:
        allowed = f"allowed: an arm of {entry.id}: {', '.join(known.trial.arms) or 'it has none'}"
        yield Complaint(f"{at}.arm", f"found {shown(entry.arm)}", allowed)


def _known(at: str, name: str, trials: Known) -> Complaints:
    if name not in trials:
        allowed = f"allowed: the name of a file in trials/{suggestion(name, list(trials))}"
        yield Complaint(at, f"found {shown(name)}", allowed)


def _where(at: str, where: Where, trials: Known | None) -> Complaints:
    yield from factor_complaints(at, where.given())
    if where.trial is not None and trials is not None:
        yield from _known(f"{at}.trial", where.trial, trials)


def _range(at: str, declared: Range) -> Complaints:
    """Check a declared number of patients: of whom, from how many to how many, and who says so."""
    yield from factor_complaints(at, declared.given())
    if not declared.given():
        yield Complaint(at, "found no condition", "allowed: at least one, such as differentiation: well")
    low, high = declared.n
    if not 0 <= low <= high <= MOST:
        yield Complaint(f"{at}.n", f"found {low} to {high}", f"allowed: two of 0 to {MOST}, the least first")
    if not declared.source.strip():
        yield Complaint(f"{at}.source", "found nothing", "allowed: what the range is known from")


def _exclusions(analysis: Analysis, trials: Known | None) -> Complaints:
    for i, where in enumerate(analysis.exclude):
        yield from _where(f"exclude[{i}]", where, trials)
        if where == Where():
            allowed = "allowed: at least one, as this excludes everybody"
            yield Complaint(f"exclude[{i}]", "found no condition", allowed)


def _thresholds(analysis: Analysis) -> Complaints:
    for i, threshold in enumerate(analysis.thresholds):
        if not 0 < threshold < 1:
            allowed = "allowed: a fraction between 0 and 1, such as 0.2 for 20 %"
            yield Complaint(f"thresholds[{i}]", f"found {threshold:g}", allowed)


def _latent(analysis: Analysis) -> Complaints:
    """Check that `unresolved: latent` has two groups of one factor."""
    if analysis.unresolved != "latent":
        return
    patients = [where for where in analysis.exclude if where.given()]
    factors = {name for where in patients for name in where.given()}
    if len(factors) == 1 and factors <= set(LATENT) and not any(w.trial_conditions() for w in patients):
        return
    found = "; ".join(describe(where.given()) for where in patients) or "no patients"
    allowed = (
        f"allowed: patients by one of {', '.join(LATENT)}, with no condition on trials, as they and the "
        "others are the two groups of the latent model (whole trials may be excluded besides)"
    )
    yield Complaint("unresolved", f"found latent where exclude names {found}", allowed)


def _groupings(analysis: Analysis) -> Complaints:
    for i, grouping in enumerate(analysis.by):
        factors = (grouping,) if isinstance(grouping, str) else grouping
        if not factors:
            yield Complaint(f"by[{i}]", "found an empty list", "allowed: at least one factor")
        for name in repeated(factors):
            yield Complaint(f"by[{i}]", f"found {name} again", "allowed: each factor once in a crossing")
        if grouping in analysis.by[:i]:
            yield Complaint(f"by[{i}]", f"found {' and '.join(factors)} again", "allowed: each grouping once")


def _unreported(analysis: Analysis) -> Complaints:
    """Check that there is something to divide, and one kind of unreported counts at a time."""
    if analysis.unreported != "bound":
        return
    factors = [factor for by in analysis.by for factor in ((by,) if isinstance(by, str) else by)]
    if not any(factor in FACTORS for factor in factors):
        listed = ", ".join(FACTORS)
        allowed = f"allowed: with a grouping in by that divides a trial's patients ({listed}, or a crossing)"
        yield Complaint("unreported", "found bound without such a grouping", allowed)
    if analysis.unresolved == "bound":
        allowed = "allowed: one of them; of the excluded, no report says how many are in a group"
        yield Complaint("unreported", "found bound beside unresolved: bound", allowed)


def _sites(analysis: Analysis) -> Complaints:
    tree = FACTORS["site"]
    sites = tree.values
    for i, site in enumerate(analysis.site_level):
        if site not in sites:
            allowed = f"allowed: {', '.join(sites)}{suggestion(site, list(sites))}"
            yield Complaint(f"site_level[{i}]", f"found {shown(site)}", allowed)
        if site in analysis.site_level[:i]:
            yield Complaint(f"site_level[{i}]", f"found {shown(site)} again", "allowed: each site once")
        for wider in analysis.site_level:  # a patient in both would be counted twice
            if (
                site in sites
                and site != wider
                and OTHER not in {site, wider}
                and tree.below(site) < tree.below(wider)
            ):
                found = f"found {site} beside {wider}, which contains it"
                yield Complaint(f"site_level[{i}]", found, "allowed: sites that do not overlap")


def _site_model(analysis: Analysis, trials: Known | None) -> Complaints:
    """Check what the model of sites and regions names: contrasts, variations, the target."""
    asked = analysis.sites
    if asked is None:
        return
    for i, name in enumerate(asked.contrasts):
        if name not in TRIAL_FACTORS:
            allowed = f"allowed: {', '.join(TRIAL_FACTORS)}{suggestion(name, list(TRIAL_FACTORS))}"
            yield Complaint(f"sites.contrasts[{i}]", f"found {shown(name)}", allowed)
    for name in repeated(asked.variations):
        yield Complaint("sites.variations", f"found {name} again", "allowed: each variation once")
    yield from _target(analysis, asked, trials)


def _target(analysis: Analysis, asked: Sites, trials: Known | None) -> Complaints:
    groups = analysis.levels(asked.by)
    if not isinstance(asked.target, str):
        for name in (name for name in asked.target if name not in groups):
            allowed = f"allowed: {', '.join(groups)}{suggestion(name, list(groups))}"
            yield Complaint(f"sites.target.{name}", f"found the unknown group {shown(name)}", allowed)
    elif asked.target != "pooled" and trials is not None and asked.target not in trials:
        allowed = "allowed: pooled, the id of a trial, or a mapping of groups to numbers"
        yield Complaint("sites.target", f"found {shown(asked.target)}", allowed)
