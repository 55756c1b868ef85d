"""Orders of groups, the splits that trials did not report, and the contrast of levels under other priors."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from meta.format import interval, level, number
from meta.report.drawing.canvas import BOLD
from meta.report.drawing.marks import APART, Mark, marks_of, point
from meta.report.drawing.table import INDENT, Column, Plot, Row, Table, draw, small
from meta.report.figures.registry import Analysed, Figure, Plan, Section, file_name, placed, title_of
from meta.report.language.roles import marked
from meta.report.language.site_words import DESCRIPTIVE, group_noun, not_headlines, written
from meta.report.language.wording import not_given
from meta.report.tables.site_tables import standing_of
from meta.results import Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.figure import Figure as Picture

    from meta.results import Order, PriorPoint, Quantity, SiteRegionFit, SplitCount

_NEARLY = 0.99  # a probability above is not written as a number


def plans(analysed: Analysed) -> Iterator[Plan]:
    """One of each run whose model of sites and regions has orders, unreported splits or other priors."""
    for run, fit in analysed.sites:
        if fit.orders or fit.splits or fit.prior_sweep:
            yield Plan(
                name=file_name(run, "site-contrasts"),
                shows=(run,),
                section=placed(run, Section.SITES),
                title="Orders, unreported splits and other priors",
                caption=f"Which {group_noun(fit)} responds more often, who may have responded where "
                "only totals are printed, and how far the prior decides.",
                draw=partial(
                    site_contrasts, fit, title=title_of(run, "orders, unreported splits, other priors")
                ),
            )


FIGURE = Figure(order=90, plans=plans)


def site_contrasts(fit: SiteRegionFit, *, title: str, subtitle: str | None = None) -> Picture:
    """Draw the probabilities of order, the posterior of each unreported split, and the prior of the contrast.

    One table each, of those that the fit has.
    """
    noun = group_noun(fit)
    said = subtitle or (
        f"Which {noun} has the higher response rate; who may have responded where only totals are "
        "reported; and how far the prior decides."
    )
    tables = [table for table in (_orders(fit, noun), _splits(fit, noun), _priors(fit)) if table.rows]
    return draw(tables, small(_below(fit, noun)), marked(title, fit), said)


def _filled(fit: SiteRegionFit, *labels: str) -> bool:
    """Whether the answer about some groups or levels may be a headline."""
    return standing_of(fit, *labels) == Status.HEADLINE


def _orders(fit: SiteRegionFit, noun: str) -> Table:
    columns = (
        Column("label", f"Higher response rate, by {noun}", "left"),
        Plot(axis="Posterior probability, %", ends=(0.0, 100.0), references=(0.5,)),
        Column("value", "Probability, %"),
    )
    return Table(columns, tuple(_order(fit, one) for one in _likelier(fit)))


def _likelier(fit: SiteRegionFit) -> list[Order]:
    """One order of each pair of groups, the one that is likelier than its reverse; the surest first."""
    best: dict[frozenset[str], Order] = {}
    for one in fit.orders:
        pair = frozenset((one.group, one.other))
        if pair not in best or one.probability > best[pair].probability:
            best[pair] = one
    return sorted(best.values(), key=lambda one: -one.probability)


def _order(fit: SiteRegionFit, one: Order) -> Row:
    mark = point("dot", one.probability, filled=_filled(fit, one.group, one.other))
    return Row(label=f"{one.group} > {one.other}", cells={"value": _chance(one.probability)}, marks=(mark,))


def _chance(probability: float) -> str:
    """Write a share of draws in whole percent: thousands of them tell no more."""
    return "> 99" if probability > _NEARLY else number(100 * probability, 0)


def _splits(fit: SiteRegionFit, noun: str) -> Table:
    levels = " / ".join(dict.fromkeys(level(one.level) for one in fit.splits))
    columns = (
        Column("label", f"Unreported responders, by {noun}", "left"),
        Column("n", "Patients"),
        Plot(axis="Responders", unit=1.0),
        Column("value", "Expected"),
        Column("ends", f"[{levels} interval]"),
    )
    return Table(columns, tuple(_split_rows(fit)))


def _split_rows(fit: SiteRegionFit) -> Iterator[Row]:
    sums: dict[tuple[str, tuple[str, ...]], list[SplitCount]] = {}
    for one in fit.splits:
        sums.setdefault((one.trial, one.groups), []).append(one)
    for (trial, _), several in sums.items():
        n, x = sum(one.n for one in several), several[0].responders
        yield Row(label=f"{trial}: {x}/{n} in all", style=BOLD)
        for one in several:
            yield _split(one, x * one.n / n)


def _split(one: SplitCount, even: float) -> Row:
    """One group's responders, beside what they would be if all groups had the trial's rate."""
    marks = (
        Mark(kind="dot", value=one.expected, low=one.low, high=one.high, filled=False, below=-APART),
        point("direct", even, below=APART),
    )
    cells = {"n": str(one.n), "value": number(one.expected, 2), "ends": f"[{one.low} to {one.high}]"}
    return Row(label=one.group, cells=cells, marks=marks, indent=INDENT)


def _priors(fit: SiteRegionFit) -> Table:
    interval_ = f"[{level(fit.level)} CrI]"
    columns = (
        Column("label", "Difference under other priors", "left"),
        Plot(axis="Difference of mean ORRs, percentage points"),
        Column("value", f"Points {interval_}"),
        Column("log", f"Log odds ratio {interval_}"),
    )
    return Table(columns, tuple(_prior_rows(fit)))


def _prior_rows(fit: SiteRegionFit) -> Iterator[Row]:
    own = fit.model.contrast_prior
    for pair in dict.fromkeys((one.level, one.reference) for one in fit.prior_sweep):
        yield Row(label=f"{pair[0]} minus {pair[1]}", style=BOLD)
        for one in (one for one in fit.prior_sweep if (one.level, one.reference) == pair):
            name = f"log odds ratio ~ N(0, {one.prior_sd:g}²)"
            here = " (the model's)" if own == f"normal:0,{one.prior_sd:g}" else ""
            yield _prior(name + here, one, filled=_filled(fit, *pair))


def _prior(name: str, one: PriorPoint, *, filled: bool) -> Row:
    found = one.difference
    if found.value is None:
        return Row(label=name, reason=not_given(found.reason), indent=INDENT)
    cells = {"value": written(found, signed=True), "log": _log_odds(one.log_odds_ratio)}
    return Row(label=name, cells=cells, marks=marks_of("dot", found, filled=filled), indent=INDENT)


def _log_odds(found: Quantity) -> str:
    if found.value is None:
        return "not given"
    if found.low is None or found.high is None:
        return number(found.value, 2)
    return f"{number(found.value, 2)} [{interval(found.low, found.high, lambda z: number(z, 2))}]"


def _below(fit: SiteRegionFit, noun: str) -> list[str]:
    lines = []
    if fit.orders:
        lines.append(
            f"Order: probability that the first {noun} has the higher rate, of each pair the likelier way "
            f"round. Before the data it is 50 % for every pair (dashed). {_telling(fit, noun)}"
        )
    if fit.splits:
        lines.append(
            f"Unreported responders: posterior mean and interval of the number in each {noun} given the "
            f"total that was reported, not observations. Diamonds: the total shared out by patients alone."
        )
    elif fit.orders:
        lines.append(f"No trial reports a total over {noun}s with the patients of each.")
    if fit.prior_sweep:
        lines.append(
            "Other priors: the model sampled again under each; the wider the prior, the more the data "
            "decide. Standardised to the target mix, new trials."
        )
    return [
        *lines,
        *not_headlines(fit, levels=bool(fit.prior_sweep)),
        *([DESCRIPTIVE] if fit.prior_sweep else []),
        *fit.notes,
    ]


def _telling(fit: SiteRegionFit, noun: str) -> str:
    told = sum(rate.n_reported for rate in fit.rates if rate.level is None)
    return f"It is based on the {told} patients whose responders were reported by {noun}." if told else ""
