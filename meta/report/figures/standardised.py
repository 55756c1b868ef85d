"""Crude against standardised: what is left of a difference once the mix of sites is the same."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from meta.format import level, percent
from meta.report.drawing.canvas import BOLD
from meta.report.drawing.marks import APART, marks_of, point
from meta.report.drawing.table import INDENT, Column, Plot, Row, Table, draw, small
from meta.report.figures.registry import Analysed, Figure, Plan, Section, file_name, placed, title_of
from meta.report.language.roles import marked
from meta.report.language.site_words import (
    DESCRIPTIVE,
    group_noun,
    not_headlines,
    points,
    target,
    written,
)
from meta.report.language.wording import capital, not_given
from meta.results import Estimand

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.figure import Figure as Picture

    from meta.results import (
        DirectRate,
        Quantity,
        RateDifference,
        SiteRegionFit,
        StandardisedRate,
        Standing,
    )

_POPULATIONS = {"new-trials": "new trials", "these-trials": "these trials"}
_NONE = "–"


def plans(analysed: Analysed) -> Iterator[Plan]:
    """One of each run with the model of sites and regions."""
    for run, fit in analysed.sites:
        noun, level_ = group_noun(fit), fit.contrast or "level"
        yield Plan(
            name=file_name(run, "standardised"),
            shows=(run,),
            section=placed(run, Section.SITES),
            title=f"{capital(level_)}s at the same mix of {noun}s",
            caption=f"Rates of the {level_}s at one mix of {noun}s, and in the model without {noun}s.",
            draw=partial(standardised, fit, title=title_of(run, f"standardised to one mix of {noun}s")),
        )


FIGURE = Figure(order=100, plans=plans)


def standardised(fit: SiteRegionFit, *, title: str, subtitle: str | None = None) -> Picture:
    """Draw differences and rates standardised to one mix, beside those of the model without groups.

    Direct standardisation of the reported rates stands below each.
    """
    noun = group_noun(fit)
    differences, rates = tuple(_differences(fit, noun)), tuple(_rates(fit, noun))
    tables = [_table(fit, noun, fit.outcome.short, f"{fit.outcome.short}, %", rates)]
    if differences:
        axis = "Difference, percentage points"
        tables.insert(0, _table(fit, noun, "Difference of ORRs", axis, differences))
    said = subtitle or ("Descriptive. " if differences else "") + target(fit)
    return draw(tables, small(_below(fit, noun)), marked(title, fit), said)


def _table(fit: SiteRegionFit, noun: str, heading: str, axis: str, rows: tuple[Row, ...]) -> Table:
    columns = (
        Column("label", heading, "left"),
        Plot(axis=axis),
        Column("value", f"Standardised [{level(fit.level)} CrI]"),
        Column("crude", f"Without {noun}s"),
    )
    return Table(columns, rows)


def _differences(fit: SiteRegionFit, noun: str) -> Iterator[Row]:
    for pair in dict.fromkeys((one.level, one.reference) for one in fit.differences):
        yield Row(label=f"{pair[0]} minus {pair[1]}", style=BOLD)
        found = [one for one in fit.differences if (one.level, one.reference) == pair]
        for one in sorted(found, key=_order):
            name = f"{one.estimand}, {_POPULATIONS[one.population]}"
            yield _row(name, one.standardised, one.without_groups, one.standing, signed=True)
        yield _direct_difference(noun, *(_direct(fit, name) for name in pair))


def _order(one: RateDifference) -> tuple[str, bool]:
    """Mean over new trials first, these trials last."""
    return one.population, one.estimand == Estimand.MEDIAN


def _rates(fit: SiteRegionFit, noun: str) -> Iterator[Row]:
    for name in dict.fromkeys(one.level for one in fit.standardised):
        if len({one.level for one in fit.standardised}) > 1:
            yield Row(label=name, style=BOLD)
        for one in (one for one in fit.standardised if one.level == name):
            crude = next(
                (c for c in fit.without_groups if (c.level, c.population) == (name, one.population)), None
            )
            yield from _population(one, crude)
        direct = _direct(fit, name)
        if direct is not None:
            yield _direct_rate(direct, noun)


def _population(one: StandardisedRate, crude: StandardisedRate | None) -> Iterator[Row]:
    who = _POPULATIONS[one.population]
    yield _row(f"mean, {who}", one.mean, crude.mean if crude else None, one.standing)
    if one.median is not None:
        yield _row(f"median, {who}", one.median, crude.median if crude else None, one.standing)


def _row(
    name: str,
    found: Quantity,
    crude: Quantity | None,
    standing: Standing,
    *,
    signed: bool = False,
) -> Row:
    """One estimand of both models; of the crude one a reason stands where it cannot be given."""
    if found.value is None:
        return Row(label=name, reason=not_given(found.reason), indent=INDENT)
    two = crude is not None and crude.value is not None
    marks = marks_of("dot", found, filled=standing.headline, below=-APART if two else 0.0)
    if crude is not None and two:
        marks += marks_of("crude", crude, below=APART)
    beside = written(crude, signed=signed) if crude is not None else "not fitted"
    cells = {"value": written(found, signed=signed), "crude": beside}
    return Row(label=name, cells=cells, marks=marks, indent=INDENT)


def _direct(fit: SiteRegionFit, name: str) -> DirectRate | None:
    return next((one for one in fit.direct if one.level == name), None)


def _direct_rate(one: DirectRate, noun: str) -> Row:
    name = f"direct, reported {noun} rates"
    if one.value is None:
        return Row(label=name, reason=_unreported(one), indent=INDENT)
    error = f" (SE {percent(one.se)})" if one.se is not None else ""
    return _direct_row(name, one.value, percent(one.value) + error)


def _direct_row(name: str, value: float, written: str) -> Row:
    cells = {"value": written, "crude": _NONE}
    return Row(label=name, cells=cells, marks=(point("direct", value),), indent=INDENT)


def _unreported(one: DirectRate) -> str:
    share = f"{percent(one.share)} % of the target mix was reported"
    return f"{not_given(one.reason)}; {share}"


def _direct_difference(noun: str, one: DirectRate | None, other: DirectRate | None) -> Row:
    name = f"direct, reported {noun} rates"
    reasons = [f"{rate.level}: {_unreported(rate)}" for rate in (one, other) if rate and rate.value is None]
    if one is None or other is None or one.value is None or other.value is None:
        return Row(label=name, reason=". ".join(reasons) or not_given(None), indent=INDENT)
    value = one.value - other.value
    error = ""
    if one.se is not None and other.se is not None:
        error = f" (SE {percent((one.se**2 + other.se**2) ** 0.5)})"
    return _direct_row(name, value, points(value) + error)


def _below(fit: SiteRegionFit, noun: str) -> list[str]:
    lines = [
        f"Circles: rates at the target mix. Hollow squares: the same model without {noun}s, like for "
        "like. Diamonds: reported rates weighted by the target mix, no model; SE: binomial standard error.",
        "New trials: over the trials' true rates, median or mean. These trials: the trials at hand with "
        "their own effects, weighted by their patients.",
    ]
    crude = (*(one.without_groups for one in fit.differences), *(one.mean for one in fit.without_groups))
    missing = dict.fromkeys(one.reason for one in crude if one is not None and one.value is None)
    lines += [f"Without {noun}s, {not_given(reason)}." for reason in missing]
    return [
        *([DESCRIPTIVE] if fit.differences else []),
        *lines,
        *not_headlines(fit, groups=False),
        *fit.notes,
    ]
