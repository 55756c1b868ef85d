"""The density in loops, run as Python, against arrays of `stats.partial` and against scipy."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats as st
from scipy.integrate import quad
from scipy.optimize import approx_fprime
from scipy.special import expit, log_expit

from meta.data import PartialCounts
from meta.errors import DataError
from meta.models.sites import sums_operation as sums
from meta.models.sites.effects import Priors, blocks, scale_names
from meta.models.sites.site_graph import sums_data, unpack
from meta.stats.unreported import sums as partial

# Uncompiled: what numba makes of it is tested with the model.
KERNEL = sums.density_with(lambda function: function)
PRIORS = Priors(mu_mean=-1.5, mu=1.8, contrast=0.8, factor=0.7, sigma=0.9, tau=1.1, omega=0.5)
SITES = ["pancreas", "gastroesophageal", "intestine", "other"]


def mixed(regions=("Asia", "Asia", "West", "International")):
    """Trials that report everything, some of it, sums only, and nothing; 0 and all respond in some."""
    n = [[3, 6, 3, 6], [6, 8, 0, 8], [13, 4, 3, 9], [6, 3, 5, 7]]
    rows = [
        *(("a", [site], x) for site, x in zip(SITES, [0, 2, 3, 0], strict=True)),
        ("b", ["pancreas", "intestine"], 1),
        ("b", ["gastroesophageal", "other"], 5),
        ("c", SITES, 4),
        ("d", SITES[:2], 9),
    ]
    return PartialCounts.of(n, rows, ["a", "b", "c", "d"], SITES, {"region": list(regions)})


def by_arrays(data, theta):
    """Log-likelihood of all trials at their log odds, shape (..., T, S)."""
    value = 0.0
    for t in range(len(data.labels)):
        rows = data.trial == t
        n = np.where(data.members[rows], data.n[t], 0)
        value = value + partial.log_probability(theta[..., t, None, :], n, data.responders[rows]).sum(-1)
    return value


def prior_by_scipy(q, scales):
    z, v = q[: len(q) - scales], q[len(q) - scales :]
    half_normal = st.halfnorm.logpdf(np.logaddexp(0, v)) + log_expit(v)
    return st.norm.logpdf(z).sum() + half_normal.sum()


LAYOUTS = [
    {"groups": "random", "contrasts": ["region"]},
    {"groups": "fixed", "contrasts": ["region"]},
    {"groups": "none", "contrasts": []},
]


@pytest.mark.parametrize("omega", [None, 0.5])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_density_and_gradient(layout, omega):
    data = mixed()
    priors = Priors(mu_mean=-1.5, mu=1.8, contrast=0.8, factor=0.7, sigma=0.9, tau=1.1, omega=omega)
    effects = blocks(data, priors, **layout)
    vector = sums_data(data, effects, priors.mu_mean).vector()
    scales = len(scale_names(effects))
    parameters = sum(len(block.labels) for block in effects) + scales
    rng = np.random.default_rng(1)
    for spread in (0.5, 1.0, 2.5):
        q = rng.normal(0, spread, size=parameters)
        value, gradient = KERNEL(q, vector)
        theta = unpack(q[None], data, effects, priors.mu_mean)["theta"][0]
        expected = by_arrays(data, theta) + prior_by_scipy(q, scales)
        assert value == pytest.approx(expected, rel=1e-13, abs=1e-11)
        numerical = approx_fprime(q, lambda at: float(KERNEL(at, vector)[0]), 1e-6)
        np.testing.assert_allclose(gradient, numerical, rtol=2e-4, atol=2e-4)


def test_padding_adds_standard_normals_that_move_nothing():
    data = mixed()
    effects = blocks(data, PRIORS, contrasts=["region"])
    own, scales = sums_data(data, effects, -1.5), len(scale_names(effects))
    used = len(own.sd) + scales
    assert own.scales == scales == 3
    rng = np.random.default_rng(4)
    q, more = rng.normal(size=used), rng.normal(size=5)
    value, gradient = KERNEL(q, own.vector())
    padded = np.concatenate([q[:-scales], more, q[-scales:]])
    there, slopes = KERNEL(padded, own.padded(used + 5).vector())
    assert there == pytest.approx(value + st.norm.logpdf(more).sum(), rel=1e-14)
    np.testing.assert_allclose(np.delete(slopes, np.s_[-scales - 5 : -scales]), gradient, rtol=1e-13)
    np.testing.assert_array_equal(slopes[-scales - 5 : -scales], -more)


def compositions(n, groups):
    if groups == 1:
        return [[n]]
    return [[j, *rest] for j in range(n + 1) for rest in compositions(n - j, groups - 1)]


def unknown_mix(eta, n, length):
    weight, slope = np.empty(length), np.empty((len(eta), length))
    sums.mixed_with(sums.multiply)(np.asarray(eta), n, weight, slope)
    return weight, slope


@pytest.mark.parametrize("eta", [[-1.0, 0.5], [-30.0, 0.2, 30.0], [0.0, -2.0, 1.0, -0.5], [-1.2] * 3])
@pytest.mark.parametrize("n", [1, 5, 9])
def test_an_unknown_mix_is_the_mean_over_all_divisions(eta, n):
    weight, slope = unknown_mix(eta, n, n + 2)
    every = np.array(compositions(n, len(eta)))
    for x in range(n + 1):
        expected = np.exp(partial.log_probability(eta, every, x)).mean()
        assert weight[x] == pytest.approx(np.log(expected), rel=1e-12, abs=1e-12)
    assert weight[n + 1] == -np.inf
    if max(np.abs(eta)) < 5:
        for g in range(len(eta)):
            step = np.eye(len(eta))[g] * 1e-6
            change = unknown_mix(eta + step, n, n + 1)[0] - unknown_mix(eta - step, n, n + 1)[0]
            np.testing.assert_allclose(slope[g, : n + 1], change / 2e-6, rtol=1e-6, atol=1e-8)


def test_an_unknown_mix_is_a_binomial_with_a_uniform_prior_of_the_mix():
    low, high = expit(-1.5), expit(0.7)
    weight, _ = unknown_mix([-1.5, 0.7], 12, 13)
    for x in (0, 4, 12):
        expected, _ = quad(lambda w, x=x: st.binom.pmf(x, 12, w * low + (1 - w) * high), 0, 1)
        assert np.exp(weight[x]) == pytest.approx(expected, rel=1e-9)


def test_density_of_rows_with_patients_of_unknown_groups():
    n = [[3, 6, 0, 0], [6, 8, 0, 8]]
    rows = [("a", SITES[:2], 4), ("b", SITES[:1], 1), ("b", [], 3)]
    pools = [(0, SITES[2:], 5), (2, SITES, 7), (2, SITES[1:3], 4)]
    data = PartialCounts.of(n, rows, ["a", "b"], SITES, pools=pools)
    effects = blocks(data, PRIORS)
    vector = sums_data(data, effects, -1.5).vector()
    q = np.random.default_rng(8).normal(size=sum(len(block.labels) for block in effects) + 3)
    value, gradient = KERNEL(q, vector)
    a, b = unpack(q[None], data, effects, -1.5)["theta"][0]
    known, unknown = partial.log_probability(a[:2], n[0][:2], np.arange(5)), unknown_mix(a[2:], 5, 5)[0]
    first = np.exp(known + unknown[::-1])
    third = [np.exp(unknown_mix(b, 7, 4)[0][j] + unknown_mix(b[1:3], 4, 4)[0][3 - j]) for j in range(4)]
    expected = np.log(sum(first)) + st.binom.logpmf(1, 6, expit(b[0])) + np.log(sum(third))
    assert value == pytest.approx(expected + prior_by_scipy(q, 3), rel=1e-12)
    numerical = approx_fprime(q, lambda at: float(KERNEL(at, vector)[0]), 1e-6)
    np.testing.assert_allclose(gradient, numerical, rtol=2e-4, atol=2e-4)


def test_large_sums_and_far_rates():
    n = [[60, 75, 90, 35], [200, 10, 0, 90]]
    data = PartialCounts.of(n, [("a", SITES, 77), ("b", SITES, 300)], ["a", "b"], SITES)
    effects = blocks(data, PRIORS)
    vector = sums_data(data, effects, -1.5).vector()
    parameters = sum(len(block.labels) for block in effects) + 3
    for seed, spread in enumerate((0.3, 1.0, 3.0)):
        q = np.random.default_rng(seed).normal(0, spread, size=parameters)
        value, gradient = KERNEL(q, vector)
        theta = unpack(q[None], data, effects, -1.5)["theta"][0]
        assert value == pytest.approx(by_arrays(data, theta) + prior_by_scipy(q, 3), rel=1e-12)
        assert np.isfinite(gradient).all()


def test_with_every_split_reported_it_is_the_ordinary_hierarchical_model():
    n = np.array([[3, 6, 3], [6, 8, 10], [13, 4, 1]])
    x = np.array([[0, 2, 3], [1, 0, 5], [13, 1, 0]])
    labels, sites = ["a", "b", "c"], SITES[:3]
    rows = [(labels[t], [sites[s]], x[t, s]) for t in range(3) for s in range(3)]
    data = PartialCounts.of(n, rows, labels, sites, {"region": ["Asia", "West", "West"]})
    effects = blocks(data, Priors(), contrasts=["region"])
    vector = sums_data(data, effects, -2.0).vector()
    rng = np.random.default_rng(2)
    for _ in range(5):
        mu, gamma, b, u, scale = (rng.normal(size=k) for k in (1, 1, 3, 3, 2))
        q = np.concatenate([mu, gamma, b, u, scale])
        sigma, tau = np.logaddexp(0, scale) * [1.0, 1.25]
        side = np.array([-0.5, 0.5, 0.5])
        theta = -2 + 2 * mu + sigma * b + (gamma * side + tau * u)[:, None]
        expected = st.binom.logpmf(x, n, expit(theta)).sum() + prior_by_scipy(q, 2)
        assert KERNEL(q, vector)[0] == pytest.approx(expected, rel=1e-13)


def test_effects_by_hand():
    data = mixed(["West", "Asia", "West", "Asia"])
    effects = blocks(data, PRIORS, contrasts=["region"])
    assert scale_names(effects) == ("sigma", "tau", "omega")
    q = np.zeros((2, 1 + 1 + 4 + 4 + 16 + 3))
    q[0, 1], q[0, 3], q[0, 8] = 1.0, 2.0, -1.0  # gamma, gastroesophageal, trial c
    q[1, 0], q[1, 10], q[:, -3:] = 0.5, 3.0, np.log(np.expm1([2.0, 3.0, 4.0]))  # mu, the first cell, scales
    found = unpack(q, data, effects, PRIORS.mu_mean)
    np.testing.assert_allclose(found["mu"], [-1.5, -1.5 + 0.5 * 1.8])
    np.testing.assert_allclose(found["levels"]["region"], [[-0.4, 0.4], [0, 0]])
    np.testing.assert_allclose(found["group"], [[0, 2 * 2 * 0.9, 0, 0], [0] * 4])
    np.testing.assert_allclose(found["trial"], [[0, 0, -3.3, 0], [0] * 4])
    np.testing.assert_allclose(found["scales"]["omega"], 4 * 0.5)
    assert found["theta"][0, 2, 1] == pytest.approx(-1.5 + 0.4 + 3.6 - 3.3)
    assert found["theta"][1, 0, 0] == pytest.approx(-0.6 + 3 * 4 * 0.5)
    assert found["theta"][1, 0, 1] == pytest.approx(-0.6)


def test_a_contrast_of_one_level_is_no_contrast():
    data = mixed(["West"] * 4)
    effects = blocks(data, Priors(), contrasts=["region"])
    assert [len(block.labels) for block in effects] == [1, 0, 4, 4]
    found = unpack(np.zeros((3, 11)), data, effects, -2.0)
    assert found["levels"]["region"].tolist() == [[0.0]] * 3


@pytest.mark.parametrize("v", [-800.0, -30.0, -1.0, 0.0, 2.0, 40.0, 800.0])
def test_scales_far_from_zero(v):
    scale, slope = sums.softplus(v)
    assert scale == pytest.approx(np.logaddexp(0, v), rel=1e-14)
    assert slope == pytest.approx(expit(v), rel=1e-14)


def test_what_is_refused():
    data = mixed()
    with pytest.raises(DataError, match="no 'year'; those of the data"):
        blocks(data, Priors(), contrasts=["year"])
    nothing = PartialCounts.of([[3, 4]], [], ["a"], SITES[:2])
    with pytest.raises(DataError, match="no responders reported"):
        sums_data(nothing, blocks(nothing, Priors()), -2.0)
