"""The conventional model: effects on some scale, pooled with inverse-variance weights."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

import numpy as np
from scipy.special import ndtri

from meta.errors import option_fault
from meta.models import describe, grouped
from meta.models.contract import PREDICTIVE, TAU, Answers, IntervalWords, PoolingModel, Rows
from meta.models.describe import DIFFERENCES
from meta.models.grouped import CAVEAT_BELOW, Parts, no_contrast, pairs, pooled
from meta.models.options import STRICT, continuity_faults, level_faults, refuse
from meta.results import (
    Between,
    Contrast,
    Estimand,
    Fit,
    NamedTest,
    Prediction,
    Procedure,
    Quantity,
)
from meta.stats.binomial.proportions import TrialInterval
from meta.stats.normal.influence import Cases, influence
from meta.stats.normal.permutation import permutation_test
from meta.stats.normal.pooling import (
    IntervalMethod,
    Limits,
    Pooled,
    PredictionMethod,
    RandomEffects,
    between_groups,
    interval,
    pool,
    random_effects,
)
from meta.stats.normal.pooling import prediction as prediction_limits
from meta.stats.normal.regression import R2_DEFINITION, indicators, r2
from meta.stats.normal.scales import SCALES, Effects, FloatArray, ScaleName, harmonic_mean
from meta.stats.normal.tau2 import (
    Tau2Interval,
    Tau2IntervalMethod,
    Tau2Method,
    estimate,
    profile_likelihood,
    q_profile,
)
from meta.stats.numeric.codes import Code

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import ArrayLike

    from meta.data import Counts, GroupedCounts
    from meta.errors import Fault
    from meta.stats.normal.influence import Cases
    from meta.stats.normal.pooling import RandomEffects
    from meta.stats.normal.scales import Effects, FloatArray
    from meta.stats.normal.tau2 import Tau2Interval

INTERVALS: dict[IntervalMethod, IntervalWords] = {
    "wald": IntervalWords("Wald", "Wald interval", "Wald intervals"),
    "hk": IntervalWords("Knapp-Hartung", "Knapp-Hartung", "Knapp-Hartung intervals"),
    "mhk": IntervalWords(
        "Knapp-Hartung floored at the Wald standard error",
        "Knapp-Hartung floored",
        "Knapp-Hartung intervals whose standard error is never below the unmodified one",
    ),
}
TAU2_INTERVALS: dict[Tau2IntervalMethod, str] = {
    "q-profile": "Q-profile",
    "profile-likelihood": "profile likelihood",
}


class Spread(NamedTuple):
    """The estimate of tau2 from a set of trials; groups may share it."""

    tau2: float
    code: int
    limits: Tau2Interval
    q: float
    df: float
    means: int  # that were estimated with it: one a group where groups share it
    fit: RandomEffects | None  # of the same trials, where they are one group


class Group(NamedTuple):
    """The trials of a group with their effects, tau2, and what each trial does to the fit."""

    data: Counts
    effects: Effects
    spread: Spread
    cases: Cases | None


_LIKELIHOODS: dict[Tau2Method, Literal["REML", "ML"]] = {"REML": "REML", "ML": "ML"}


@dataclass(frozen=True, slots=True, kw_only=True)
class InverseVariance(PoolingModel):
    """Random-effects (or common-effect) inverse-variance pooling.

    Parameters
    ----------
    scale : {"logit", "log", "identity", "arcsine", "double-arcsine"}
        Where the analysis happens.
    tau2 : {"REML", "DL", "EB", "HE", "HS", "ML", "PM", "PMM", "SJ", "common-effect"}
        Estimator of the between-trial variance; common-effect sets it to 0.
    interval : {"mhk", "hk", "wald"}
        Knapp-Hartung floored at the Wald standard error, unmodified, or normal.
    tau2_interval : {"q-profile", "profile-likelihood"}
        Confidence interval for tau2, and with it for I2 and H2; the latter needs REML or ML.
    prediction : {"hts", "hk", "t", "normal", "none"}
        Quantiles of t with k-2 degrees of freedom; t with k-1 and the Knapp-Hartung standard error
        (floored if `interval` is "mhk"); t with k-1; normal; or no prediction interval. Where groups share
        tau2, k is the rows of all of them less their number, plus one.
    groups : {"common", "separate"}
        Whether groups share tau2.
    continuity : float or "none"
        Added to both cells of arms with 0 or n responders, on the logit, log and identity scales.
    trial_interval : {"clopper-pearson", "wilson", "jeffreys"}
        Study-level interval.
    level : float
        Of every interval.

    Raises
    ------
    SpecError
        If options contradict each other or are out of range, with a fault for each.

    Examples
    --------
    >>> from meta.data import Counts
    >>> fit = InverseVariance().fit(Counts.of([5, 6, 2, 1], [18, 32, 29, 21]))
    >>> round(fit.mu.value, 6), round(fit.tau2.value, 6)      # metafor 5.1-12
    (-1.752336, 0.306546)
    """

    __pydantic_config__ = STRICT
    NAME: ClassVar = "conventional"
    GIVES_Q: ClassVar = True
    REFERENCES: ClassVar = {
        "knapp": "Knapp G, Hartung J. Improved tests for a random effects meta-regression with a single "
        "covariate. Stat Med 2003;22:2693–2710. doi:10.1002/sim.1482",
        "floored": "Röver C, Knapp G, Friede T. Hartung-Knapp-Sidik-Jonkman approach and its modification "
        "for random-effects meta-analysis with few studies. BMC Med Res Methodol 2015;15:99. "
        "doi:10.1186/s12874-015-0091-1",
        "higgins": "Higgins JPT, Thompson SG. Quantifying heterogeneity in a meta-analysis. Stat Med "
        "2002;21:1539–1558. doi:10.1002/sim.1186",
        "hts": "Higgins JPT, Thompson SG, Spiegelhalter DJ. A re-evaluation of random-effects meta-analysis. "
        "J R Stat Soc A 2009;172:137–159. doi:10.1111/j.1467-985X.2008.00552.x",
    }

    model: Literal["inverse-variance"] = "inverse-variance"
    scale: ScaleName = "logit"
    tau2: Tau2Method = "REML"
    interval: IntervalMethod = "mhk"
    tau2_interval: Tau2IntervalMethod = "q-profile"
    prediction: PredictionMethod | Literal["none"] = "hts"
    groups: Literal["common", "separate"] = "common"
    continuity: float | Literal["none"] = 0.5
    trial_interval: TrialInterval = "clopper-pearson"
    level: float = 0.95

    def __post_init__(self) -> None:
        refuse(level_faults(self.level), continuity_faults(self.continuity), self._contradictions())

    def _contradictions(self) -> Iterator[Fault]:
        """Options that do not go together."""
        if self.tau2 == "common-effect" and self.interval != "wald":
            yield option_fault(
                "interval",
                f"{self.interval} with tau2: common-effect",
                "Knapp-Hartung allows for an estimated tau2, so that only interval: wald is allowed there",
            )
        if self.tau2_interval == "profile-likelihood" and self.tau2 not in _LIKELIHOODS:
            yield option_fault(
                "tau2_interval",
                f"profile-likelihood with tau2: {self.tau2}",
                "it is an interval of a likelihood, so that only tau2: REML and ML are allowed there",
            )

    def fit(self, data: Counts | GroupedCounts) -> Fit:
        """Pool the counts.

        Parameters
        ----------
        data : Counts or GroupedCounts
            Grouped counts give an overall fit of each trial's total, a fit a group, and the test
            between groups.

        Returns
        -------
        Fit
            What cannot be estimated is None with a reason; nothing is NaN.

        See Also
        --------
        detailed_fit : With influence.
        """
        return pooled(self, data, self._alone, self._by_group, self._alone)

    def detailed_fit(self, data: Counts | GroupedCounts) -> Fit:
        """The fit, with the influence of each of 3 to 100 trials.

        Returns
        -------
        Fit
            Under a common tau2 a group's influence is that of its rows on the fit of all groups.
        """
        groups = partial(self._by_group, detailed=True)
        return pooled(self, data, partial(self._alone, detailed=True), groups, self._alone)

    def _alone(self, data: Counts, *, detailed: bool = False) -> Fit:
        effects = self._effects(data)
        cases = self._cases(effects) if detailed else None
        return self._fit(Group(data, effects, self._spread(effects), cases))

    def _by_group(self, parts: Parts, *, detailed: bool = False) -> tuple[dict[int, Fit], Between]:
        data = parts.data
        effects = self._effects(data)
        shared = self._spread(effects, data.group) if self.groups == "common" and parts.filled else None
        cases = self._cases(effects, data.group) if shared and detailed else None
        found = [
            self._group(parts, effects, shared, cases, index, detailed=detailed)
            for index in range(len(data.names))
        ]
        tau2 = shared.tau2 if shared else None
        between = _between_groups_of(self, data, effects, [mean for _, mean in found], tau2)
        return {index: fit for index, (fit, _) in enumerate(found)}, between

    @property
    def estimands(self) -> tuple[Estimand, ...]:
        """What normal true effects on this scale estimate."""
        return (SCALES[self.scale].estimand,)

    @property
    def method(self) -> str:
        """Scale, estimator of tau2 and kind of interval."""
        return f"inverse variance, {self.scale} scale, {self.tau2}, {INTERVALS[self.interval].method}"

    @property
    def unbatched(self) -> None:
        """Nothing."""

    def batch(self, rows: Rows, *, spread: bool = False) -> list[Answers]:
        """Pooled effects of many sets of counts."""
        x, n, group, many = rows
        use, scale = n > 0, SCALES[self.scale]
        continuity = 0.0 if self.continuity == "none" else self.continuity
        effects = scale.effects(x, n, use, continuity=continuity)
        fit = random_effects(effects.y, effects.v, use, method=self.tau2, groups=group)
        limits = interval(fit.pooled, method=self.interval, level=self.level)
        out = np.full((3, len(x), many), np.nan)
        for g in range(many):
            own = group == g
            k, size = use[:, own].sum(-1), harmonic_mean(n[:, own], use[:, own])
            several = k > 1
            for i, z in enumerate((fit.pooled.mu, limits.low, limits.high)):
                there = several & np.isfinite(z[:, g])
                out[i, there, g] = scale.inverse(z[there, g], size[there])
        found = [Answers(scale.estimand, *out)]
        return [*found, *self._batched_spread(rows, effects, fit)] if spread else found

    def _batched_spread(self, rows: Rows, effects: Effects, fit: RandomEffects) -> Iterator[Answers]:
        """Tau and prediction, where the model's own fit gives them."""
        use, scale, tau2 = rows.n > 0, SCALES[self.scale], np.where(fit.code == Code.OK, fit.tau2, np.nan)
        ends = self.tau2_limits(effects.y, effects.v, use)
        gone = np.full(tau2.shape, np.nan)
        alone, common = use.sum(-1) < 2, self.tau2 == "common-effect"
        tau = [gone, gone, gone] if common else [np.sqrt(z) for z in (tau2, ends.low, ends.high)]
        yield Answers(TAU, *(np.where(alone, np.nan, z)[:, None] for z in tau))
        ahead = np.full((3, len(tau2)), np.nan)
        if self.prediction != "none" and not common:
            limits = self.predicted(fit.pooled, tau2, fit.pooled.df + 1)
            several = np.flatnonzero(~alone & (tau2 > 0) & np.isfinite(limits.low[:, 0]))
            size = harmonic_mean(rows.n, use)[several]
            for z, end in zip(ahead, (fit.pooled.mu, limits.low, limits.high), strict=True):
                z[several] = scale.inverse(end[several, 0], size)
        yield Answers(PREDICTIVE, *ahead[..., None])

    def in_words(self) -> str:
        """Scale, estimator of tau2 and kind of interval."""
        return f"{self.scale}, {self.tau2}, {INTERVALS[self.interval].short}"

    def methods(self) -> str:
        """Scale, estimator, intervals, prediction and continuity correction."""
        after = {"mhk": "{cite:knapp}{cite:floored}", "hk": "{cite:knapp}", "wald": ""}[self.interval]
        text = "Inverse-variance common-effect pooling on the {scale:t} scale"
        if self.tau2 != "common-effect":
            text = (
                "Inverse-variance random-effects pooling on the {scale:t} scale, between-trial variance by "
                "{tau2:t}"
            )
        text += (
            f", {INTERVALS[self.interval].plural}{after} at {{level:level}}; I² from τ²{{cite:higgins}} "
            "with its interval by {tau2_interval:t}"
        )
        if self.prediction == "hts":
            text += ", prediction intervals after Higgins, Thompson and Spiegelhalter{cite:hts}"
        if self.continuity == "none":
            return f"{text}. No continuity correction was made."
        return (
            f"{text}. Where a trial had no responder or no non-responder, {{continuity:printed}} was added "
            "to both of its cells."
        )

    def _effects(self, data: Counts | GroupedCounts) -> Effects:
        continuity = 0.0 if self.continuity == "none" else self.continuity
        return SCALES[self.scale].effects(data.responders, data.n, continuity=continuity)

    def _spread(self, effects: Effects, groups: np.ndarray | None = None) -> Spread:
        fit = random_effects(effects.y, effects.v, method=self.tau2, groups=groups)
        limits = self.tau2_limits(effects.y, effects.v, groups=groups)
        q, df = float(fit.pooled.q), float(fit.pooled.df)
        if groups is None:
            return Spread(float(fit.tau2), int(fit.code), limits, q, df, 1, fit)
        return Spread(float(fit.tau2), int(fit.code), limits, q, df, len(np.unique(groups)), None)

    def tau2_limits(
        self, y: FloatArray, v: FloatArray, include: ArrayLike = True, *, groups: np.ndarray | None = None
    ) -> Tau2Interval:
        """The limits of tau2 that the options ask for, of any number of data sets."""
        level, method = self.level, self.tau2
        if self.tau2_interval == "profile-likelihood":
            kind = _LIKELIHOODS[method]
            return profile_likelihood(y, v, include, method=kind, level=level, groups=groups)
        return q_profile(y, v, include, level=level, groups=groups)

    def predicted(self, pooled: Pooled, tau2: ArrayLike, trials: ArrayLike) -> Limits:
        """Where a new trial's effect would lie, of means of shape (..., 1); `prediction` is not "none"."""
        assert self.prediction != "none"  # the caller has looked
        kind: IntervalMethod = (
            ("hk" if self.interval == "hk" else "mhk") if self.prediction == "hk" else "wald"
        )
        se = interval(pooled, method=kind, level=self.level).se
        v, size = np.asarray(tau2)[..., None], np.asarray(trials)[..., None]
        return prediction_limits(pooled.mu, se, v, size, method=self.prediction, level=self.level)

    def _cases(self, effects: Effects, groups: np.ndarray | None = None) -> Cases | None:
        if not describe.LEAST_CASES <= len(effects.y) <= describe.CASE_BY_CASE:
            return None
        return influence(effects.y, effects.v, method=self.tau2, groups=groups)

    def _group(
        self,
        parts: Parts,
        effects: Effects,
        shared: Spread | None,
        cases: Cases | None,
        index: int,
        *,
        detailed: bool,
    ) -> tuple[Fit, Pooled | None]:
        rows = np.flatnonzero(parts.data.group == index)
        own = effects.rows(rows)
        spread = shared or self._spread(own)
        if shared is None:
            cases = self._cases(own) if detailed else None
        elif cases is not None:
            cases = cases.rows(rows)
        fit = self._fit(Group(parts.each[index], own, spread, cases))
        return fit, pool(own.y, own.v, tau2=spread.tau2) if rows.size else None

    def _fit(self, group: Group) -> Fit:
        data, effects, spread = group.data, group.effects, group.spread
        if data.k < 2:
            return _without_mean(self, group)
        missing = describe.sentence(spread.code)
        if missing:
            return _without_mean(self, group, missing)
        own = spread.fit or random_effects(effects.y, effects.v, tau2=spread.tau2)
        pooled = own.pooled._replace(q=np.asarray(spread.q), df=np.asarray(spread.df))
        limits = interval(pooled, method=self.interval, level=self.level)
        return _pooled_fit(self, group, own._replace(pooled=pooled), limits)


