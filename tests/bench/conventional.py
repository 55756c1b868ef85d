"""Rows of the conventional model: counts to REML, one data set and 100,000 of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.metadata import version
from typing import Any

import numpy as np

from meta.data import Counts
from meta.models import InverseVariance
from meta.stats.normal.heterogeneity import i2_from_tau2
from meta.stats.normal.pooling import interval, pool, prediction, random_effects
from meta.stats.normal.scales import LOGIT
from meta.stats.normal.tau2 import Tau2Method, estimate
from tests.bench import peak
from tests.bench.r import with_counts
from tests.bench.timing import Agreement, Missing, Numbers, Side

X, N = np.array([5, 6, 2, 1]), np.array([18, 32, 29, 21])  # Table 1 of Jia 2022
NAMES = ("tau2", "mu", "low", "high", "new low", "new high", "Q", "p", "I2")

SIMULATED, SAMPLE = 100_000, 300
MU, TAU = -1.75, 0.75  # of the logit-normal that the simulated arms are drawn from
NODES = 500
SAME_PEAK = 1e-8  # what two likelihoods at the same peak may differ by


def peer(module: str, package: str) -> tuple[Any, str]:
    """Import a peer; its name with version."""
    try:
        return import_module(module), f"{package} {version(package)}"
    except ImportError:
        raise Missing("not installed") from None


def ours(method: Tau2Method = "REML") -> Callable[[], Side]:
    """Counts to tau2, mean, Knapp-Hartung and prediction interval, Q and I2, by functions of meta.stats."""

    def run() -> Numbers:
        y, v, _, _ = LOGIT.effects(X, N)
        fit = random_effects(y, v, method=method)
        tau2, mu, test = fit.tau2, fit.pooled.mu[0], fit.test
        limits = interval(fit.pooled, method="hk")
        new = prediction(mu, limits.se[0], tau2, len(y), method="hk")
        i2 = i2_from_tau2(tau2, fit.typical)
        numbers = (tau2, mu, limits.low[0], limits.high[0], new.low, new.high, test.q, test.p, i2)
        return dict(zip(NAMES, numbers, strict=True))

    return lambda: Side("meta.stats", run)


def ours_fit() -> Side:
    """The same and more by the model that users call, results and notes included."""
    counts, model = Counts.of(X, N), InverseVariance(interval="hk", prediction="hk")

    def run() -> Numbers:
        fit = model.fit(counts)
        between, new = fit.heterogeneity, fit.prediction.effect
        limits = (fit.tau2.value, fit.mu.value, fit.mu.low, fit.mu.high, new.low, new.high)
        return dict(zip(NAMES, (*limits, between.Q, between.p, between.I2.value), strict=True))

    return Side("meta.InverseVariance", run)


def pimeta_conventional() -> Side:
    """pimeta: escalc, rma, predict. Its predict() wants to be told to use t with k-1 degrees of freedom."""
    pimeta, name = peer("pimeta", "pimeta")

    def run() -> Numbers:
        effects = pimeta.escalc("PLO", xi=X.tolist(), ni=N.tolist())
        fit = pimeta.rma(effects.yi, effects.vi, method="REML", test="knha")
        new = pimeta.predict(fit, predtype="t")
        limits = (fit.tau2, fit.b[0], fit.ci_lb[0], fit.ci_ub[0], new.pi_lb, new.pi_ub)
        return dict(zip(NAMES, (*limits, fit.QE, fit.QEp, fit.I2 / 100), strict=True))

    return Side(name, run)


def pymare_conventional() -> Side:
    """PyMARE: REML with Knapp-Hartung and Q; no counts, no prediction interval, another I2."""
    pymare, name = peer("pymare", "PyMARE")
    estimators = import_module("pymare.estimators")

    def run() -> Numbers:
        y, v = np.log(X / (N - X)), 1 / X + 1 / (N - X)
        estimator = estimators.VarianceBasedLikelihoodEstimator(method="reml")
        result = estimator.fit_dataset(pymare.Dataset(y=y, v=v)).summary()
        mean, test = result.get_fe_stats(), result.get_heterogeneity_stats()
        limits = (result.tau2[0, 0], mean["est"][0, 0], mean["ci_l"][0, 0], mean["ci_u"][0, 0])
        return {**dict(zip(NAMES, limits, strict=False)), "Q": test["Q"][0], "p": test["p(Q)"][0]}

    return Side(name, run)


def statsmodels_conventional(method: str) -> Callable[[], Side]:
    """Let statsmodels do it by DL or PM, which it has; no counts, no prediction interval, another I2."""

    def side() -> Side:
        package, name = peer("statsmodels.stats.meta_analysis", "statsmodels")

        def run() -> Numbers:
            y, v = np.log(X / (N - X)), 1 / X + 1 / (N - X)
            result = package.combine_effects(y, v, method_re=method, use_t=True)
            test, limits = result.test_homogeneity(), result.conf_int()[3]
            numbers = (result.tau2, result.mean_effect_re, *limits)
            return {**dict(zip(NAMES, numbers, strict=False)), "Q": test.statistic, "p": test.pvalue}

        return Side(name, run)

    return side


def metafor_conventional() -> Side:
    """R: escalc, rma, predict."""
    return with_counts(X, N).side("metafor", "conventional", NAMES)


@cache
def simulated(sets: int = SIMULATED) -> np.ndarray:
    """Responders in arms of Table 1's sizes whose true log odds are normal, shape (sets, 4)."""
    random = np.random.default_rng(2022)
    return random.binomial(N, 1 / (1 + np.exp(-random.normal(MU, TAU, (sets, len(N))))))


