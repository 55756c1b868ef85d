"""Rows of the exact models."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import numpy as np

from meta.data import Counts
from meta.models import BayesBinomial, BinomialNormal
from meta.stats.binomial.likelihood import locate, maximum
from meta.stats.binomial.marginal import marginal_terms
from meta.stats.binomial.profile import profile_limits
from meta.stats.normal.scales import LOGIT
from meta.stats.normal.tau2 import estimate
from meta.stats.posterior import distributions
from meta.stats.posterior.posterior import Posterior, in_batches, posterior
from meta.stats.posterior.surface import binomial_surface
from tests.bench.conventional import N, X, peer
from tests.bench.r import with_counts
from tests.bench.timing import Numbers, Side

GLMM = ("tau2", "mu", "se")
POSTERIOR = ("mu", "low", "high", "tau")


def ours_ml() -> Side:
    """Binomial-normal maximum likelihood with profile intervals for mu, tau2 and the mean rate."""

    def run() -> Numbers:
        located = locate(marginal_terms, X, N)
        top, limits = maximum(located), profile_limits(marginal_terms, located)
        named = zip(("mu", "tau2", "mean"), limits, strict=True)
        found = {
            f"{name} {end}": float(np.ravel(z)[0])
            for name, at in named
            for end, z in zip(("low", "high"), at[:2], strict=True)
        }
        return {"tau2": float(top.v), "mu": float(top.mu[0]), "se": float(top.se_mu[0])} | found

    return Side("meta.stats", run)


def ours_ml_fit() -> Side:
    """The same by the model, with all that its fit says."""
    data, model = Counts.of(X, N), BinomialNormal()

    def run() -> Numbers:
        fit = model.fit(data)
        return {"tau2": fit.tau2.value, "mu": fit.mu.value, "se": fit.mu.se}

    return Side("meta", run)


def ours_posterior() -> Side:
    """The posterior with every estimand and its interval, as the model reads it off."""
    model = BayesBinomial(thresholds=(0.1, 0.2))

    def run() -> Numbers:
        found = model.frame().answers(posterior(binomial_surface(X, N), *model.priors()))
        mu, mean = found.mu, found.mean
        return {
            "mu": mu.value[0],
            "low": mu.low[0],
            "high": mu.high[0],
            "tau": found.tau.value[0],
            "mean": mean.value[0],
        }

    return Side("meta", run)


def ours_posterior_fit() -> Side:
    """The same by the model's fit."""
    data, model = Counts.of(X, N), BayesBinomial(thresholds=(0.1, 0.2))

    def run() -> Numbers:
        fit = model.fit(data)
        return {"mu": fit.mu.value, "tau": fit.tau.value}

    return Side("meta", run)


def ours_subsets() -> Side:
    """All 32,768 subsets of 15 trials: REML, and the exact posterior with mu, tau and three ORRs."""
    x, n = fifteen()
    include = (np.arange(2**15)[:, None] >> np.arange(15) & 1).astype(bool)
    model = BayesBinomial()

    def read(post: Posterior) -> tuple[np.ndarray, ...]:
        p = [0.025, 0.5, 0.975]
        return (
            distributions.mu_distribution(post).quantile(p),
            distributions.mean_rate_distribution(post).quantile(p),
            distributions.predictive_distribution(post).quantile(p),
            post.cells.axis.tau(distributions.tau_distribution(post).quantile(p)),
        )

    def run() -> Numbers:
        shape = include.shape
        effects = LOGIT.effects(np.broadcast_to(x, shape), np.broadcast_to(n, shape), include)
        tau2, _ = estimate(effects.y, effects.v, include)
        surface = binomial_surface(np.broadcast_to(x, shape), np.broadcast_to(n, shape), include)
        found = in_batches(surface, *model.priors(), read)
        return {
            "peak_mb": peak_mb(),
            "REML fits": float(np.isfinite(tau2).sum()),
            "posteriors": float(np.isfinite(found[1]).all(-1).sum()),
        }

    return Side("meta", run)


def metafor_glmm() -> Side:
    """R: rma.glmm with its default of 7 quadrature points; Wald intervals only."""
    return with_counts(X, N).side("metafor", "glmm", GLMM)


def pimeta_glmm() -> Side:
    """pimeta's rma_glmm with its default of 7 quadrature points."""
    pimeta, name = peer("pimeta", "pimeta")

    def run() -> Numbers:
        fit = pimeta.rma_glmm("PLO", xi=X.tolist(), ni=N.tolist())
        return {"tau2": fit.tau2, "mu": fit.beta[0], "se": fit.se[0]}

    return Side(name, run)


def bayesmeta_posterior() -> Side:
    """R: bayesmeta with the same priors; but normal effects, so that the numbers are not ours."""
    return with_counts(X, N).side("bayesmeta", "bayesmeta", POSTERIOR)


def fifteen() -> tuple[np.ndarray, np.ndarray]:
    """Counts of 15 simulated trials of 6 to 110 patients."""
    random = np.random.default_rng(15)
    n = random.integers(6, 111, 15)
    return random.binomial(n, 1 / (1 + np.exp(-random.normal(-1.75, 0.75, 15)))), n


def peak_mb() -> float:
    """Largest memory that this process has held, in megabytes."""
    status = Path("/proc/self/status")
    if status.exists():  # what getrusage says on Linux may be the parent's
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return float(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1024**2 if sys.platform == "darwin" else peak / 1024
