"""Sums over groups against enumeration in exact fractions, extremes, and what must not depend on what."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import comb, log

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit

from meta.errors import DataError
from meta.stats.unreported import sums as partial

# Enumeration is exact; 1e-12 is what the issue asks for, and about ten times what rounding takes.
TOLERANCE = 1e-12


def enumerate_splits(n, x):
    return [split for split in product(*[range(m + 1) for m in n]) if sum(split) == x]


def weight(n, p, xs):
    """Probability, as a fraction, of these responders of each group."""
    whole = Fraction(1)
    for m, rate, j in zip(n, p, xs, strict=True):
        whole *= comb(m, j) * rate**j * (1 - rate) ** (m - j)
    return whole


def exact(n, p, x):
    return sum(weight(n, p, split) for split in enumerate_splits(n, x))


def log_of(fraction):
    return log(fraction.numerator) - log(fraction.denominator)


def log_odds(p):
    return [log_of(rate) - log_of(1 - rate) for rate in p]


rates = st.integers(1, 9999).map(lambda k: Fraction(k, 10_000))
tiny = st.integers(1, 300).map(lambda e: Fraction(1, 10**e))
extremes = rates | tiny | tiny.map(lambda p: 1 - p)


@st.composite
def rows(draw, *, of=rates, most=4, largest=7):
    n = draw(st.lists(st.integers(0, largest), min_size=1, max_size=most))
    p = draw(st.lists(of, min_size=len(n), max_size=len(n)))
    return n, p, draw(st.integers(0, sum(n)))


@given(rows())
def test_a_sum_equals_enumeration(row):
    n, p, x = row
    found = partial.log_probability(log_odds(p), n, x)
    assert found == pytest.approx(log_of(exact(n, p, x)), rel=0, abs=TOLERANCE)


@given(rows(of=extremes))
def test_a_sum_of_extreme_rates_equals_enumeration(row):
    n, p, x = row
    expected = log_of(exact(n, p, x))
    # Of a term as large as -7 * 300 * log(10), the last digit is 1e-12.
    found = partial.log_probability(log_odds(p), n, x)
    assert found == pytest.approx(expected, rel=2e-15, abs=TOLERANCE)


@settings(max_examples=10)
@given(rows(most=8, largest=2))
def test_eight_groups_equal_enumeration(row):
    n, p, x = row
    found = partial.log_probability(log_odds(p), n, x)
    assert found == pytest.approx(log_of(exact(n, p, x)), rel=0, abs=TOLERANCE)


@given(rows())
def test_splits_equal_enumeration(row):
    n, p, x = row
    found = partial.split(log_odds(p), n, x)
    whole = exact(n, p, x)
    expected = np.zeros((len(n), x + 1))
    for xs in enumerate_splits(n, x):
        for s, j in enumerate(xs):
            expected[s, j] += float(weight(n, p, xs) / whole)
    np.testing.assert_allclose(found.probability, expected, rtol=TOLERANCE, atol=TOLERANCE)
    np.testing.assert_allclose(found.expected, expected @ np.arange(x + 1), rtol=TOLERANCE, atol=TOLERANCE)
    assert found.expected.sum() == pytest.approx(x, rel=0, abs=1e-11)


@given(rows(), st.randoms(use_true_random=False))
def test_the_order_of_groups_does_not_matter(row, shuffle):
    n, p, x = row
    order = list(range(len(n)))
    shuffle.shuffle(order)
    one = partial.split(log_odds(p), n, x)
    other = partial.split(log_odds([p[i] for i in order]), [n[i] for i in order], x)
    np.testing.assert_allclose(other.probability, one.probability[order], rtol=1e-11, atol=1e-14)


@given(rows(), st.integers(0, 3))
def test_a_group_counted_in_two_parts_is_one_group(row, part):
    n, p, x = row
    eta, cut = log_odds(p), min(part, n[0])
    two = partial.log_probability([eta[0], *eta], [cut, n[0] - cut, *n[1:]], x)
    assert two == pytest.approx(partial.log_probability(eta, n, x), rel=0, abs=TOLERANCE)


def test_hundreds_of_patients_add_up_to_one_and_equal_one_binomial():
    n, x = [35, 45, 70, 100], np.arange(251)
    together = partial.log_probability(np.full(4, logit(0.13)), n, x)
    np.testing.assert_allclose(together, scipy.stats.binom.logpmf(x, 250, 0.13), rtol=0, atol=2e-11)
    apart = partial.log_probability([-3.0, 2.0, -1.0, 0.5], n, x)
    assert np.exp(apart).sum() == pytest.approx(1, abs=1e-12)
    mean = float(np.exp(apart) @ x)
    assert mean == pytest.approx(float(expit([-3.0, 2.0, -1.0, 0.5]) @ n), rel=1e-12)


def test_hundreds_of_patients_equal_whole_numbers():
    """Rates a/(a + 1) with whole a: coefficients of prod (1 + a z)^n in Python's integers."""
    n, odds = [60, 75, 90, 35, 40], [1, 3, 7, 2, 50]
    coefficients = [1]
    for m, a in zip(n, odds, strict=True):
        factor = [comb(m, j) * a**j for j in range(m + 1)]
        longer = [0] * (len(coefficients) + m)
        for i, c in enumerate(coefficients):
            for j, f in enumerate(factor):
                longer[i + j] += c * f
        coefficients = longer
    whole = log(sum(coefficients))
    expected = [log(c) - whole for c in coefficients]
    found = partial.log_probability(np.log(odds), n, np.arange(sum(n) + 1))
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-12)


