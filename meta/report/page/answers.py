"""The answer in a few sentences: of everyone, by every factor, and without the patients who are excluded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from meta.records.factors import TRIAL_FACTORS, noun_of, told
from meta.records.run import BASE
from meta.report.language.aliasing import wholly
from meta.report.language.exact import short_name
from meta.report.language.latent_words import latent_failed
from meta.report.language.latent_words import withheld as withheld_rate
from meta.report.language.roles import first_fit
from meta.report.language.wording import headline
from meta.report.page.references import At
from meta.results import Estimand

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from meta.records.run import Run
    from meta.results import Rate, SiteRegionFit

UNRESOLVED = {
    "bound": "range over all possible splits of the unreported counts",
    "drop": "trials that do not report them separately are dropped",
    "keep": "kept in trials that do not report them separately",
    "latent": "unreported splits estimated with the rest",
}

_TOLD = {None, *TRIAL_FACTORS}  # overall, and by what trials differ in: what is said of excluded patients


@dataclass(frozen=True, slots=True)
class Line:
    """A fit or a group of one."""

    fit: At
    headline: bool

    @property
    def shown(self) -> At:
        """The estimate that stands for the row."""
        return self.fit.proportion

    @property
    def short(self) -> str:
        """The model in two words or three."""
        return short_name(self.fit.it)

    @property
    def model(self) -> At:
        """The model's name and options, as its estimate says them."""
        return self.fit.proportion.method


@dataclass(frozen=True, slots=True)
class Block:
    """The answers by one factor.

    `contrasts` are what the model says about differences between its groups, `gaps` what the model of sites
    and regions says about them at one mix of sites, `modelled` its rates of the groups where the factor is
    the site. `tied` names what all patients of one group are, and not all of the others: the two cannot be
    distinguished.
    """

    by: str
    fit: At
    lines: tuple[Line, ...]
    contrasts: tuple[At, ...]
    gaps: tuple[At, ...] = ()
    modelled: tuple[At, ...] = ()
    tied: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()

    @property
    def name(self) -> str:
        """What the groups are, in words."""
        return noun_of(self.by)

    @property
    def between_trials(self) -> bool:
        """Whether its groups are of trials, so that a contrast compares different trials."""
        return self.by in TRIAL_FACTORS

    @property
    def reporting(self) -> bool:
        """Whether some trials of the analysis are not in it because they did not report by the factor."""
        return any(entry.reason for part in (self.fit.it, *self.fit.it.groups) for entry in part.not_reported)


@dataclass(frozen=True, slots=True)
class LatentLine:
    """A rate of the latent model: of all trials, or of a level of what trials differ in.

    `told` is the rate of which the responders and patients that are reported by themselves are known.
    """

    fit: At
    rate: At
    told: At
    failed: bool

    @property
    def overall(self) -> bool:
        """Whether it is of all trials."""
        return self.fit.it.contrast is None

    @property
    def headline(self) -> bool:
        """Whether it may be the first thing that is said."""
        return not self.failed and bool(self.rate.it.standing.headline)


@dataclass(frozen=True, slots=True)
class Settled:
    """A run that excludes patients, and how it treats trials that do not report them separately."""

    variation: str
    unresolved: str
    run: At
    lines: tuple[Line, ...]
    bounds: tuple[At, ...]
    latent: tuple[LatentLine, ...]

    @property
    def said(self) -> str:
        """How trials that do not report these patients separately were treated."""
        return UNRESOLVED.get(self.unresolved, "all trials report them separately")


@dataclass(frozen=True, slots=True)
class Without:
    """The runs that exclude the same patients; `patients` is said after "patients who are"."""

    patients: str
    settled: tuple[Settled, ...]


@dataclass(frozen=True, slots=True)
class Answers:
    """The first section of the page."""

    overall: Line | None
    blocks: tuple[Block, ...]
    without: tuple[Without, ...]

    @property
    def estimated_splits(self) -> bool:
        """Whether any of them has rates of the latent model."""
        return any(run.latent for one in self.without for run in one.settled)


