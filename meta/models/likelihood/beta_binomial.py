"""The beta-binomial model by maximum likelihood."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Literal

from meta.data import Counts, GroupedCounts
from meta.models import describe
from meta.models.likelihood.fitting import fit_of, nothing
from meta.models.likelihood.groups import grouped
from meta.models.likelihood.peak import Family, LikelihoodInterval, peak_of
from meta.models.options import STRICT, level_faults, refuse
from meta.stats.binomial.beta_binomial import terms
from meta.stats.binomial.proportions import TrialInterval

if TYPE_CHECKING:
    from meta.results import Fit

FAMILY = Family("beta-binomial", terms, normal=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class BetaBinomial:
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
        if isinstance(data, Counts):
            if data.k < 2:
                return nothing((FAMILY, self), asdict(self), data)
            return fit_of((FAMILY, self), asdict(self), data, peak_of(FAMILY, self, data), 0, data.k)
        overall = self.fit(data.totals())
        fits, between = grouped((FAMILY, self), asdict(self), data)
        notes = overall.notes + describe.shared_trials_note(data)
        return replace(overall, groups=fits, between=between, notes=notes)