def ours_simulated() -> Side:
    """All simulated data sets in one call each."""
    x = simulated()

    def run() -> Numbers:
        effects = LOGIT.effects(x, N)
        tau2, _ = estimate(effects.y, effects.v)
        return {"tau2": tau2, "mu": pool(effects.y, effects.v, tau2=tau2).mu[:, 0]}

    return Side("meta.stats", run, fits=len(x))


def pimeta_simulated() -> Side:
    """A sample one by one; its escalc() wants arms without responder corrected beforehand."""
    pimeta, name = peer("pimeta", "pimeta")
    x, n = _corrected(simulated()[:SAMPLE])
    sets = [(x[i].tolist(), n[i].tolist()) for i in range(len(x))]

    def run() -> Numbers:
        tau2, mu = [], []
        for xi, ni in sets:
            effects = pimeta.escalc("PLO", xi=xi, ni=ni)
            fit = pimeta.rma(effects.yi, effects.vi, method="REML")
            tau2.append(fit.tau2)
            mu.append(fit.b[0])
        return {"tau2": np.array(tau2), "mu": np.array(mu)}

    return Side(name, run, fits=len(sets))


def pymare_simulated() -> Side:
    """All at once: PyMARE takes parallel data sets, but effects only."""
    name = peer("pymare", "PyMARE")[1]
    estimators = import_module("pymare.estimators")
    counts = simulated()

    def run() -> Numbers:
        x, n = _corrected(counts)
        y, v = np.log(x / (n - x)).T.copy(), (1 / x + 1 / (n - x)).T.copy()
        estimator = estimators.VarianceBasedLikelihoodEstimator(method="reml", small_sample_correction="wald")
        found = estimator.fit(y, v, np.ones((len(N), 1))).params_
        return {"tau2": np.ravel(found["tau2"]), "mu": np.ravel(found["fe_params"])}

    return Side(name, run, fits=len(counts))


def metafor_simulated() -> Side:
    """R: a sample one by one."""
    return with_counts(simulated()[:SAMPLE], N).side("metafor", "reml", ("tau2", "mu"))


def agree_on_peaks(tolerance: float) -> Callable[[Numbers, Numbers], Agreement]:
    """Same tau2 and mean wherever the peer ends at the highest peak; the others are counted."""

    def agree(ours: Numbers, theirs: Numbers) -> Agreement:
        sets = len(theirs["tau2"])
        effects = LOGIT.effects(simulated()[:sets], N)
        given = np.isfinite(theirs["tau2"])
        t = np.where(given, theirs["tau2"], 0.0)[:, None]
        mine = peak.restricted_loglik(effects.y, effects.v, ours["tau2"][:sets, None])[:, 0]
        lead = np.where(given, mine - peak.restricted_loglik(effects.y, effects.v, t)[:, 0], np.inf)
        apart = np.maximum(*(np.abs(ours[name][:sets] - theirs[name]) for name in ("tau2", "mu")))
        near = given & (apart <= tolerance)
        lower, behind = given & ~near & (lead > SAME_PEAK), lead < -SAME_PEAK
        counts = {
            f"peer gave up: {(~given).sum()}": (~given).any(),
            f"peer lower: {lower.sum()}": lower.any(),
            f"ours lower: {behind.sum()}": behind.any(),
        }
        worst = float(apart[near].max()) if near.any() else float("nan")
        note = "; ".join([f"{near.sum()} of {sets} fits", *(said for said, any_ in counts.items() if any_)])
        same = not behind.any() and bool((near | lower | ~given).all()) and bool(near.mean() > 0.9)
        return Agreement(same, worst, note)

    return agree


def peaks() -> str:
    """How many of the simulated data sets we put at the highest point of a fine grid."""
    effects = LOGIT.effects(simulated(), N)
    short = peak.shortfall(effects.y, effects.v, estimate(effects.y, effects.v)[0], NODES)
    reached = int((short <= SAME_PEAK).sum())
    return (
        f"REML: {reached:,} of {len(short):,} simulated fits at the global maximum of the restricted "
        f"likelihood (grid of {NODES} values of tau2 to 10 times the squared range; its highest point above "
        f"ours by at most {max(short.max(), 0):.0e})."
    )


def _corrected(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    add = np.where((x == 0) | (x == N), 0.5, 0.0)
    return x + add, N + 2 * add