def _pooled_fit(model: InverseVariance, group: Group, found: RandomEffects, limits: Limits) -> Fit:
    """The fit of a group whose mean is known.

    Parameters
    ----------
    found : RandomEffects
        At the tau2 of the group.
    limits : Limits
        Of the mean.
    """
    pooled = found.pooled
    mu, tau2 = _mu(model, pooled.mu[0], pooled.se[0], limits), _tau2(model, group.spread)
    orr = describe.proportion(
        SCALES[model.scale],
        (pooled.mu[0], limits.low[0], limits.high[0]),
        group.data,
        level=model.level,
        method=model.method,
        reason=mu.reason,
    )
    estimated = model.tau2 != "common-effect"
    plain = grouped.unpooled(model, group.data)
    return replace(
        plain,
        mu=mu,
        tau2=tau2,
        proportion=orr,
        heterogeneity=describe.heterogeneity(found, tau2, estimated=estimated),
        prediction=_prediction(model, group, found),
        trials=describe.trials(plain.trials, group.effects, pooled.weights),
        notes=_notes(model, group, tau2),
        influence=describe.influence(group.data.labels, group.cases),
    )


def _without_mean(model: InverseVariance, group: Group, reason: str | None = None) -> Fit:
    """A fit without a pooled estimate, because of too few trials or for `reason`.

    Tau2 is there all the same where it can be told of two trials or more.
    """
    data, scale = group.data, SCALES[model.scale]
    fit = grouped.unpooled(model, data, reason)
    return replace(
        fit,
        tau2=_tau2(model, group.spread) if data.k > 1 else fit.tau2,
        prediction=describe.prediction(
            scale, data, None, level=model.level, method=str(model.prediction), reason=fit.mu.reason
        ),
        trials=describe.trials(fit.trials, group.effects),
    )


