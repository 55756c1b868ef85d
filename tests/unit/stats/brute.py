"""Posteriors by brute force, written apart from the package: what the tests of quadrature compare with.

One lattice for mu and theta, and Gauss-Legendre panels in log tau; nothing is searched for, refined or left
out. For each tau a trial's marginal likelihood is the convolution of its binomial probability with a normal
density: a matrix product, or, where tau is below two steps of the lattice, Gauss-Hermite
quadrature. Smaller steps change moments by less than 1e-9 and probabilities by less than 5e-6
(test_posterior.py); in slices as narrow as a fixed effect's, splines leave 1.4e-5.
"""

from __future__ import annotations

from functools import cache, cached_property

import numpy as np
import scipy.stats
from numpy.lib.stride_tricks import sliding_window_view
from scipy.interpolate import CubicSpline
from scipy.special import betaln, logit, logsumexp, ndtr
from scipy.stats import norm

HERMITE = np.polynomial.hermite_e.hermegauss(40)
NODES, WEIGHTS = np.polynomial.legendre.leggauss(9)
BEYOND = 24.0  # of theta on either side of mu: 4e-11 of a probability
REACH = 6.5  # prior standard deviations of mu: 1e-10 of it
TINY = 1e-300


def binomial_probability(x, n, theta):
    """Pr(x | n, theta); scipy's binom.pmf is the same to 1e-12 and ten times slower."""
    return _exp(-betaln(x + 1, n - x + 1) - np.log(n + 1) + x * theta - n * np.logaddexp(0, theta))


def _exp(log):
    return np.where(log > -500, np.exp(np.maximum(log, -500)), 0)  # not denormal, which is slow


def binomial_table(x, n, mu, tau):
    """Pr(x | n, mu, tau) at equally spaced `mu` for one tau, shape (trials, len(mu))."""
    x, n = (np.asarray(z, dtype=float)[:, None] for z in (x, n))
    h = mu[1] - mu[0]
    if tau < 2 * h:
        nodes, weights = HERMITE
        p = binomial_probability(x[..., None], n[..., None], mu[:, None] + tau * nodes)
        return p @ (weights / weights.sum())
    more = int(BEYOND / h)
    theta = mu[0] + h * np.arange(-more, len(mu) + more)
    # Without responders the probability tends to 1 on one side. A normal step taken from it leaves something
    # that vanishes on both; the step's own convolution is a wider normal step. Likewise with only responders.
    side = (x == n) * 1.0 - (x == 0) * 1.0
    at = side * np.log(n)
    rest = binomial_probability(x, n, theta) - np.where(side == 0, 0, ndtr(side * (theta - at)))
    steps = np.where(side == 0, 0, ndtr(side * (mu - at) / np.hypot(1, tau)))
    z = np.arange(-(len(mu) - 1) - more, len(mu) + more) * h / tau
    kernel = _exp(-(z**2) / 2) * h / (tau * np.sqrt(2 * np.pi))
    rows = sliding_window_view(kernel, len(mu))[:, ::-1]
    return rest @ np.ascontiguousarray(rows) + steps


