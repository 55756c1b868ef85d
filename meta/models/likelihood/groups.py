"""Groups under a likelihood model: a fit each, and tests of whether they differ."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtri

from meta.models import describe
from meta.models.counted import no_contrast, pairs
from meta.models.inverse_variance.comparison import CAVEAT_BELOW
from meta.models.likelihood.fitting import fit_of, nothing
from meta.models.likelihood.peak import Family, Options, Peak, peak_of
from meta.results import Between, Contrast, NamedTest, Quantity
from meta.stats.binomial.between import likelihood_ratio
from meta.stats.binomial.bootstrap import bootstrap_lr
from meta.stats.binomial.likelihood import maximise
from meta.stats.binomial.marginal import marginal_terms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meta.data import GroupedCounts
    from meta.results import Fit

CAVEAT = f"p is unreliable below k = {CAVEAT_BELOW}"


def grouped(
    model: tuple[Family, Options],
    stored: Mapping[str, Any],
    data: GroupedCounts,
    *,
    draws: int = 0,
    seed: int = 1,
) -> tuple[tuple[Fit, ...], Between]:
    """Fits of the groups, and the tests between them.

    Parameters
    ----------
    model : tuple of Family and Options
    stored : mapping
        The options as the result keeps them; its `groups` says whether they share the heterogeneity.
    data : GroupedCounts
    draws, seed : int
        Of the parametric bootstrap; none with 0 draws.

    Returns
    -------
    fits : tuple of Fit
    between : Between
    """
    family, options = model
    parts = [data.within(index) for index in range(len(data.names))]
    filled = [i for i, part in enumerate(parts) if part.k]
    separate = stored["groups"] == "separate"
    alone = {i: peak_of(family, options, part) for i, part in enumerate(parts) if separate and part.k > 1}
    shared = None if separate or not filled else peak_of(family, options, data.only(filled))
    fits = []
    for i, part in enumerate(parts):
        if part.k < 2:
            fits.append(replace(nothing(model, stored, part), label=data.names[i]))
            continue
        peak, row = (shared, filled.index(i)) if shared else (alone[i], 0)
        trials = part.k if separate else len(data.labels) - len(filled) + 1
        fits.append(replace(fit_of(model, stored, part, peak, row, trials), label=data.names[i]))
    between = _between(family, data, len(filled), separate=separate, draws=draws, seed=seed)
    contrasts = _contrasts(model, data, filled, shared, alone)
    tau = float(np.sqrt(shared.top.v)) if shared is not None and family.normal and between.p else None
    return tuple(fits), replace(between, contrasts=contrasts, tau=describe.number(tau) if tau else tau)


def _between(
    family: Family, data: GroupedCounts, many: int, *, separate: bool, draws: int, seed: int
) -> Between:
    word = "tau2" if family.normal else "intraclass correlation"
    method = f"likelihood ratio, chi2, common {word}"
    if many < 2:
        return Between(
            statistic=None, df=0, p=None, method=method, reason="fewer than two groups with trials"
        )
    found = likelihood_ratio(family.terms, data.responders, data.n, groups=data.group)
    note = "; the groups' own estimates have one each" if separate else ""
    return Between(
        statistic=describe.number(found.statistic),
        df=int(found.df),
        p=describe.number(found.p),
        method=method + note,
        caveat=CAVEAT if len(set(data.labels)) < CAVEAT_BELOW else None,
        reason=describe.sentence(int(found.code)),
        tests=_bootstrap(data, draws, seed) if draws and family.normal else (),
    )


def _bootstrap(data: GroupedCounts, draws: int, seed: int) -> tuple[NamedTest, ...]:
    """The likelihood ratio against its own distribution, simulated without a difference at three tau."""
    one = float(np.sqrt(maximise(marginal_terms, data.responders, data.n).v))
    estimate = one if np.isfinite(one) else 0.0
    taus = {"0": 0.0, f"its estimate without groups {estimate:.2f}": estimate, "1": 1.0}
    found = bootstrap_lr(data.responders, data.n, data.group, tau=list(taus.values()), draws=draws, seed=seed)
    return tuple(
        NamedTest(
            statistic=describe.number(found.statistic),
            df=None,
            p=describe.number(found.p[i]),
            method=f"likelihood ratio, parametric bootstrap at tau = {name}",
            caveat=f"{describe.counted(draws, 'data set')} without a difference, of which chi2 would reject "
            f"{found.chi2_rejects[i]:.0%} at 5 %; the p depends on tau, which so few trials hardly tell",
            reason=describe.sentence(int(np.atleast_1d(found.code)[min(i, np.size(found.code) - 1)])),
        )
        for i, name in enumerate(taus)
    )


def _contrasts(
    model: tuple[Family, Options],
    data: GroupedCounts,
    filled: list[int],
    shared: Peak | None,
    alone: Mapping[int, Peak],
) -> tuple[Contrast, ...]:
    """Wald intervals of the differences of mu."""
    family, options = model
    quantile = float(ndtri((1 + options.level) / 2))
    what = "log odds ratio" if family.normal else "log odds ratio of the mean rates"
    method = f"{family.name} maximum likelihood, Wald"
    sizes = [int((data.group == i).sum()) for i in range(len(data.names))]
    found = []
    for i, reference in pairs(sizes):
        names = data.names[i], data.names[reference]
        if min(sizes[i], sizes[reference]) < 2:
            found.append(no_contrast(names, what=what, level=options.level, kind="confidence", method=method))
            continue
        both = (filled.index(i), filled.index(reference))
        value, se = _difference(shared, both) if shared else _independent(alone[i], alone[reference])
        fine = bool(np.isfinite([value, se]).all())
        mu = Quantity(
            name=what,
            value=value if fine else None,
            low=value - quantile * se if fine else None,
            high=value + quantile * se if fine else None,
            level=options.level,
            kind="confidence",
            method=method,
            reason=None if fine else "a group has no responder, or only responders",
        )
        found.append(Contrast(group=names[0], reference=names[1], mu=mu))
    return tuple(found)


def _difference(shared: Peak, rows: tuple[int, int]) -> tuple[float, float]:
    """Difference of two groups' mu in one fit, and its standard error."""
    (a, b), cov, mu = rows, shared.top.cov, shared.top.mu
    return float(mu[a]) - float(mu[b]), float(np.sqrt(cov[a, a] + cov[b, b] - 2 * cov[a, b]))


def _independent(ours: Peak, theirs: Peak) -> tuple[float, float]:
    """Difference of the mu of two fits, and its standard error."""
    se = np.sqrt(ours.top.se_mu[0] ** 2 + theirs.top.se_mu[0] ** 2)
    return float(ours.top.mu[0]) - float(theirs.top.mu[0]), float(se)
