"""The Bayesian normal-normal model on any scale: exact integration over approximate likelihoods."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from meta.models import describe
from meta.models.bayes.answers import PosteriorInterval
from meta.models.bayes.posterior_fit import (
    Frame,
    contrast,
    contrasts_of,
    differences,
    fit_of,
    priors_in_words,
    tau_divergence,
)
from meta.models.contract import MEAN, MEDIAN, PREDICTIVE, PoolingModel
from meta.models.grouped import Parts, pooled, unpooled
from meta.models.options import (
    STRICT,
    continuity_faults,
    level_faults,
    prior_faults,
    refuse,
    threshold_faults,
)
from meta.models.references import ROVER
from meta.stats.binomial.proportions import TrialInterval
from meta.stats.normal.scales import SCALES, Effects, FloatArray, ScaleName, harmonic_mean
from meta.stats.numeric.codes import SENTENCES, Code
from meta.stats.posterior.contrasts import coupled_difference, independent_difference
from meta.stats.posterior.distributions import mu_distribution
from meta.stats.posterior.posterior import Posterior, posterior
from meta.stats.posterior.priors import MuPrior, TauPrior
from meta.stats.posterior.surface import normal_surface

if TYPE_CHECKING:
    from meta.data import Counts, GroupedCounts
    from meta.results import Between, Contrast, Estimand, Fit


@dataclass(frozen=True, slots=True, kw_only=True)
class BayesNormal(PoolingModel):
    """Effects are normal about the trials' true effects with known variances, mu and tau have priors.

    Parameters
    ----------
    scale : {"logit", "log", "identity", "arcsine", "double-arcsine"}
        Where the analysis happens.
    prior : str
        Of tau, on that scale, as of :class:`meta.models.BayesBinomial`.
    mu_prior : str
        Of mu, on that scale: ``normal:-2,2``.
    groups, interval, thresholds, trial_interval, level
        As of :class:`meta.models.BayesBinomial`.
    continuity : float or "none"
        Added to both cells of arms with 0 or n responders, on the logit, log and identity scales.

    Raises
    ------
    SpecError
        If options are out of range, with a fault for each.
    """

    __pydantic_config__ = STRICT
    NAME: ClassVar = "Bayesian normal-normal"
    BAYESIAN: ClassVar = True
    REFERENCES: ClassVar = {"rover": ROVER}

    model: Literal["bayes-normal"] = "bayes-normal"
    scale: ScaleName = "logit"
    prior: str = "half-normal:1.25"
    mu_prior: str = "normal:-2,2"
    groups: Literal["common", "separate"] = "common"
    interval: PosteriorInterval = "equal-tailed"
    thresholds: tuple[float, ...] = ()
    continuity: float | Literal["none"] = 0.5
    trial_interval: TrialInterval = "clopper-pearson"
    level: float = 0.95

    def __post_init__(self) -> None:
        refuse(
            level_faults(self.level),
            threshold_faults(self.thresholds),
            prior_faults(self.prior, self.mu_prior),
            continuity_faults(self.continuity),
        )

    def priors(self) -> tuple[MuPrior, TauPrior]:
        """The priors of mu and tau."""
        return MuPrior.parse(self.mu_prior), TauPrior.parse(self.prior)

    def fit(self, data: Counts | GroupedCounts) -> Fit:
        """Pool the counts.

        Parameters
        ----------
        data : Counts or GroupedCounts
            As of :meth:`meta.models.BayesBinomial.fit`.
        """
        return pooled(self, data, self._alone, self._by_group, self._blank)

    @property
    def estimands(self) -> tuple[Estimand, ...]:
        """Median and the rate of a new trial, and on the logit scale the mean."""
        return (MEAN, MEDIAN, PREDICTIVE) if self.scale == "logit" else (MEDIAN, PREDICTIVE)

    @property
    def method(self) -> str:
        """Scale and priors."""
        return f"Bayesian normal-normal, {self.scale} scale, tau ~ {self.prior}, mu ~ {self.mu_prior}"

    def in_words(self) -> str:
        """Scale, priors, and a kind of interval that is not the usual one."""
        return f"{self.scale}, {priors_in_words(self.prior, self.mu_prior, self.interval)}"

    def methods(self) -> str:
        """Scale and priors."""
        return (
            "Effects on the {scale:t} scale were taken as normal around their trial's true effect, and these "
            "as normal between trials, with priors μ ~ {mu_prior:dist} and τ ~ {prior:dist}{cite:rover}."
        )

    def _effects(self, data: Counts | GroupedCounts) -> Effects:
        continuity = 0.0 if self.continuity == "none" else self.continuity
        return SCALES[self.scale].effects(data.responders, data.n, continuity=continuity)

    def _frame(self, data: Counts) -> Frame:
        scale, size = SCALES[self.scale], harmonic_mean(data.n)

        def inverse(z: FloatArray) -> FloatArray:
            return scale.inverse(z, size)

        def forward(p: FloatArray) -> FloatArray:
            return scale.transform(p * size, size)

        return Frame(
            scale=scale,
            method=self.method,
            level=self.level,
            interval=self.interval,
            thresholds=self.thresholds,
            prior=self.priors()[1],
            inverse=inverse,
            forward=forward,
            mean=self.scale == "logit",
        )

    def _alone(self, data: Counts) -> Fit:
        effects = self._effects(data)
        if not _usable(effects):
            return self._blank(data, SENTENCES[Code.INFINITE_EFFECT])
        post = posterior(normal_surface(effects.y, effects.v), *self.priors())
        return self._described(data, post, 0, bounded=data.k)

    def _described(self, data: Counts, post: Posterior, row: int, *, bounded: int) -> Fit:
        frame, divergence = self._frame(data), tau_divergence(post)
        fit = fit_of(
            frame, self._blank(data), frame.answers(post), row, divergence=divergence, bounded=bounded
        )
        return replace(fit, notes=describe.correction_note(data, self._effects(data), self.continuity))

    def _blank(self, data: Counts, reason: str | None = None) -> Fit:
        """No estimate, but each trial's effect."""
        fit = unpooled(self, data, reason)
        return replace(fit, trials=describe.trials(fit.trials, self._effects(data)))

    def _by_group(self, parts: Parts) -> tuple[dict[int, Fit], Between]:
        data, method = parts.data, f"posterior of the differences, {self.groups} tau"
        effects = self._effects(data)
        if not parts.filled or not _usable(effects):
            why = SENTENCES[Code.INFINITE_EFFECT]
            fits = {i: self._blank(parts.each[i], why) for i in parts.several}
            return fits, differences(parts, [], method)
        posts, frame = self._posts(data, effects, parts.filled), self._frame(data.totals())
        many = len(data.labels)
        fits = {i: self._described(parts.each[i], *posts[i], bounded=many) for i in parts.several}

        def difference(i: int, j: int) -> Contrast:
            (post, row), (other, other_row) = posts[i], posts[j]
            if post is other:
                mu = coupled_difference(post, row, other_row)
            else:
                mu = independent_difference(mu_distribution(post), mu_distribution(other))
            return contrast(frame, parts.names(i, j), mu, None)

        return fits, differences(parts, contrasts_of(frame, parts, difference), method)

    def _posts(
        self, data: GroupedCounts, effects: Effects, filled: list[int]
    ) -> dict[int, tuple[Posterior, int]]:
        """The posterior of each group that has trials, and its row there."""
        include = np.array([data.group == i for i in filled])
        surface = normal_surface(effects.y, effects.v, include)
        if self.groups == "common":
            shared = posterior(surface, *self.priors(), coupled=True)
            return {i: (shared, row) for row, i in enumerate(filled)}
        alone = {i: surface.of(np.array([row])) for row, i in enumerate(filled)}
        return {i: (posterior(part, *self.priors()), 0) for i, part in alone.items()}


def _usable(effects: Effects) -> bool:
    """Whether every trial has a finite effect."""
    return bool(np.isfinite(effects.y).all() and (effects.v > 0).all())
