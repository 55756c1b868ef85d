"""The Bayesian binomial-normal model: exact, by quadrature, or by a sampler."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
from scipy.special import expit, logit

from meta.data import Counts, GroupedCounts
from meta.models import describe
from meta.models.bayes import details
from meta.models.bayes.answers import PosteriorInterval
from meta.models.bayes.curves import curves, prior_curves
from meta.models.bayes.draws import sample
from meta.models.bayes.posterior_fit import Frame, contrast, fit_of, no_contrast, tau_divergence
from meta.models.counted import bounded, pairs, plain_trials, unpooled
from meta.models.options import (
    STRICT,
    count_faults,
    level_faults,
    prior_faults,
    refuse,
    seed_faults,
    threshold_faults,
)
from meta.results import (
    Between,
    Contrast,
    Fit,
)
from meta.stats.binomial.proportions import TrialInterval
from meta.stats.normal.scales import SCALES
from meta.stats.posterior import distributions as dist
from meta.stats.posterior.contrasts import coupled_difference, independent_difference
from meta.stats.posterior.leave_one_out import leave_one_out
from meta.stats.posterior.posterior import Posterior, posterior
from meta.stats.posterior.priors import MuPrior, TauPrior
from meta.stats.posterior.surface import binomial_surface


@dataclass(frozen=True, slots=True, kw_only=True)
class BayesBinomial:
    """Responders are binomial, the trials' true log odds normal, mu and tau have priors.

    Parameters
    ----------
    prior : str
        Of tau, on the logit scale: ``half-normal:1.25``, ``half-cauchy:0.5``, ``half-t:3,1``,
        ``uniform:0,2`` or a distribution of scipy.stats from the list in :mod:`meta.stats.posterior.priors`.
    mu_prior : str
        Of mu, the median log odds: ``normal:-2,2``.
    groups : {"common", "separate"}
        Whether groups share tau; each has a mu of its own.
    interval : {"equal-tailed", "shortest"}
        Of every estimand, shortest on the scale on which it is given.
    thresholds : tuple of float
        ORRs; the probability to exceed each is given.
    new_trial : int
        Patients of the new trial whose responders are predicted.
    engine : {"quadrature", "pymc"}
        Exact integration, or draws.
    draws, tune, seed : int
        Of the sampler, which runs four chains.
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
    >>> fit = BayesBinomial().fit(Counts.of([5, 6, 2, 1], [18, 32, 29, 21]))
    >>> round(fit.estimands.mean.value, 3), round(fit.estimands.median.value, 3)
    (0.149, 0.128)
    """

    __pydantic_config__ = STRICT

    model: Literal["bayes-binomial"] = "bayes-binomial"
    prior: str = "half-normal:1.25"
    mu_prior: str = "normal:-2,2"
    groups: Literal["common", "separate"] = "common"
    interval: PosteriorInterval = "equal-tailed"
    thresholds: tuple[float, ...] = ()
    new_trial: int = 30
    engine: Literal["quadrature", "pymc"] = "quadrature"
    draws: int = 1000
    tune: int = 1000
    seed: int = 1
    trial_interval: TrialInterval = "clopper-pearson"
    level: float = 0.95

    def __post_init__(self) -> None:
        length = (1, 1_000_000, "a whole number from 1 to 1000000 is allowed")
        refuse(
            level_faults(self.level),
            threshold_faults(self.thresholds),
            prior_faults(self.prior, self.mu_prior),
            count_faults("new_trial", self.new_trial, 1, 10_000, "1 to 10000 patients are allowed"),
            count_faults("draws", self.draws, *length),
            count_faults("tune", self.tune, *length),
            seed_faults(self.seed),
        )

    def priors(self) -> tuple[MuPrior, TauPrior]:
        """The priors of mu and tau."""
        return MuPrior.parse(self.mu_prior), TauPrior.parse(self.prior)

    def fit(self, data: Counts | GroupedCounts) -> Fit:
        """Pool the counts.

        Parameters
        ----------
        data : Counts or GroupedCounts
            Grouped counts give an overall fit of each trial's total, a fit a group, and the posterior of
            the differences between groups.

        Returns
        -------
        Fit
            Influence, shrunken rates, the sweep over tau and the grids come with ungrouped counts only.
        """
        if self.engine == "pymc":
            return self.sample(data)[0]
        if isinstance(data, Counts):
            return self._alone(data, extras=True)
        overall = self._alone(data.totals(), extras=False)
        parts = [data.within(index) for index in range(len(data.names))]
        fits, contrasts = self._coupled(data) if self.groups == "common" else self._separate(data)
        named = [replace(fit, label=name) for fit, name in zip(fits, data.names, strict=True)]
        enough = sum(part.k > 0 for part in parts) > 1
        between = Between(
            statistic=None,
            df=max(sum(part.k > 0 for part in parts) - 1, 0),
            p=None,
            method=f"posterior of the differences, {self.groups} tau",
            reason=None if enough else "fewer than two groups with trials",
            contrasts=tuple(contrasts),
        )
        notes = overall.notes + describe.shared_trials_note(data)
        return replace(overall, groups=tuple(named), between=between, notes=notes)

    def sample(self, data: Counts | GroupedCounts) -> tuple[Fit, Any]:
        """Pool the counts with PyMC, whatever `engine` says.

        Parameters
        ----------
        data : Counts or GroupedCounts

        Returns
        -------
        fit : Fit
            `sampling` says how the sampler did, and whether to believe it.
        draws : arviz.InferenceData or None
            None without trials.
        """
        return sample(self, data)

    def frame(self) -> Frame:
        """What the numbers of the posterior are given as."""
        return Frame(
            options=asdict(self),
            scale=SCALES["logit"],
            method=f"Bayesian binomial-normal, tau ~ {self.prior}, mu ~ {self.mu_prior}",
            level=self.level,
            interval=self.interval,
            thresholds=self.thresholds,
            prior=self.priors()[1],
            inverse=expit,
            forward=logit,
            mean=True,
        )

    def _alone(self, data: Counts, *, extras: bool) -> Fit:
        """The fit of one set of trials."""
        if data.k < 2:
            fit = self.unpooled(data)
            return replace(fit, grids=prior_curves(*self.priors())) if data.k and extras else fit
        surface, frame = binomial_surface(data.responders, data.n), self.frame()
        post = posterior(surface, *self.priors())
        found = frame.answers(post)
        fit = self._with_trials(
            fit_of(frame, data, found, 0, divergence=tau_divergence(post), bounded=bounded(data)), data
        )
        if not extras:
            return fit
        tail = (1 - self.level) / 2
        left = leave_one_out(data.responders, data.n, *self.priors(), full=post, p=[tail, 0.5, 1 - tail])
        return replace(
            fit,
            trials=details.shrunken(fit.trials, left, frame),
            influence=details.influence(data, left, found),
            predictive_count=details.count(post, self.new_trial, self.level),
            sweep=details.sweep(surface, self.priors()[0], frame),
            grids=curves(post, surface, *self.priors()),
        )

    def _coupled(self, data: GroupedCounts) -> tuple[list[Fit], list[Contrast]]:
        """Fits of groups that share tau, and their differences."""
        parts = [data.within(index) for index in range(len(data.names))]
        filled = [i for i, part in enumerate(parts) if part.k]
        fits = [self.unpooled(part) for part in parts]
        if not filled:
            return fits, []
        include = np.array([data.group == i for i in filled])
        post = posterior(binomial_surface(data.responders, data.n, include), *self.priors(), coupled=True)
        frame = self.frame()
        found = frame.answers(post)
        for row, i in enumerate(filled):
            if parts[i].k < 2:
                continue
            fit = fit_of(frame, parts[i], found, row, divergence=tau_divergence(post), bounded=bounded(data))
            fits[i] = self._with_trials(fit, parts[i])
        mean = expit(dist.logit_mean_rate(post.cells.mu, post.cells.tau[:, None]))
        contrasts = []
        for i, reference in pairs([part.k for part in parts]):
            names = data.names[i], data.names[reference]
            if min(parts[i].k, parts[reference].k) < 2:
                contrasts.append(no_contrast(frame, names))
                continue
            rows = filled.index(i), filled.index(reference)
            differences = (coupled_difference(post, *rows, rates) for rates in (None, mean))
            contrasts.append(contrast(frame, names, *differences))
        return fits, contrasts

    def _separate(self, data: GroupedCounts) -> tuple[list[Fit], list[Contrast]]:
        """Fits of groups with a tau each, and their differences."""
        parts = [data.within(index) for index in range(len(data.names))]
        fits, posts, frame = [self.unpooled(part) for part in parts], dict[int, Posterior](), self.frame()
        for i, part in enumerate(parts):
            if part.k > 1:
                posts[i] = posterior(binomial_surface(part.responders, part.n), *self.priors())
                fit = fit_of(
                    frame,
                    part,
                    frame.answers(posts[i]),
                    0,
                    divergence=tau_divergence(posts[i]),
                    bounded=bounded(part),
                )
                fits[i] = self._with_trials(fit, part)
        contrasts = []
        for i, reference in pairs([part.k for part in parts]):
            names = data.names[i], data.names[reference]
            if i not in posts or reference not in posts:
                contrasts.append(no_contrast(frame, names))
                continue
            mu = independent_difference(*(dist.mu_distribution(posts[z]) for z in (i, reference)))
            contrasts.append(contrast(frame, names, mu, None))
        return fits, contrasts

    def unpooled(self, data: Counts) -> Fit:
        """The fit of no trial, or of one: its exact interval."""
        return unpooled(data, options=asdict(self), method="Bayesian binomial-normal", bayesian=True)

    def _with_trials(self, fit: Fit, data: Counts) -> Fit:
        raw = describe.trial_proportions(data, method=self.trial_interval, level=self.level)
        return replace(fit, trials=plain_trials(data, raw))
