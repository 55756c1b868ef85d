"""Groups whose responders some trials do not print: what is reported, and bounds over every split."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from meta.format import counts, interval, level, percent
from meta.records.factors import noun_of
from meta.report.drawing.canvas import BOLD, SMALL
from meta.report.drawing.marks import Mark
from meta.report.drawing.rows import companion_row
from meta.report.drawing.table import BLOCK_GAP, INDENT, Paragraph, Row, draw
from meta.report.figures.bounds import answer_row, bounds_row, bounds_table, companions
from meta.report.figures.registry import Analysed, Figure, Plan, Section
from meta.report.language import exact, wording
from meta.report.language.bound_words import divided, fates, groups_of, leading
from meta.report.language.roles import ordered
from meta.report.terminal.split_text import how
from meta.results import FAILED, Estimand, name_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.figure import Figure as Picture

    from meta.records.run import Run
    from meta.results import Bounds, Rate

SHRUNK = "model of sites and regions"


def plans(analysed: Analysed) -> Iterator[Plan]:
    """One of each run and grouping with bounds over unreported splits, beside the base."""
    for base, _ in analysed.overall:
        found = [(run, by) for run in analysed.runs for by in divided(run)]
        for run, by in found:
            alone = [other for _, other in found].count(by) == 1
            name = f"{by.replace(' ', '-')}-bounds"
            what = f"Bounds by {noun_of(by)}"
            yield Plan(
                name=f"{base.name}.{name}" if alone else f"{base.name}.{run.variation}.{name}",
                shows=(base, run),
                section=Section.UNREPORTED,
                title=what if alone else f"{what}: {run.variation}",
                caption=f"Rates by {by} under every split of the totals that were printed.",
                draw=partial(
                    split_bounds_figure,
                    base,
                    run,
                    by,
                    title=f"{base.name}: {run.variation}, by {by}",
                    subtitle=base.question,
                ),
            )


FIGURE = Figure(order=130, plans=plans)


def split_bounds_figure(
    base: Run, bound: Run, by: str, *, title: str, subtitle: str | None = None
) -> Picture:
    """Draw what is reported by group in the base, and the bounds over every split of what is not."""
    groups = groups_of(bound, by)
    lead = leading(bound, by, groups[0])
    assert lead is not None  # groups_of has looked
    rows = [row for group in groups for row in _block(base, bound, by, group)]
    table = bounds_table(rows, lead, lead.uncertainty.level or 0.95, None)
    return draw(table, tuple(_below(base, bound, by, lead)), title, subtitle)


def _block(base: Run, bound: Run, by: str, group: str) -> Iterator[Row]:
    """Return the rows of one group."""
    yield Row(label=wording.heading(by, group), style=BOLD, above=BLOCK_GAP)
    yield answer_row("trials that report it", base, by, group)
    yield from _others(base, by, group)
    lead = leading(bound, by, group)
    if lead is not None:
        yield bounds_row("bounds over every split", lead, said="")
        yield from companions(bound, lead)
    yield from _shrunk(base, by, group)


def _others(base: Run, by: str, group: str) -> Iterator[Row]:
    """Return the other models' answers from what is reported, smaller."""
    for fit in ordered(fit for fit in base.fits if fit.by == by)[1:]:
        yield from (
            companion_row(part, indent=INDENT) for part in fit.groups if part.label == group and part.k > 1
        )


def _shrunk(base: Run, by: str, group: str) -> Iterator[Row]:
    """Return the rate of the model of sites and regions, where the base has it by the same groups."""
    for rate in _rates(base, by):
        found = rate.mean
        if rate.group != group or found.value is None or found.low is None or found.high is None:
            continue
        filled = rate.standing.headline
        failed = base.sites is not None and base.sites.failed
        yield Row(
            label=f"[{FAILED}] {SHRUNK}" if failed else SHRUNK,
            indent=INDENT,
            cells={
                "counts": counts(rate.responders, rate.n_reported),
                "value": percent(found.value),
                "ends": f"[{interval(found.low, found.high, percent)}]",
            },
            marks=(
                Mark(
                    kind="dot",
                    low=found.low,
                    value=found.value,
                    high=found.high,
                    filled=filled and not failed,
                ),
            ),
        )


def _rates(base: Run, by: str) -> list[Rate]:
    asked = base.analysis.sites
    if base.sites is None or asked is None or asked.by != by:
        return []
    return [rate for rate in base.sites.rates if rate.level is None]


def _below(base: Run, bound: Run, by: str, lead: Bounds) -> Iterator[Paragraph]:
    fitted = {str(role): model for role, model in bound.analysis.fitted().items()}
    together = fitted[str(lead.role)].groups == "common"
    coupled = (
        "Groups share the spread of the trials, so that a group's answer depends on the whole split."
        if together
        else "Groups are fitted separately: each by the splits of its own responders."
    )
    yield Paragraph(lead="Bounds:", text=f"{how(lead)}. {coupled}")
    yield Paragraph(text=_legend(lead), style=SMALL, rule=True)
    for word, name in (("bounded", "Divided"), ("not bounded", "Not divided")):
        said = "; ".join(dict.fromkeys(map(wording.fate, fates(bound, by)[word])))
        if said:
            yield Paragraph(lead=f"{name}:", text=f"{said}.", style=SMALL)
    rates = _rates(base, by)
    if rates:
        what = name_of(Estimand.MEAN_NEW, lead.outcome)
        text = f"{what}, at the average of the regions; totals enter by their probability."
        yield Paragraph(lead=f"{wording.capital(SHRUNK)}:", text=text, style=SMALL)
    models = ordered(fit for fit in base.fits if fit.by == by)
    named = "; ".join(exact.model_name(fit) for fit in models)
    yield Paragraph(lead="Models:", text=f"{named}.", style=SMALL)


def _legend(lead: Bounds) -> str:
    return (
        "Thick bar: ignorance, the hull of the point estimates over every split of unreported responders, "
        "and of patients whose group is not reported, that agrees with all that is reported (the splits that "
        "attain the ends: tables/bounds.csv). Thin line: uncertainty, the hull of their "
        f"{level(lead.uncertainty.level or 0.95)} limits. Filled: headline estimate, or bounds of such; "
        "hollow: shown, not a headline. A trial without a patient in a group does not count there."
    )
