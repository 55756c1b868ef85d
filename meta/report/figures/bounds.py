"""Bounds beside the answers that need none: all patients, excluded patients kept, trials dropped."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from meta.format import counts, interval, level, percent
from meta.models import MODELS, policy
from meta.report.drawing.canvas import BOLD, SMALL
from meta.report.drawing.marks import Mark
from meta.report.drawing.rows import COMPANION, summary_row
from meta.report.drawing.table import BLOCK_GAP, INDENT, Column, Paragraph, Plot, Row, Table, draw
from meta.report.figures.registry import Analysed, Figure, Plan, Section
from meta.report.language import exact, latent_words, wording
from meta.report.language.bound_words import Compared, compared, completion, each_role, leading, numbers, span
from meta.report.language.roles import first_fit, ordered
from meta.results import name_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.figure import Figure as Picture

    from meta.records.run import Run
    from meta.results import Bounds, Fit, Latent

KEYS = ("counts", "k", "value", "ends")


def plans(analysed: Analysed) -> Iterator[Plan]:
    """One of each run with bounds, beside the runs that settle the same exclusion otherwise."""
    for base, _ in analysed.overall:
        bounded = [run for run in analysed.runs if leading(run) is not None]
        for run in bounded:
            alone = len(bounded) == 1
            shown = compared(analysed.runs, base, run)
            latent = () if shown.latent is None else (shown.latent,)
            what = "Bounds over everything that was not reported"
            yield Plan(
                name=f"{base.name}.bounds" if alone else f"{base.name}.{run.variation}.bounds",
                shows=(base, run, *(other for _, other in shown.others), *latent),
                section=Section.UNREPORTED,
                title=what if alone else f"{what}: {run.variation}",
                caption="The answer under every completion of unreported counts.",
                draw=partial(
                    bounds_figure, shown, title=f"{base.name}: {run.variation}", subtitle=base.question
                ),
            )


FIGURE = Figure(order=120, plans=plans)


def bounds_figure(shown: Compared, *, title: str, subtitle: str | None = None) -> Picture:
    """Draw the bounds of the leading estimand overall and by group, beside the answers without bounds."""
    whole = leading(shown.bound)
    base = first_fit(shown.base)
    assert whole is not None  # figures() has looked
    assert base is not None
    rows = _block(shown, None, None)
    for by in dict.fromkeys(one.by for one in shown.bound.bounds if one.by and one.completions > 1):
        for group in dict.fromkeys(one.group for one in shown.bound.bounds if one.by == by):
            rows += _block(shown, by, group)
    table = bounds_table(rows, whole, base.proportion.level, base.proportion.value)
    return draw(table, tuple(_below(shown, whole)), title, subtitle)


def bounds_table(rows: Sequence[Row], lead: Bounds, confidence: float, reference: float | None) -> Table:
    """The table of answers and bounds; a dashed line stands at the `reference`."""
    what = wording.capital(name_of(lead.estimand, lead.outcome))
    columns = (
        Column("label", "Patients", "left"),
        Column("k", "k"),
        Column("counts", "Responders/n"),
        Plot(axis=f"{what}, %", references=(reference,)),
        Column("value", ""),
        Column("ends", f"{what} % [{level(confidence)} interval]"),
    )
    return Table(columns, tuple(rows))


def _block(shown: Compared, by: str | None, group: str | None) -> list[Row]:
    """Return the rows of all patients, or of one group."""
    heading = wording.heading(by, group) if by else "All groups together"
    rows = [Row(label=heading, style=BOLD, above=BLOCK_GAP)]
    for label, run in (("all patients", shown.base), *shown.others):
        rows.append(answer_row(label, run, by, group))
    lead = leading(shown.bound, by, group)
    if lead is not None:
        rows.append(bounds_row("bounds over all completions", lead, said=_attained(lead)))
        rows += companions(shown.bound, lead)
    if shown.latent is not None and shown.latent.latent is not None:
        rows += _latent(shown.latent.latent, by, group)
    return rows


def answer_row(label: str, run: Run, by: str | None, group: str | None) -> Row:
    """Return the row of a run's leading answer, of all patients or of a group."""
    fit = first_fit(run, by)
    part = _part(fit, group) if fit else None
    if part is None or part.k == 0:
        return Row(label=label, indent=INDENT, reason="no trial is left")
    if wording.withheld(part):
        cells = {"k": str(part.k), "counts": counts(part.responders, part.n)}
        return Row(label=label, indent=INDENT, cells=cells, reason=wording.standing(part))
    row = summary_row(label, part)
    return Row(
        label=row.label,
        indent=INDENT,
        cells={key: text for key, text in row.cells.items() if key in KEYS},
        marks=row.marks,
        reason=row.reason,
        details=row.details,
    )


def _part(fit: Fit, group: str | None) -> Fit | None:
    if group is None:
        return fit
    return next((part for part in fit.groups if part.label == group), None)


def companions(bound: Run, lead: Bounds) -> Iterator[Row]:
    """Return a smaller row for the first estimand of each role but that of `lead`."""
    for one in each_role(bound, lead.by, lead.group):
        if one.role != lead.role:
            name = MODELS[one.model].NAME
            yield bounds_row(f"bounds, {name_of(one.estimand, one.outcome)}, {name}", one)


