"""The answers if tau were known, and what is known of tau."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from meta.format import clean, level
from meta.report.drawing.canvas import PLAIN, WIDTH, Style, pinned_settings, put
from meta.report.drawing.palette import BLUE, DASHED, INK, TINTS, VERMILION
from meta.report.drawing.panels import LINE, axes_at, curve, label, sample, start
from meta.report.figures.registry import Analysed, Figure, Plan, Section
from meta.report.language import wording
from meta.report.language.roles import marked
from meta.results import Estimand, name_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Picture

    from meta.report.drawing.canvas import Box
    from meta.report.drawing.panels import Floats
    from meta.results import Fit, Quantity


def plans(analysed: Analysed) -> Iterator[Plan]:
    """One of an analysis whose leading overall fit was taken at fixed values of tau."""
    for base, fit in analysed.overall:
        if fit.sweep and "tau.x" in fit.grids:
            yield Plan(
                name=f"{base.name}.sweep",
                shows=(base,),
                section=Section.HETEROGENEITY,
                title="If τ were known",
                caption="The answers at every fixed tau.",
                draw=partial(sweep, fit, title=f"{base.name}: if tau were known"),
            )


FIGURE = Figure(order=50, plans=plans)


def sweep(fit: Fit, *, title: str) -> Picture:
    """Draw median and mean ORR with their intervals at fixed values of tau; the densities of tau below."""
    subtitle = f"Estimates with {level(fit.level)} intervals if τ were known. Below: what is known of τ."
    with pinned_settings():
        picture, top = start(228.0, marked(title, fit), subtitle)
        left, width = 38.0, WIDTH - 38.0 - 92.0
        axes = axes_at(picture, (left, top, width, 140.0))
        tau = np.array([point.tau for point in fit.sweep])
        limits = (0.0, float(tau[-1]))
        mean = _band(axes, tau, [point.mean for point in fit.sweep], BLUE, "-", "o")
        median = _band(axes, tau, [point.median for point in fit.sweep], VERMILION, DASHED, "s")
        axes.set_ylim(0, None)
        _beside(axes, picture, (left + width + 6, top, 140.0), {
            BLUE: (name_of(Estimand.MEAN, fit.outcome), mean),
            VERMILION: (name_of(Estimand.MEDIAN, fit.outcome), median),
        })  # fmt: skip
        label(axes, y=f"{wording.capital(fit.outcome.rate)}, %")
        axes.tick_params(labelbottom=False)
        axes.set_xlim(*limits)
        _tau_densities(picture, fit, (left, top + 150, width, 52.0), limits)
        return picture


def _band(axes: Axes, tau: Floats, found: Sequence[Quantity], colour: str, dash: Any, marker: str) -> float:
    """Draw one estimand's line within the band of its intervals; return its last value."""
    value, low, high = (
        np.array([np.nan if z is None else 100 * z for z in column])
        for column in zip(*((one.value, one.low, one.high) for one in found), strict=True)
    )
    axes.fill_between(tau, low, high, color=TINTS[colour], alpha=0.55, lw=0, zorder=1)
    for end in (low, high):
        axes.plot(tau, end, color=colour, lw=0.5, ls=dash, zorder=2, gid="end")
    axes.plot(
        tau, value, color=colour, lw=1.2, ls=dash, marker=marker, ms=3.2, zorder=3, clip_on=False,
        gid=found[0].estimand,
    )  # fmt: skip
    return float(value[-1])


def _beside(
    axes: Axes, picture: Picture, place: tuple[float, float, float], ends: dict[str, tuple[str, float]]
) -> None:
    """Name each line at its right end; names too close together move apart."""
    x, top, height = place
    upper = axes.get_ylim()[1]
    wanted = sorted(
        (top + height * (1 - value / upper), colour, name) for colour, (name, value) in ends.items()
    )
    (first, *_), (second, *_) = wanted
    apart = max(0.0, (LINE - (second - first)) / 2)
    for (y, colour, name), shift in zip(wanted, (-apart, apart), strict=True):
        put(picture, x, y + shift + 2.5, clean(name), Style(bold=True, colour=colour))


def _tau_densities(picture: Picture, fit: Fit, box: Box, limits: tuple[float, float]) -> None:
    axes = axes_at(picture, box)
    axes.set_xlim(*limits)
    axes.set_yticks([])
    label(axes, "τ, the standard deviation of the trials' true log odds", "Density")
    if "tau.x" not in fit.grids:
        return
    x = curve(fit, "tau.x")
    axes.plot(x, curve(fit, "tau.density"), color=INK, gid="tau.density", lw=1.1)
    axes.plot(x, curve(fit, "tau.prior"), color=INK, gid="tau.prior", lw=0.8, ls=DASHED)
    axes.set_ylim(0, 1.12 * float(max(curve(fit, "tau.density").max(), curve(fit, "tau.prior")[0])))
    key, y = box[0] + box[2] + 6, box[1] + 12
    for name, style in (("posterior", {"lw": 1.1}), ("prior", {"lw": 0.8, "ls": DASHED})):
        sample(picture, key, y, 16, **style)
        put(picture, key + 20, y, name, PLAIN)
        y += LINE + 1
