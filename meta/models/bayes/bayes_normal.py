"""The Bayesian normal-normal model on any scale: exact integration over approximate likelihoods."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Literal

import numpy as np

from meta.data import Counts, GroupedCounts
from meta.models import describe
from meta.models.bayes.answers import PosteriorInterval
from meta.models.bayes.posterior_fit import Frame, contrast, fit_of, no_contrast, tau_divergence
from meta.models.counted import pairs, unpooled
from meta.models.options import (
    STRICT,
    continuity_faults,
    level_faults,
    prior_faults,
    refuse,
    threshold_faults,
)
from meta.results import Between, Contrast, Fit
from meta.stats.binomial.proportions import TrialInterval
from meta.stats.normal.scales import SCALES, Effects, FloatArray, ScaleName, harmonic_mean
from meta.stats.numeric.codes import SENTENCES, Code
from meta.stats.posterior.contrasts import coupled_difference, independent_difference
from meta.stats.posterior.distributions import mu_distribution
from meta.stats.posterior.posterior import Posterior, posterior
from meta.stats.posterior.priors import MuPrior, TauPrior
from meta.stats.posterior.surface import normal_surface


@dataclass(frozen=True, slots=True, kw_only=True)
class BayesNormal:
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

        Returns
        -------
        Fit
        """
        if isinstance(data, Counts):
            return self._alone(data)
        overall = self._alone(data.totals())
        parts = [data.within(index) for index in range(len(data.names))]
        effects = self._effects(data)
        filled = [i for i, part in enumerate(parts) if part.k]
        usable = bool(np.isfinite(effects.y).all() and (effects.v > 0).all())
        fits = [self._without(part) for part in parts]
        contrasts: list[Contrast] = []
        if filled and usable:
            posts = self._posts(data, effects, filled)
            for i in filled:
                post, row = posts[i]
                if parts[i].k < 2:
                    continue
                fits[i] = self._described(parts[i], post, row, bounded=len(data.labels))
            contrasts = self._contrasts(data, parts, posts)
        named = [replace(fit, label=name) for fit, name in zip(fits, data.names, strict=True)]
        between = Between(
            statistic=None,
            df=max(len(filled) - 1, 0),
            p=None,
            method=f"posterior of the differences, {self.groups} tau",
            reason=None if len(filled) > 1 else "fewer than two groups with trials",
            contrasts=tuple(contrasts),
        )
        notes = overall.notes + describe.shared_trials_note(data)
        return replace(overall, groups=tuple(named), between=between, notes=notes)

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
            options=asdict(self),
            scale=scale,
            method=f"Bayesian normal-normal, {self.scale} scale, tau ~ {self.prior}, mu ~ {self.mu_prior}",
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
        if data.k < 2 or not (np.isfinite(effects.y).all() and (effects.v > 0).all()):
            return self._without(data)
        post = posterior(normal_surface(effects.y, effects.v), *self.priors())
        return self._described(data, post, 0, bounded=data.k)

    def _described(self, data: Counts, post: Posterior, row: int, *, bounded: int) -> Fit:
        frame, effects = self._frame(data), self._effects(data)
        fit = fit_of(frame, data, frame.answers(post), row, divergence=tau_divergence(post), bounded=bounded)
        trials = describe.trials(data, effects, None, method=self.trial_interval, level=self.level)
        return replace(fit, trials=trials, notes=describe.correction_note(data, effects, self.continuity))

    def _without(self, data: Counts) -> Fit:
        fit = unpooled(
            data, options=asdict(self), method="Bayesian normal-normal", bayesian=True,
            reason=SENTENCES[Code.INFINITE_EFFECT] if data.k > 1 else None,
        )  # fmt: skip
        effects = self._effects(data)
        trials = describe.trials(data, effects, None, method=self.trial_interval, level=self.level)
        return replace(fit, trials=trials)

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

    def _contrasts(
        self, data: GroupedCounts, parts: list[Counts], posts: dict[int, tuple[Posterior, int]]
    ) -> list[Contrast]:
        frame, found = self._frame(data.totals()), []
        for i, reference in pairs([part.k for part in parts]):
            names = data.names[i], data.names[reference]
            if min(parts[i].k, parts[reference].k) < 2:
                found.append(no_contrast(frame, names))
                continue
            (post, row), (other, other_row) = posts[i], posts[reference]
            if post is other:
                difference = coupled_difference(post, row, other_row)
            else:
                difference = independent_difference(mu_distribution(post), mu_distribution(other))
            found.append(contrast(frame, names, difference, None))
        return found
