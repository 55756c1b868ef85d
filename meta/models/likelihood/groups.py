"""Groups under a likelihood model: a fit each, and tests of whether they differ."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from meta.models import describe
from meta.models.grouped import CAVEAT_BELOW, no_contrast
from meta.models.likelihood.fitting import fit_of
from meta.models.likelihood.peak import Family, LikelihoodModel, Peak, peak_of
from meta.results import Between, Contrast, Estimand, NamedTest, Procedure
from meta.stats.binomial.between import bootstrap_lr, likelihood_ratio
from meta.stats.binomial.likelihood import maximise
from meta.stats.binomial.marginal import marginal_terms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meta.data import GroupedCounts
    from meta.models.grouped import Parts
    from meta.results import Fit

CAVEAT = f"p is unreliable below k = {CAVEAT_BELOW}"


def by_group(
    family: Family, options: LikelihoodModel, parts: Parts, *, draws: int = 0, seed: int = 1
) -> tuple[dict[int, Fit], Between]:
    """Fits of the groups, and the tests between them.

    Parameters
    ----------
    draws, seed : int
        Of the parametric bootstrap; none with 0 draws.
    """
    data, filled, separate = parts.data, parts.filled, options.groups == "separate"
    alone = {i: peak_of(family, options, parts.each[i]) for i in parts.several if separate}
    shared = None if separate or not filled else peak_of(family, options, data.only(filled))
    fits = {}
    for i in parts.several:
        peak, row = (shared, filled.index(i)) if shared else (alone[i], 0)
        trials = parts.each[i].k if separate else len(data.labels) - len(filled) + 1
        fits[i] = fit_of(family, options, parts.each[i], peak, row, trials)
    between = _between(family, data, len(filled), separate=separate, draws=draws, seed=seed)
    contrasts = _contrasts(family, options, parts, shared, alone)
    tau = float(np.sqrt(shared.top.v)) if shared is not None and family.normal and between.p else None
    return fits, replace(between, contrasts=contrasts, tau=describe.number(tau) if tau else tau)


def _between(
    family: Family, data: GroupedCounts, many: int, *, separate: bool, draws: int, seed: int
) -> Between:
    word = "tau2" if family.normal else "intraclass correlation"
    method = f"likelihood ratio, chi2, common {word}"
    if many < 2:
        return Between(
            procedure=Procedure.LIKELIHOOD_RATIO,
            df=0,
            method=method,
            reason="fewer than two groups with trials",
        )
    found = likelihood_ratio(family.terms, data.responders, data.n, groups=data.group)
    note = "; the groups' own estimates have one each" if separate else ""
    return Between(
        procedure=Procedure.LIKELIHOOD_RATIO,
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
    taus = [0.0, estimate, 1.0]
    found = bootstrap_lr(data.responders, data.n, data.group, tau=taus, draws=draws, seed=seed)
    return tuple(
        NamedTest(
            procedure=Procedure.BOOTSTRAP,
            statistic=describe.number(found.statistic),
            df=None,
            p=describe.number(found.p[i]),
            method="likelihood ratio, parametric bootstrap",
            tau=tau,
            tau_estimated=i == 1,
            caveat=f"{describe.counted(draws, 'data set')} without a difference, of which chi2 would reject "
            f"{found.chi2_rejects[i]:.0%} at 5 %; the p depends on tau, which so few trials hardly tell",
            reason=describe.sentence(int(np.atleast_1d(found.code)[min(i, np.size(found.code) - 1)])),
        )
        for i, tau in enumerate(taus)
    )


def _contrasts(
    family: Family,
    options: LikelihoodModel,
    parts: Parts,
    shared: Peak | None,
    alone: Mapping[int, Peak],
) -> tuple[Contrast, ...]:
    """Wald intervals of the differences of mu."""
    quantile = float(ndtri((1 + options.level) / 2))
    what = Estimand.LOG_ODDS_RATIO if family.normal else Estimand.LOG_ODDS_RATIO_OF_MEANS
    method = f"{family.name} maximum likelihood, Wald"
    found = []
    for i, reference in parts.compared():
        names = parts.names(i, reference)
        if not parts.comparable(i, reference):
            found.append(no_contrast(names, what=what, level=options.level, kind="confidence", method=method))
            continue
        both = (parts.filled.index(i), parts.filled.index(reference))
        value, se = _difference(shared, both) if shared else _independent(alone[i], alone[reference])
        fine = bool(np.isfinite([value, se]).all())
        half = quantile * se
        mu = describe.quantity(
            what,
            (value, value - half, value + half) if fine else (None, None, None),
            level=options.level,
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
