"""Profile-likelihood limits against brute force by values alone, SLSQP and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq, minimize, minimize_scalar
from scipy.special import logit, xlog1py, xlogy
from scipy.stats import chi2, f

from meta.stats.binomial import beta_binomial as betabinomial
from meta.stats.binomial import profile
from meta.stats.binomial.likelihood import locate, maximise
from meta.stats.binomial.marginal import log_marginal, marginal_terms, mean_rate
from meta.stats.binomial.profile import profile_limits
from meta.stats.binomial.terms import Terms
from meta.stats.numeric.codes import Code

TABLE1 = ([5, 6, 2, 1], [18, 32, 29, 21])
REGION = [0, 0, 1, 1]
SETS = {
    "table1": TABLE1,
    "one arm without responders": ([5, 6, 0, 1], [18, 32, 29, 21]),
    "hardly any responder": ([0, 0, 2, 0, 1], [18, 32, 29, 21, 3]),
    "two arms": ([3, 0], [10, 20]),
    "one arm": ([3], [10]),
    "five thousand": ([1000], [5000]),
    "far apart": ([0, 19, 3, 40], [30, 20, 30, 50]),
}
MODELS = {"binomial-normal": marginal_terms, "beta-binomial": betabinomial.terms}
DROP = chi2.isf(0.05, 1) / 2


def profile_intervals(terms, x, n, include=True, *, groups=None, **options):
    return profile_limits(terms, locate(terms, x, n, include, groups=groups), **options)


def profile_interval(terms, x, n, *, of="mu", **options):
    return profile_intervals(terms, x, n, of=(of,), **options)[0]


class Brute:
    """Limits by bisection in mu at each of many tau, and a grid over tau that zooms in on the best.

    Values of the log-likelihood only: no derivative, no Newton step, none of the package's tables.
    """

    def __init__(self, x, n, drop=DROP):
        self.x, self.n = np.array(x), np.array(n)
        m = maximise(marginal_terms, x, n)
        self.floor = m.loglik - drop
        self.taus = np.unique(np.concatenate([[0.0, np.sqrt(m.v)], np.geomspace(0.02, 100, 16)]))
        self.first = self.ridge(self.taus)

    def excess(self, mu, tau):
        return log_marginal(self.x, self.n, mu[:, None], tau[:, None]).sum(-1) - self.floor

    def ridge(self, tau, steps=24):
        """The best mu at each tau by golden sections: 24 to be inside, 38 for 1e-12 of the likelihood."""
        low, high = -8 - 5 * tau, 8 + 5 * tau
        gold = (np.sqrt(5) - 1) / 2
        for _ in range(steps):
            left, right = high - gold * (high - low), low + gold * (high - low)
            higher = self.excess(left, tau) > self.excess(right, tau)
            low, high = np.where(higher, low, left), np.where(higher, right, high)
        middle = (low + high) / 2
        return middle, self.excess(middle, tau)

    def edge(self, tau, inner, side):
        outer = inner + side * (4 + 4 * tau)
        while (out := self.excess(outer, tau) > 0).any():
            outer = np.where(out, 2 * outer - inner, outer)
        for _ in range(40):
            middle = (inner + outer) / 2
            above = self.excess(middle, tau) > 0
            inner, outer = np.where(above, middle, inner), np.where(above, outer, middle)
        return (inner + outer) / 2

    def extreme(self, quantity, side):
        tau, (start, top) = self.taus, self.first
        for _ in range(4):
            heights = np.full(len(tau), -np.inf)
            inside = np.flatnonzero(top > 0)
            heights[inside] = side * quantity(self.edge(tau[inside], start[inside], side), tau[inside])
            best = heights.argmax()
            tau = np.linspace(tau[max(best - 1, 0)], tau[min(best + 1, len(tau) - 1)], 17)
            start, top = self.ridge(tau)
        return side * heights.max()

    def limits_of_v(self):
        above = np.flatnonzero(self.first[1] > 0)

        def root(low, high):
            return brentq(lambda tau: self.ridge(np.array([tau]), 38)[1][0], low, high, xtol=1e-10) ** 2

        low = root(*self.taus[above[0] - 1 : above[0] + 1]) if above[0] else 0.0
        return low, root(*self.taus[above[-1] : above[-1] + 2])


@pytest.mark.parametrize("name", SETS)
def test_brute_force(name):
    x, n = SETS[name]
    brute = Brute(x, n)
    mu, v, mean = profile_intervals(marginal_terms, x, n)
    # the last grid of tau has steps of 1e-3 of the first, whose square is what the extreme may lack
    for side, limit in ((-1, mu.low[0]), (1, mu.high[0])):
        found = brute.extreme(lambda mu, _: mu, side)
        assert limit == pytest.approx(found, abs=2e-6 * (1 + abs(limit)))
        assert side * limit >= side * found - 1e-9
    for side, limit in ((-1, mean.low[0]), (1, mean.high[0])):
        found = brute.extreme(mean_rate, side)
        assert limit == pytest.approx(found, rel=2e-6)
        assert side * limit >= side * found - 1e-10
    np.testing.assert_allclose([v.low, v.high], brute.limits_of_v(), rtol=1e-7)


def test_search_and_newton_agree(monkeypatch):
    """Two algorithms that share the likelihood and no step: in 4 data sets, with and without groups."""
    rng = np.random.default_rng(7)
    n = rng.integers(1, 50, (4, 4))
    spread = rng.choice([0.0, 1.0, 3.0], (4, 1)) * rng.standard_normal((4, 4))
    x = rng.binomial(n, 1 / (1 + np.exp(1.5 - spread)))
    for groups, terms in ((None, marginal_terms), (REGION, betabinomial.terms)):
        found = profile_intervals(terms, x, n, groups=groups)
        with monkeypatch.context() as patch:
            patch.setattr(
                profile,
                "by_newton",
                lambda *z: (np.full(len(z[-1]), np.nan), np.zeros(len(z[-1]), dtype=bool)),
            )
            searched = profile_intervals(terms, x, n, groups=groups)
        for one, other in zip(found, searched, strict=True):
            assert (one.code == Code.OK).all()
            assert (other.code == Code.OK).all()
            # the search ends within 1e-6 of a maximum in ln v; limits of mu reach hundreds
            np.testing.assert_allclose(one.low, other.low, rtol=1e-9, atol=1e-10)
            np.testing.assert_allclose(one.high, other.high, rtol=1e-9, atol=1e-10)


def test_two_extremes_along_the_edge():
    """The lower limit of the second group's mu is local at v = 0, and global near v = 1."""
    x, n, groups = [13, 8, 0, 0, 3], [56, 47, 3, 47, 28], [0, 0, 0, 1, 1]
    limits = profile_interval(marginal_terms, x, n, groups=groups)
    floor = maximise(marginal_terms, x, n, groups=groups).loglik - DROP
    x, n, v = np.array(x), np.array(n), np.array([0.0, 1.05])
    edges = []
    for tau in np.sqrt(v):
        other = minimize_scalar(lambda mu, t=tau: -log_marginal(x[:3], n[:3], mu, t).sum(), bracket=(-2, -1))
        level = floor + other.fun
        edges.append(brentq(lambda mu, t=tau, z=level: log_marginal(x[3:], n[3:], mu, t).sum() - z, -8, -3.5))
    assert edges[1] < edges[0] - 0.03
    assert edges[1] - 0.005 < limits.low[1] <= edges[1]


