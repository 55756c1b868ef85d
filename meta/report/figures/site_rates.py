"""The shrunken rate of each site beside its counts, and what the data say beyond the priors."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from meta.format import counts, interval, level, number, percent
from meta.records.factors import noun_of
from meta.report.drawing.canvas import BOLD
from meta.report.drawing.marks import APART, Mark, marks_of, point
from meta.report.drawing.table import INDENT, Column, Plot, Row, Table, draw, small
from meta.report.figures.registry import Analysed, Figure, Plan, Section, file_name, placed, title_of
from meta.report.language.roles import marked
from meta.report.language.site_words import group_noun, not_headlines, pair_name
from meta.report.language.wording import capital, not_given
from meta.results import Estimand, name_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.figure import Figure as Picture

    from meta.results import Parameter, Rate, SiteRegionFit

_MUCH_OF_PRIOR = 0.9  # posterior standard deviation over the prior's, from which the prior speaks


def plans(analysed: Analysed) -> Iterator[Plan]:
    """One of each run with the model of sites and regions."""
    for run, fit in analysed.sites:
        noun = group_noun(fit)
        yield Plan(
            name=file_name(run, "site-rates"),
            shows=(run,),
            section=placed(run, Section.SITES),
            title=f"Rates by {noun_of(noun)}",
            caption=f"Each {noun}'s rate in the model of sites and regions.",
            draw=partial(site_rates, fit, title=title_of(run, f"response by {noun}")),
        )


FIGURE = Figure(order=70, plans=plans)


def site_rates(fit: SiteRegionFit, *, title: str, subtitle: str | None = None) -> Picture:
    """Draw the shrunken rate of each group beside its counts, and what the data say beyond the priors."""
    noun = group_noun(fit)
    what = capital(name_of(Estimand.MEAN_NEW, fit.outcome))
    said = subtitle or f"{what} by {noun}, {level(fit.level)} credible intervals."
    return draw([_rates(fit, noun), _priors(fit)], small(_below(fit, noun)), marked(title, fit), said)


def _rates(fit: SiteRegionFit, noun: str) -> Table:
    mean = capital(name_of(Estimand.MEAN, fit.outcome))
    columns = (
        Column("label", capital(noun_of(noun)), "left"),
        Column("n", "Patients"),
        Column("counts", "Responders/reported"),
        Plot(axis=f"{mean}, %"),
        Column("value", f"{mean}, %"),
        Column("ends", f"[{level(fit.level)} CrI]"),
    )
    return Table(columns, tuple(_rate(rate) for rate in fit.rates if rate.level is None))


def _rate(rate: Rate) -> Row:
    found, reported = rate.mean, "none reported"
    raw: tuple[Mark, ...] = ()
    if rate.n_reported:
        reported = counts(rate.responders, rate.n_reported)
        raw = (point("crude", rate.responders / rate.n_reported, below=APART),)
    if found.value is None:
        name = f"{rate.group} ({rate.n} patients, {reported})"
        return Row(label=name, reason=not_given(found.reason))
    ends = "" if found.low is None or found.high is None else f"[{interval(found.low, found.high, percent)}]"
    cells = {"n": str(rate.n), "counts": reported, "value": percent(found.value), "ends": ends}
    filled = rate.standing.headline
    leading = marks_of("dot", found, filled=filled, below=-APART if raw else 0.0)
    return Row(label=rate.group, cells=cells, marks=(*leading, *raw))


def _priors(fit: SiteRegionFit) -> Table:
    rows = [_parameter(one) for one in fit.parameters if not _is_contrast(one)]
    contrasts = [_parameter(one) for one in fit.parameters if _is_contrast(one)]
    heading = (Row(label="Log odds ratios", style=BOLD),) if contrasts else ()
    columns = (
        Column("label", "Parameter", "left"),
        Plot(axis="Standard deviation, log odds", unit=1.0, joined=True),
        Column("prior", "Prior sd"),
        Column("posterior", "Posterior sd"),
        Column("ratio", "Ratio"),
        Column("median", f"Median [{level(fit.level)} CrI]"),
    )
    return Table(columns, (*rows, *heading, *contrasts))


def _is_contrast(one: Parameter) -> bool:
    return one.group is not None


def _parameter(one: Parameter) -> Row:
    found = one.posterior
    name = pair_name(one) if _is_contrast(one) else _NAMES[found.estimand]
    written = "not given"
    if found.value is not None:
        written = number(found.value, 2)
        if found.low is not None and found.high is not None:
            written += f" [{interval(found.low, found.high, lambda z: number(z, 2))}]"
    cells = {
        "prior": number(one.prior_sd, 2),
        "posterior": number(one.sd, 2),
        "ratio": number(one.sd / one.prior_sd, 2) if one.prior_sd > 0 else "",
        "median": written,
    }
    marks = (point("prior", one.prior_sd), point("dot", one.sd))
    return Row(label=name, cells=cells, marks=marks, indent=INDENT if _is_contrast(one) else 0.0)


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