def _mu(model: InverseVariance, mu: float, se: float, limits: Limits) -> Quantity:
    low, high = describe.both(limits.low[0], limits.high[0])
    there = low is not None
    return Quantity(
        estimand=Estimand.MU,
        value=float(mu),
        low=low,
        high=high,
        level=model.level,
        method=INTERVALS[model.interval].method,
        se=float(se),
        interval_se=describe.number(limits.se[0]) if there else None,
        df=describe.number(limits.df[0]) if there else None,
        reason=describe.sentence(int(limits.code[0])),
    )


def _tau2(model: InverseVariance, spread: Spread) -> Quantity:
    blank = Quantity(estimand=Estimand.TAU2, level=model.level, definition=model.tau2)
    if model.tau2 == "common-effect":
        return replace(blank, value=0.0, reason="set to 0 by the common-effect model, not estimated")
    missing = describe.sentence(spread.code)
    if missing:
        return replace(blank, reason=missing)
    low, high = describe.both(spread.limits.low, spread.limits.high)
    return replace(
        blank,
        value=spread.tau2,
        low=low,
        high=high,
        method=TAU2_INTERVALS[model.tau2_interval],
        at_boundary=spread.tau2 == 0,
        reason=describe.sentence(int(spread.limits.code)),
    )


def _prediction(model: InverseVariance, group: Group, found: RandomEffects) -> Prediction:
    scale, level, data, spread = SCALES[model.scale], model.level, group.data, group.spread
    if model.prediction == "none":
        return describe.prediction(scale, data, None, level=level, method="none", reason="not asked for")
    method = describe.prediction_method(model.prediction, spread.means)
    if model.tau2 == "common-effect":
        reason = "the common-effect model has no spread of true effects to predict from"
        return describe.prediction(scale, data, None, level=level, method=method, reason=reason)
    if spread.tau2 == 0:
        reason = "tau2 is estimated as 0: an interval would pretend that trials do not differ"
        return describe.prediction(scale, data, None, level=level, method=method, reason=reason)
    # groups that share tau2 lend each other df
    several = model.predicted(found.pooled, spread.tau2, spread.df + 1)
    limits = Limits(*(z[0] for z in several))
    centre = float(found.pooled.mu[0])
    return describe.prediction(scale, data, limits, level=level, method=method, centre=centre)


