"""From a maximum of the likelihood to a Fit: what the two frequentist models of counts have in common."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import betaincinv, expit

from meta.models import describe
from meta.models.bayes.answers import MIDDLE, odds_ratio
from meta.models.bayes.posterior_fit import NO_I2
from meta.models.grouped import unpooled
from meta.models.homogeneity import homogeneity
from meta.models.likelihood.peak import Family, LikelihoodModel, Peak, rates
from meta.results import (
    Dispersion,
    Estimand,
    Estimands,
    Estimate,
    Fit,
    Interval,
    Prediction,
    Proportion,
    Quantity,
    Tau,
    Tau2,
)
from meta.stats.normal.pooling import prediction
from meta.stats.numeric.codes import Code

if TYPE_CHECKING:
    from meta.data import Counts
    from meta.stats.binomial.profile import Limits

UNBOUNDED = "the likelihood never falls below its cut-off on that side"
TAU_IS_ZERO = "tau is estimated as 0, which does not show that trials agree"
NO_ERROR = "the likelihood is too flat at its maximum to give mu a standard error"
PLUGGED_IN = "at the estimates of mu and tau; no interval is given for it"


def fit_of(family: Family, options: LikelihoodModel, data: Counts, peak: Peak, row: int, k: int) -> Fit:
    """The fit of one group of a peak.

    Parameters
    ----------
    data : Counts
        The trials of the group.
    row : int
        Which group.
    k : int
        Trials less means, plus one: what a prediction interval counts as trials.
    """
    top, method = peak.top, options.method
    base = replace(unpooled(options, data), loglik=describe.number(top.loglik))
    mu, v, code = float(top.mu[row]), float(top.v), int(top.code)
    if code not in {Code.OK, Code.INFINITE_MU} or np.isnan(mu):
        reason = describe.sentence(code) or "no trial"
        return replace(
            base,
            mu=Estimate(value=None, reason=reason),
            tau2=Tau2(value=None, method="ML", reason=reason),
            heterogeneity=describe.no_heterogeneity(reason, max(data.k - 1, 0)),
            proportion=replace(base.proportion, reason=reason),
            prediction=replace(base.prediction, reason=reason),
        )
    say = _Says(family, options, method, peak, row, k)
    estimands = say.estimands(mu, v)
    return replace(
        base,
        mu=say.mu(mu),
        tau2=say.tau2(v),
        tau=say.tau(v),
        heterogeneity=describe.no_heterogeneity(NO_I2, max(data.k - 1, 0)),
        prediction=say.prediction(mu, v, estimands.predictive),
        proportion=estimands.mean,
        estimands=estimands,
        dispersion=say.dispersion(mu, v, data) if family.normal else None,
        correlation=None if family.normal else say.correlation(v),
        notes=say.notes(v),
    )


@dataclass(frozen=True, slots=True)
class _Says:
    """Puts one group's estimates into words and results."""

    family: Family
    options: LikelihoodModel
    method: str
    peak: Peak
    row: int
    k: int

    def _limits(self, limits: Limits) -> tuple[float | None, float | None, str | None]:
        """Finite limits, and why there is none."""
        at = (np.atleast_1d(z)[self.row if np.size(z) > 1 else 0] for z in limits)
        low, high, code = at
        reason = describe.sentence(int(code))
        ends = describe.number(low), describe.number(high)
        if reason is None and None in ends:
            reason = (
                UNBOUNDED if self.options.interval in ("profile", "profile-t") else "not given by this method"
            )
        return *ends, reason

    def mu(self, mu: float) -> Estimate:
        low, high, reason = self._limits(self.peak.mu)
        se = describe.number(self.peak.top.se_mu[self.row])
        if not np.isfinite(mu):
            why = describe.sentence(Code.INFINITE_MU)
            return Estimate(value=None, reason=why)
        between = None
        if low is not None and high is not None:
            between = Interval(
                low=low, high=high, level=self.options.level, kind="confidence", method=self.method,
                df=describe.number(self.peak.df),
                se=se if self.options.interval in ("wald", "wald-t") else None,
            )  # fmt: skip
        return Estimate(value=mu, se=se, interval=between, reason=reason)

    def tau2(self, v: float) -> Tau2:
        if not self.family.normal:
            why = "the beta-binomial model has an intraclass correlation in its place"
            return Tau2(value=None, method="ML", reason=why)
        low, high, reason = self._limits(self.peak.v)
        between = None
        if low is not None and high is not None:
            between = Interval(
                low=low, high=high, level=self.options.level, kind="confidence", method=self.method
            )
        return Tau2(value=v, method="ML", at_boundary=v == 0, interval=between, reason=reason)

    def tau(self, v: float) -> Tau | None:
        if not self.family.normal:
            return None
        low, high, reason = self._limits(self.peak.v)
        ends = (None if end is None else float(np.sqrt(end)) for end in (low, high))
        low, high = ends
        return Tau(
            value=float(np.sqrt(v)), low=low, high=high, level=self.options.level, kind="confidence",
            method=self.method, reason=reason,
        )  # fmt: skip

    def correlation(self, v: float) -> Quantity:
        low, high, reason = self._limits(self.peak.v)
        ends = (None if end is None else end / (1 + end) for end in (low, high))
        low, high = ends
        return Quantity(
            estimand=Estimand.CORRELATION, value=v / (1 + v), low=low, high=high, level=self.options.level,
            kind="confidence", method=self.method, reason=reason,
        )  # fmt: skip

    def _proportion(
        self,
        value: float | None,
        low: float | None,
        high: float | None,
        estimand: Estimand,
        reason: str | None,
    ) -> Proportion:
        return Proportion(
            value=value, low=low, high=high, estimand=estimand, level=self.options.level,
            kind="prediction" if estimand is Estimand.PREDICTIVE else "confidence", method=self.method,
            reason=reason,
        )  # fmt: skip

    def estimands(self, mu: float, v: float) -> Estimands:
        low, high, reason = self._limits(self.peak.mean)
        rate = float(rates(self.family, np.asarray(mu), np.asarray(v)))
        return Estimands(
            median=self._median(mu, v),
            mean=self._proportion(rate, low, high, Estimand.MEAN, reason),
            predictive=self._predictive(mu, v),
        )

    def _median(self, mu: float, v: float) -> Proportion:
        if not self.family.normal:
            p = float(expit(mu))
            value = float(betaincinv(p / v, (1 - p) / v, 0.5)) if v > 0 and 0 < p < 1 else p
            return self._proportion(
                value, None, None, Estimand.MEDIAN, "this model gives an interval for the mean"
            )
        at = self.peak.mu
        ends = np.atleast_1d(at.low)[self.row], np.atleast_1d(at.high)[self.row]
        low, high = (None if np.isnan(end) else float(expit(end)) for end in ends)
        _, _, reason = self._limits(at)
        return self._proportion(float(expit(mu)), low, high, Estimand.MEDIAN, reason if low is None else None)

    def _predictive(self, mu: float, v: float) -> Proportion:
        name = Estimand.PREDICTIVE
        if not np.isfinite(mu):
            return self._proportion(None, None, None, name, describe.sentence(Code.INFINITE_MU))
        if v == 0:
            why = "heterogeneity is estimated as 0: an interval would pretend that trials do not differ"
            return self._proportion(float(expit(mu)), None, None, name, why)
        if not self.family.normal:
            p, tail = float(expit(mu)), (1 - self.options.level) / 2
            low, value, high = (float(betaincinv(p / v, (1 - p) / v, q)) for q in (tail, 0.5, 1 - tail))
            return self._proportion(value, low, high, name, None)
        se, level = self.peak.top.se_mu[self.row], self.options.level
        limits = prediction(mu, se, v, self.k, method="hts", level=level)
        missing = describe.sentence(int(limits.code)) or (None if np.isfinite(se) else NO_ERROR)
        if missing:
            return self._proportion(float(expit(mu)), None, None, name, missing)
        ends = float(expit(limits.low)), float(expit(limits.high))
        return self._proportion(float(expit(mu)), *ends, name, None)

    def prediction(self, mu: float, v: float, found: Proportion) -> Prediction:
        low = high = df = None
        method, why = "quantiles of the beta distribution at the estimates", found.reason
        if not self.family.normal:
            why = why or "this model predicts a rate, which has no scale but its own"
        else:
            method = describe.prediction_method("hts", self.peak.top.mu.size)
            if found.low is not None:
                se = self.peak.top.se_mu[self.row]
                limits = prediction(mu, se, v, self.k, method="hts", level=self.options.level)
                low, high, df = (describe.number(z) for z in (*limits[:2], limits.df))
        return Prediction(
            low=low,
            high=high,
            level=self.options.level,
            df=df,
            method=method,
            proportion=found,
            reason=why,
        )

    def dispersion(self, mu: float, v: float, data: Counts) -> Dispersion:
        low, high, reason = self._limits(self.peak.v)
        odds = [None if end is None else float(odds_ratio(np.sqrt(end))) for end in (low, high)]
        return Dispersion(
            median_odds_ratio=Quantity(
                estimand=Estimand.MEDIAN_ODDS_RATIO,
                value=float(odds_ratio(np.sqrt(v))), low=odds[0], high=odds[1],
                level=self.options.level, kind="confidence", method=self.method, reason=reason,
            ),
            middle=(self._middle(mu, v, Estimand.MIDDLE_LOW), self._middle(mu, v, Estimand.MIDDLE_HIGH)),
            tests=homogeneity(data),
        )  # fmt: skip

    def _middle(self, mu: float, v: float, end: Estimand) -> Proportion:
        """One end of the middle 95 % of true rates; none where the two would be the same."""
        shift = MIDDLE if end is Estimand.MIDDLE_HIGH else -MIDDLE
        if v == 0:
            return self._proportion(None, None, None, end, TAU_IS_ZERO)
        if not np.isfinite(mu):
            return self._proportion(None, None, None, end, describe.sentence(Code.INFINITE_MU))
        return self._proportion(float(expit(mu + shift * np.sqrt(v))), None, None, end, PLUGGED_IN)

    def notes(self, v: float) -> tuple[str, ...]:
        if v > 0:
            return ()
        return (
            "Heterogeneity is estimated as 0: with few trials a common outcome even under large "
            "heterogeneity, and no sign that they agree.",
        )
