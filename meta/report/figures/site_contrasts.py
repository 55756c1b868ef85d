"""Orders of groups, the splits that trials did not report, and the contrast of levels under other priors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meta.format import interval, level, number
from meta.report.drawing.canvas import pinned_settings
from meta.report.drawing.columns import BOLD
from meta.report.drawing.site_blocks import INDENT, Block, Dot, Line, Look, draw_blocks, titled
from meta.report.language.site_words import DESCRIPTIVE, group_noun, not_headlines, parts, written
from meta.report.language.wording import not_given
from meta.report.tables.site_tables import standing_of
from meta.results import Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.figure import Figure

    from meta.results import Order, PriorPoint, Quantity, SiteRegionFit, SplitCount

_NEARLY = 0.99  # a probability above is not written as a number


def site_contrasts(fit: SiteRegionFit, *, title: str, subtitle: str | None = None) -> Figure:
    """Draw the probabilities of order, the posterior of each unreported split, and the prior of the contrast.

    Parameters
    ----------
    fit : SiteRegionFit
    title, subtitle : str

    Returns
    -------
    Figure
        One panel each, of those that the fit has.
    """
    noun = group_noun(fit)
    with pinned_settings():
        said = subtitle or (
            f"Which {noun} has the higher response rate; who may have responded where only totals are "
            "reported; and how far the prior decides."
        )
        blocks = [block for block in (_orders(fit, noun), _splits(fit, noun), _priors(fit)) if block.lines]
        return draw_blocks((titled(fit, title), said), blocks, _below(fit, noun))


def _look(fit: SiteRegionFit, *labels: str) -> Look:
    """Filled where the answer about some groups or levels may be a headline."""
    return "leading" if standing_of(fit, *labels) == Status.HEADLINE else "beside"


def _orders(fit: SiteRegionFit, noun: str) -> Block:
    return Block(
        before=(f"Higher response rate, by {noun}",),
        after=("Probability, %",),
        axis="Posterior probability, %",
        lines=tuple(_order(fit, one) for one in _likelier(fit)),
        ends=(0.0, 100.0),
        reference=50.0,
    )


def _likelier(fit: SiteRegionFit) -> list[Order]:
    """One order of each pair of groups, the one that is likelier than its reverse; the surest first."""
    best: dict[frozenset[str], Order] = {}
    for one in fit.orders:
        pair = frozenset((one.group, one.other))
        if pair not in best or one.probability > best[pair].probability:
            best[pair] = one
    return sorted(best.values(), key=lambda one: -one.probability)


def _order(fit: SiteRegionFit, one: Order) -> Line:
    dot = Dot(look=_look(fit, one.group, one.other), value=100 * one.probability)
    return Line(label=f"{one.group} > {one.other}", cells=(_chance(one.probability),), dots=(dot,))


def _chance(probability: float) -> str:
    """Write a share of draws in whole percent: thousands of them tell no more."""
    return "> 99" if probability > _NEARLY else number(100 * probability, 0)


def _splits(fit: SiteRegionFit, noun: str) -> Block:
    levels = " / ".join(dict.fromkeys(level(one.level) for one in fit.splits))
    return Block(
        before=(f"Unreported responders, by {noun}", "Patients"),
        after=("Expected", f"[{levels} interval]"),
        axis="Responders",
        lines=tuple(_split_lines(fit)),
    )


def _split_lines(fit: SiteRegionFit) -> Iterator[Line]:
    sums: dict[tuple[str, tuple[str, ...]], list[SplitCount]] = {}
    for one in fit.splits:
        sums.setdefault((one.trial, one.groups), []).append(one)
    for (trial, _), several in sums.items():
        n, x = sum(one.n for one in several), several[0].responders
        yield Line(label=f"{trial}: {x}/{n} in all", style=BOLD)
        for one in several:
            yield _split(one, x * one.n / n)


def _split(one: SplitCount, even: float) -> Line:
    """One group's responders, beside what they would be if all groups had the trial's rate."""
    dots = (
        Dot(look="beside", value=one.expected, low=float(one.low), high=float(one.high)),
        Dot(look="direct", value=even),
    )
    cells = (str(one.n), number(one.expected, 2), f"[{one.low} to {one.high}]")
    return Line(label=one.group, cells=cells, dots=dots, indent=INDENT)


def _priors(fit: SiteRegionFit) -> Block:
    interval_ = f"[{level(fit.level)} CrI]"
    return Block(
        before=("Difference under other priors",),
        after=(f"Points {interval_}", f"Log odds ratio {interval_}"),
        axis="Difference of mean ORRs, percentage points",
        lines=tuple(_prior_lines(fit)),
    )


def _prior_lines(fit: SiteRegionFit) -> Iterator[Line]:
    own = fit.model.get("contrast_prior")
    for pair in dict.fromkeys((one.level, one.reference) for one in fit.prior_sweep):
        yield Line(label=f"{pair[0]} less {pair[1]}", style=BOLD)
        for one in (one for one in fit.prior_sweep if (one.level, one.reference) == pair):
            name = f"log odds ratio ~ N(0, {one.prior_sd:g}²)"
            here = " (the model's)" if own == f"normal:0,{one.prior_sd:g}" else ""
            yield _prior(name + here, one, _look(fit, *pair))


def _prior(name: str, one: PriorPoint, look: Look) -> Line:
    found = one.difference
    if found.value is None:
        return Line(label=name, reason=not_given(found.reason), indent=INDENT)
    dot = Dot(look=look, value=100 * found.value, **parts(found, 100.0))
    cells = (written(found, signed=True), _log_odds(one.log_odds_ratio))
    return Line(label=name, cells=cells, dots=(dot,), indent=INDENT)


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
    return f"It rests on the {told} patients whose responders were reported by {noun}." if told else ""