class Brute:
    """Posteriors of B data sets, `include` (B, k) of the trials of `table`; coupled ones share tau.

    `table(mu, tau)` gives the trials' likelihoods at one tau, `prior` of tau is a frozen distribution of
    scipy.stats. `mass` (B, T, M) adds up to 1 for each data set; `divergence` is that of tau from its prior.
    """

    def __init__(self, table, include, mu_prior, prior, *, step=0.1, ratio=3.0, coupled=False):
        mean, sd = mu_prior
        self.include = np.atleast_2d(np.asarray(include, dtype=float))
        self.mu = np.arange(mean - REACH * sd, mean + REACH * sd, step)
        self.step, self.ends = step, panels(prior, ratio)
        self.tau, weight = nodes(self.ends)
        self.table = np.log(np.maximum([table(self.mu, t) for t in self.tau], TINY))  # (T, k, M)
        joint = np.einsum("bk,tkm->btm", self.include, self.table[:, : self.include.shape[-1]])
        joint += norm.logpdf(self.mu, mean, sd)
        top = joint.max(-1, keepdims=True)
        inside = np.exp(joint - top) * step
        slices = inside.sum(-1, keepdims=True)
        log_slices = (np.log(slices) + top)[..., 0]
        together = log_slices.sum(0, keepdims=True) if coupled else log_slices
        mass = together + np.log(weight) + prior.logpdf(self.tau)
        self.log_evidence = logsumexp(mass, axis=-1)
        share = np.exp(mass - self.log_evidence[:, None])
        self.divergence = (share * (together - self.log_evidence[:, None])).sum(-1)
        self.tau_mass = np.broadcast_to(share, log_slices.shape)
        self.mass = inside / slices * self.tau_mass[..., None]
        self._curves = {}

    def mean(self, values, b=0):
        return float((self.mass[b] * values).sum())

    def sd(self, values, b=0):
        return np.sqrt(self.mean(values**2, b) - self.mean(values, b) ** 2)

    def tau_below(self, s, b=0):
        """Pr(tau < s): whole panels, and the polynomial through the nodes of the one that s lies in."""
        log_ends, u = np.log(self.ends), np.log(s)
        panel = np.searchsorted(log_ends, u) - 1
        by_panel = self.tau_mass[b].reshape(-1, len(NODES))
        half = (log_ends[panel + 1] - log_ends[panel]) / 2
        density = by_panel[panel] / WEIGHTS
        curve = np.polynomial.Legendre.fit(NODES, density, len(NODES) - 1, domain=[-1, 1]).integ(lbnd=-1)
        return float(by_panel[:panel].sum() + curve((u - log_ends[panel]) / half - 1))

    def inside(self, s, b=0):
        """The mass below `s` in each slice, shape (..., T) like `s`."""
        if b not in self._curves:
            self._curves[b] = CubicSpline(self.mu, self.mass[b].T / self.step).antiderivative().c
        c = self._curves[b]
        u = np.clip(s, self.mu[0], self.mu[-1])
        cell = np.clip(((u - self.mu[0]) / self.step).astype(int), 0, len(self.mu) - 2)
        c, u = c[:, cell, np.arange(len(self.tau))], u - self.mu[cell]
        return (((c[0] * u + c[1]) * u + c[2]) * u + c[3]) * u + c[4]

    def below(self, s, b=0, shift=0.0):
        """Pr(mu + shift tau < s)."""
        return float(self.inside(s - shift * self.tau, b).sum())

    @cached_property
    def rate(self):
        """The mean rate at every tau and mu: the table's last trial is one patient, responding."""
        return np.exp(self.table[:, -1])

    @cached_property
    def _mu_at_rate(self):
        return [CubicSpline(row, self.mu) for row in logit(self.rate)]

    def rate_below(self, s, b=0):
        """Pr(mean rate < s)."""
        return float(self.inside(np.array([mu(logit(s)) for mu in self._mu_at_rate]), b).sum())

    def new_below(self, s, b=0):
        """Pr(theta of a new trial < s)."""
        wide = self.tau > 2 * self.step
        at, weights = HERMITE
        under = (ndtr((s - self.mu) / self.tau[wide, None]) * self.mass[b, wide]).sum()
        average = weights @ self.inside(s - self.tau * at[:, None], b) / weights.sum()
        return float(under + average[~wide].sum())

    def difference_below(self, s, a=0, b=1):
        """Pr(mu of group a - mu of group b < s), coupled: given tau they are independent."""
        return self._less(np.broadcast_to(self.mu - s, self.rate.shape), a, b)

    def rate_difference_below(self, s, a=0, b=1):
        """The same of mean rates."""
        wanted = logit(np.clip(self.rate - s, 1e-15, 1 - 1e-15))
        rows = zip(self._mu_at_rate, wanted, strict=True)
        return self._less(np.array([mu(row) for mu, row in rows]), a, b)

    def _less(self, limit, a, b):
        chance = self.inside(limit.T, b) / np.maximum(self.tau_mass[b], TINY)
        return float((self.mass[a] * (1 - chance.T)).sum())


def binomial(x, n, include=True, mu_prior=(-2, 2), prior=None, **options):
    """The binomial-normal model of data sets, `include` (B, k)."""
    arms = np.append(x, 1), np.append(n, 1)
    include = np.broadcast_to(include, np.broadcast_shapes(np.shape(include), (len(x),)))
    return Brute(lambda mu, tau: binomial_table(*arms, mu, tau), include, mu_prior, prior, **options)


def normal(y, v, mu_prior, prior, **options):
    """The normal-normal model of one data set."""
    y, v = (np.asarray(z, dtype=float)[:, None] for z in (y, v))
    table = lambda mu, tau: norm.pdf(y, mu, np.sqrt(v + tau**2))  # noqa: E731
    return Brute(table, np.ones(len(y)), mu_prior, prior, **options)


