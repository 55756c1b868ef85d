"""Crude against standardised: what is left of a difference once the mix of sites is the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meta.format import level, percent
from meta.report.drawing.canvas import pinned_settings
from meta.report.drawing.columns import BOLD
from meta.report.drawing.site_blocks import INDENT, Block, Dot, Line, Look, draw_blocks, titled
from meta.report.language.site_words import (
    DESCRIPTIVE,
    group_noun,
    look,
    not_headlines,
    parts,
    points,
    target,
    written,
)
from meta.report.language.wording import not_given

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.figure import Figure

    from meta.results import DirectRate, Proportion, Quantity, RateDifference, SiteRegionFit, StandardisedRate

_POPULATIONS = {"new-trials": "new trials", "these-trials": "these trials"}
_NONE = "–"


def standardised(fit: SiteRegionFit, *, title: str, subtitle: str | None = None) -> Figure:
    """Draw differences and rates standardised to one mix, beside those of the model without groups.

    Parameters
    ----------
    fit : SiteRegionFit
    title, subtitle : str

    Returns
    -------
    Figure
        Direct standardisation of the reported rates stands below each.
    """
    noun = group_noun(fit)
    heads = (f"Standardised [{level(fit.level)} CrI]", f"Without {noun}s")
    differences = tuple(_differences(fit, noun))
    rates = Block(
        before=(fit.outcome.short,),
        after=heads,
        axis=f"{fit.outcome.short}, %",
        lines=tuple(_rates(fit, noun)),
    )
    blocks = [rates]
    if differences:
        axis = "Difference, percentage points"
        blocks = [Block(before=("Difference of ORRs",), after=heads, axis=axis, lines=differences), rates]
    with pinned_settings():
        said = subtitle or ("Descriptive. " if differences else "") + target(fit)
        return draw_blocks((titled(fit, title), said), blocks, _below(fit, noun))


def _differences(fit: SiteRegionFit, noun: str) -> Iterator[Line]:
    for pair in dict.fromkeys((one.level, one.reference) for one in fit.differences):
        yield Line(label=f"{pair[0]} less {pair[1]}", style=BOLD)
        found = [one for one in fit.differences if (one.level, one.reference) == pair]
        for one in sorted(found, key=_order):
            name = f"{one.estimand}, {_POPULATIONS[one.population]}"
            yield _line(name, one.standardised, one.without_groups, look(one.standing), signed=True)
        yield _direct_difference(noun, *(_direct(fit, name) for name in pair))


def _order(one: RateDifference) -> tuple[str, bool]:
    """Mean over new trials first, these trials last."""
    return one.population, one.estimand == "median"


def _rates(fit: SiteRegionFit, noun: str) -> Iterator[Line]:
    for name in dict.fromkeys(one.level for one in fit.standardised):
        if len({one.level for one in fit.standardised}) > 1:
            yield Line(label=name, style=BOLD)
        for one in (one for one in fit.standardised if one.level == name):
            crude = next(
                (c for c in fit.without_groups if (c.level, c.population) == (name, one.population)), None
            )
            yield from _population(one, crude)
        direct = _direct(fit, name)
        if direct is not None:
            yield _direct_rate(direct, noun)


def _population(one: StandardisedRate, crude: StandardisedRate | None) -> Iterator[Line]:
    who = _POPULATIONS[one.population]
    yield _line(f"mean, {who}", one.mean, crude.mean if crude else None, look(one.standing))
    if one.median is not None:
        yield _line(f"median, {who}", one.median, crude.median if crude else None, look(one.standing))


def _line(
    name: str,
    found: Proportion | Quantity,
    crude: Proportion | Quantity | None,
    shown: Look,
    *,
    signed: bool = False,
) -> Line:
    """One estimand of both models; of the crude one a reason stands where it cannot be given."""
    if found.value is None:
        return Line(label=name, reason=not_given(found.reason), indent=INDENT)
    dots = [Dot(look=shown, value=100 * found.value, **parts(found, 100.0))]
    if crude is not None and crude.value is not None:
        dots.append(Dot(look="other", value=100 * crude.value, **parts(crude, 100.0)))
    beside = written(crude, signed=signed) if crude is not None else "not fitted"
    return Line(label=name, cells=(written(found, signed=signed), beside), dots=tuple(dots), indent=INDENT)


def _direct(fit: SiteRegionFit, name: str) -> DirectRate | None:
    return next((one for one in fit.direct if one.level == name), None)


def _direct_rate(one: DirectRate, noun: str) -> Line:
    name = f"direct, reported {noun} rates"
    if one.value is None:
        return Line(label=name, reason=_unreported(one), indent=INDENT)
    error = f" (SE {percent(one.se)})" if one.se is not None else ""
    dot = Dot(look="direct", value=100 * one.value)
    return Line(label=name, cells=(percent(one.value) + error, _NONE), dots=(dot,), indent=INDENT)


def _unreported(one: DirectRate) -> str:
    share = f"{percent(one.share)} % of the target mix was reported"
    return f"{not_given(one.reason)}; {share}"


def _direct_difference(noun: str, one: DirectRate | None, other: DirectRate | None) -> Line:
    name = f"direct, reported {noun} rates"
    reasons = [f"{rate.level}: {_unreported(rate)}" for rate in (one, other) if rate and rate.value is None]
    if one is None or other is None or one.value is None or other.value is None:
        return Line(label=name, reason=". ".join(reasons) or not_given(None), indent=INDENT)
    value = one.value - other.value
    error = ""
    if one.se is not None and other.se is not None:
        error = f" (SE {percent((one.se**2 + other.se**2) ** 0.5)})"
    dot = Dot(look="direct", value=100 * value)
    return Line(label=name, cells=(points(value) + error, _NONE), dots=(dot,), indent=INDENT)


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
