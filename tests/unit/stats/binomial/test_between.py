"""The bootstrap against a plain loop, and against what Table 1's design is known to do."""

from __future__ import annotations

import numpy as np
import pytest

from meta.errors import DataError
from meta.stats.binomial import between
from meta.stats.binomial.between import bootstrap_lr, likelihood_ratio
from meta.stats.binomial.likelihood import fixed
from meta.stats.binomial.marginal import marginal_terms
from meta.stats.numeric.codes import Code

TABLE1 = ([5, 6, 2, 1], [18, 32, 29, 21])
REGION = [0, 0, 1, 1]


def test_table_1():
    """Under no difference the chi-squared test at 5 % rejects 9 % at tau = 0.5 and 15 % at tau = 1."""
    b = bootstrap_lr(*TABLE1, REGION, tau=[0.0, 0.5, 1.0])
    assert b.statistic == pytest.approx(5.32, abs=5e-3)
    assert (b.code == Code.OK).all()
    assert (b.failed == 0).all()
    # Monte-Carlo standard errors of 5,000 draws: 0.004 at 9 %, 0.005 at 15 %
    assert b.chi2_rejects[1] == pytest.approx(0.09, abs=0.012)
    assert b.chi2_rejects[2] == pytest.approx(0.15, abs=0.015)
    assert b.chi2_rejects[0] < 0.05
    assert (np.diff(b.p) > 0).all()  # the more heterogeneous the trials, the less a difference says
    np.testing.assert_allclose(b.se, np.sqrt(b.p * (1 - b.p) / 5001), rtol=1e-12)
    np.testing.assert_allclose(b.mu, fixed(marginal_terms, *TABLE1, True, b.tau**2).mu[:, 0], rtol=1e-14)


def test_a_plain_loop():
    draws, tau, seed = 40, 0.7, 4
    b = bootstrap_lr(*TABLE1, REGION, tau=tau, draws=draws, seed=seed)
    rng = np.random.default_rng(seed)
    theta = b.mu[0] + tau * rng.standard_normal((draws, 4))
    x = rng.binomial(TABLE1[1], 1 / (1 + np.exp(-theta)))
    ratios = np.array(
        [likelihood_ratio(marginal_terms, one, TABLE1[1], groups=REGION).statistic for one in x]
    )
    assert b.p[0] == (1 + np.sum(ratios >= b.statistic - 1e-7)) / (draws + 1)
    assert b.chi2_rejects[0] == np.mean(ratios >= 3.841458820694124)


def test_p_does_not_depend_on_the_other_values_of_tau():
    together = bootstrap_lr(*TABLE1, REGION, tau=[0.3, 0.9], draws=200)
    alone = bootstrap_lr(*TABLE1, REGION, tau=0.9, draws=200)
    assert alone.p[0] == together.p[1]
    assert bootstrap_lr(*TABLE1, REGION, tau=0.9, draws=200, seed=2).p[0] != alone.p[0]


def test_an_arm_left_out():
    b = bootstrap_lr([*TABLE1[0], 7], [*TABLE1[1], 9], [*REGION, 1], [True] * 4 + [False], tau=0.5, draws=100)
    assert b.statistic == pytest.approx(bootstrap_lr(*TABLE1, REGION, tau=0.5, draws=1).statistic, rel=1e-12)


def test_large_arms_cost_no_memory():
    """Distinct arms are only those drawn: no table over 0 to 5,000."""
    b = bootstrap_lr([1000, 6, 400], [5000, 32, 5000], [0, 0, 1], tau=0.5, draws=300)
    assert 0 < b.p[0] <= 1


def test_nothing_to_simulate():
    one = bootstrap_lr(*TABLE1, [0, 0, 0, 0], tau=[0.0, 1.0], draws=10)
    assert (one.code == Code.ONE_GROUP).all()
    none = bootstrap_lr([0, 0, 0, 0], TABLE1[1], REGION, tau=[0.0, 1.0], draws=10)
    assert (none.code == Code.INFINITE_MU).all()
    assert np.isnan([one.p, one.chi2_rejects, none.p, none.mu]).all()


def test_wrong_input():
    for options in ({"tau": -1.0}, {"tau": np.nan}, {"tau": 1.0, "draws": 0}):
        with pytest.raises(DataError, match="finite tau >= 0"):
            bootstrap_lr(*TABLE1, REGION, **options)
    with pytest.raises(DataError, match="one data set"):
        bootstrap_lr([TABLE1[0]] * 2, TABLE1[1], REGION, tau=1.0)


def test_many_arms_climb_from_the_truth_to_the_same_peaks(monkeypatch):
    rng = np.random.default_rng(7)
    n = rng.integers(5, 60, 30)
    x, groups = rng.binomial(n, 0.2), np.arange(30) % 3
    climbed = bootstrap_lr(x, n, groups, tau=[0.0, 0.8], draws=60)
    monkeypatch.setattr(between, "_FEW_ARMS", 30)
    searched = bootstrap_lr(x, n, groups, tau=[0.0, 0.8], draws=60)
    assert climbed.p.tolist() == searched.p.tolist()
    assert climbed.chi2_rejects.tolist() == searched.chi2_rejects.tolist()
