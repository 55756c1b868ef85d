"""The beta-binomial model by maximum likelihood."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal

from meta.models.contract import MEAN, Answers, Rows
from meta.models.grouped import pooled
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
from meta.models.options import STRICT, level_faults, refuse
from meta.stats.binomial.beta_binomial import terms
from meta.stats.binomial.proportions import TrialInterval

if TYPE_CHECKING:
    from meta.data import Counts, GroupedCounts
    from meta.results import Estimand, Fit

FAMILY = Family("beta-binomial", terms, normal=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class BetaBinomial(LikelihoodModel):
    """Responders are binomial, the trials' true rates beta: the mean rate is a parameter itself.

    Parameters
    ----------
    interval : {"profile", "profile-t", "wald-t", "wald"}
        As of :class:`meta.models.BinomialNormal`.
    groups : {"common", "separate"}
        Whether groups share the intraclass correlation; each has a mean rate of its own.
    trial_interval : {"clopper-pearson", "wilson", "jeffreys"}
        Study-level interval.
    level : float
        Of every interval.

    Raises
    ------
    SpecError
        If options are out of range, with a fault for each.
    """

    __pydantic_config__ = STRICT
    NAME: ClassVar = "maximum likelihood, beta-binomial"

    model: Literal["beta-binomial"] = "beta-binomial"
    interval: LikelihoodInterval = "profile"
    groups: Literal["common", "separate"] = "common"
    trial_interval: TrialInterval = "clopper-pearson"
    level: float = 0.95

    def __post_init__(self) -> None:
        refuse(level_faults(self.level))

    def fit(self, data: Counts | GroupedCounts) -> Fit:
        """Pool the counts.

        Parameters
        ----------
        data : Counts or GroupedCounts
            As of :meth:`meta.models.BinomialNormal.fit`.

        Returns
        -------
        Fit
            `mu` is the logit of the mean rate, `correlation` the heterogeneity.
        """
        return pooled(self, data, self._alone, partial(by_group, FAMILY, self))

    def _alone(self, data: Counts) -> Fit:
        return fit_of(FAMILY, self, data, peak_of(FAMILY, self, data), 0, data.k)

    @property
    def estimands(self) -> tuple[Estimand, ...]:
        """The mean alone has an interval."""
        return (MEAN,)

    @property
    def method(self) -> str:
        """Likelihood and kind of interval."""
        return method_of(FAMILY, self)

    def batch(self, rows: Rows, *, spread: bool = False) -> list[Answers]:
        """Maxima of many likelihoods."""
        return answers_of(FAMILY, self, rows, spread=spread)

    def methods(self) -> str:
        """Likelihood and interval."""
        return (
            f"A beta-binomial model by maximum likelihood, with {INTERVALS[self.interval].plural} at "
            "{level:level}."
        )
