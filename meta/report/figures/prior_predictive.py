"""What the priors alone say about the rates, before any data."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from meta.report.drawing.canvas import MARGIN, WIDTH, pinned_settings
from meta.report.drawing.palette import BLUE, TINTS
from meta.report.drawing.panels import TICK, axes_at, bare, curve, label, start
from meta.report.figures.registry import Analysed, Figure, Plan, Section
from meta.report.language import exact, wording

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.figure import Figure as Picture

    from meta.results import Fit


def plans(analysed: Analysed) -> Iterator[Plan]:
    """One of an analysis whose leading overall fit has priors."""
    for base, fit in analysed.overall:
        if "before.mean.x" in fit.grids:
            yield Plan(
                name=f"{base.name}.prior-predictive",
                shows=(base,),
                section=Section.PRIORS,
                title="What the priors say by themselves",
                caption="Densities of the rates before any data.",
                draw=partial(prior_predictive, fit, title=f"{base.name}: prior predictive"),
            )


FIGURE = Figure(order=150, plans=plans)


def prior_predictive(fit: Fit, *, title: str) -> Picture:
    """Draw what the priors say about the mean ORR and of the ORR of one trial, before any data."""
    subtitle = f"What the priors say before any data: {exact.options_of(fit)}."
    with pinned_settings():
        picture, top = start(138.0, title, subtitle)
        width = (WIDTH - 2 * MARGIN - 12 - 24 - TICK) / 2
        rate = fit.outcome.rate
        names = (
            ("before.mean", f"Mean {rate}, %"),
            ("before.predictive", f"{wording.capital(rate)} of a new trial, %"),
        )
        for i, (name, text) in enumerate(names):
            axes = axes_at(picture, (MARGIN + 12 + i * (width + 24), top, width, 112.0))
            x, density = 100 * curve(fit, f"{name}.x"), curve(fit, f"{name}.density") / 100
            axes.fill_between(x, density, color=TINTS[BLUE], lw=0)
            axes.plot(x, density, color=BLUE, lw=1.1, gid=name)
            axes.set_xlim(0, 100)
            axes.set_ylim(0, None)
            bare(axes, "left")
            label(axes, wording.capital(text), "Prior density" if i == 0 else "")
        return picture