@pytest.mark.parametrize("quantity", ["mu", "mean"])
def test_groups_against_constrained_optimisation(quantity):
    x, n = np.array([5, 1, 0, 9, 14, 2]), np.array([18, 32, 29, 21, 20, 30])
    groups = np.array([0, 0, 0, 1, 1, 1])
    m = maximise(marginal_terms, x, n, groups=groups)
    limits = profile_interval(marginal_terms, x, n, of=quantity, groups=groups)
    drop = {"type": "ineq", "fun": lambda z: log_marginal(x, n, z[groups], abs(z[2])).sum() - m.loglik + DROP}
    for group in (0, 1):
        for side, limit in ((-1, limits.low[group]), (1, limits.high[group])):

            def height(z, group=group, side=side):
                return -side * (z[group] if quantity == "mu" else float(mean_rate(z[group], abs(z[2]))))

            start = [*m.mu, np.sqrt(m.v)]
            found = minimize(
                height, start, method="SLSQP", constraints=drop, options={"ftol": 1e-12, "maxiter": 100}
            )
            # derivatives by finite differences of 1e-8
            assert limit == pytest.approx(-side * found.fun, rel=2e-5)


@pytest.mark.parametrize("model", MODELS)
def test_limits_lie_on_the_floor(model):
    """Limits of mu, put in: the likelihood maximised over v is at the floor."""
    terms, (x, n) = MODELS[model], TABLE1
    m, limits = maximise(terms, x, n), profile_interval(MODELS[model], x, n)
    for limit in (limits.low[0], limits.high[0]):
        found = minimize_scalar(
            lambda v, mu=limit: -terms(x, n, mu, v).value.sum(),
            bounds=(0, 20),
            method="bounded",
            options={"xatol": 1e-9},
        )
        best = max(-found.fun, terms(x, n, limit, 0.0).value.sum())
        assert best == pytest.approx(m.loglik - DROP, abs=1e-10)


