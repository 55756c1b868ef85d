"""Which figures there are: every other module of this folder declares one, `FIGURE`.

A figure's module says which runs it applies to, how it is drawn, in which section of the page it stands, its
title and its caption; nothing else has to know of it.
"""

from __future__ import annotations

import hashlib
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from meta.errors import MetaError
from meta.records.run import BASE, Run
from meta.records.storing.code import drawing_code
from meta.report.language.roles import first_fit
from meta.report.language.variations import word_of

if TYPE_CHECKING:
    # Nothing evaluates the annotations, and a run without a new figure need not load matplotlib.
    from matplotlib.figure import Figure as Picture  # noqa: TC004

    from meta.records.sensitivity_words import Word
    from meta.results import Fit, SiteRegionFit


class Section(StrEnum):
    """Where a figure stands on the page; the value begins the name of the section's template."""

    FOREST = "forest"
    HETEROGENEITY = "heterogeneity"
    SITES = "sites"
    UNREPORTED = "unreported"
    SPECIFICATION = "specification"
    PRIORS = "priors"
    DATA = "data"
    FILE_ONLY = "file only"


@dataclass(frozen=True, slots=True)
class Analysed:
    """The runs of one analysis, as figures ask for them."""

    runs: tuple[Run, ...]

    @property
    def base(self) -> Run | None:
        """The analysis itself."""
        return next((run for run in self.runs if run.variation == BASE), None)

    @property
    def overall(self) -> list[tuple[Run, Fit]]:
        """The analysis itself with its leading overall fit; empty where it has none."""
        base = self.base
        fit = None if base is None else first_fit(base)
        return [] if base is None or fit is None else [(base, fit)]

    @property
    def single(self) -> list[Run]:
        """The base and each variation that stands alone in the YAML."""
        return [run for run in self.runs if run.expansion is None]

    @property
    def sites(self) -> list[tuple[Run, SiteRegionFit]]:
        """Those of :attr:`single` with the model of sites and regions, and it."""
        return [(run, run.sites) for run in self.single if run.sites is not None]

    def families(self, drawn_as: str) -> Iterator[tuple[str, Word, list[Run]]]:
        """The variations of words that are drawn together in this way: name in the YAML, word and runs."""
        for name in dict.fromkeys(run.family for run in self.runs if run.family is not None):
            runs = [run for run in self.runs if run.family == name]
            word = word_of(runs[0])
            if word is not None and word.figure == drawn_as:
                yield name, word, runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A figure to be drawn.

    `name` is that of its files, without ending, `shows` are the runs that it is made from, and `rows` what is
    said of each square's row when it is pointed at on the page.
    """

    name: str
    shows: tuple[Run, ...]
    section: Section
    title: str
    caption: str
    draw: Callable[[], Picture]
    rows: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Digest of what it shows."""
        return hashlib.sha256("".join(run.provenance.digest for run in self.shows).encode()).hexdigest()

    @property
    def made(self) -> str:
        """Digest of what its file is made from: what it shows, and the code that draws."""
        return f"{drawing_code()}:{self.digest}"


@dataclass(frozen=True, slots=True)
class Figure:
    """A kind of figure: its place among those of its section, and the plans of an analysis' runs."""

    order: int
    plans: Callable[[Analysed], Iterator[Plan]]


def figures(runs: Sequence[Run]) -> Iterator[Plan]:
    """Every figure of an analysis, from all its variations, in the order of the page.

    Raises
    ------
    MetaError
        If a module of this folder declares no figure.
    """
    analysed, names = Analysed(tuple(runs)), set[str]()
    for kind, figure in registered().items():
        for plan in figure.plans(analysed):
            taken = plan.name in names  # a variation is called as a figure is
            names.add(plan.name)
            yield replace(plan, name=f"{plan.name}.{kind}") if taken else plan


@cache
def registered() -> dict[str, Figure]:
    """Every kind of figure by the name of its module, in the order of the page."""
    package, _, own = __name__.rpartition(".")
    names = [one.name for one in pkgutil.iter_modules(import_module(package).__path__) if one.name != own]
    kinds = {name: getattr(import_module(f"{package}.{name}"), "FIGURE", None) for name in names}
    found = {name: figure for name, figure in kinds.items() if isinstance(figure, Figure)}
    if missing := ", ".join(f"{name}.py" for name in kinds if name not in found):
        raise MetaError(
            f"meta/report/figures: {missing}: found no FIGURE; each module of this folder but registry.py "
            "declares one figure, FIGURE = Figure(order, plans), or belongs elsewhere"
        )
    return dict(sorted(found.items(), key=lambda item: item[1].order))


def file_name(run: Run, what: str) -> str:
    """The name of a figure of one run."""
    return ".".join([run.name, *([] if run.variation == BASE else [run.variation]), what])


def title_of(run: Run, what: str) -> str:
    """The title of a figure of one run: whose it is, and what it shows."""
    return f"{run.name}{'' if run.variation == BASE else f', {run.variation}'}: {what}"


def heading_of(base: Run, word: Word) -> str:
    """The title of a figure of the variations of a word."""
    return f"{base.name}: {word.heading[0].lower()}{word.heading[1:]}"


def placed(run: Run, section: Section) -> Section:
    """The section where a figure of the analysis itself stands; one of a variation alone is a file only."""
    return section if run.variation == BASE else Section.FILE_ONLY
