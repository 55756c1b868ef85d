"""Figures of the model of sites and regions; each takes its fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meta.format import counts, interval, level, number, percent
from meta.report.drawing.canvas import pinned_settings
from meta.report.drawing.columns import BOLD
from meta.report.drawing.site_blocks import INDENT, Block, Dot, Line, draw_blocks, titled
from meta.report.figures.site_contrasts import site_contrasts
from meta.report.figures.site_grid import site_grid
from meta.report.figures.site_standardised import standardised
from meta.report.language.aliasing import totals
from meta.report.language.site_words import group_noun, look, not_headlines, pair_name, parts
from meta.report.language.wording import capital, not_given
from meta.results import Estimand, name_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from meta.records.coverage import Coverage
    from meta.results import Parameter, Rate, SiteRegionFit

__all__ = ["site_contrasts", "site_figure", "site_grid", "site_rates", "standardised"]

_MUCH_OF_PRIOR = 0.9  # posterior standard deviation over the prior's, from which the prior speaks


def site_figure(name: str, fit: SiteRegionFit, title: str, coverage: Coverage | None = None) -> Figure:
    """Draw one figure of a fit.

    Parameters
    ----------
    name : str
        ``site-grid``, ``standardised``, ``site-rates`` or ``site-contrasts``.
    fit : SiteRegionFit
    title : str
        In front of what it shows.
    coverage : Coverage, optional
        Of the run: responders of each level, whatever the trials report by group.

    Returns
    -------
    Figure
    """
    noun = group_noun(fit)
    if name == "standardised":
        return standardised(fit, title=f"{title}: standardised to one mix of {noun}s")
    if name == "site-rates":
        return site_rates(fit, title=f"{title}: response by {noun}")
    if name == "site-contrasts":
        return site_contrasts(fit, title=f"{title}: orders, unreported splits, other priors")
    by = f"{noun} and {fit.contrast}" if fit.contrast else noun
    known = totals(coverage, fit.contrast) if coverage and fit.contrast else {}
    return site_grid(fit, totals=known, title=f"{title}: response by {by}")


def site_rates(fit: SiteRegionFit, *, title: str, subtitle: str | None = None) -> Figure:
    """Draw the shrunken rate of each group beside its counts, and what the data say beyond the priors.

    Parameters
    ----------
    fit : SiteRegionFit
    title, subtitle : str

    Returns
    -------
    Figure
    """
    noun = group_noun(fit)
    with pinned_settings():
        what = capital(name_of(Estimand.MEAN_NEW, fit.outcome))
        said = subtitle or f"{what} by {noun}, {level(fit.level)} credible intervals."
        blocks = [_rates(fit, noun), _priors(fit)]
        return draw_blocks((titled(fit, title), said), blocks, _below(fit, noun))


def _rates(fit: SiteRegionFit, noun: str) -> Block:
    return Block(
        before=(f"Primary {noun}" if noun == "site" else capital(noun), "Patients", "Responders/reported"),
        after=(f"{capital(name_of(Estimand.MEAN, fit.outcome))}, %", f"[{level(fit.level)} CrI]"),
        axis=f"{capital(name_of(Estimand.MEAN, fit.outcome))}, %",
        lines=tuple(_rate(rate) for rate in fit.rates if rate.level is None),
    )


def _rate(rate: Rate) -> Line:
    found, reported = rate.mean, "none reported"
    dots: tuple[Dot, ...] = ()
    if rate.n_reported:
        reported = counts(rate.responders, rate.n_reported)
        dots = (Dot(look="other", value=100 * rate.responders / rate.n_reported),)
    if found.value is None:
        name = f"{rate.group} ({rate.n} patients, {reported})"
        return Line(label=name, reason=not_given(found.reason))
    leading = Dot(look=look(rate.standing), value=100 * found.value, **parts(found, 100.0))
    ends = "" if found.low is None or found.high is None else f"[{interval(found.low, found.high, percent)}]"
    cells = (str(rate.n), reported, percent(found.value), ends)
    return Line(label=rate.group, cells=cells, dots=(leading, *dots))


def _priors(fit: SiteRegionFit) -> Block:
    lines = [_parameter(one) for one in fit.parameters if not _is_contrast(one)]
    contrasts = [_parameter(one) for one in fit.parameters if _is_contrast(one)]
    heading = (Line(label="Log odds ratios", style=BOLD),) if contrasts else ()
    return Block(
        before=("Parameter",),
        after=("Prior sd", "Posterior sd", "Ratio", f"Median [{level(fit.level)} CrI]"),
        axis="Standard deviation, log odds",
        lines=(*lines, *heading, *contrasts),
        joined=True,
    )


def _is_contrast(one: Parameter) -> bool:
    return one.group is not None


def _parameter(one: Parameter) -> Line:
    found = one.posterior
    name = pair_name(one) if _is_contrast(one) else _NAMES[found.estimand]
    dots = (Dot(look="prior", value=one.prior_sd), Dot(look="leading", value=one.sd))
    written = "not given"
    if found.value is not None:
        written = number(found.value, 2)
        if found.low is not None and found.high is not None:
            written += f" [{interval(found.low, found.high, lambda z: number(z, 2))}]"
    ratio = number(one.sd / one.prior_sd, 2) if one.prior_sd > 0 else ""
    cells = (number(one.prior_sd, 2), number(one.sd, 2), ratio, written)
    return Line(label=name, cells=cells, dots=dots, indent=INDENT if _is_contrast(one) else 0.0)


_NAMES = {
    Estimand.MU: "μ, overall log odds",
    Estimand.TAU: "τ, between trials",
    Estimand.SIGMA: "σ, between groups",
    Estimand.OMEGA: "ω, group by trial",
}


def _below(fit: SiteRegionFit, noun: str) -> list[str]:
    weak = [one for one in fit.parameters if _is_contrast(one) and one.sd >= _MUCH_OF_PRIOR * one.prior_sd]
    contrasts = sum(map(_is_contrast, fit.parameters))
    lines = [
        "Above: circles are the model's rates, shrunken towards one another; hollow squares the raw "
        f"rates of trials that reported the {noun} by itself. Patients are all whose "
        f"{noun} is known, those of trials that reported only totals too.",
        "Below: hollow circles are the standard deviation before the data, filled ones after them. "
        "Where they lie together the data say nothing and the posterior is the prior.",
    ]
    if contrasts:
        lines.append(
            f"{len(weak)} of {contrasts} log odds ratios keep {level(_MUCH_OF_PRIOR)} or more of "
            "their prior's standard deviation."
        )
    missing = dict.fromkeys(one.posterior.reason for one in fit.parameters if one.posterior.value is None)
    return [
        *lines,
        *(f"Medians {not_given(reason)}." for reason in missing),
        *not_headlines(fit, levels=False),
        *fit.notes,
    ]