def test_a_callable_is_as_good_as_a_name():
    def mu(mu, v):
        one = np.ones_like(v)
        return Terms(mu, one, 0 * one, 0 * one, 0 * one, 0 * one)

    def third(mu, v):  # mu + v / 2: the log mean odds
        one = np.ones_like(v)
        return Terms(mu + v / 2, one, one / 2, 0 * one, 0 * one, 0 * one)

    mine, named, other = profile_intervals(marginal_terms, *TABLE1, of=(mu, "mu", third))
    np.testing.assert_allclose([mine.low, mine.high], [named.low, named.high], rtol=1e-13)
    brute = Brute(*TABLE1)
    for side, limit in ((-1, other.low[0]), (1, other.high[0])):
        found = brute.extreme(lambda mu, tau: mu + tau**2 / 2, side)
        assert limit == pytest.approx(found, abs=2e-6)
        assert side * limit >= side * found - 1e-9


def test_cutoffs():
    x, n = TABLE1
    for cutoff, drop in (("chi2", chi2.isf(0.1, 1)), ("f", f.isf(0.1, 1, 6))):
        brute = Brute(x, n, drop / 2)
        limits = profile_interval(marginal_terms, x, n, of="v", level=0.9, cutoff=cutoff)
        assert limits.high == pytest.approx(brute.limits_of_v()[1], rel=1e-7)
    grouped = profile_interval(marginal_terms, x, n, of="v", groups=REGION, cutoff="f")  # k - 2 = 2: F(1, 4)
    level = chi2.cdf(f.isf(0.05, 1, 4), 1)
    assert grouped.high == pytest.approx(
        profile_interval(marginal_terms, x, n, of="v", groups=REGION, level=level).high, rel=1e-10
    )
    none = profile_intervals(marginal_terms, [3], [10], cutoff="f")
    assert all(limits.code == Code.NO_DF for limits in none)
    assert all(np.isnan([limits.low, limits.high]).all() for limits in none)


@pytest.mark.parametrize("model", MODELS)
def test_no_responder(model):
    """Lower limits at the end of the range; the mean's upper one when each arm is like one patient."""
    x, n = [0, 0, 0, 0], [5, 4, 3, 10]
    mu, v, mean = profile_intervals(MODELS[model], x, n)
    assert (mu.low[0], v.low, v.high, mean.low[0]) == (-np.inf, 0, np.inf, 0)
    assert mean.high[0] == pytest.approx(-np.expm1(-DROP / 4), rel=1e-12)
    assert (mu.code, v.code, mean.code) == (Code.OK,) * 3
    if model == "binomial-normal":
        heights = [
            brentq(lambda mu, t=tau: log_marginal(x, n, mu, t).sum() + DROP, -30 - 9 * tau, 5)
            for tau in np.append(0, np.geomspace(0.1, 30, 40))
        ]
        assert mu.high[0] == pytest.approx(max(heights), abs=1e-9)
        assert heights[0] == max(heights)
    else:  # mu is the mean's log odds
        assert mu.high[0] == pytest.approx(np.log(np.expm1(DROP / 4)), abs=1e-6)


def test_everyone_responded_mirrors_no_responder():
    n = np.array([5, 4, 3, 10])
    none, every = (profile_intervals(marginal_terms, x, n) for x in (0 * n, n))
    assert every[0].low[0] == pytest.approx(-none[0].high[0], rel=1e-9)
    assert every[0].high[0] == np.inf
    assert every[2].low[0] == pytest.approx(1 - none[2].high[0], rel=1e-12)
    assert every[2].high[0] == 1


def test_two_arms_without_responders_do_not_bound_mu():
    """With v large, Pr(0 of n) is 1/2 wherever mu is, and 2 ln 2 is less than the cut-off."""
    mu, v, mean = profile_intervals(marginal_terms, [0, 0], [5, 7])
    assert (mu.low[0], mu.high[0], v.high) == (-np.inf, np.inf, np.inf)
    assert mean.high[0] == pytest.approx(-np.expm1(-DROP / 2), rel=1e-12)


