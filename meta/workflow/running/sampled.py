"""Fit the sampled models of a variation, and report samplers that did not converge."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from meta.errors import MetaError
from meta.models.policy import waived
from meta.models.sites.latent import latent
from meta.records.factors import TRIAL_FACTORS
from meta.records.roles import default_sites
from meta.records.run import Failure
from meta.results import Rate, RateDifference, ReportingOnly, StandardisedRate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from meta.results import Diagnostics, Fit, Latent, SiteRegionFit
    from meta.workflow.expand import Variation

Judged = TypeVar("Judged", Rate, StandardisedRate, RateDifference, ReportingOnly)

SITES, LATENT = "sites", "latent"  # roles of the model of sites and regions, and of the latent model


def _waived(fit: SiteRegionFit) -> SiteRegionFit:
    """The fit where the analysis switches the k policy off."""
    return replace(
        fit,
        standing=waived(fit.standing),
        rates=tuple(map(_waive, fit.rates)),
        standardised=tuple(map(_waive, fit.standardised)),
        without_groups=tuple(map(_waive, fit.without_groups)),
        differences=tuple(map(_waive, fit.differences)),
        reporting=_waive(fit.reporting) if fit.reporting else None,
    )


def _waive(one: Judged) -> Judged:
    return replace(one, standing=waived(one.standing))


def not_converged(fit: Fit) -> Iterator[str]:
    """Failed convergence criteria of a fit, once for all parts that share its draws."""
    return broken(part.sampling for part in (fit, *fit.groups))


def broken(sampled: Iterable[Diagnostics | None]) -> Iterator[str]:
    """Failed convergence criteria, once for identical diagnostics."""
    for found in dict.fromkeys(one for one in sampled if one is not None):
        if not found.passed:
            yield f"the sampler broke its limits: {'; '.join(found.faults) or 'not said which'}"


def sites_and_regions(variation: Variation) -> tuple[SiteRegionFit | None, list[Failure]]:
    """Fit the model of sites and regions, where the variation asks for it.

    Returns
    -------
    fit : SiteRegionFit or None
    failures : list of Failure
        Why there is none, or why not to believe it.
    """
    analysis, selection = variation.analysis, variation.selection
    asked, data = analysis.sites, selection.sites
    if asked is None or data is None:
        return None, []
    if selection.bounded:
        reason = "not run: the model of sites and regions takes counts, not bounds (unresolved: bound)"
        return None, [Failure(role=SITES, by=asked.by, reason=reason)]
    labels = {trial.chosen.trial.id: trial.label for trial in selection.included}
    target = labels.get(asked.target, asked.target) if isinstance(asked.target, str) else asked.target
    try:
        fit = asked.options(target=target).fit(data)
    except MetaError as error:
        return None, [Failure(role=SITES, by=asked.by, reason=str(error))]
    fit = replace(fit, outcome=analysis.outcome)
    if analysis.k_policy == "off":
        fit = _waived(fit)
    alone = fit.reporting.sampling if fit.reporting else None
    found = broken((fit.sampling, fit.sampling_without_groups, alone))
    return fit, [Failure(role=SITES, by=asked.by, reason=reason) for reason in found]


def latent_split(variation: Variation) -> tuple[Latent | None, list[Failure]]:
    """Fit the latent model, if the analysis has `unresolved: latent`.

    Returns
    -------
    found : Latent or None
    failures : list of Failure
        Why there is none, or why not to believe it.
    """
    analysis, asked = variation.analysis, variation.selection.latent
    if asked is None:
        return None, []
    options = (analysis.sites or default_sites(analysis.outcome)).options()
    contrasts = [by for by in analysis.by if by in TRIAL_FACTORS]
    try:
        found = latent(options, asked.data, factor=asked.factor, own=asked.own, contrasts=contrasts)
    except MetaError as error:
        return None, [Failure(role=LATENT, by=asked.factor, reason=str(error))]
    fits = tuple(replace(fit, outcome=analysis.outcome) for fit in found.fits)
    found = replace(found, fits=fits)
    if analysis.k_policy == "off":
        found = replace(found, fits=tuple(map(_waived, found.fits)))
    sampled = (*(fit.sampling for fit in found.fits), found.sampling_alone)
    return found, [Failure(role=LATENT, by=asked.factor, reason=reason) for reason in broken(sampled)]
