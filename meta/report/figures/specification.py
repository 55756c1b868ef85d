"""The specification figure: every variation and model in one picture, from the lowest to the highest."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from meta.format import counts, interval, level, percent
from meta.report.drawing.canvas import BOLD, PLAIN, SMALL
from meta.report.drawing.marks import Mark
from meta.report.drawing.table import Column, Paragraph, Plot, Row, Table, draw
from meta.report.figures.bounds import bounds_row
from meta.report.figures.registry import Analysed, Figure, Plan, Section
from meta.report.language.bound_words import each_role
from meta.report.language.exact import short_name
from meta.report.language.latent_words import answer, reported, star
from meta.report.language.latent_words import withheld as latent_withheld
from meta.report.language.roles import ordered
from meta.report.language.variations import identical, repeats, variation_name
from meta.report.language.wording import capital, counts_heading, headline, withheld
from meta.results import Bounds, Estimand, Fit, Outcome, name_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.figure import Figure as Picture

    from meta.records.run import Run
    from meta.results import Latent, Quantity


class Specification(NamedTuple):
    """One choice of data and model, and the overall answer that it leads to; `base` is the analysis itself.

    `found` is a fit, what a latent split gives, or bounds over what was not reported.
    """

    name: str
    found: Fit | Latent | Bounds
    base: bool = False


def plans(analysed: Analysed) -> Iterator[Plan]:
    """One of every overall answer of every run."""
    for base, _ in analysed.overall if len(analysed.runs) > 1 else ():
        yield Plan(
            name=f"{base.name}.specification",
            shows=analysed.runs,
            section=Section.SPECIFICATION,
            title="Every sensitivity analysis",
            caption="Sorted estimates.",
            draw=partial(_draw, base, analysed.runs),
        )


FIGURE = Figure(order=140, plans=plans)


def _draw(base: Run, runs: Sequence[Run]) -> Picture:
    return specification(
        [one for run in runs for one in specifications(base, run)],
        left_out=identical(base, runs),
        title=f"{base.name}: every sensitivity analysis",
        subtitle=base.question,
    )


def specifications(base: Run, run: Run) -> Iterator[Specification]:
    """Every overall answer of a run but the base's own again; of bounds, each role's first estimand."""
    name = variation_name(run)
    yield from (
        Specification(name, fit, run is base)
        for fit in ordered(run.fits)
        if fit.by is None and not repeats(base, run, fit)
    )
    if run.latent is not None:
        yield Specification(name, run.latent)
    yield from (Specification(name, one) for one in each_role(run))


def shown(found: Sequence[Specification]) -> list[Row]:
    """Those with an estimate and an interval, from the lowest estimate (of bounds: their middle) up."""
    rows = [row for one in found if (row := _row(one)) is not None]
    return sorted(rows, key=lambda row: (_middle(*row.marks), row.label))


def specification(
    found: Sequence[Specification],
    *,
    left_out: str | None = None,
    title: str | None = None,
    subtitle: str | None = None,
) -> Picture:
    """Draw the pooled estimate under every choice, sorted; the base in bold, and its estimate as a line.

    Only what has an estimate and an interval is drawn; `left_out` says what is the base's own answer again.
    """
    fits = [(one.base, one.found.proportion) for one in found if isinstance(one.found, Fit)]
    bases = [one.value for base, one in fits if base and one.value is not None]
    levels = {one.level for _, one in fits}
    outcome = next((one.found.outcome for one in found if isinstance(one.found, Fit)), Outcome.RESPONSE)
    columns = (
        Column("label", "Data", "left"),
        Column("role", "Model"),
        Column("estimand", "Rate"),
        Column("k", "k"),
        Column("counts", capital(counts_heading(outcome))),
        Plot(axis="Pooled rate, %", references=tuple(bases[:1])),
        Column("value", ""),
        Column("ends", f"% [{level(levels.pop()) if len(levels) == 1 else 'its'} interval]"),
    )
    below = [
        Paragraph(
            text="Filled: headline estimate. Hollow: shown, not a headline. Bold: the analysis itself; "
            "the dashed line is its leading estimate. Bars: bounds over what was not reported, "
            "thick of the estimate, thin of its interval's limits. Latent split: responders/n of the "
            "remaining patients where these are reported separately.",
            style=SMALL,
            rule=True,
        )
    ]
    if left_out is not None:
        below.append(Paragraph(lead="Identical to the base analysis:", text=f"{left_out}.", style=SMALL))
    return draw(Table(columns, tuple(shown(found))), below, title, subtitle)


def _middle(mark: Mark) -> float:
    return mark.value if mark.value is not None else sum(mark.inner or (mark.low, mark.high)) / 2


def _row(one: Specification) -> Row | None:
    """The row of an answer; None where there is no estimate or no interval to draw."""
    if isinstance(one.found, Fit):
        return _of_fit(one, one.found)
    return (
        _of_bounds(one.name, one.found) if isinstance(one.found, Bounds) else _of_latent(one.name, one.found)
    )


def _of_fit(one: Specification, fit: Fit) -> Row | None:
    found = fit.proportion
    if withheld(fit) or found.value is None or found.low is None or found.high is None:
        return None
    cells = {
        "role": fit.role or short_name(fit),
        "estimand": _short(found.estimand, fit.outcome),
        "k": str(fit.k),
        "counts": counts(fit.responders, fit.n),
        "value": percent(found.value),
        "ends": f"[{interval(found.low, found.high, percent)}]",
    }
    mark = _diamond(found, filled=headline(fit))
    return Row(label=one.name, cells=cells, marks=(mark,), style=BOLD if one.base else PLAIN)


def _of_bounds(name: str, found: Bounds) -> Row | None:
    row = bounds_row(name, found)
    if not row.marks:
        return None
    cells = {
        **row.cells,
        "role": found.role or found.model,
        "estimand": _short(found.estimand, found.outcome),
    }
    return Row(label=name, cells=cells, marks=row.marks)


def _of_latent(name: str, found: Latent) -> Row | None:
    here = answer(found)
    if here is None:
        return None
    fit, rate = here
    mean = rate.mean
    if latent_withheld(rate) or mean.value is None or mean.low is None or mean.high is None:
        return None
    cells = {
        "role": "latent split",
        "estimand": "mean",
        "k": str(fit.k),
        "counts": reported(found, fit, None),
        "value": percent(mean.value),
        "ends": f"[{interval(mean.low, mean.high, percent)}]",
    }
    return Row(label=name, cells=cells, marks=(_diamond(mean, filled=not star(found, rate)),))


def _short(estimand: Estimand, outcome: Outcome) -> str:
    """The column is headed "Rate": of a mean or median the word alone."""
    return str(estimand) if estimand in {Estimand.MEAN, Estimand.MEDIAN} else name_of(estimand, outcome)


def _diamond(found: Quantity, *, filled: bool) -> Mark:
    assert found.low is not None  # whoever calls has looked
    assert found.high is not None
    return Mark(kind="diamond", low=found.low, value=found.value, high=found.high, filled=filled, share=0.8)