@pytest.mark.parametrize("model", MODELS)
def test_nobody_or_everybody(model):
    """No maximum: limits relative to the supremum."""
    x, n = np.array([0, 7, 0, 0, 0, 0]), np.array([5, 7, 20, 4, 6, 9])
    mu, v, mean = profile_intervals(MODELS[model], x, n)
    top = xlogy(1, 1 / 6) + xlog1py(5, -1 / 6)
    assert (v.high, v.code) == (np.inf, Code.OK)

    def ridge(v):
        found = minimize_scalar(lambda mu: -MODELS[model](x, n, mu, v).value.sum(), bracket=(-3, -1))
        return -found.fun

    assert ridge(float(v.low)) == pytest.approx(top - DROP, abs=1e-9)
    for p in (mean.low[0], mean.high[0]):
        assert xlogy(1, p) + xlog1py(5, -p) == pytest.approx(top - DROP, abs=1e-10)
    assert mean.low[0] < 1 / 6 < mean.high[0]
    assert mu.code == Code.OK
    assert mu.low[0] < mu.high[0]
    if model == "beta-binomial":  # as v grows
        np.testing.assert_allclose([mu.low[0], mu.high[0]], logit([mean.low[0], mean.high[0]]), rtol=1e-6)


def test_single_patients():
    """v is not identified; the mean's interval is that of one binomial sample."""
    _, v, mean = profile_intervals(marginal_terms, [0, 1, 1, 0, 0], [1, 1, 1, 1, 1])
    assert (v.low, v.high) == (0, np.inf)
    for p in (mean.low[0], mean.high[0]):
        assert 2 * np.log(p) + 3 * np.log1p(-p) == pytest.approx(
            2 * np.log(0.4) + 3 * np.log(0.6) - DROP, abs=1e-10
        )


def test_groups_without_responders_or_arms():
    x, n, groups = [0, 0, 2, 3], [5, 4, 10, 10], [0, 0, 1, 3]
    mu, v, mean = profile_intervals(marginal_terms, x, n, groups=groups)
    assert mu.code.tolist() == mean.code.tolist() == [Code.OK, Code.OK, Code.NO_TRIALS, Code.OK]
    assert (mu.low[0], mean.low[0]) == (-np.inf, 0)
    assert np.isfinite([mu.high[0], mean.high[0], v.high, mu.low[1], mu.high[3]]).all()
    assert np.isnan([mu.low[2], mu.high[2], mean.low[2]]).all()
    both = profile_intervals(marginal_terms, [[0, 0], [1, 2]], [[0, 0], [8, 9]])
    assert [limits.code.reshape(2).tolist() for limits in both] == [[Code.NO_TRIALS, Code.OK]] * 3


def test_shapes_and_batches():
    rng = np.random.default_rng(2)
    n = rng.integers(2, 60, (2, 9, 4))
    x, include = rng.binomial(n, 0.15), rng.random((2, 9, 4)) < 0.85
    batch = profile_intervals(marginal_terms, x, n, include, groups=REGION)
    assert [limits.low.shape for limits in batch] == [(2, 9, 2), (2, 9), (2, 9, 2)]
    for at in np.ndindex(2, 9):
        one = profile_intervals(marginal_terms, x[at], n[at], include[at], groups=REGION)
        for a, b in zip(one, batch, strict=True):
            assert (a.code == b.code[at]).all()
            # as in test_likelihood: starts differ by rounding, Newton's last step leaves 1e-12 or so
            np.testing.assert_allclose(a.low, b.low[at], rtol=1e-9, atol=1e-11)
            np.testing.assert_allclose(a.high, b.high[at], rtol=1e-9, atol=1e-11)


def counts(k):
    arm = st.integers(2, 40).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
    return st.lists(arm, min_size=1, max_size=k).map(lambda z: tuple(np.transpose(z)))


@settings(max_examples=12, deadline=None)
@given(counts(5))
def test_swapping_mirrors(sets):
    x, n = sets
    (mu, v, mean), (other, w, rest) = (profile_intervals(marginal_terms, z, n) for z in (x, n - x))
    np.testing.assert_allclose([mu.low, mu.high], [-other.high, -other.low], rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose([v.low, v.high], [w.low, w.high], rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose([mean.low, mean.high], [1 - rest.high, 1 - rest.low], rtol=1e-7, atol=1e-8)


@settings(max_examples=12, deadline=None)
@given(counts(5), st.sampled_from(sorted(MODELS)))
def test_estimates_are_inside_and_levels_nest(sets, model):
    x, n = sets
    m = maximise(MODELS[model], x, n)
    narrow, wide = (profile_intervals(MODELS[model], x, n, level=level) for level in (0.8, 0.95))
    for a, b in zip(narrow, wide, strict=True):
        assert (a.code == Code.OK).all()
        assert (b.low <= a.low).all()
        assert (a.high <= b.high).all()
    if m.code == Code.OK:
        assert narrow[0].low[0] <= m.mu[0] <= narrow[0].high[0]
        assert narrow[1].low <= m.v <= narrow[1].high
        rate = np.exp(MODELS[model](1, 1, m.mu[0], m.v).value)
        assert narrow[2].low[0] <= rate <= narrow[2].high[0]
