"""Standardised rates against calculations by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import expit, logit
from scipy.stats import norm

from meta.errors import DataError
from meta.stats.unreported import standardise


@pytest.mark.parametrize("levels", [1, 2, 3, 5])
def test_levels_are_exchangeable_and_add_up_to_zero(levels):
    coding = standardise.sum_to_zero(levels)
    assert coding.shape == (levels, levels - 1)
    np.testing.assert_allclose(coding.sum(0), 0, atol=1e-15)
    for i in range(levels):
        for j in range(i):
            assert np.sum((coding[i] - coding[j]) ** 2) == pytest.approx(1)


def test_two_levels_are_half_a_unit_from_zero():
    np.testing.assert_allclose(standardise.sum_to_zero(2), [[-0.5], [0.5]], rtol=1e-15)


def test_a_mix_is_shares():
    np.testing.assert_allclose(standardise.mix_of([[1, 3], [2, 2]]), [[0.25, 0.75], [0.5, 0.5]])


@pytest.mark.parametrize("numbers", [[0, 0], [1, -1], [1, np.nan], [np.inf, 1]])
def test_a_mix_of_nothing_is_refused(numbers):
    with pytest.raises(DataError, match="mix"):
        standardise.mix_of(numbers)


def by_hand(eta, sd):
    return quad(lambda u: expit(eta + u) * norm.pdf(u, scale=sd), -12 * sd, 12 * sd, epsabs=1e-12)[0]


def test_new_trials_by_numerical_integration():
    eta, tau = np.array([[-2.0, 0.5], [-1.0, 1.0]]), np.array([[0.4], [1.7]])
    median, mean = standardise.over_new_trials(eta, tau)
    np.testing.assert_allclose(median, expit(eta))
    expected = [[by_hand(e, t) for e in row] for row, (t,) in zip(eta, tau, strict=True)]
    np.testing.assert_allclose(mean, expected, atol=1e-9)


def test_effects_of_groups_within_trials_are_averaged_over_in_both():
    median, mean = standardise.over_new_trials(-2.0, 0.6, 0.8)
    assert median == pytest.approx(by_hand(-2.0, 0.8), abs=1e-9)
    assert mean == pytest.approx(by_hand(-2.0, 1.0), abs=1e-9)


def test_no_heterogeneity_leaves_one_rate():
    median, mean = standardise.over_new_trials([-2.0, 1.0], 0.0)
    np.testing.assert_allclose(mean, median, rtol=1e-12)


def test_the_median_of_a_mix_over_trials_is_the_mix_of_medians():
    eta, tau, mix = np.array([-3.0, 0.5, 1.0]), 1.3, np.array([0.5, 0.2, 0.3])
    u = np.random.default_rng(1).normal(0, tau, size=(400_001, 1))
    found = np.median(expit(eta + u) @ mix)
    median, mean = standardise.over_new_trials(eta, tau)
    assert median @ mix == pytest.approx(found, abs=2e-3)
    assert mean @ mix == pytest.approx(float((expit(eta + u) @ mix).mean()), abs=1e-3)


def test_these_trials_are_weighted_by_patients():
    rates = np.array([[0.1, 0.3], [0.2, 0.5], [0.4, 0.6]])
    found = standardise.over_these_trials(logit(rates), [10, 30, 5], [0, 0, 1], 3)
    np.testing.assert_allclose(found[0], [0.175, 0.45])
    np.testing.assert_allclose(found[1], [0.4, 0.6])
    assert np.isnan(found[2]).all()
    many = standardise.over_these_trials(np.stack([logit(rates)] * 4), [10, 30, 5], [0, 0, 1], 2)
    np.testing.assert_allclose(many, np.stack([found[:2]] * 4))


def test_direct_standardisation_by_hand():
    found = standardise.direct([[1, 3, 0], [0, 2, 0]], [[10, 10, 0], [5, 20, 0]], [0.4, 0.6, 0.0])
    np.testing.assert_allclose(found.rate, [0.22, 0.06])
    np.testing.assert_allclose(found.share, [1, 1])
    np.testing.assert_allclose(found.se[0], np.sqrt(0.16 * 0.1 * 0.9 / 10 + 0.36 * 0.3 * 0.7 / 10))


def test_what_was_not_reported_is_not_estimated():
    found = standardise.direct([1, 0], [10, 0], [0.7, 0.3])
    assert np.isnan(found.rate)
    assert np.isnan(found.se)
    assert found.share == pytest.approx(0.7)


def test_order_is_a_share_of_draws():
    found = standardise.order([[1, 2, 3], [3, 2, 1], [4, 1, 1], [5, 0, 1]])
    np.testing.assert_allclose(found[0], [0.5, 0.75, 0.75])
    np.testing.assert_allclose(found[1], [0.25, 0.5, 0.375])
    np.testing.assert_allclose(found + found.T, 1)