def _notes(model: InverseVariance, group: Group, tau2: Quantity) -> tuple[str, ...]:
    notes = describe.correction_note(group.data, group.effects, model.continuity)
    if model.scale == "double-arcsine":
        notes += (describe.double_arcsine_note(group.data),)
    if tau2.at_boundary:
        notes += (
            "tau2 is estimated as 0: with few trials a common outcome even under large heterogeneity, "
            "and no sign that they agree.",
        )
    return notes


_INESTIMABLE = "the effect of a group cannot be estimated"


def _between_groups_of(
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
    effects : Effects
        Of its rows.
    parts : sequence of Pooled or None
        One a group, in the order of their names; None has no trials.
    shared : float or None
        The tau2 that groups have in common (NaN: not estimable), None where each has its own.
    """
    k = len(set(data.labels))
    test = _wald(parts, k=k, method=f"Wald chi-squared, {model.groups} tau2")
    share = _r2(model, None, test.reason)
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


def _r2(model: InverseVariance, value: float | FloatArray | None, reason: str | None) -> Quantity:
    return Quantity(
        estimand=Estimand.R2,
        value=describe.number(value),
        level=model.level,
        definition=R2_DEFINITION,
        reason=reason,
    )


def _share(model: InverseVariance, effects: Effects, shared: float | None) -> Quantity:
    """The share of tau2 that the groups account for, of the same rows."""
    if model.tau2 == "common-effect":
        return _r2(model, None, "the common-effect model estimates no tau2")
    if shared is None:
        return _r2(model, None, "each group has a tau2 of its own")
    without, code = estimate(effects.y, effects.v, method=model.tau2)
    reason = describe.sentence(int(code))
    if not reason and without == 0:
        reason = "tau2 without the groups is estimated as 0, which leaves them nothing to account for"
    return _r2(model, r2(without, shared), reason)


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
        return NamedTest(procedure=Procedure.PERMUTATION, method=method, reason=reason)
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
        mu = describe.quantity(
            what,
            (difference, difference - half, difference + half),
            level=model.level,
            method=method,
            reason=None if np.isfinite(half + difference) else _INESTIMABLE,
        )
        contrasts.append(Contrast(group=names[0], reference=names[1], mu=mu))
    return tuple(contrasts)
