"""The sections of an analysis on the page, in the order in which a reader asks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from meta.records.run import BASE
from meta.report.drawing.svg import Figure, embedded
from meta.report.figures.registry import Plan, Section, figures
from meta.report.language.variations import identical
from meta.report.page.answers import Answers, Line, answers
from meta.report.page.heterogeneity import (
    Other,
    Spread,
    bounded,
    cumulative,
    priors,
    specifications,
    spread_of,
)
from meta.report.page.methods import Finding, Methods, findings_of, methods_of
from meta.report.page.records import Data, data_of
from meta.report.page.references import At

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from meta.records.run import Run
    from meta.results import Outcome


@dataclass(frozen=True, slots=True)
class Part:
    """One analysis: its base, its variations by name, and what the templates show of them.

    `slug` begins every id of the part. `whatif` is what another module has prepared for the reader's own
    selection of trials; None where there is none.
    """

    slug: str
    base: At
    runs: dict[str, At]
    answers: Answers
    spread: Spread
    bounds: list[tuple[str, list[At]]]
    latent: list[tuple[str, At]]
    specifications: list[Other]
    identical: str | None
    priors: list[Line]
    cumulative: list[tuple[At, Line]]
    data: Data
    findings: list[Finding]
    methods: Methods
    figures: dict[Section, list[Figure]]
    whatif: Any = None

    @property
    def outcome(self) -> Outcome:
        """What was counted."""
        return self.base.counted


def parts(runs: Sequence[Run], whatif: Sequence[Any], drawn: Callable[[Plan], str]) -> list[Part]:
    """The analyses of the page: the newest and broadest first, those that reproduce a published table last.

    Parameters
    ----------
    runs : sequence of Run
        An analysis without its base is left out: its variations have nothing to differ from.
    whatif : sequence
        Each with the name of its `analysis`.
    drawn : callable
        Gives the SVG of a figure.
    """
    named: dict[str, list[Run]] = {}
    for run in runs:
        named.setdefault(run.name, []).append(run)
    whole = [several for several in named.values() if any(run.variation == BASE for run in several)]
    tried = {one.analysis: one for one in whatif}
    found = [_part(i, several, drawn, tried) for i, several in enumerate(sorted(whole, key=_rank))]
    return found


def _rank(runs: Sequence[Run]) -> tuple[bool, bool, int, str]:
    base = next(run for run in runs if run.variation == BASE)
    fit = next((fit for fit in base.fits if fit.by is None), None)
    asked = base.analysis
    patients = fit.n if fit is not None else 0
    return asked.reproduces is not None, asked.reports != "latest", -patients, base.name


def _part(i: int, runs: Sequence[Run], drawn: Callable[[Plan], str], tried: dict[str, Any]) -> Part:
    by_variation = {run.variation: run for run in sorted(runs, key=lambda run: run.variation != BASE)}
    placed = {name: At.run(run) for name, run in by_variation.items()}
    base = by_variation[BASE]
    slug = f"{re.sub('[^a-z0-9]+', '-', base.name.lower()).strip('-') or 'analysis'}-{i + 1}"
    ordered = list(by_variation.values())
    found = answers(placed)
    return Part(
        slug=slug,
        base=placed[BASE],
        runs=placed,
        answers=found,
        spread=spread_of(placed[BASE]),
        bounds=bounded(placed),
        latent=[(name, run.latent) for name, run in placed.items() if run.it.latent is not None],
        specifications=specifications(placed),
        identical=identical(base, ordered),
        priors=priors(placed),
        cumulative=cumulative(placed),
        data=data_of(placed, found.overall.fit if found.overall else None),
        findings=findings_of(_lines(found)),
        methods=methods_of(slug, placed),
        figures=_figures(slug, ordered, drawn),
        whatif=tried.get(base.name),
    )


def _figures(slug: str, runs: Sequence[Run], drawn: Callable[[Plan], str]) -> dict[Section, list[Figure]]:
    """Every figure that is more than a file, by the section that it stands in."""
    found: dict[Section, list[Figure]] = {}
    for plan in figures(runs):
        if plan.section is not Section.FILE_ONLY:
            id = f"{slug}-figure-{plan.name.removeprefix(f'{plan.shows[0].name}.')}"
            svg = embedded(drawn(plan), id, plan.title, plan.caption, plan.rows)
            found.setdefault(plan.section, []).append(Figure(id, plan.name, plan.title, plan.caption, svg))
    return found


def _lines(found: Answers) -> list[tuple[str | None, Line]]:
    """Everyone and every group: the rows of the summary of findings."""
    whole = [] if found.overall is None else [(None, found.overall)]
    return [*whole, *((block.by, line) for block in found.blocks for line in block.lines)]
