"""Figures of what priors do: posteriors under several of them, before the data, and at fixed tau."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np

from meta.format import clean, distribution, interval, level, number, percent
from meta.report.drawing.canvas import PLAIN, Picture, Style, pinned_settings, put, text_width, wrap
from meta.report.drawing.columns import MARGIN, WIDTH
from meta.report.drawing.panels import (
    BLUE,
    COLOURS,
    DASHED,
    HEAD,
    LIGHT,
    LINE,
    VERMILION,
    axes_at,
    bare,
    curve,
    label,
    last_above,
    sample,
    start,
)
from meta.report.language import exact, wording
from meta.report.language.roles import marked

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from meta.report.drawing.panels import Floats
    from meta.results import Fit, Proportion

_PANEL, _GAP, _TICK = 138.0, 16.0, 8.0  # half of the last tick's label stands beyond the axis
_SHADE = {BLUE: "#C6DDEE", VERMILION: "#F5D9C6"}


def prior_sensitivity(fits: Sequence[tuple[str, Fit]], *, title: str) -> Figure:
    """Draw median ORR, mean ORR and tau under several priors of tau, each with its prior.

    Parameters
    ----------
    fits : sequence of (str, Fit)
        The prior's name, and the fit under it, with grids.
    title : str

    Returns
    -------
    Figure
    """
    subtitle = "Full lines: posterior. Dashed lines of the same colour: prior (of the ORRs: what it implies)."
    rows = [
        (wrap(marked(distribution(name), fit), PLAIN, 190.0), fit, colour)
        for (name, fit), colour in zip(fits, cycle(COLOURS), strict=False)
    ]
    with pinned_settings():
        below = sum(len(lines) * LINE + 3 for lines, _, _ in rows)
        picture, top = start(_PANEL + 54 + below, (title, subtitle), [fit for _, fit in fits])
        width = (WIDTH - 2 * MARGIN - 12 - 2 * _GAP - _TICK) / 3
        for i, name in enumerate(("median", "mean", "tau")):
            axes = axes_at(picture, (MARGIN + 12 + i * (width + _GAP), top, width, _PANEL))
            _posteriors(axes, name, [(fit, colour) for _, fit, colour in rows])
            label(axes, _axis_name(fits[0][1], name), "Density" if i == 0 else "")
        _prior_table(picture, rows, top + _PANEL + 42)
        return picture


def _axis_name(fit: Fit, name: str) -> str:
    if name == "tau" or fit.estimands is None:
        return "τ (log odds)" if name == "tau" else name
    found: Proportion = getattr(fit.estimands, name)
    return f"{wording.capital(found.estimand)}, %"


def _posteriors(axes: Axes, name: str, fits: Iterable[tuple[Fit, str]]) -> None:
    """Draw the curves of one quantity; the axis shows where posteriors are, not how far priors reach."""
    unit = 1.0 if name == "tau" else 100.0
    top = right = 0.0
    for fit, colour in fits:
        x, density = unit * curve(fit, f"{name}.x"), curve(fit, f"{name}.density")
        axes.plot(x, density, color=colour, lw=1.1, gid=f"{name}.posterior")
        axes.plot(x, curve(fit, f"{name}.prior"), color=colour, lw=0.7, ls=DASHED, gid=f"{name}.prior")
        top, right = max(top, float(density.max())), max(right, last_above(x, density))
    axes.set_xlim(0, right)
    axes.set_ylim(0, 1.12 * top)
    axes.set_yticks([])


def _prior_table(picture: Picture, rows: Sequence[tuple[list[str], Fit, str]], y: float) -> None:
    """Write median and interval of every posterior, beside the key of its colour."""
    first, widest = rows[0][1], max(text_width(line) for lines, _, _ in rows for line in lines)
    left = MARGIN + 34
    second = left + max(widest * 1.03, 100.0) + 24
    columns = (left, second, second + 100, second + 200)
    heads = [_axis_name(first, name).removesuffix(" (log odds)") for name in ("median", "mean", "tau")]
    for x, head in zip(columns, ("Prior of τ", *heads), strict=True):
        put(picture, x, y, head, HEAD)
    put(picture, left, y + LINE, f"posterior median ({level(first.level)} CrI)", LIGHT)
    y += 2 * LINE + 4
    for lines, fit, colour in rows:
        sample(picture, MARGIN, y, 13, {"color": colour, "lw": 1.3})
        sample(picture, MARGIN + 16, y, 13, {"color": colour, "lw": 0.9, "ls": (0, (3, 1.5))})
        for number_, line in enumerate(lines):
            put(picture, columns[0], y + number_ * LINE, line, PLAIN)
        for x, cell in zip(columns[1:], _cells(fit), strict=True):
            put(picture, x, y, cell, PLAIN)
        y += len(lines) * LINE + 3


def _cells(fit: Fit) -> tuple[str, str, str]:
    found, tau = fit.estimands, fit.tau
    if found is None or tau is None or tau.value is None or tau.low is None or tau.high is None:
        return ("", "", "")
    ends = interval(tau.low, tau.high, lambda z: number(z, 2))
    return _cell(found.median), _cell(found.mean), f"{number(tau.value, 2)} ({ends})"


def _cell(found: Proportion) -> str:
    if found.value is None or found.low is None or found.high is None:
        return "not given"
    return f"{percent(found.value)} ({interval(found.low, found.high, percent)})"


def sweep(fit: Fit, *, title: str) -> Figure:
    """Draw median and mean ORR with their intervals at fixed values of tau, and the densities of tau below.

    Parameters
    ----------
    fit : Fit
        With a sweep; with grids for the densities.
    title : str

    Returns
    -------
    Figure
    """
    subtitle = f"Estimates with {level(fit.level)} intervals if τ were known. Below: what is known of τ."
    with pinned_settings():
        picture, top = start(228.0, (title, subtitle), [fit])
        left, width = 38.0, WIDTH - 38.0 - 92.0
        axes = axes_at(picture, (left, top, width, 140.0))
        tau = np.array([point.tau for point in fit.sweep])
        limits = (0.0, float(tau[-1]))
        mean = _band(axes, tau, [point.mean for point in fit.sweep], BLUE, "-", "o")
        median = _band(axes, tau, [point.median for point in fit.sweep], VERMILION, DASHED, "s")
        axes.set_ylim(0, None)
        _beside(axes, picture, (left + width + 6, top, 140.0), {BLUE: mean, VERMILION: median})
        name = fit.sweep[0].mean.estimand.removeprefix("mean ")
        label(axes, y=f"{wording.capital(name)}, %")
        axes.tick_params(labelbottom=False)
        axes.set_xlim(*limits)
        _tau_densities(picture, fit, (left, top + 150, width, 52.0), limits)
        return picture


def _band(
    axes: Axes, tau: Floats, found: Sequence[Proportion], colour: str, dash: Any, marker: str
) -> tuple[str, float]:
    """Draw one estimand's line within the band of its intervals; return its name and its last value."""
    value, low, high = (
        np.array([np.nan if z is None else 100 * z for z in column])
        for column in zip(*((one.value, one.low, one.high) for one in found), strict=True)
    )
    axes.fill_between(tau, low, high, color=_SHADE[colour], alpha=0.55, lw=0, zorder=1)
    for end in (low, high):
        axes.plot(tau, end, color=colour, lw=0.5, ls=dash, zorder=2, gid="end")
    axes.plot(
        tau, value, color=colour, lw=1.2, ls=dash, marker=marker, ms=3.2, zorder=3, clip_on=False,
        gid=found[0].estimand,
    )  # fmt: skip
    return found[0].estimand, float(value[-1])


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


