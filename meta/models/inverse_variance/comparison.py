"""What a conventional fit says about differences between groups: tests, contrasts, share of tau2."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from meta.models import describe
from meta.models.describe import DIFFERENCES
from meta.models.grouped import no_contrast, pairs
from meta.results import Between, Contrast, NamedTest, Procedure, Quantity, Statistic
from meta.stats.normal.permutation import permutation_test
from meta.stats.normal.pooling import Pooled, between_groups
from meta.stats.normal.regression import R2_DEFINITION, indicators, r2
from meta.stats.normal.tau2 import estimate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meta.data import GroupedCounts
    from meta.models.inverse_variance.model import InverseVariance
    from meta.stats.normal.scales import Effects

CAVEAT_BELOW = 10  # trials; Wald p-values of group differences are too small with fewer (design, "Methods")
_INESTIMABLE = "the effect of a group cannot be estimated"


def between(
    model: InverseVariance,
    data: GroupedCounts,
    effects: Effects,
    parts: Sequence[Pooled | None],
    shared: float | None,
) -> Between:
    """Compare the groups.

    Parameters
    ----------
    model : InverseVariance
        Whose options made the parts.
    data : GroupedCounts
    effects : Effects
        Of its rows.
    parts : sequence of Pooled or None
        One a group, in the order of their names; None has no trials.
    shared : float or None
        The tau2 that groups have in common (NaN: not estimable), None where each has its own.

    Returns
    -------
    Between
    """
    k = len(set(data.labels))
    test = _wald(parts, k=k, method=f"Wald chi-squared, {model.groups} tau2")
    share = Statistic(value=None, definition=R2_DEFINITION, reason=test.reason)
    if test.df < 1:
        return replace(test, r2=share)
    return replace(
        test,
        tau=None if shared is None or np.isnan(shared) else float(np.sqrt(shared)),
        r2=share if test.reason else _share(model, effects, shared),
        tests=(_permutation(model, data, effects, test),),
        contrasts=_contrasts(model, data, parts, k=k),
    )


def _wald(parts: Sequence[Pooled | None], *, k: int, method: str) -> Between:
    """Test for differences between groups, of which None has no trials; `k` trials in all."""
    filled = [part for part in parts if part is not None]
    df = max(len(filled) - 1, 0)
    if df < 1:
        reason = "fewer than two groups with trials"
        return Between(procedure=Procedure.WALD, statistic=None, df=df, p=None, method=method, reason=reason)
    means = filled[0]._replace(
        mu=np.concatenate([part.mu for part in filled]), se=np.concatenate([part.se for part in filled])
    )
    if not np.isfinite(means.mu).all():
        return Between(
            procedure=Procedure.WALD, statistic=None, df=df, p=None, method=method, reason=_INESTIMABLE
        )
    test = between_groups(means)
    caveat = f"p is unreliable below k = {CAVEAT_BELOW}" if k < CAVEAT_BELOW else None
    return Between(
        procedure=Procedure.WALD, statistic=float(test.statistic), df=df, p=float(test.p), method=method,
        caveat=caveat,
    )  # fmt: skip


def _share(model: InverseVariance, effects: Effects, shared: float | None) -> Statistic:
    """The share of tau2 that the groups account for, of the same rows."""
    if model.tau2 == "common-effect":
        return Statistic(
            value=None, definition=R2_DEFINITION, reason="the common-effect model estimates no tau2"
        )
    if shared is None:
        return Statistic(value=None, definition=R2_DEFINITION, reason="each group has a tau2 of its own")
    without, code = estimate(effects.y, effects.v, method=model.tau2)
    reason = describe.sentence(int(code))
    if not reason and without == 0:
        reason = "tau2 without the groups is estimated as 0, which leaves them nothing to account for"
    return Statistic(value=describe.number(r2(without, shared)), definition=R2_DEFINITION, reason=reason)


def _permutation(model: InverseVariance, data: GroupedCounts, effects: Effects, test: Between) -> NamedTest:
    """The test between groups by dealing the trials out to the groups anew."""
    method = f"permutation of trials over groups, Wald chi-squared with {model.groups} tau2"
    reason = test.reason
    if model.groups == "separate":
        reason = "given for a common tau2 only, which each permutation estimates anew"
    elif len(set(data.labels)) < len(data.labels):
        reason = "trials have rows in several groups, which cannot be dealt out one by one"
    elif len(data.labels) > describe.CASE_BY_CASE:
        reason = f"more than {describe.CASE_BY_CASE} trials: the chi-squared p-value serves"
    if reason:
        return NamedTest(
            procedure=Procedure.PERMUTATION, statistic=None, df=None, p=None, method=method, reason=reason
        )
    found = permutation_test(effects.y, effects.v, indicators(data.group), method=model.tau2)
    count = int(found.assignments)
    assignments = describe.counted(count, "assignment")
    which = f"all {assignments}" if found.exhaustive else f"{assignments}, drawn with a fixed seed"
    smallest = float(found.smallest)
    caveat = f"the smallest p-value that these trials could give is {smallest:.2g}"
    if smallest >= 0.05:
        caveat += ": it cannot fall below 0.05"
    return NamedTest(
        procedure=Procedure.PERMUTATION,
        statistic=describe.number(found.statistic),
        df=None,
        p=describe.number(found.p),
        method=f"{method}, {which}",
        caveat=caveat,
        reason=describe.sentence(int(found.code)),
    )


def _contrasts(
    model: InverseVariance, data: GroupedCounts, parts: Sequence[Pooled | None], *, k: int
) -> tuple[Contrast, ...]:
    """Each group that has trials against a reference."""
    caveat = f"; too narrow below k = {CAVEAT_BELOW}" if k < CAVEAT_BELOW else ""
    quantile = float(ndtri((1 + model.level) / 2))
    sizes = [int((data.group == i).sum()) for i in range(len(data.names))]
    what, method = DIFFERENCES[model.scale], f"Wald, {model.groups} tau2{caveat}"
    contrasts = []
    for i, j in pairs(sizes):
        names, part, base = (data.names[i], data.names[j]), parts[i], parts[j]
        if min(sizes[i], sizes[j]) < 2 or part is None or base is None:
            contrasts.append(
                no_contrast(names, what=what, level=model.level, kind="confidence", method=method)
            )
            continue
        difference = float(part.mu[0] - base.mu[0])
        half = quantile * float(np.hypot(part.se[0], base.se[0]))
        mu = Quantity(
            estimand=what,
            value=describe.number(difference),
            low=describe.number(difference - half),
            high=describe.number(difference + half),
            level=model.level,
            kind="confidence",
            method=method,
            reason=None if np.isfinite(half + difference) else _INESTIMABLE,
        )
        contrasts.append(Contrast(group=names[0], reference=names[1], mu=mu))
    return tuple(contrasts)
