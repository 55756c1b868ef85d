"""The result of a model, and its parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from meta.format import level
from meta.frames import Shown, Tabular, flat
from meta.results.estimands import name_of
from meta.results.outcomes import Outcome
from meta.results.quantities import (
    Estimands,
    NamedTest,
    Prediction,
    PredictiveCount,
    Probability,
    Quantity,
    SweepPoint,
)
from meta.results.rows import FAILED, FIT, SHOWN_FIT
from meta.results.standing import Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Heterogeneity:
    """Cochran's Q with its test, and I2 and H2 under both definitions."""

    Q: float | None
    df: int
    p: float | None
    I2: Quantity
    I2_Q: Quantity
    H2: Quantity
    H2_Q: Quantity
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispersion:
    """Heterogeneity as a reader understands it, of models that estimate tau by a likelihood.

    Attributes
    ----------
    median_odds_ratio : Quantity
        exp(sqrt(2) z(3/4) tau): the typical odds ratio between two trials, the larger over the smaller.
    middle : tuple of Quantity
        The true ORRs between which the middle 95 % of trials lie: lower end, upper end.
    tests : tuple of NamedTest
        The exact conditional test of homogeneity and the likelihood ratio.
    """

    median_odds_ratio: Quantity
    middle: tuple[Quantity, Quantity]
    tests: tuple[NamedTest, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Influence:
    """The influence of one trial on the fit.

    `measures` by name: of a conventional model rstudent, dffits, cook, hat, covratio, tau2_deleted,
    q_deleted; of an exact one mid_p (predictive, of the trial given the others), divergence (nats by
    which the trial moves the posterior), median_shift and mean_shift (of the ORRs, fractions: all trials
    less all others). None is "not estimable".
    """

    label: str
    measures: Mapping[str, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostics:
    """How a sampler did; the worst over parameters. `passed` is False where a limit is broken."""

    rhat: float
    ess_bulk: float
    ess_tail: float
    bfmi: float
    divergences: int
    draws: int
    chains: int
    target_accept: float
    retried: bool
    passed: bool
    seed: int
    backend: str
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """`group` against `reference`: difference of mu (on logit a log odds ratio) and of the mean ORRs.

    `exceeds` is the posterior probability that `group` has the larger mu.
    """

    group: str
    reference: str
    mu: Quantity
    mean: Quantity | None = None
    exceeds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Between(NamedTest):
    """The test for differences between groups that the model gives first; its `tau` all groups share.

    Procedure, statistic and p are None where a posterior stands in its place.

    Attributes
    ----------
    tests : tuple of NamedTest
        Further tests, each named.
    contrasts : tuple of Contrast
        Every group against the first.
    r2 : Quantity or None
        Share of tau2 that the groups account for.
    """

    df: int
    tests: tuple[NamedTest, ...] = ()
    contrasts: tuple[Contrast, ...] = ()
    r2: Quantity | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialEffect:
    """One trial (or its row in one group) as the model saw it.

    `y` and `v` are its effect and sampling variance on the analysis scale, `weight` its share of
    the pooled estimate (fractions that add up to 1 within a fit), `proportion` its raw ORR with a
    study-level interval; `corrected` is True where the continuity correction acted; `shrunken` its
    true ORR given all trials.
    """

    label: str
    responders: int
    n: int
    y: float | None
    v: float | None
    weight: float | None
    corrected: bool
    proportion: Quantity
    shrunken: Quantity | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotReported:
    """Patients of a group whose responders their trial did not report."""

    label: str
    n: int | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit(Tabular):
    """One model fitted to one set of counts; a group of it is a Fit with a `label`.

    Attributes
    ----------
    model : Model
        The options that made it, one of `meta.models`.
    k, n, responders : int
        Trials, patients and responders that entered.
    mu : Quantity
        Pooled effect on the analysis scale.
    proportion : Quantity
        The model's answer on the response scale, its estimand named: of the exact models the mean ORR.
    groups : tuple of Fit
        Empty unless the counts were grouped; `between` is then the test between them.
    not_reported : tuple of NotReported
        Patients that belong here but whose responders nobody printed.
    tau, estimands, dispersion, probabilities, predictive_count, sweep
        Of the exact models; None or empty for the others.
    correlation : Quantity or None
        Intraclass correlation, of the beta-binomial model.
    loglik : float or None
        Maximised, with binomial coefficients.
    influence : tuple of Influence
    sampling : Diagnostics or None
        Where a sampler ran.
    grids : mapping of str to tuple of float
        Curves for figures, stored beside the JSON: ``<quantity>.x``, ``<quantity>.density`` and
        ``<quantity>.prior`` of median, mean, predictive and tau; ``joint.mean``, ``joint.tau``,
        ``joint.density`` and ``joint.profile`` (log-likelihood less its maximum), the last two row by row,
        one row a mean; ``before.mean`` and ``before.predictive`` with ``.x`` and ``.density``: the priors of
        these rates over the whole range.
    """

    model: Any
    level: float
    k: int
    n: int
    responders: int
    mu: Quantity
    tau2: Quantity
    heterogeneity: Heterogeneity
    prediction: Prediction
    proportion: Quantity
    standing: Standing
    trials: tuple[TrialEffect, ...]
    label: str | None = None
    role: str | None = None
    by: str | None = None
    outcome: Outcome = Outcome.RESPONSE
    groups: tuple[Fit, ...] = ()
    between: Between | None = None
    not_reported: tuple[NotReported, ...] = ()
    notes: tuple[str, ...] = ()
    tau: Quantity | None = None
    estimands: Estimands | None = None
    dispersion: Dispersion | None = None
    correlation: Quantity | None = None
    loglik: float | None = None
    probabilities: tuple[Probability, ...] = ()
    predictive_count: PredictiveCount | None = None
    sweep: tuple[SweepPoint, ...] = ()
    influence: tuple[Influence, ...] = ()
    sampling: Diagnostics | None = None
    grids: Mapping[str, tuple[float, ...]] = field(default_factory=dict, repr=False)

    @property
    def failed(self) -> bool:
        """Whether a sampler broke its limits, so that its draws are not to be believed."""
        return any(part.sampling is not None and not part.sampling.passed for part in (self, *self.groups))

    @property
    def called(self) -> str:
        """What the estimate may be called; a sampler that broke its limits comes first."""
        return FAILED if self.failed else self.standing.status

    @property
    def at_zero(self) -> bool:
        """Whether tau is estimated as 0, which is no sign that trials agree."""
        return self.tau2.at_boundary or (self.tau is not None and self.tau.value == 0)

    def rows(self) -> list[dict[str, Any]]:
        """Return the overall estimate and each group, one row each."""
        return [{"group": part.label or "overall", **flat(part, FIT)} for part in (self, *self.groups)]

    def shown(self) -> Shown:
        """Return the answer by group and overall, with what it may be called."""
        found, ahead = self.proportion, self.prediction.proportion
        name = name_of(found.estimand, self.outcome)
        estimate = f"{name[:1].upper()}{name[1:]}, % ({level(found.level)})"
        parts = (*self.groups, self)
        return Shown(
            caption=f"{self.model.model}: {found.method}",
            header=("", *(estimate if head == "estimate" else head for head in SHOWN_FIT)),
            rows=tuple((part.label or "all trials", *flat(part, SHOWN_FIT).values()) for part in parts),
            notes=(
                *dict.fromkeys(f"{part.label or 'All trials'}: {part.called}" for part in parts),
                f"Prediction: {ahead.method}."
                if ahead.low is not None
                else f"No prediction: {ahead.reason}.",
                *self.notes,
            ),
        )
