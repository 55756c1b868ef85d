"""The model of sites and regions as lines of plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meta.format import counts, level, number, percent
from meta.models import policy
from meta.models.describe import counted
from meta.records.run import BASE
from meta.report.language.site_words import difference, not_headlines, pair_name, parameter_name, plain_name
from meta.report.terminal.text import sampling
from meta.results import FAILED, Estimand, name_of
from meta.results.rows import orr

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meta.records.run import Run
    from meta.results import DirectRate, Rate, RateDifference, SiteRegionFit, StandardisedRate


def site_lines(run: Run) -> Iterator[str]:
    """The answers by group and level, standardised and crude, and how much is known beyond the prior.

    Yields
    ------
    str
        Nothing where the run does not have the model; of variations other than the base one line.
    """
    fit = run.sites
    if fit is None:
        return
    if run.variation != BASE:
        yield _in_one_line(run, fit)
        return
    failed = f"[{FAILED}] " if fit.failed else ""
    by = run.analysis.sites.by if run.analysis.sites else "group"
    levels = f" and {fit.contrast}" if fit.contrast else ""
    yield f"{failed}{run.name}, {run.variation}: by {by}{levels}, % ({level(fit.level)} credible interval)"
    yield f"  k = {fit.k}, {counts(fit.responders, fit.n)} responders: {policy.words(fit.standing)}"
    for line in not_headlines(fit, "* no headline:"):
        yield f"  {line}"
    yield from _standardised(fit)
    yield from _differences(fit)
    yield from _rates(fit, by)
    yield from _known(fit)
    yield f"  {sampling(fit.sampling)}"
    if fit.sampling_without_groups is not None:
        yield f"  Without groups: {sampling(fit.sampling_without_groups)}"
    for note in fit.notes:
        yield f"  Note: {note}"


def _in_one_line(run: Run, fit: SiteRegionFit) -> str:
    """The standardised difference between the levels, or the rate of the one that there is."""
    failed = f"[{FAILED}] " if fit.failed else ""
    shown = [one for one in fit.differences if (one.population, one.estimand) == ("new-trials", "mean")]
    said = [f"{_pair(one)}{_star(one)}: {difference(one.standardised)}" for one in shown]
    rates = [rate for rate in fit.standardised if rate.population == "new-trials" and not shown]
    said += [f"{rate.level}{_star(rate)}: {orr(rate.mean)} %" for rate in rates]
    place = f"{run.name}, {run.variation}"
    unit = ", percentage points" if shown else ""
    return f"{failed}{place}, standardised{unit} (k = {fit.k}; tables/standardised.csv): {'; '.join(said)}"


def _standardised(fit: SiteRegionFit) -> Iterator[str]:
    mix = ", ".join(f"{group} {percent(share)} %" for group, share in fit.target.items())
    yield f"  Standardised to the mix of {fit.target_name} ({mix}):"
    direct = {one.level: one for one in fit.direct}
    for rate in fit.standardised:
        if rate.median is not None:
            median = f"; median {orr(rate.median)}"
        else:
            median = f"; directly {_direct(direct[rate.level])}" if rate.level in direct else ""
        estimand = plain_name(rate.mean.estimand, fit.outcome)
        yield f"    {rate.level}{_star(rate)}, {estimand}: {orr(rate.mean)}{median}"


def _star(one: Rate | StandardisedRate | RateDifference) -> str:
    """A star where the k policy lets an answer be no headline."""
    return "" if one.standing.headline else "*"


def _direct(found: DirectRate) -> str:
    if found.value is None:
        return f"not given: {found.reason}"
    return percent(found.value)


def _differences(fit: SiteRegionFit) -> Iterator[str]:
    shown = [one for one in fit.differences if one.estimand == Estimand.MEAN]
    if shown:
        yield "  Differences (descriptive), percentage points:"
    for one in shown:
        crude = f"; without groups {difference(one.without_groups)}" if one.without_groups else ""
        yield f"    {_pair(one)}{_star(one)}: standardised {difference(one.standardised)}{crude}"


def _pair(one: RateDifference) -> str:
    return f"{one.level} minus {one.reference}, {one.population.replace('-', ' ')}"


def _rates(fit: SiteRegionFit, by: str) -> Iterator[str]:
    alone = [rate for rate in fit.rates if rate.level is None]
    width = max((len(rate.group) for rate in alone), default=0)
    estimand = name_of(alone[0].mean.estimand, fit.outcome) if alone else ""
    yield f"  By {by}, {estimand}; responders/n where reported by {by} (and all patients known to be there):"
    for rate in alone:
        yield f"    {rate.group:<{width}}  {orr(rate.mean):>18}  {_reported(rate)}{_star(rate)}"


def _reported(rate: Rate) -> str:
    return f"{counts(rate.responders, rate.n_reported)} ({rate.n})"


def _known(fit: SiteRegionFit) -> Iterator[str]:
    """The contrast between levels on the log odds scale, as wide as its prior or narrower."""
    pairs = {(one.level, one.reference) for one in fit.differences}
    for one in fit.parameters:
        if (one.group, one.reference) in pairs:
            widths = f"prior sd {number(one.prior_sd, 2)}, posterior sd {number(one.sd, 2)}"
            yield f"  {parameter_name(one)}: {widths}"
    alone = fit.reporting
    if alone is not None:
        said = "" if alone.sampling.passed else f"[{FAILED}] "
        star = "" if alone.standing.headline else "*"
        yield (
            f"  {said}Contrasts between groups, sd: prior / {counted(len(alone.trials), 'trial')}{star} that "
            f"report every group alone / all {fit.k}:"
        )
        every = {(one.group, one.reference): one.sd for one in fit.parameters}
        for one in alone.parameters:
            sds = (one.prior_sd, one.sd, every[one.group, one.reference])
            yield f"    {pair_name(one)}: {' / '.join(number(sd, 2) for sd in sds)}"
