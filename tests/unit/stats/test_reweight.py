"""Draws under another prior: a normal posterior, whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats as st

from meta.stats import reweight


@pytest.mark.parametrize("new", [0.75, 1.0, 1.5, 2.5])
def test_a_normal_posterior_under_another_prior(new):
    y, v = 0.8, 0.5  # one observation; the prior is N(0, 1), then N(0, new^2)
    shrink = 1 / (1 + v)
    draws = np.random.default_rng(1).normal(shrink * y, np.sqrt(shrink * v), size=200_000)
    weight, effective = reweight.weights(reweight.normal_ratio(draws[:, None], 1.0, new))
    expected = st.norm(y * new**2 / (new**2 + v), np.sqrt(v * new**2 / (new**2 + v)))
    p = [0.025, 0.5, 0.975]
    np.testing.assert_allclose(reweight.quantiles(draws, weight, p), expected.ppf(p), atol=0.02)
    assert 1 < effective <= 200_000 * (1 + 1e-9)
    assert weight.sum() == pytest.approx(1)


def test_equal_weights_are_no_weights():
    draws = np.random.default_rng(2).normal(size=101)
    weight, effective = reweight.weights(np.full(101, -7.0))
    assert effective == pytest.approx(101)
    p = [0.1, 0.5, 0.9]
    np.testing.assert_allclose(
        reweight.quantiles(draws, weight, p), np.quantile(draws, p, method="hazen"), rtol=1e-12
    )


def test_several_effects_add_up():
    found = reweight.normal_ratio([[1.0, 2.0], [0.0, 0.0]], 1.0, 2.0)
    expected = [st.norm(0, 2).logpdf(e).sum() - st.norm(0, 1).logpdf(e).sum() for e in ([1, 2], [0, 0])]
    assert found[0] - found[1] == pytest.approx(expected[0] - expected[1])


def test_one_draw_with_all_the_weight_is_worth_one():
    assert reweight.weights([0.0, -800.0, -900.0])[1] == pytest.approx(1)
