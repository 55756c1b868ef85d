"""From draws of the model of sites and regions to its answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations, permutations
from typing import TYPE_CHECKING

import numpy as np

from meta.models.sites.effects import levels_of
from meta.results import (
    DirectRate,
    Estimand,
    Order,
    Parameter,
    Rate,
    RateDifference,
    SplitCount,
    StandardisedRate,
)
from meta.stats.normal.scales import FloatArray
from meta.stats.unreported import standardise as std
from meta.stats.unreported import sums as partial

if TYPE_CHECKING:
    from meta.models.sites.effects import Priors
    from meta.models.sites.question import Question
    from meta.models.sites.site_graph import SiteRegionDraws
    from meta.results import Population

_WORK = 10**8  # draws times squared responders of a split: some seconds
_HALF_NORMAL_SD = float(np.sqrt(1 - 2 / np.pi))  # of scale 1


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """Draws of standardised rates, by population and estimand, each shape (D, L)."""

    new_median: FloatArray
    new_mean: FloatArray
    these_mean: FloatArray

    def named(self) -> tuple[tuple[Population, Estimand, FloatArray], ...]:
        """Population, estimand, draws."""
        return (
            ("new-trials", Estimand.MEDIAN, self.new_median),
            ("new-trials", Estimand.MEAN, self.new_mean),
            ("these-trials", Estimand.MEAN, self.these_mean),
        )


def _spread(found: SiteRegionDraws, dims: int) -> tuple[FloatArray, FloatArray]:
    """Draws of tau and omega with so many axes after the first."""
    tau = found.scales["tau"]
    return tuple(  # type: ignore[return-value]
        values.reshape(-1, *[1] * dims) for values in (tau, found.scales.get("omega", np.zeros_like(tau)))
    )


def _grid(asked: Question, found: SiteRegionDraws) -> FloatArray:
    """Log odds of every level and group without trials' effects, shape (D, L, S)."""
    level = np.zeros((len(found.mu), 1)) if asked.contrast is None else found.levels[asked.contrast]
    return np.asarray(found.mu[:, None, None] + level[:, :, None] + found.group[:, None, :])


def levels(asked: Question, found: SiteRegionDraws) -> Levels:
    """Standardised rates of every level.

    Parameters
    ----------
    found : SiteRegionDraws
        Of the model with groups or, for crude rates, of that without.
    """
    names, index = asked.levels()
    median, mean = std.over_new_trials(_grid(asked, found), *_spread(found, 2))
    these = std.over_these_trials(found.theta, asked.data.patients(), index, len(names))
    return Levels(median @ asked.mix, mean @ asked.mix, these @ asked.mix)


def rates(asked: Question, found: SiteRegionDraws) -> tuple[Rate, ...]:
    """Each group's rate, and each group's at each level."""
    names, index = asked.levels()
    alone = std.over_new_trials(found.mu[:, None] + found.group, *_spread(found, 1))
    cells = std.over_new_trials(_grid(asked, found), *_spread(found, 2))
    everyone = np.ones(len(index), dtype=bool)
    listed = [
        _rate(asked, (s, None), (alone[0][:, s], alone[1][:, s]), everyone)
        for s in range(len(asked.data.groups))
    ]
    listed += [
        _rate(asked, (s, name), (cells[0][:, i, s], cells[1][:, i, s]), index == i)
        for i, name in enumerate(names)
        for s in range(len(asked.data.groups))
    ]
    return tuple(listed)


def _rate(
    asked: Question, cell: tuple[int, str | None], draws: tuple[FloatArray, FloatArray], trials: FloatArray
) -> Rate:
    group, level = cell
    data, known = asked.data, asked.data.known()[trials, group]
    n = data.n[trials, group]
    return Rate(
        group=data.groups[group],
        level=level,
        median=asked.quantity(Estimand.MEDIAN_NEW, draws[0]),
        mean=asked.quantity(Estimand.MEAN_NEW, draws[1]),
        n=int(n.sum()),
        n_reported=int(n[~np.isnan(known)].sum()),
        responders=int(np.nansum(known)),
    )


def standardised(asked: Question, found: Levels) -> tuple[StandardisedRate, ...]:
    """Summaries of standardised rates, level by level, new trials first."""
    listed = []
    for i, name in enumerate(asked.levels()[0]):
        median, mean = (
            asked.quantity(estimand, values[:, i])
            for estimand, values in (
                (Estimand.MEDIAN_NEW_STANDARDISED, found.new_median),
                (Estimand.MEAN_NEW_STANDARDISED, found.new_mean),
            )
        )
        listed.append(StandardisedRate(level=name, population="new-trials", median=median, mean=mean))
        these = asked.quantity(Estimand.MEAN_THESE_STANDARDISED, found.these_mean[:, i])
        listed.append(StandardisedRate(level=name, population="these-trials", median=None, mean=these))
    return tuple(listed)


