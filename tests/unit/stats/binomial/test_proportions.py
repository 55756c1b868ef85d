"""Study-level intervals against statsmodels, binomial tails and the corners."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from meta.stats.binomial.proportions import proportion_interval

STATSMODELS = {"clopper-pearson": "beta", "wilson": "wilson", "jeffreys": "jeffreys"}
ARMS = [(x, n) for n in (1, 2, 14, 33, 110) for x in {0, 1, n // 3, n - 1, n}]


@pytest.mark.parametrize("method", STATSMODELS)
@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.999])
def test_agrees_with_statsmodels(method, level):
    from statsmodels.stats.proportion import proportion_confint

    x, n = np.transpose(ARMS)
    inside = (x > 0) & (x < n)  # at 0 and n statsmodels leaves the Jeffreys limit off 0 and 1
    ours = proportion_interval(x[inside], n[inside], method=method, level=level)
    theirs = proportion_confint(x[inside], n[inside], alpha=1 - level, method=STATSMODELS[method])
    # beta.ppf and betaincinv invert the same function by different iterations
    assert np.transpose(ours) == pytest.approx(np.transpose(theirs), rel=1e-10)
    if method == "clopper-pearson":
        ours = proportion_interval(x, n, method=method, level=level)
        theirs = np.nan_to_num(proportion_confint(x, n, alpha=1 - level, method="beta"), nan=1.0)
        assert ours[1] == pytest.approx(theirs[1], rel=1e-10)


@pytest.mark.parametrize("level", [0.8, 0.95, 0.999])
def test_clopper_pearson_limits_have_half_of_alpha_beyond_them(level):
    """By definition: at the lower limit P(X >= x) is alpha/2, at the upper P(X <= x) is."""
    x, n = np.transpose([arm for arm in ARMS if 0 < arm[0] < arm[1]])
    low, high = proportion_interval(x, n, level=level)
    assert binom.sf(x - 1, n, low) == pytest.approx(np.full(len(x), (1 - level) / 2), rel=1e-9)
    assert binom.cdf(x, n, high) == pytest.approx(np.full(len(x), (1 - level) / 2), rel=1e-9)


@pytest.mark.parametrize("method", STATSMODELS)
@pytest.mark.parametrize("n", [1, 29, 100_000])
def test_no_responder_and_only_responders(method, n):
    low, high = proportion_interval([0, n], [n, n], method=method)
    assert (low[0], high[1]) == (0, 1)
    assert 0 < high[0] < 1
    assert low[1] == pytest.approx(1 - high[0], rel=1e-9, abs=1e-12)


def test_no_responder_in_closed_form():
    _, high = proportion_interval(0, 29)
    assert high == pytest.approx(1 - 0.025 ** (1 / 29), rel=1e-12)  # (1 - p)^n = alpha / 2
    _, wilson = proportion_interval(0, 29, method="wilson")
    assert wilson == pytest.approx(1.959963984540054**2 / (29 + 1.959963984540054**2), rel=1e-12)


def test_batches_keep_their_shape():
    x = np.arange(12).reshape(3, 4)
    low, high = proportion_interval(x, 20, method="wilson")
    assert low.shape == high.shape == (3, 4)
    assert low[2, 1] == proportion_interval(9, 20, method="wilson")[0]
