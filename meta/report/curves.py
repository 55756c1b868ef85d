"""Figures of posteriors: densities beside their priors, the joint density, a sweep over tau, influence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from meta.report import exact
from meta.report.canvas import GREY, INK, PLAIN, POINT, Picture, Style, new_picture, pinned_settings, put
from meta.report.format import interval, level, number, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from meta.results import Fit

    Floats = NDArray[np.float64]

WIDTH = 510.0  # points, 180 mm: a journal's double column
_MARGIN = 6.0
# Okabe and Ito's colours, told apart by the colour-blind
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00")
TITLE, SMALL = Style(bold=True, size=9.0), Style(colour=GREY, size=6.5)
BOLD = Style(bold=True)
QUANTITIES = (("median", "Median ORR, %"), ("mean", "Mean ORR, %"), ("tau", "τ"))
_MASSES = (0.95, 0.8, 0.5)
_CUTS = (1.92073, 0.22747)  # half the 95 and 50 % quantiles of chi-squared with 1 degree of freedom


def _grid(fit: Fit, name: str) -> Floats:
    return np.array(fit.grids[name])


def _axes(picture: Picture, box: tuple[float, float, float, float]) -> Axes:
    """Add axes; left, top, width, height in points from the top left corner."""
    left, top, width, height = box
    whole = picture.get_size_inches() * POINT
    axes = picture.add_axes(
        (left / whole[0], 1 - (top + height) / whole[1], width / whole[0], height / whole[1])
    )
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_linewidth(0.6)
    axes.tick_params(length=2.5, width=0.6, pad=2, labelsize=7)
    return axes


def _label(axes: Axes, x: str, y: str = "") -> None:
    axes.set_xlabel(x, fontproperties=PLAIN.font, labelpad=3)
    if y:
        axes.set_ylabel(y, fontproperties=PLAIN.font, labelpad=3)


def _titled(picture: Picture, title: str, subtitle: str) -> None:
    put(picture, _MARGIN, 14, title, TITLE)
    put(picture, _MARGIN, 26, subtitle, SMALL)


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
    with pinned_settings():
        picture = new_picture(WIDTH, 232 + 12 * len(fits))
        subtitle = "Full lines: posterior. Dashed: prior (of the ORRs: implied by the priors of μ and τ)."
        _titled(picture, title, subtitle)
        width = (WIDTH - 60) / 3
        for i, (name, label) in enumerate(QUANTITIES):
            axes = _axes(picture, (24 + i * (width + 14), 38, width, 130))
            scale = 1.0 if name == "tau" else 100.0
            highest = max(_grid(fit, f"{name}.density").max() for _, fit in fits) / scale
            for (_, fit), colour in zip(fits, COLOURS, strict=False):
                x = scale * _grid(fit, f"{name}.x")
                axes.plot(x, _grid(fit, f"{name}.density") / scale, color=colour, lw=1.0)
                axes.plot(x, _grid(fit, f"{name}.prior") / scale, color=colour, lw=0.7, ls=(0, (4, 2)))
            axes.set_xlim(0, max(scale * _grid(fit, f"{name}.x")[-1] for _, fit in fits))
            axes.set_ylim(0, 1.08 * highest)
            axes.set_yticks([])
            _label(axes, label, "Density" if i == 0 else "")
        _prior_table(picture, fits, 212)
        return picture


def _prior_table(picture: Picture, fits: Sequence[tuple[str, Fit]], top: float) -> None:
    columns = (24.0, 210.0, 320.0, 430.0)
    conf = level(fits[0][1].level)
    heads = ("Prior of τ", f"Median ORR % ({conf} CrI)", f"Mean ORR % ({conf} CrI)", f"τ ({conf} CrI)")
    for x, head in zip(columns, heads, strict=True):
        put(picture, x, top, head, BOLD)
    for row, ((name, fit), colour) in enumerate(zip(fits, COLOURS, strict=False)):
        y = top + 13 + 12 * row
        put(picture, columns[0] - 16, y, "—", Style(bold=True, colour=colour))
        found = fit.estimands
        cells = [name, "", "", ""]
        if found is not None and fit.tau is not None:
            for i, one in enumerate((found.median, found.mean), start=1):
                if one.value is not None and one.low is not None and one.high is not None:
                    cells[i] = f"{percent(one.value)} ({interval(one.low, one.high, percent)})"
            tau = fit.tau
            if tau.value is not None and tau.low is not None and tau.high is not None:
                cells[3] = f"{number(tau.value, 2)} ({number(tau.low, 2)}–{number(tau.high, 2)})"
        for x, cell in zip(columns, cells, strict=True):
            put(picture, x, y, cell, PLAIN)


def posterior(fit: Fit, *, title: str) -> Figure:
    """Draw the joint density of (mean ORR, tau), the likelihood over it, and both margins.

    Parameters
    ----------
    fit : Fit
        With grids.
    title : str

    Returns
    -------
    Figure
    """
    with pinned_settings():
        picture = new_picture(WIDTH, 330)
        subtitle = (
            "Shaded: 50, 80 and 95 % of the posterior. Lines: where the profile likelihood falls to its 50 "
            "and 95 % cut-offs. Dashed at the sides: priors."
        )
        _titled(picture, title, subtitle)
        left, top, width, height, side = 40.0, 100.0, 330.0, 195.0, 60.0
        axes = _axes(picture, (left, top, width, height))
        mean, tau = 100 * _grid(fit, "joint.mean"), _grid(fit, "joint.tau")
        density = _grid(fit, "joint.density").reshape(len(mean), len(tau)).T
        levels = [_level(density, mass) for mass in _MASSES]
        axes.contourf(
            mean, tau, density, levels=[*levels, density.max()], colors=["#CFE3F1", "#8FBFDE", "#3E8FC4"]
        )
        likelihood = _grid(fit, "joint.profile").reshape(len(mean), len(tau)).T
        cuts = [-cut for cut in _CUTS]
        axes.contour(mean, tau, likelihood, levels=cuts, colors=[INK], linewidths=0.8, linestyles="solid")
        _mark(axes, mean, tau, likelihood)
        _label(axes, "Mean ORR, %", "τ")
        above = _axes(picture, (left, top - side - 4, width, side))
        _margin(above, 100 * _grid(fit, "mean.x"), _grid(fit, "mean.density"), _grid(fit, "mean.prior"))
        above.set_xlim(*axes.get_xlim())
        beside = _axes(picture, (left + width + 4, top, side, height))
        _margin(beside, _grid(fit, "tau.x"), _grid(fit, "tau.density"), _grid(fit, "tau.prior"), upright=True)
        beside.set_ylim(*axes.get_ylim())
        return picture


def _level(density: Floats, mass: float) -> float:
    """The height above which `mass` of a density on a regular grid lies."""
    ordered = np.sort(density.ravel())[::-1]
    share = np.cumsum(ordered) / ordered.sum()
    return float(ordered[min(int(np.searchsorted(share, mass)), len(ordered) - 1)])


def _mark(axes: Axes, mean: Floats, tau: Floats, likelihood: Floats) -> None:
    row, column = divmod(int(likelihood.argmax()), likelihood.shape[1])
    axes.plot([mean[column]], [tau[row]], "+", color=INK, ms=6, mew=1.0)
    axes.annotate(
        "maximum likelihood", (mean[column], tau[row]), xytext=(5, 4), textcoords="offset points",
        fontproperties=SMALL.font,
    )  # fmt: skip


def _margin(axes: Axes, x: Floats, density: Floats, prior: Floats, *, upright: bool = False) -> None:
    for values, style in ((density, {"lw": 1.1}), (prior, {"lw": 0.8, "ls": (0, (4, 2))})):
        look: dict[str, Any] = {"color": COLOURS[0], **style}
        shown = np.minimum(values, 1.5 * density.max())
        axes.plot(*((shown, x) if upright else (x, shown)), **look)
    axes.set_xticks([]) if upright else axes.set_yticks([])
    axes.tick_params(labelbottom=False, labelleft=False)
    for side in axes.spines.values():
        side.set_visible(False)


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
    with pinned_settings():
        picture = new_picture(WIDTH, 250)
        _titled(picture, title, "Estimates with intervals if τ were known; below, posterior and prior of τ.")
        axes = _axes(picture, (40, 38, WIDTH - 60, 125))
        tau = np.array([point.tau for point in fit.sweep])
        for name, colour, shift in (("mean", COLOURS[0], -0.012), ("median", COLOURS[1], 0.012)):
            found = [getattr(point, name) for point in fit.sweep]
            value, low, high = (
                np.array([np.nan if z is None else 100 * z for z in column])
                for column in zip(*((one.value, one.low, one.high) for one in found), strict=True)
            )
            errors = [value - low, high - value]
            axes.errorbar(
                tau + shift, value, yerr=errors, fmt="o-", color=colour, ms=3.5, lw=0.8, elinewidth=0.8,
                label=found[0].estimand,
            )  # fmt: skip
        axes.set_ylim(0, None)
        axes.legend(prop=PLAIN.font, frameon=False, loc="upper left")
        _label(axes, "", "ORR, %")
        axes.tick_params(labelbottom=False)
        below = _axes(picture, (40, 170, WIDTH - 60, 48))
        if "tau.x" in fit.grids:
            x = _grid(fit, "tau.x")
            below.plot(x, _grid(fit, "tau.density"), color=COLOURS[0], lw=1.0, label="posterior")
            below.plot(x, _grid(fit, "tau.prior"), color=COLOURS[0], lw=0.8, ls=(0, (4, 2)), label="prior")
            below.legend(prop=SMALL.font, frameon=False, loc="upper right")
        below.set_xlim(*axes.get_xlim())
        below.set_ylim(0, None)
        below.set_yticks([])
        _label(below, "τ", "Density")
        return picture


def prior_predictive(fit: Fit, *, title: str) -> Figure:
    """Draw what the priors say of mean ORR and of the ORR of a trial, before any data.

    Parameters
    ----------
    fit : Fit
        With grids.
    title : str

    Returns
    -------
    Figure
    """
    with pinned_settings():
        picture = new_picture(WIDTH, 205)
        _titled(picture, title, f"Before the data: {exact.model_name(fit)}, μ ~ {fit.model.get('mu_prior')}.")
        for i, (name, label) in enumerate(
            (("before.mean", "Mean ORR, %"), ("before.predictive", "ORR of one trial, %"))
        ):
            axes = _axes(picture, (30 + i * (WIDTH / 2), 38, WIDTH / 2 - 46, 125))
            axes.fill_between(
                100 * _grid(fit, f"{name}.x"), _grid(fit, f"{name}.density") / 100, color="#8FBFDE", lw=0
            )
            axes.set_xlim(0, 100)
            axes.set_ylim(0, None)
            axes.set_yticks([])
            _label(axes, label, "Prior density" if i == 0 else "")
        return picture
