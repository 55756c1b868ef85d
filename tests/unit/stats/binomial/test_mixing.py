"""Distributions of true rates: means, medians and shares against draws and numerical integrals."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import betaln, expit, log_expit, logit
from scipy.stats import norm

from meta.results.calibration import Mixing, Truth
from meta.stats.binomial import mixing

TRUTHS = [Truth(kind, rate, tau) for kind in Mixing for rate in (0.03, 0.2, 0.6) for tau in (0.3, 1.0, 3.0)]
rates, taus = st.floats(0.001, 0.999), st.floats(0.01, 5)


@pytest.mark.parametrize("truth", TRUTHS, ids=str)
def test_what_is_said_of_draws_is_so(truth):
    drawn = mixing.draw(truth, np.random.default_rng(1), (200_000,))
    # four standard errors: of 27 truths and three checks, one in 200 runs of other seeds would fail
    assert drawn.mean() == pytest.approx(mixing.mean(truth), abs=4 * drawn.std() / np.sqrt(drawn.size))
    for rate in (0.01, 0.15, 0.7):
        share = float(mixing.below(truth, rate, inclusive=True))
        error = 4 * np.sqrt(share * (1 - share) / drawn.size) + 1e-4  # and shares that draws never reach
        assert (drawn <= rate).mean() == pytest.approx(share, abs=error)
    middle = mixing.median(truth)
    if middle is not None:
        assert float(mixing.below(truth, middle, inclusive=True)) == pytest.approx(0.5, abs=1e-9)


@settings(max_examples=30)
@given(rate=rates, tau=taus)
def test_log_odds_of_a_beta_distribution_have_the_standard_deviation_asked_for(rate, tau):
    a, b = mixing.beta_shapes(Truth(Mixing.BETA, rate, tau))
    assert a / (a + b) == pytest.approx(rate, rel=1e-9)
    if min(a, b) > 0.05:  # where the integral can be done on a grid of ordinary numbers
        centre = logit(rate)

        def moment(power):
            def weighed(y):
                return (y - centre) ** power * np.exp(a * log_expit(y) + b * log_expit(-y) - betaln(a, b))

            edges = centre + np.array([-300, -8 * tau, -tau, 0, tau, 8 * tau, 300])
            return sum(quad(weighed, *pair, limit=400)[0] for pair in pairwise(edges))

        spread = np.sqrt(moment(2) - moment(1) ** 2)
        assert spread == pytest.approx(tau, rel=1e-4)  # what quad leaves of an endless tail


def test_a_two_point_distribution_is_open_between_its_points():
    truth = Truth(Mixing.TWO_POINT, 0.2, 1.0)
    low, high = expit(logit(0.2) - 1), expit(logit(0.2) + 1)
    assert mixing.median(truth) is None
    assert mixing.mean(truth) == pytest.approx((low + high) / 2)
    assert float(mixing.below(truth, low, inclusive=False)) == 0
    assert float(mixing.below(truth, low, inclusive=True)) == 0.5
    assert float(mixing.below(truth, high, inclusive=False)) == 0.5
    assert float(mixing.below(truth, high, inclusive=True)) == 1


@pytest.mark.parametrize("kind", Mixing)
def test_without_heterogeneity_all_are_one_rate(kind):
    truth = Truth(kind, 0.13, 0.0)
    assert set(mixing.draw(truth, np.random.default_rng(2), (50,))) == {0.13}
    assert mixing.mean(truth) == mixing.median(truth) == 0.13
    shares = [float(mixing.below(truth, at, inclusive=at == 0.13)) for at in (0.0, 0.1299, 0.13, 0.1301, 1.0)]
    assert shares == [0, 0, 1, 1, 1]


def test_shares_of_a_normal_distribution_at_the_ends():
    truth = Truth(Mixing.NORMAL, 0.1, 0.7)
    found = mixing.below(truth, [0.0, 0.1, 0.4, 1.0], inclusive=True)
    assert found == pytest.approx([0, 0.5, norm.cdf((logit(0.4) - logit(0.1)) / 0.7), 1])