def differences(asked: Question, found: Levels, crude: Levels | None) -> tuple[RateDifference, ...]:
    """Every later level less every earlier one.

    Parameters
    ----------
    found : Levels
        Of the model with groups.
    crude : Levels or None
        Of that without.
    """
    names, listed = asked.levels()[0], []
    without = crude.named() if crude else (None, None, None)
    for (population, estimand, draws), other in zip(found.named(), without, strict=True):
        of = Estimand.DIFFERENCE_OF_MEDIANS if estimand == "median" else Estimand.DIFFERENCE_OF_MEANS
        for i, j in combinations(range(len(names)), 2):
            listed.append(
                RateDifference(
                    level=names[j],
                    reference=names[i],
                    population=population,
                    estimand=estimand,
                    standardised=asked.quantity(of, draws[:, j] - draws[:, i]),
                    without_groups=asked.quantity(of, other[2][:, j] - other[2][:, i]) if other else None,
                )
            )
    return tuple(listed)


def direct(asked: Question) -> tuple[DirectRate, ...]:
    """Reported rates of each level, standardised directly."""
    names, index = asked.levels()
    known = asked.data.known()
    at = (index == np.arange(len(names))[:, None]).astype(float)
    x, n = at @ np.nan_to_num(known), at @ np.where(np.isnan(known), 0, asked.data.n)
    found = std.direct(x, n, asked.mix)
    listed = []
    for i, name in enumerate(names):
        gaps = [
            g
            for g, size, weight in zip(asked.data.groups, n[i], asked.mix, strict=True)
            if weight > 0 and size == 0
        ]
        reason = f"no trial reported the responders of {', '.join(gaps)} by themselves" if gaps else None
        value, se = (None if gaps else float(array[i]) for array in (found.rate, found.se))
        listed.append(DirectRate(level=name, value=value, se=se, share=float(found.share[i]), reason=reason))
    return tuple(listed)


def orders(asked: Question, found: SiteRegionDraws) -> tuple[Order, ...]:
    """Probabilities of order between groups."""
    above, names = std.order(found.group), asked.data.groups
    return tuple(
        Order(group=names[i], other=names[j], probability=float(above[i, j]))
        for i, j in permutations(range(len(names)), 2)
    )


def split_counts(asked: Question, found: SiteRegionDraws) -> tuple[SplitCount, ...]:
    """How the responders of each sum over groups may be split.

    Parameters
    ----------
    found : SiteRegionDraws
        Of a very large sum, every so many draws only are used.

    Returns
    -------
    tuple of SplitCount
        Without sums over patients of whom some are of unknown groups.
    """
    data, listed = asked.data, []
    sizes = data.sizes()
    tail = (1 - asked.level) / 2
    pooled = {pool.row for pool in data.pools}
    for r in np.flatnonzero((sizes > 0).sum(-1) > 1):
        if r in pooled:
            continue
        x, t, members = int(data.responders[r]), int(data.trial[r]), np.flatnonzero(sizes[r])
        step = max(1, len(found.mu) * (x + 1) ** 2 // _WORK)
        chance = partial.split(found.theta[::step, t][:, members], sizes[r, members], x).probability.mean(0)
        for s, p in zip(members.tolist(), chance, strict=True):
            low, high = np.searchsorted(np.cumsum(p), [tail, 1 - tail - 1e-12])
            listed.append(
                SplitCount(
                    trial=data.labels[t],
                    groups=tuple(data.groups[m] for m in members),
                    responders=x,
                    group=data.groups[s],
                    n=int(sizes[r, s]),
                    expected=float(p @ np.arange(x + 1)),
                    low=int(low),
                    high=min(int(high), x),
                    level=asked.level,
                )
            )
    return tuple(listed)


def parameters(
    asked: Question, found: SiteRegionDraws, priors: Priors, contrasts: Mapping[str, float]
) -> tuple[Parameter, ...]:
    """Posterior beside prior: mu, scales, and every pair of levels and of groups.

    Parameters
    ----------
    contrasts : mapping of str to float
        Prior standard deviation of the difference between two groups under "group", if there are any, and
        of that between two levels under each contrast's name.
    """
    listed = [_parameter(asked, Estimand.MU, found.mu, f"normal:{priors.mu_mean:g},{priors.mu:g}", priors.mu)]
    for name, scale in (
        (Estimand.TAU, priors.tau), (Estimand.SIGMA, priors.sigma), (Estimand.OMEGA, priors.omega)
    ):  # fmt: skip
        if name in found.scales and scale is not None:
            prior = f"half-normal:{scale:g}"
            listed.append(_parameter(asked, name, found.scales[name], prior, scale * _HALF_NORMAL_SD))
    for factor, sd in contrasts.items():
        effects = found.group if factor == "group" else found.levels[factor]
        labels = asked.data.groups if factor == "group" else levels_of(asked.data, factor)[0]
        random = factor == "group" and "sigma" in found.scales
        prior = f"random effects, sigma ~ half-normal:{priors.sigma:g}" if random else f"normal:0,{sd:g}"
        for i, j in combinations(range(len(labels)), 2):
            draws = effects[:, j] - effects[:, i]
            one = _parameter(asked, Estimand.LOG_ODDS_RATIO, draws, prior, sd)
            listed.append(replace(one, group=labels[j], reference=labels[i]))
    return tuple(listed)


def _parameter(
    asked: Question, estimand: Estimand, draws: FloatArray, prior: str, prior_sd: float
) -> Parameter:
    return Parameter(
        posterior=asked.quantity(estimand, draws),
        expectation=float(draws.mean()),
        sd=float(draws.std(ddof=1)),
        prior_sd=float(prior_sd),
        prior=prior,
    )