def _tau_densities(
    picture: Picture, fit: Fit, box: tuple[float, float, float, float], limits: tuple[float, float]
) -> None:
    axes = axes_at(picture, box)
    axes.set_xlim(*limits)
    axes.set_yticks([])
    label(axes, "τ, the standard deviation of the trials' true log odds", "Density")
    if "tau.x" not in fit.grids:
        return
    x = curve(fit, "tau.x")
    axes.plot(x, curve(fit, "tau.density"), color=COLOURS[-1], gid="tau.density", lw=1.1)
    axes.plot(x, curve(fit, "tau.prior"), color=COLOURS[-1], gid="tau.prior", lw=0.8, ls=DASHED)
    axes.set_ylim(0, 1.12 * float(max(curve(fit, "tau.density").max(), curve(fit, "tau.prior")[0])))
    key, y = box[0] + box[2] + 6, box[1] + 12
    for name, style in (("posterior", {"lw": 1.1}), ("prior", {"lw": 0.8, "ls": DASHED})):
        sample(picture, key, y, 16, {"color": COLOURS[-1], **style})
        put(picture, key + 20, y, name, PLAIN)
        y += LINE + 1


def prior_predictive(fit: Fit, *, title: str) -> Figure:
    """Draw what the priors say of the mean ORR and of the ORR of one trial, before any data.

    Parameters
    ----------
    fit : Fit
        With grids.
    title : str

    Returns
    -------
    Figure
    """
    subtitle = f"What the priors say before any data: {exact.options_of(fit)}."
    with pinned_settings():
        picture, top = start(138.0, (title, subtitle), [])
        width = (WIDTH - 2 * MARGIN - 12 - 24 - _TICK) / 2
        rate = fit.proportion.estimand.partition(" ")[2] or "rate"
        names = (("before.mean", f"Mean {rate}, %"), ("before.predictive", f"{rate} of a new trial, %"))
        for i, (name, text) in enumerate(names):
            axes = axes_at(picture, (MARGIN + 12 + i * (width + 24), top, width, 112.0))
            x, density = 100 * curve(fit, f"{name}.x"), curve(fit, f"{name}.density") / 100
            axes.fill_between(x, density, color=_SHADE[BLUE], lw=0)
            axes.plot(x, density, color=BLUE, lw=1.1, gid=name)
            axes.set_xlim(0, 100)
            axes.set_ylim(0, None)
            bare(axes, "left")
            label(axes, wording.capital(text), "Prior density" if i == 0 else "")
        return picture
