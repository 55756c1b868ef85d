"""The binomial-normal model by maximum likelihood."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from scipy.special import expit

from meta.models import describe
from meta.models.bayes.posterior_fit import SWEEP
from meta.models.contract import MEAN, MEDIAN, Answers, Rows
from meta.models.grouped import Parts, pooled
from meta.models.likelihood.batch_of_peaks import answers_of
from meta.models.likelihood.fitting import fit_of
from meta.models.likelihood.groups import by_group
from meta.models.likelihood.peak import (
    INTERVALS,
    Family,
    LikelihoodInterval,
    LikelihoodModel,
    method_of,
    peak_of,
)
from meta.models.options import STRICT, count_faults, level_faults, refuse, seed_faults
from meta.models.references import HARDY, STIJNEN
from meta.results import Between, Estimand, Fit, Influence, Quantity, SweepPoint
from meta.stats.binomial.likelihood import fixed, maximise
from meta.stats.binomial.marginal import marginal_terms, mean_rate
from meta.stats.binomial.proportions import TrialInterval

if TYPE_CHECKING:
    from meta.data import Counts, GroupedCounts
    from meta.stats.normal.scales import FloatArray

FAMILY = Family("binomial-normal", marginal_terms, normal=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class BinomialNormal(LikelihoodModel):
    """Responders are binomial, the trials' true log odds normal; exact likelihood, no correction.

    Parameters
    ----------
    interval : {"profile", "profile-t", "wald-t", "wald"}
        Profile likelihood with the chi-squared cut-off or with that of F(1, 2(k-1)); Wald with quantiles
        of t with k-1 degrees of freedom or normal ones.
    groups : {"common", "separate"}
        Whether groups share tau2; each has a mu of its own.
    bootstrap : int
        Simulated data sets, at each of three values of tau, for the test between groups; 0 for none.
    seed : int
        Of that simulation.
    trial_interval : {"clopper-pearson", "wilson", "jeffreys"}
        Study-level interval.
    level : float
        Of every interval.

    Raises
    ------
    SpecError
        If options are out of range, with a fault for each.

    Examples
    --------
    >>> from meta.data import Counts
    >>> fit = BinomialNormal().fit(Counts.of([5, 6, 2, 1], [18, 32, 29, 21]))
    >>> round(fit.mu.value, 6), round(fit.tau2.value, 6), round(fit.loglik, 6)
    (-1.863807, 0.172086, -8.530641)
    """

    __pydantic_config__ = STRICT
    NAME: ClassVar = "maximum likelihood, binomial-normal"
    REFERENCES: ClassVar = {"stijnen": STIJNEN, "hardy": HARDY}

    model: Literal["binomial-normal"] = "binomial-normal"
    interval: LikelihoodInterval = "profile"
    groups: Literal["common", "separate"] = "common"
    bootstrap: int = 1000
    seed: int = 1
    trial_interval: TrialInterval = "clopper-pearson"
    level: float = 0.95

    def __post_init__(self) -> None:
        refuse(
            level_faults(self.level),
            count_faults("bootstrap", self.bootstrap, 0, 1_000_000, "0 to 1000000 data sets are allowed"),
            seed_faults(self.seed),
        )

    def fit(self, data: Counts | GroupedCounts) -> Fit:
        """Pool the counts.

        Parameters
        ----------
        data : Counts or GroupedCounts
            Grouped counts give an overall fit of each trial's total, a fit a group, and tests between
            groups.

        Returns
        -------
        Fit
            What cannot be estimated is None with a reason; nothing is NaN.

        See Also
        --------
        detailed_fit : With influence, and the sweep over tau.
        """
        return pooled(self, data, self._alone, self._by_group)

    def detailed_fit(self, data: Counts | GroupedCounts) -> Fit:
        """The fit, with the sweep over tau and the influence of each of up to 100 trials."""
        return pooled(self, data, self._detailed, self._by_group)

    def _alone(self, data: Counts) -> Fit:
        return fit_of(FAMILY, self, data, peak_of(FAMILY, self, data), 0, data.k)

    def _detailed(self, data: Counts) -> Fit:
        fit = self._alone(data)
        return replace(fit, sweep=self._sweep(data), influence=_influence(data, fit))

    def _by_group(self, parts: Parts) -> tuple[dict[int, Fit], Between]:
        return by_group(FAMILY, self, parts, draws=self.bootstrap, seed=self.seed)

    @property
    def estimands(self) -> tuple[Estimand, ...]:
        """Mean and median."""
        return MEAN, MEDIAN

    @property
    def method(self) -> str:
        """Likelihood and kind of interval."""
        return method_of(FAMILY, self)

    @property
    def seconds(self) -> float:
        """Of four trials."""
        return 0.3

    def batch(self, rows: Rows, *, spread: bool = False) -> list[Answers]:
        """Maxima of many likelihoods."""
        return answers_of(FAMILY, self, rows, spread=spread)

    def methods(self) -> str:
        """Likelihood, interval and bootstrap."""
        text = (
            "The binomial-normal model by maximum likelihood{cite:stijnen}, with "
            f"{INTERVALS[self.interval].plural}{{cite:hardy}} at {{level:level}}."
        )
        if self.bootstrap:
            text += (
                " Differences between groups were tested by {bootstrap:int} parametric bootstrap samples "
                "(seed {seed:int})."
            )
        return text

    def _sweep(self, data: Counts) -> tuple[SweepPoint, ...]:
        """Answers at fixed values of tau, each with its likelihood interval there."""
        tau = np.array(SWEEP)
        found = fixed(marginal_terms, data.responders, data.n, True, tau**2, level=self.level)
        mu = np.stack([found.mu[:, 0], found.low[:, 0], found.high[:, 0]])
        median, mean = expit(mu), _mean(mu, tau)

        def at(row: int, values: FloatArray, estimand: Estimand) -> Quantity:
            return describe.quantity(
                estimand, values[:, row], level=self.level, method="likelihood at fixed tau"
            )

        return tuple(
            SweepPoint(tau=t, median=at(i, median, Estimand.MEDIAN), mean=at(i, mean, Estimand.MEAN))
            for i, t in enumerate(SWEEP)
        )


def _mean(mu: FloatArray, tau: FloatArray) -> FloatArray:
    """Mean rates; 0 or 1 where mu is infinite."""
    finite = np.isfinite(mu) & np.isfinite(tau)
    return np.where(finite, mean_rate(np.where(finite, mu, 0.0), np.where(finite, tau, 0.0)), expit(mu))


def _influence(data: Counts, fit: Fit) -> tuple[Influence, ...]:
    """The change of the estimates when each trial is left out, fitted as one batch."""
    if fit.estimands is None or data.k > describe.CASE_BY_CASE:
        return ()
    top = maximise(marginal_terms, data.responders, data.n, ~np.eye(data.k, dtype=bool))
    mu, tau = top.mu[:, 0], np.sqrt(top.v)
    mean = _mean(mu, tau)
    median, whole = fit.estimands.median.value, fit.estimands.mean.value
    assert median is not None  # a fit with estimands has both
    assert whole is not None
    return tuple(
        Influence(
            label=label,
            measures={
                "median_shift": describe.number(median - expit(mu[i])),
                "mean_shift": describe.number(whole - mean[i]),
                "tau_deleted": describe.number(tau[i]),
            },
        )
        for i, label in enumerate(data.labels)
    )
