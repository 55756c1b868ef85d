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
    Fit,
    Prediction,
    Quantity,
)
from meta.stats.normal.pooling import prediction
from meta.stats.numeric.codes import Code

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from meta.data import Counts
    from meta.stats.binomial.profile import Limits
    from meta.stats.normal.scales import FloatArray

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
            mu=replace(base.mu, reason=reason),
            tau2=replace(base.tau2, definition="ML", reason=reason),
            heterogeneity=describe.no_heterogeneity(reason, max(data.k - 1, 0), options.level),
            proportion=replace(base.proportion, reason=reason),
            prediction=replace(
                base.prediction,
                effect=replace(base.prediction.effect, reason=reason),
                proportion=replace(base.prediction.proportion, reason=reason),
            ),
        )
    say = _Says(family, options, method, peak, row, k)
    estimands = say.estimands(mu, v)
    return replace(
        base,
        mu=say.mu(mu),
        tau2=say.tau2(v),
        tau=say.of_v(Estimand.TAU, v, np.sqrt) if family.normal else None,
        heterogeneity=describe.no_heterogeneity(NO_I2, max(data.k - 1, 0), options.level),
        prediction=say.prediction(mu, v, estimands.predictive),
        proportion=estimands.mean,
        estimands=estimands,
        dispersion=say.dispersion(mu, v, data) if family.normal else None,
        correlation=None if family.normal else say.of_v(Estimand.CORRELATION, v, lambda v: v / (1 + v)),
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

    def _quantity(
        self,
        estimand: Estimand,
        value: float | None,
        ends: Sequence[float | None] = (None, None),
        reason: str | None = None,
    ) -> Quantity:
        return Quantity(
            estimand=estimand, value=value, low=ends[0], high=ends[1], level=self.options.level,
            kind="prediction" if estimand is Estimand.PREDICTIVE else "confidence", method=self.method,
            reason=reason,
        )  # fmt: skip

    def mu(self, mu: float) -> Quantity:
        if not np.isfinite(mu):
            return self._quantity(Estimand.MU, None, reason=describe.sentence(Code.INFINITE_MU))
        low, high, reason = self._limits(self.peak.mu)
        se, wald = describe.number(self.peak.top.se_mu[self.row]), self.options.interval in ("wald", "wald-t")
        ends = describe.both(low, high)
        return replace(
            self._quantity(Estimand.MU, mu, ends, reason),
            se=se,
            interval_se=se if wald and None not in ends else None,
            df=None if None in ends else describe.number(self.peak.df),
        )

    def tau2(self, v: float) -> Quantity:
        if self.family.normal:
            low, high, reason = self._limits(self.peak.v)
            found = self._quantity(Estimand.TAU2, v, describe.both(low, high), reason)
            return replace(found, definition="ML", at_boundary=v == 0)
        reason = "the beta-binomial model has an intraclass correlation in its place"
        return replace(self._quantity(Estimand.TAU2, None, reason=reason), definition="ML")

    def of_v(self, estimand: Estimand, v: float, convert: Callable[[float], float | FloatArray]) -> Quantity:
        """A function of the variance component, with the limits that follow from those of it."""
        *ends, reason = self._limits(self.peak.v)
        value, *limits = (None if z is None else float(convert(z)) for z in (v, *ends))
        return self._quantity(estimand, value, limits, reason)

    def estimands(self, mu: float, v: float) -> Estimands:
        low, high, reason = self._limits(self.peak.mean)
        rate = float(rates(self.family, np.asarray(mu), np.asarray(v)))
        return Estimands(
            median=self._median(mu, v),
            mean=self._quantity(Estimand.MEAN, rate, (low, high), reason),
            predictive=self._predictive(mu, v),
        )

    def _median(self, mu: float, v: float) -> Quantity:
        if not self.family.normal:
            p = float(expit(mu))
            value = float(betaincinv(p / v, (1 - p) / v, 0.5)) if v > 0 and 0 < p < 1 else p
            return self._quantity(Estimand.MEDIAN, value, reason="this model gives an interval for the mean")
        at = self.peak.mu
        ends = np.atleast_1d(at.low)[self.row], np.atleast_1d(at.high)[self.row]
        low, high = (None if np.isnan(end) else float(expit(end)) for end in ends)
        _, _, reason = self._limits(at)
        why = reason if low is None else None
        return self._quantity(Estimand.MEDIAN, float(expit(mu)), (low, high), why)

    def _predictive(self, mu: float, v: float) -> Quantity:
        name = Estimand.PREDICTIVE
        if not np.isfinite(mu):
            return self._quantity(name, None, reason=describe.sentence(Code.INFINITE_MU))
        if v == 0:
            why = "heterogeneity is estimated as 0: an interval would pretend that trials do not differ"
            return self._quantity(name, float(expit(mu)), reason=why)
        if not self.family.normal:
            p, tail = float(expit(mu)), (1 - self.options.level) / 2
            low, value, high = (float(betaincinv(p / v, (1 - p) / v, q)) for q in (tail, 0.5, 1 - tail))
            return self._quantity(name, value, (low, high))
        se, level = self.peak.top.se_mu[self.row], self.options.level
        limits = prediction(mu, se, v, self.k, method="hts", level=level)
        missing = describe.sentence(int(limits.code)) or (None if np.isfinite(se) else NO_ERROR)
        if missing:
            return self._quantity(name, float(expit(mu)), reason=missing)
        ends = float(expit(limits.low)), float(expit(limits.high))
        return self._quantity(name, float(expit(mu)), ends)

    def prediction(self, mu: float, v: float, found: Quantity) -> Prediction:
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
        effect = Quantity(
            estimand=Estimand.NEW_EFFECT, value=None if why else mu, low=low, high=high,
            level=self.options.level, kind="prediction", method=method, df=df, reason=why,
        )  # fmt: skip
        return Prediction(effect=effect, proportion=found)

    def dispersion(self, mu: float, v: float, data: Counts) -> Dispersion:
        return Dispersion(
            median_odds_ratio=self.of_v(Estimand.MEDIAN_ODDS_RATIO, v, lambda v: odds_ratio(np.sqrt(v))),
            middle=(self._middle(mu, v, Estimand.MIDDLE_LOW), self._middle(mu, v, Estimand.MIDDLE_HIGH)),
            tests=homogeneity(data),
        )

    def _middle(self, mu: float, v: float, end: Estimand) -> Quantity:
        """One end of the middle 95 % of true rates; none where the two would be the same."""
        shift = MIDDLE if end is Estimand.MIDDLE_HIGH else -MIDDLE
        if v == 0:
            return self._quantity(end, None, reason=TAU_IS_ZERO)
        if not np.isfinite(mu):
            return self._quantity(end, None, reason=describe.sentence(Code.INFINITE_MU))
        return self._quantity(end, float(expit(mu + shift * np.sqrt(v))), reason=PLUGGED_IN)

    def notes(self, v: float) -> tuple[str, ...]:
        if v > 0:
            return ()
        return (
            "Heterogeneity is estimated as 0: with few trials a common outcome even under large "
            "heterogeneity, and no sign that they agree.",
        )