def answers(runs: Mapping[str, At]) -> Answers:
    """The leading model's answers of an analysis.

    Parameters
    ----------
    runs : mapping of str to At
        All variations by name, the base among them.
    """
    base = runs[BASE]
    whole = leading(base, None)
    groupings = dict.fromkeys(fit.by for fit in base.it.fits if fit.by is not None)
    blocks = [_block(base, by) for by in groupings]
    without: dict[str, list[Settled]] = {}
    for run in runs.values():
        if excluded := excluded_patients(run.it, base.it):
            without.setdefault(excluded, []).append(_settled(run))
    order = {name: place for place, name in enumerate(("bound", "latent", "drop", "keep"))}
    return Answers(
        overall=None if whole is None else line(whole),
        blocks=tuple(block for block in blocks if block is not None),
        without=tuple(
            Without(patients, tuple(sorted(several, key=lambda one: order.get(one.unresolved, len(order)))))
            for patients, several in without.items()
        ),
    )


def leading(run: At, by: str | None) -> At | None:
    """The fit of the leading role by a grouping, None for the overall one."""
    found = first_fit(run.it, by)
    return None if found is None else run.fits[run.it.fits.index(found)]


def line(fit: At) -> Line:
    """A row of answers."""
    return Line(fit, headline(fit.it))


def _block(base: At, by: str) -> Block | None:
    fit = leading(base, by)
    if fit is None:
        return None
    contrasts = tuple(fit.between.contrasts) if fit.it.between is not None else ()
    lines = tuple(line(group) for group in fit.groups)
    coverage, sites = base.it.coverage, base.sites
    tied = wholly(coverage, by) if coverage is not None else ()
    if sites.it is None or sites.it.failed:
        return Block(by, fit, lines, contrasts, tied=tied)
    gaps = (
        gap for gap in sites.differences if (gap.it.population, gap.it.estimand) == ("new-trials", "mean")
    )
    asked = base.it.analysis.sites
    return Block(
        by,
        fit,
        lines,
        contrasts,
        gaps=tuple(gap for gap in gaps if by == sites.it.contrast),
        modelled=tuple(r for r in sites.rates if r.it.level is None) if asked and by == asked.by else (),
        tied=tied,
    )


def excluded_patients(run: Run, base: Run) -> str:
    """Whom a run excludes besides those of the base, as said after "patients who are"; or nothing."""
    if run.expansion is not None:
        return ""
    own = (where.given() for where in run.analysis.exclude if where not in base.analysis.exclude)
    return ", or ".join(told(given) for given in own if given)


def _settled(run: At) -> Settled:
    """Its overall answer, and that of each group of trials that the analysis asks for."""
    lines = tuple(_lines(run))
    first = next((one.role for one in run.it.bounds), None)
    kept = tuple(
        one
        for one in run.bounds
        if one.it.role == first and one.it.estimand is Estimand.MEAN and one.it.by in _TOLD
    )
    unresolved = run.it.analysis.unresolved
    return Settled(run.it.variation, unresolved, run, lines, kept, tuple(latent_lines(run)))


def latent_lines(run: At) -> Iterator[LatentLine]:
    """The latent model's mean rates in new trials that may be shown: overall, then by groups of trials."""
    if run.it.latent is None:
        return
    found, failed = run.latent, latent_failed(run.it.latent)
    for fit in found.fits:
        if fit.it.contrast not in _TOLD:
            continue
        for rate in fit.standardised:
            told = next(one for one in fit.rates if _is_of(one.it, found.it.stays, fit.it, rate.it.level))
            if rate.it.population == "new-trials" and not withheld_rate(rate.it):
                yield LatentLine(fit, rate, told, failed)


def _is_of(rate: Rate, group: str, fit: SiteRegionFit, level: str | None) -> bool:
    return rate.group == group and rate.level == (level if fit.contrast else None)


def _lines(run: At) -> Iterator[Line]:
    whole = leading(run, None)
    if whole is not None:
        yield line(whole)
    for by in TRIAL_FACTORS:
        fit = leading(run, by)
        if fit is not None:
            yield from (line(group) for group in fit.groups)
