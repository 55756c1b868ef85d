"""The posterior of (mean ORR, tau) with the likelihood over it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from meta.format import interval, level, number, percent
from meta.report.drawing.canvas import BOLD, MARGIN, PLAIN, SMALL, WIDTH, Style, pinned_settings, put, wrap
from meta.report.drawing.palette import BLUE, DASHED, INK, REGIONS
from meta.report.drawing.panels import LINE, axes_at, bare, curve, label, sample, start
from meta.report.figures.registry import Analysed, Figure, Plan, Section
from meta.report.language import exact, wording
from meta.report.language.roles import marked
from meta.results import Estimand, name_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Picture

    from meta.report.drawing.panels import Floats
    from meta.results import Fit

# Half the 95 and 50 % quantiles of chi-squared with 1 degree of freedom: a contour's extent in either
# direction is the profile-likelihood interval
_CUTS = {0.95: (1.92073, 1.0), 0.5: (0.22747, 0.6)}
_FAR_FROM_ZERO = 0.4  # share of the largest value shown, from which the axis need not begin at 0
_LEFT, _SIDE, _GAP = 40.0, 52.0, 6.0
_WIDTH, _HEIGHT = 268.0, 205.0


def plans(analysed: Analysed) -> Iterator[Plan]:
    """One of an analysis whose leading overall fit has a joint density."""
    for base, fit in analysed.overall:
        if "joint.density" in fit.grids:
            yield Plan(
                name=f"{base.name}.posterior",
                shows=(base,),
                section=Section.HETEROGENEITY,
                title="What the data say about the mean and τ together",
                caption="Posterior of the mean rate and of tau, beside their priors.",
                draw=partial(posterior, fit, title=f"{base.name}: posterior"),
            )


FIGURE = Figure(order=40, plans=plans)


def posterior(fit: Fit, *, title: str) -> Picture:
    """Draw the joint density of (mean ORR, tau), the likelihood over it, and both margins."""
    with pinned_settings():
        picture, top = start(_SIDE + _GAP + _HEIGHT + 28, marked(title, fit), exact.model_name(fit))
        axes = axes_at(picture, (_LEFT, top + _SIDE + _GAP, _WIDTH, _HEIGHT))
        mean, tau = 100 * curve(fit, "joint.mean"), curve(fit, "joint.tau")
        density, profile = (
            curve(fit, f"joint.{name}").reshape(len(mean), len(tau)).T for name in ("density", "profile")
        )
        levels = [_level(density, mass) for mass in REGIONS]
        axes.contourf(mean, tau, density, levels=[*levels, density.max()], colors=list(REGIONS.values()))
        for cut, width in _CUTS.values():
            axes.contour(
                mean, tau, profile, levels=[-cut], colors=[INK], linewidths=width, linestyles="solid"
            )
        row, column = divmod(int(profile.argmax()), profile.shape[1])
        inside = 0 < column < len(mean) - 1 and row < len(tau) - 1  # else it lies beyond what is drawn
        if inside:
            axes.plot([mean[column]], [tau[row]], "+", color=INK, ms=6, mew=1.0, clip_on=False, gid="maximum")
        axes.set_xlim(*_ends(mean, density, profile, levels[0], 0))
        axes.set_ylim(0, _ends(tau, density, profile, levels[0], 1)[1])
        assert fit.estimands is not None  # joint grids come with them
        label(axes, f"{wording.capital(name_of(Estimand.MEAN, fit.outcome))}, %", "τ (log odds)")
        _margins(picture, fit, axes, top)
        _legend(picture, fit, top + 4, maximum=inside)
        return picture


def _level(density: Floats, mass: float) -> float:
    """The height above which `mass` of a density on a regular grid lies."""
    heights = np.sort(density.ravel())[::-1]
    share = np.cumsum(heights) / heights.sum()
    return float(heights[min(int(np.searchsorted(share, mass)), len(heights) - 1)])


def _ends(along: Floats, density: Floats, profile: Floats, low: float, axis: int) -> tuple[float, float]:
    """Return the ends of an axis: a little beyond the largest region, and the largest contour if closed."""
    shown = np.flatnonzero((density >= low).any(axis=axis))
    within = np.flatnonzero((profile >= -_CUTS[0.95][0]).any(axis=axis))
    first, last = shown[0], shown[-1]
    if len(within) and within[-1] < len(along) - 1:
        first, last = min(first, within[0]), max(last, within[-1])
    left, right = float(along[first]), float(along[last])
    pad = 0.08 * right if left < _FAR_FROM_ZERO * right else 0.15 * (right - left)
    start_at = 0.0 if left < _FAR_FROM_ZERO * right else left - pad
    return start_at, min(right + pad, float(along[-1]))


def _margins(picture: Picture, fit: Fit, axes: Axes, top: float) -> None:
    """Draw the densities of both quantities at the sides, their priors dashed."""
    above = axes_at(picture, (_LEFT, top, _WIDTH, _SIDE))
    beside = axes_at(picture, (_LEFT + _WIDTH + _GAP, top + _SIDE + _GAP, _SIDE, _HEIGHT))
    for margin, name, unit in ((above, "mean", 100), (beside, "tau", 1)):
        x, density = unit * curve(fit, f"{name}.x"), curve(fit, f"{name}.density")
        prior, upper = curve(fit, f"{name}.prior"), 1.1 * float(density.max())
        for values, look in ((density, {"lw": 1.1}), (prior, {"lw": 0.8, "ls": DASHED})):
            flat = (x, values) if margin is above else (values, x)
            margin.plot(*flat, color=BLUE, gid=name, **look)
        if margin is above:
            margin.set(xlim=axes.get_xlim(), ylim=(0, upper))
        else:
            margin.set(ylim=axes.get_ylim(), xlim=(0, upper))
        bare(margin, "left", "bottom")


def _legend(picture: Picture, fit: Fit, y: float, *, maximum: bool) -> None:
    """Say beside the panels what stands in them, and the numbers that go with it."""
    x = _LEFT + _WIDTH + _GAP + _SIDE + 14
    width = WIDTH - MARGIN - x
    for mass, colour in reversed(REGIONS.items()):
        sample(picture, x, y + 7, 14, color=colour, lw=6, solid_capstyle="butt")
        put(picture, x + 19, y + 7, f"{level(mass)} of the posterior", PLAIN)
        y += LINE + 2
    for mass, (_, thickness) in reversed(_CUTS.items()):
        sample(picture, x, y + 7, 14, lw=thickness)
        put(picture, x + 19, y + 7, f"{level(mass)} profile, each alone", PLAIN)
        y += LINE + 2
    if maximum:
        sample(picture, x + 7, y + 7, 0, marker="+", ms=6, mew=1.0)
    put(picture, x + 19, y + 7, "maximum likelihood" if maximum else "its maximum lies outside", PLAIN)
    y += LINE + 2
    for name, look in (("posterior", {"lw": 1.1}), ("prior", {"lw": 0.8, "ls": DASHED})):
        sample(picture, x, y + 7, 14, color=BLUE, **look)
        put(picture, x + 19, y + 7, f"{name}, at the sides", PLAIN)
        y += LINE + 2
    y += LINE
    for text, style in _numbers(fit):
        for line in wrap(text, style, width):
            put(picture, x, y + 7, line, style)
            y += LINE


def _numbers(fit: Fit) -> list[tuple[str, Style]]:
    """Return the estimates as lines of text."""
    assert fit.estimands is not None
    assert fit.tau is not None
    lines: list[tuple[str, Style]] = []
    for found in (fit.estimands.mean, fit.estimands.median):
        lines.append(
            (f"{wording.capital(name_of(found.estimand, fit.outcome))}, % ({level(found.level)} CrI)", BOLD)
        )
        if found.value is not None and found.low is not None and found.high is not None:
            lines.append((f"{percent(found.value)} ({interval(found.low, found.high, percent)})", PLAIN))
    lines.append((f"τ ({level(fit.tau.level)} CrI)", BOLD))
    ends = fit.tau.low, fit.tau.high
    if fit.tau.value is not None and ends[0] is not None and ends[1] is not None:
        written = interval(ends[0], ends[1], lambda z: number(z, 2))
        lines.append((f"{number(fit.tau.value, 2)} ({written})", PLAIN))
    prior = fit.tau.prior
    if prior is not None and prior.value is not None and prior.low is not None and prior.high is not None:
        before = interval(prior.low, prior.high, lambda z: number(z, 2))
        lines.append((f"prior: {number(prior.value, 2)} ({before})", SMALL))
    return lines
