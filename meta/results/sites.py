"""Results of the model of sites and regions. A group is a primary site, a level usually a region."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from meta.format import counts, level
from meta.frames import Shown, Tabular, flat
from meta.results.estimands import Estimand
from meta.results.fit import Diagnostics
from meta.results.outcomes import Outcome
from meta.results.quantities import Quantity
from meta.results.rows import FAILED, SITE, orr
from meta.results.standing import Standing, Status

_NO_POLICY = Standing(status=Status.NO_ESTIMATE)  # until it is applied

Population = Literal["new-trials", "these-trials"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter or contrast, analysis scale: how much the data say beyond the prior.

    `posterior` has the median and interval; `expectation` and `sd` are the posterior's, `prior_sd` the
    prior's. A posterior as wide as the prior is the prior. A contrast is of `group` against `reference`,
    which are None for other parameters.
    """

    posterior: Quantity
    expectation: float
    sd: float
    prior_sd: float
    prior: str
    group: str | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Response rate of a group, or of a group at a level, in new trials, beside what was reported.

    Attributes
    ----------
    group : str
    level : str or None
        None: at the average of the levels on the analysis scale.
    median, mean : Quantity
        At the median trial effect, and averaged over trial effects.
    n : int
        Patients, whether their responders were reported or not.
    n_reported, responders : int
        Patients of trials that reported this group by itself, and their responders.
    standing : Standing
        By the trials that reported it by itself.
    """

    group: str
    level: str | None
    median: Quantity
    mean: Quantity
    n: int
    n_reported: int
    responders: int
    standing: Standing = _NO_POLICY


@dataclass(frozen=True, slots=True, kw_only=True)
class StandardisedRate:
    """Response rate that a level would have with the target mix of groups.

    Attributes
    ----------
    population : {"new-trials", "these-trials"}
        Trials yet to come, or those at hand with their own effects, weighted by their patients.
    median, mean : Quantity
        Over trial effects; of these trials `mean` alone, the average that they have.
    """

    level: str
    population: Population
    median: Quantity | None
    mean: Quantity
    standing: Standing = _NO_POLICY


@dataclass(frozen=True, slots=True, kw_only=True)
class RateDifference:
    """Difference of two levels' rates, `level` less `reference`, fractions: like for like in both models.

    Attributes
    ----------
    estimand : Estimand
        Of the rates, over trial effects.
    standardised : Quantity
        Of the model with groups, at the target mix.
    without_groups : Quantity or None
        Of the same model without groups: a crude difference.
    """

    level: str
    reference: str
    population: Population
    estimand: Estimand
    standardised: Quantity
    without_groups: Quantity | None
    standing: Standing = _NO_POLICY


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectRate:
    """Reported rates of a level standardised directly; None where a group of the target was not reported.

    `share` is the share of the target mix in groups that were reported.
    """

    level: str
    value: float | None
    se: float | None
    share: float
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Posterior probability that `group` has a higher response rate than `other`."""

    group: str
    other: str
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitCount:
    """Responders of one group of a trial that reported only a sum over several.

    `expected` is the posterior mean; `low` and `high` bound their number with the probability `level`.
    """

    trial: str
    groups: tuple[str, ...]
    responders: int
    group: str
    n: int
    expected: float
    low: int
    high: int
    level: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorPoint:
    """A pair of levels under another prior of their difference, N(0, prior_sd^2).

    Attributes
    ----------
    log_odds_ratio : Quantity
        `level` against `reference`.
    difference : Quantity
        Of the mean rates over new trials, standardised; a fraction.
    effective : float
        Effective draws in the tails. Where the sampler broke its limits the quantities are None with the
        reason.
    """

    prior_sd: float
    level: str
    reference: str
    log_odds_ratio: Quantity
    difference: Quantity
    effective: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportingOnly:
    """Contrasts between groups from those trials alone that report every group of theirs by itself.

    Attributes
    ----------
    trials : tuple of str
    responders : int
    parameters : tuple of Parameter
        The contrasts between groups, named as those of the fit to all trials.
    sampling : Diagnostics
    standing : Standing
        By the k policy.
    """

    trials: tuple[str, ...]
    responders: int
    parameters: tuple[Parameter, ...]
    sampling: Diagnostics
    standing: Standing = _NO_POLICY


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRegionFit(Tabular):
    """The model of sites and regions fitted to one set of trials.

    Attributes
    ----------
    model : SiteRegion
        Its options.
    k, n, responders : int
        Trials with rows, and the patients and responders of these rows.
    contrast : str or None
        What the levels are, e.g. region; with None there is one, "all".
    target : mapping of str to float
        Mix of groups of every standardised rate, and `target_name` whose it is.
    parameters : tuple of Parameter
    rates : tuple of Rate
        Each group, then each group at each level.
    standardised : tuple of StandardisedRate
    without_groups : tuple of StandardisedRate
        Of the same model without groups; empty where the model has none itself.
    differences : tuple of RateDifference
        Every pair of levels.
    direct : tuple of DirectRate
    orders : tuple of Order
        Every ordered pair of groups.
    splits : tuple of SplitCount
    prior_sweep : tuple of PriorPoint
        Every pair of levels under other priors of the contrast.
    sampling : Diagnostics
    sampling_without_groups : Diagnostics or None
    reporting : ReportingOnly or None
        The same model fitted to some trials only; None where it was not, or would be the same or none.
    standing : Standing
        What the k policy lets answers over all trials be called; the others have their own.
    notes : tuple of str
    """

    model: Any
    level: float
    k: int
    n: int
    responders: int
    contrast: str | None
    target: Mapping[str, float]
    target_name: str
    parameters: tuple[Parameter, ...]
    rates: tuple[Rate, ...]
    standardised: tuple[StandardisedRate, ...]
    without_groups: tuple[StandardisedRate, ...]
    differences: tuple[RateDifference, ...]
    direct: tuple[DirectRate, ...]
    orders: tuple[Order, ...]
    splits: tuple[SplitCount, ...]
    prior_sweep: tuple[PriorPoint, ...]
    sampling: Diagnostics
    sampling_without_groups: Diagnostics | None
    reporting: ReportingOnly | None = None
    standing: Standing = _NO_POLICY
    notes: tuple[str, ...] = ()
    outcome: Outcome = Outcome.RESPONSE

    @property
    def failed(self) -> bool:
        """Whether a sampler broke its limits, with groups or without."""
        sampled = (self.sampling, self.sampling_without_groups)
        return any(one is not None and not one.passed for one in sampled)

    def rows(self) -> list[dict[str, Any]]:
        """Return the rates of each group, and of each group at each level, one row an estimand."""
        return [
            flat({"fit": self, "rate": rate, "found": found}, SITE)
            for rate in self.rates
            for found in (rate.mean, rate.median)
        ]

    def shown(self) -> Shown:
        """Return the rates of the groups, shrunken, beside what was reported of them."""
        mark = f"{FAILED}: " if self.failed else ""
        return Shown(
            caption=f"{mark}{self.model.model}: rates in new trials by group",
            header=("", "Reported", "Patients", f"Mean rate, % ({level(self.level)})", "Median rate, %"),
            rows=tuple(
                (
                    rate.group if rate.level is None else f"{rate.group}, {rate.level}",
                    counts(rate.responders, rate.n_reported),
                    str(rate.n),
                    orr(rate.mean),
                    orr(rate.median),
                )
                for rate in self.rates
            ),
            notes=self.notes,
        )
