"""Rows of the exact models. Functions that raise Missing("not built yet") wait for their part of meta."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import numpy as np

from tests.bench.conventional import N, X, peer
from tests.bench.r import with_counts
from tests.bench.timing import Missing, Numbers, Side

GLMM = ("tau2", "mu", "se")
POSTERIOR = ("mu", "low", "high", "tau")


def ours_ml() -> Side:
    """Binomial-normal maximum likelihood with profile intervals, meta.stats: the names of GLMM, and more."""
    raise Missing("not built yet")


def ours_ml_fit() -> Side:
    """The same by meta.models.BinomialNormal().fit(Counts.of(X, N))."""
    raise Missing("not built yet")


def ours_posterior() -> Side:
    """The posterior with every estimand, meta.models.BayesBinomial().fit(Counts.of(X, N))."""
    raise Missing("not built yet")


def ours_subsets() -> Side:
    """All 32,768 subsets of 15 trials: REML and the exact posterior. Numbers: {"peak_mb": peak_mb()}."""
    raise Missing("not built yet")


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