def panels(prior, ratio):
    """Ends of panels over the support, geometric: narrow where a posterior lies, wide in the tails."""
    low, high = prior.support()
    low = max(low, float(prior.ppf(1e-13)))
    high = min(high, float(prior.isf(1e-13)))
    median = float(prior.median())
    inner = min(0.02, median / 50), max(60.0, float(prior.isf(1e-3)))
    wide = 10.0
    ends = [low]
    while ends[-1] < high:
        near = inner[0] <= ends[-1] < inner[1]
        following = ends[-1] * (ratio if near else wide)
        if ends[-1] < inner[0] < following:
            following = inner[0]
        ends.append(min(following, high))
    return np.array(ends)


def nodes(ends):
    """Gauss-Legendre nodes in log tau on every panel, and their weights in tau."""
    low, high = np.log(ends[:-1, None]), np.log(ends[1:, None])
    half = (high - low) / 2
    u = low + half * (1 + NODES)
    return np.exp(u).ravel(), (np.exp(u) * half * WEIGHTS).ravel()


def off(below, quantiles, levels):
    """How far quantiles are from those of a distribution function `below`, in the quantity's own units."""
    errors = []
    for q, p in zip(np.ravel(quantiles), np.ravel(levels), strict=True):
        h = 1e-3 * max(abs(q), 1e-3)
        slope = (below(q + h) - below(q - h)) / (2 * h)
        errors.append((below(q) - p) / slope)
    return np.array(errors)


TABLE1 = ([5, 6, 2, 1], [18, 32, 29, 21])
PRITZ = (
    [16, 10, 4, 43, 10, 25, 13, 12, 22, 4, 5, 18, 58, 6],
    [17, 12, 8, 58, 10, 42, 14, 12, 41, 5, 6, 23, 68, 10],
)
DEFAULT = ((-2.0, 2.0), "half-normal:1.25")
# Counts, the priors of mu and tau, the step of the lattice where a posterior is narrow for the usual one
CASES = {
    "table 1": (*TABLE1, *DEFAULT),
    "no responder": ([0, 0, 0, 0], [18, 32, 29, 21], *DEFAULT),
    "only responders": ([18, 32, 29], [18, 32, 29], *DEFAULT),
    "one trial": ([3], [19], *DEFAULT),
    "one trial without responder": ([0], [14], *DEFAULT),
    "two trials": ([1, 9], [20, 25], *DEFAULT),
    "one patient each": ([0, 1, 1], [1, 1, 1], *DEFAULT),
    "a large one": ([5, 1000, 2], [18, 5000, 29], (-1.4, 0.7), "half-normal:1", 0.02),
    "pritz1997": (*PRITZ, *DEFAULT, 0.05),
    "half-normal, narrow": (*TABLE1, (-2.0, 2.0), "half-normal:0.01"),
    "half-normal, wide": (*TABLE1, (0.0, 2.5), "half-normal:10"),
    "half-Cauchy": ([5, 0, 2, 1], [18, 32, 29, 21], (-2.0, 2.0), "half-cauchy:0.5"),
    "half-t": (*TABLE1, (-2.0, 2.0), "half-t:3,0.7"),
    "uniform": (*TABLE1, (-2.0, 2.0), "uniform:0,5"),
    "uniform, not from 0": ([5, 0, 2, 1], [18, 32, 29, 21], (-2.0, 2.0), "uniform:0.5,2"),
    "gamma": (*TABLE1, (-2.0, 2.0), "gamma:0.5,1"),
    "lognormal": (*TABLE1, (-2.0, 2.0), "lognorm:1,0.5"),
}


class _HalfT:
    """What scipy.stats has no name for: |t|."""

    def __init__(self, df, scale):
        self.t = scipy.stats.t(df, scale=scale)

    def logpdf(self, tau):
        return np.log(2) + self.t.logpdf(tau)

    def ppf(self, p):
        return self.t.ppf((1 + p) / 2)

    def isf(self, p):
        return self.t.isf(p / 2)

    def median(self):
        return self.ppf(0.5)

    def support(self):
        return 0.0, np.inf


def prior_of(text):
    """scipy's distribution for the way we write a prior."""
    family, _, rest = text.partition(":")
    values = [float(part) for part in rest.split(",")]
    if family == "uniform":
        return scipy.stats.uniform(values[0], values[1] - values[0])
    names = {"half-normal": "halfnorm", "half-cauchy": "halfcauchy"}
    *shapes, scale = values
    if family == "half-t":
        return _HalfT(*shapes, scale)
    return getattr(scipy.stats, names.get(family, family))(*shapes, scale=scale)


@cache
def case(name):
    """The posterior of one of `CASES`, made once for all tests of a session."""
    x, n, mu_prior, prior, *step = CASES[name]
    return binomial(x, n, mu_prior=mu_prior, prior=prior_of(prior), **({"step": step[0]} if step else {}))