def bounds_row(label: str, found: Bounds, *, said: str | None = None) -> Row:
    """Return the row of both hulls, with what is `said` below it; a smaller row where nothing is."""
    inner, outer = found.ignorance, found.uncertainty
    cells = {"k": span(found.k), "counts": f"{span(found.responders)}/{span(found.n)}"}
    if inner.low is None or inner.high is None or outer.low is None or outer.high is None:
        reason = wording.not_given(inner.reason or outer.reason)
        return Row(label=label, indent=INDENT, cells=cells, reason=reason)
    mark = Mark(
        kind="bound",
        low=outer.low,
        high=outer.high,
        inner=(inner.low, inner.high),
        share=COMPANION if said is None else 1.0,
        filled=found.standing.headline,
    )
    cells |= {"value": numbers(inner), "ends": f"[{numbers(outer)}]"}
    style = SMALL if said is None else BOLD
    return Row(
        label=label,
        indent=INDENT,
        style=style,
        cells=cells,
        marks=(mark,),
        details=((said, SMALL),) if said else (),
    )


def _attained(found: Bounds) -> str:
    """Say which completions attain the ends; empty where there is but one, or no bound."""
    inner, outer = found.ignorance, found.uncertainty
    if not inner.low_at or not outer.low_at:
        return ""
    ends = {
        "lowest estimate": inner.low_at,
        "highest estimate": inner.high_at,
        "lowest limit": outer.low_at,
        "highest limit": outer.high_at,
    }
    at: dict[str, list[str]] = {}
    for name, place in ends.items():
        at.setdefault(completion(place), []).append(name)
    return "; ".join(f"{', '.join(names)} at {where}" for where, names in at.items())


def _latent(found: Latent, by: str | None, group: str | None) -> Iterator[Row]:
    """Return the row of the latent model, where it has an answer."""
    here = latent_words.answer(found, by, group)
    if here is None:
        return
    fit, rate = here
    label = latent_words.marked(found, "latent split")
    told = latent_words.reported(found, fit, rate.level)
    cells = {"counts": told} if told else {}
    mean = rate.mean
    if latent_words.withheld(rate) or mean.value is None or mean.low is None or mean.high is None:
        reason = wording.not_given(mean.reason) if mean.value is None else policy.words(rate.standing)
        yield Row(label=label, indent=INDENT, cells=cells, reason=reason)
        return
    filled = not latent_words.star(found, rate)
    mark = Mark(kind="diamond", low=mean.low, value=mean.value, high=mean.high, filled=filled)
    cells |= {"value": percent(mean.value), "ends": f"[{interval(mean.low, mean.high, percent)}]"}
    cells |= {"k": str(fit.k)} if by is None else {}
    yield Row(label=label, indent=INDENT, style=BOLD, cells=cells, marks=(mark,))


def _latent_below(found: Latent) -> Iterator[Paragraph]:
    """Say what the latent rows are, and how far the contrast has moved."""
    said = "; ".join(latent_words.contrast(found))
    rate = latent_words.estimand(found, found.fits[0].standardised[0].mean)
    text = (
        f"{rate}, from a model in which {found.leaves} is a group and unreported splits are latent "
        f"(responders/n: of {found.stays} where reported by themselves). {wording.capital(said)}."
    )
    yield Paragraph(lead="Latent split:", text=text, style=SMALL)
    yield Paragraph(lead="Expected:", text=f"{'; '.join(latent_words.splits(found))}.", style=SMALL)


def _below(shown: Compared, whole: Bounds) -> Iterator[Paragraph]:
    labels = [one.label for one in whole.ignorance.low_at]
    how = (
        f"a search over {whole.completions} completions, of which {whole.evaluated} were fitted: may be wider"
        if whole.searched
        else f"all {whole.completions} completions were fitted"
    )
    if labels:
        text = f"responders/n of {' and '.join(labels)}, in this order; {how}."
        yield Paragraph(lead="Completions:", text=text)
    yield Paragraph(
        text="Thick bar: ignorance, the hull of the point estimates over every completion of the unreported "
        "counts that agrees with all that is reported. Thin line: uncertainty, the hull of their "
        f"{level(whole.uncertainty.level or 0.95)} limits. Filled: headline estimate, or bounds of such; "
        "hollow: shown, not a headline. Limits are not monotone in a count: any completion may be extreme.",
        style=SMALL,
        rule=True,
    )
    if shown.latent is not None and shown.latent.latent is not None:
        yield from _latent_below(shown.latent.latent)
    actions = {"bounded", "not bounded"}
    fates = dict.fromkeys(wording.fate(e) for e in shown.bound.ledger if e.action in actions)
    if fates:
        yield Paragraph(lead="Not reported separately:", text=f"{'; '.join(fates)}.", style=SMALL)
    models = ordered(fit for fit in shown.base.fits if fit.by is None)
    named = "; ".join(exact.model_name(fit) for fit in models)
    yield Paragraph(lead="Models:", text=f"{named}.", style=SMALL)