def test_nobody_and_everybody_have_closed_forms():
    eta, n = np.array([-40.0, -1.0, 3.0, 40.0]), np.array([50, 30, 20, 70])
    log_no, log_yes = -np.logaddexp(0, eta), -np.logaddexp(0, -eta)
    assert partial.log_probability(eta, n, 0) == pytest.approx(n @ log_no, rel=1e-15)
    assert partial.log_probability(eta, n, n.sum()) == pytest.approx(n @ log_yes, rel=1e-15)
    assert partial.split(eta, n, 0).expected.tolist() == [0, 0, 0, 0]
    np.testing.assert_allclose(partial.split(eta, n, n.sum()).expected, n, rtol=1e-14)


@pytest.mark.parametrize("far", [50.0, 800.0, 1e5])
def test_rates_next_to_0_and_1_keep_their_digits(far):
    assert partial.log_probability([-far, far], [5, 4], 4) == pytest.approx(0, abs=1e-15)
    found = partial.log_probability([-far, far], [5, 4], 5)
    assert found == pytest.approx(log(5) - far, rel=1e-15)
    shares = partial.split([-far, -far - 1, far], [5, 5, 4], 5)
    odds = np.array([1, np.exp(-1)])
    np.testing.assert_allclose(shares.expected, [*odds / odds.sum(), 4], rtol=1e-10)


def test_rates_of_exactly_0_and_1():
    eta = [-np.inf, np.inf, 0.0]
    np.testing.assert_allclose(
        partial.log_probability(eta, [3, 2, 2], [1, 2, 3, 4, 5]),
        [-np.inf, log(0.25), log(0.5), log(0.25), -np.inf],
    )
    np.testing.assert_allclose(partial.split(eta, [3, 2, 2], 3).expected, [0, 2, 1])


def test_what_cannot_be_has_no_probability():
    assert partial.log_probability([0.0, 1.0], [2, 3], [-1, 6, 10**9]).tolist() == [-np.inf] * 3
    assert np.isnan(partial.split([0.0, 1.0], [2, 3], 6).expected).all()
    assert partial.log_probability([0.0], [0], [0, 1]).tolist() == [0, -np.inf]


def test_batches_are_their_cells():
    rng = np.random.default_rng(3)
    eta, n = rng.normal(size=(5, 1, 4)), rng.integers(0, 6, size=(3, 4))
    x = rng.integers(0, 7, size=(5, 3))
    whole, shares = partial.log_probability(eta, n, x), partial.split(eta, n, x)
    assert whole.shape == (5, 3)
    assert shares.probability.shape == (5, 3, 4, x.max() + 1)
    for i, j in np.ndindex(5, 3):
        assert whole[i, j] == pytest.approx(partial.log_probability(eta[i, 0], n[j], x[i, j]), rel=1e-14)
        one = partial.split(eta[i, 0], n[j], x[i, j])
        np.testing.assert_allclose(shares.expected[i, j], one.expected, rtol=1e-12, equal_nan=True)
    assert partial.log_probability(np.zeros((0, 2)), [1, 2], 1).shape == (0,)


def test_slabs_are_seamless(monkeypatch):
    rng = np.random.default_rng(4)
    eta, x = rng.normal(size=(40, 3)), rng.integers(0, 12, size=40)
    whole, shares = partial.log_probability(eta, [5, 4, 3], x), partial.split(eta, [5, 4, 3], x)
    monkeypatch.setattr(partial, "_CELLS", 1000)
    np.testing.assert_array_equal(partial.log_probability(eta, [5, 4, 3], x), whole)
    np.testing.assert_array_equal(partial.split(eta, [5, 4, 3], x).probability, shares.probability)


def test_a_trial_is_the_product_of_its_rows():
    eta, n = np.array([-2.0, -1.0, 0.0, 1.0]), np.array([8, 5, 0, 9])
    members = np.array([[True, False, False, False], [False, True, True, True]])
    expected = scipy.stats.binom.logpmf(2, 8, expit(-2.0))
    expected += np.log(
        sum(
            scipy.stats.binom.pmf(j, 5, expit(-1.0)) * scipy.stats.binom.pmf(6 - j, 9, expit(1.0))
            for j in range(6)
        )
    )
    reported = np.where(members, n, 0)
    assert partial.log_probability(eta, reported, [2, 6]).sum() == pytest.approx(expected, rel=1e-13)
    # every group reported: the plain binomial
    every = partial.log_probability(eta, np.diag(n), [2, 1, 0, 3]).sum()
    assert every == pytest.approx(scipy.stats.binom.logpmf([2, 1, 0, 3], n, expit(eta)).sum(), rel=1e-13)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([0.0, 0.0], [1, 2, 3], 1), "shapes"),
        (([0.0, 0.0], [1, -2], 1), "found -2"),
        ((np.zeros((3, 0)), np.zeros((3, 0), dtype=int), 1), "no group"),
    ],
)
def test_what_is_refused(arguments, words):
    with pytest.raises(DataError, match=words):
        partial.log_probability(*arguments)


def test_binomial_coefficients_are_exact():
    for n in (0, 1, 2, 7, 60, 301):
        assert partial.log_choose(n).tolist() == [log(comb(n, j)) for j in range(n + 1)]
