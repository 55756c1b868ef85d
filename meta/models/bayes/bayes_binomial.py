"""The Bayesian binomial-normal model: exact, by quadrature, or by a sampler."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from scipy.special import expit, logit

from meta.data import Counts, GroupedCounts
from meta.models.bayes import details
from meta.models.bayes.answers import Answers as PosteriorAnswers
from meta.models.bayes.answers import PosteriorInterval
from meta.models.bayes.batch_of_posteriors import answers_of
from meta.models.bayes.curves import curves, prior_curves
from meta.models.bayes.draws import answers_of_draws, contrast_of_draws, flat
from meta.models.bayes.posterior_fit import (
    Frame,
    contrast,
    contrasts_of,
    differences,
    fit_of,
    priors_in_words,
    tau_divergence,
)
from meta.models.contract import MEAN, MEDIAN, PREDICTIVE, Answers, PoolingModel, Rows
from meta.models.grouped import Parts, bounded, pooled, unpooled
from meta.models.options import (
    STRICT,
    count_faults,
    level_faults,
    prior_faults,
    refuse,
    seed_faults,
    threshold_faults,
)
from meta.models.references import ROVER, STIJNEN
from meta.results import Between, Contrast, Diagnostics, Estimand, Fit
from meta.stats.binomial.marginal import mean_rate
from meta.stats.binomial.proportions import TrialInterval
from meta.stats.normal.scales import SCALES
from meta.stats.posterior import distributions as dist
from meta.stats.posterior.contrasts import coupled_difference, independent_difference
from meta.stats.posterior.leave_one_out import leave_one_out
from meta.stats.posterior.posterior import Posterior, posterior
from meta.stats.posterior.priors import MuPrior, TauPrior
from meta.stats.posterior.surface import binomial_surface

if TYPE_CHECKING:
    from meta.models.bayes.graph import BinomialDraws


@dataclass(frozen=True, slots=True, kw_only=True)
class BayesBinomial(PoolingModel):
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
    NAME: ClassVar = "Bayesian binomial-normal"
    BAYESIAN: ClassVar = True
    REFERENCES: ClassVar = {"stijnen": STIJNEN, "rover": ROVER}

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

        See Also
        --------
        detailed_fit : With influence, shrunken rates, the sweep over tau, curves.
        """
        if self.samples:
            return self.sample(data)[0]
        alone = self._alone if isinstance(data, GroupedCounts) else self._counted
        return pooled(self, data, alone, self._by_group)

    def detailed_fit(self, data: Counts | GroupedCounts) -> Fit:
        """The fit; of ungrouped counts with all that takes longer.

        Returns
        -------
        Fit
            With influence, shrunken rates, the sweep over tau, and curves.
        """
        if self.samples or isinstance(data, GroupedCounts):
            return self.fit(data)
        if data.k == 1:
            return replace(self.fit(data), grids=prior_curves(*self.priors()))
        return pooled(self, data, self._detailed, self._by_group)

    def draw(self, data: Counts | GroupedCounts) -> tuple[Fit, Any]:
        """The detailed fit, and the draws of a sampler where one is asked for."""
        return self.sample(data) if self.samples else (self.detailed_fit(data), None)

    def sample(self, data: Counts | GroupedCounts) -> tuple[Fit, Any]:
        """Pool the counts with PyMC, whatever `engine` says.

        Returns
        -------
        fit : Fit
            Each part with `sampling`, which says whether to believe it.
        draws : arviz.InferenceData or None
            Of the trials, or of the groups where there are some; None of no trial or one.
        """
        draws: list[Any] = [None]

        def alone(counts: Counts) -> Fit:
            found = self._draw(counts)
            draws.append(found.idata)
            answers = answers_of_draws(self.frame(), flat(found.mu), flat(found.tau), self.seed)
            return self._sampled(counts, answers, found.diagnostics, 0, bounded(counts))

        def by_group(parts: Parts) -> tuple[dict[int, Fit], Between]:
            method = f"posterior of the differences, {self.groups} tau, sampled"
            if not parts.filled:
                return {}, differences(parts, [], method)
            found = self._draw(parts.data.only(parts.filled))
            draws.append(found.idata)
            fits, contrasts = self._sampled_groups(parts, found)
            return fits, differences(parts, contrasts, method)

        fit = pooled(self, data, alone, by_group)
        return fit, draws[-1]

    def _draw(self, data: Counts | GroupedCounts) -> BinomialDraws:
        from meta.models.bayes.graph import draw

        mu_prior, tau_prior = self.priors()
        separate = isinstance(data, GroupedCounts) and self.groups == "separate"
        return draw(
            data, mu_prior=mu_prior, tau_prior=tau_prior, separate_tau=separate, draws=self.draws,
            tune=self.tune, seed=self.seed,
        )  # fmt: skip

    def _sampled_groups(self, parts: Parts, found: BinomialDraws) -> tuple[dict[int, Fit], list[Contrast]]:
        """Fits of the groups, and the contrasts between them."""
        mu, data, frame = flat(found.mu), parts.data, self.frame()
        tau = np.broadcast_to(flat(found.tau), mu.shape)
        answers = answers_of_draws(frame, mu, tau, self.seed)
        fits = {}
        for i in parts.several:
            limits = bounded(parts.each[i] if self.groups == "separate" else data)
            row = parts.filled.index(i)
            fits[i] = self._sampled(parts.each[i], answers, found.diagnostics, row, limits)
        rates = mean_rate(mu, tau)

        def difference(i: int, j: int) -> Contrast:
            a, b = parts.filled.index(i), parts.filled.index(j)
            return contrast_of_draws(frame, parts.names(i, j), *(z[:, a] - z[:, b] for z in (mu, rates)))

        return fits, contrasts_of(frame, parts, difference)

    def _sampled(
        self, data: Counts, answers: PosteriorAnswers, diagnostics: Diagnostics, row: int, limits: int
    ) -> Fit:
        fit = fit_of(self.frame(), unpooled(self, data), answers, row, divergence=None, bounded=limits)
        return replace(fit, sampling=diagnostics)

    @property
    def estimands(self) -> tuple[Estimand, ...]:
        """Mean, median and the rate of a new trial."""
        return MEAN, MEDIAN, PREDICTIVE

    @property
    def method(self) -> str:
        """Priors and kind of interval."""
        return self.frame().kind

    @property
    def unbatched(self) -> str | None:
        """A sampler fits one set of counts at a time."""
        return f"engine: found {self.engine} (not quadrature)" if self.samples else None

    @property
    def samples(self) -> bool:
        """Whether a sampler is asked for."""
        return self.engine == "pymc"

    @property
    def seconds(self) -> float:
        """Of four trials."""
        return 5.0 if self.samples else 0.3

    def in_words(self) -> str:
        """The priors, and a kind of interval that is not the usual one."""
        return priors_in_words(self.prior, self.mu_prior, self.interval)

    def methods(self) -> str:
        """Likelihood, priors, engine and estimands."""
        engine = "The posterior was integrated numerically, without sampling{cite:rover}."
        if self.samples:
            engine = (
                "The posterior was sampled ({draws:int} draws a chain after {tune:int} of tuning, "
                "seed {seed:int})."
            )
        return (
            "Responders of each trial were taken as binomial, the log odds of its true rate as normal "
            "between trials{cite:stijnen}, with priors μ ~ {mu_prior:dist} for the mean and τ ~ "
            f"{{prior:dist}} for the standard deviation. {engine} Estimates are posterior medians with "
            "{interval:t} {level:level} credible intervals: of the mean rate over trials (which leads), the "
            "median rate, and the true rate of a new trial (prediction interval)."
        )

    def batch(self, rows: Rows, *, spread: bool = False) -> list[Answers]:
        """Posteriors of many sets of counts."""
        return answers_of(self.frame(), self.priors(), rows, spread=spread)

    def frame(self) -> Frame:
        """How the numbers of the posterior are reported: scale, level, kind of interval."""
        return Frame(
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

    def _alone(self, data: Counts) -> Fit:
        """The fit of one set of trials."""
        return self._integrated(data)[0]

    def _counted(self, data: Counts) -> Fit:
        """The same, with the responders of a new trial."""
        fit, post, _ = self._integrated(data)
        return replace(fit, predictive_count=details.count(post, self.new_trial, self.level))

    def _integrated(self, data: Counts) -> tuple[Fit, Posterior, PosteriorAnswers]:
        """The fit of one set of trials, with the posterior and the answers that it is made of."""
        frame, post = self.frame(), posterior(binomial_surface(data.responders, data.n), *self.priors())
        found, divergence = frame.answers(post), tau_divergence(post)
        blank = unpooled(self, data)
        return fit_of(frame, blank, found, 0, divergence=divergence, bounded=bounded(data)), post, found

    def _detailed(self, data: Counts) -> Fit:
        """The fit of one set of trials, with all that can be said of it."""
        (fit, post, found), frame = self._integrated(data), self.frame()
        surface, tail = binomial_surface(data.responders, data.n), (1 - self.level) / 2
        left = leave_one_out(data.responders, data.n, *self.priors(), full=post, p=[tail, 0.5, 1 - tail])
        return replace(
            fit,
            trials=details.shrunken(fit.trials, left, frame),
            influence=details.influence(data, left, found),
            predictive_count=details.count(post, self.new_trial, self.level),
            sweep=details.sweep(surface, self.priors()[0], frame),
            grids=curves(post, surface, *self.priors()),
        )

    def _by_group(self, parts: Parts) -> tuple[dict[int, Fit], Between]:
        """Fits of the groups, and their differences."""
        fits, contrasts = self._coupled(parts) if self.groups == "common" else self._separate(parts)
        return fits, differences(parts, contrasts, f"posterior of the differences, {self.groups} tau")

    def _coupled(self, parts: Parts) -> tuple[dict[int, Fit], list[Contrast]]:
        """Fits of groups that share tau, and their differences."""
        data, filled, frame = parts.data, parts.filled, self.frame()
        if not filled:
            return {}, []
        include = np.array([data.group == i for i in filled])
        post = posterior(binomial_surface(data.responders, data.n, include), *self.priors(), coupled=True)
        found, divergence = frame.answers(post), tau_divergence(post)
        blanks = {i: unpooled(self, parts.each[i]) for i in parts.several}
        fits = {
            i: fit_of(frame, blank, found, filled.index(i), divergence=divergence, bounded=bounded(data))
            for i, blank in blanks.items()
        }
        mean = expit(dist.logit_mean_rate(post.cells.mu, post.cells.tau[:, None]))

        def difference(i: int, j: int) -> Contrast:
            rows = filled.index(i), filled.index(j)
            both = (coupled_difference(post, *rows, rates) for rates in (None, mean))
            return contrast(frame, parts.names(i, j), *both)

        return fits, contrasts_of(frame, parts, difference)

    def _separate(self, parts: Parts) -> tuple[dict[int, Fit], list[Contrast]]:
        """Fits of groups with a tau each, and their differences."""
        fits, posts, frame = dict[int, Fit](), dict[int, Posterior](), self.frame()
        for i in parts.several:
            part = parts.each[i]
            posts[i] = posterior(binomial_surface(part.responders, part.n), *self.priors())
            found, divergence = frame.answers(posts[i]), tau_divergence(posts[i])
            blank = unpooled(self, part)
            fits[i] = fit_of(frame, blank, found, 0, divergence=divergence, bounded=bounded(part))

        def difference(i: int, j: int) -> Contrast:
            mu = independent_difference(*(dist.mu_distribution(posts[z]) for z in (i, j)))
            return contrast(frame, parts.names(i, j), mu, None)

        return fits, contrasts_of(frame, parts, difference)
