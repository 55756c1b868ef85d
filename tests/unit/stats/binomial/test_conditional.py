"""The exact conditional test against enumeration, Fisher's test, and what it must not depend on."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from itertools import product
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import chdtrc, expit, logit
from scipy.stats import chi2_contingency, fisher_exact

from meta.errors import DataError
from meta.stats.binomial import beta_binomial as betabinomial
from meta.stats.binomial import fixed_total, large_tables
from meta.stats.binomial.conditional import conditional_test, likelihood_ratio
from meta.stats.numeric.codes import Code

TABLE_1 = ([5, 6, 2, 1], [18, 32, 29, 21])
SEED = 20261


@cache
def tables(n, total):
    """Every table of these sizes with this total, the number of ways to it, and its statistic."""
    found = []
    for x in product(*[range(min(m, total) + 1) for m in n[:-1]]):
        last = total - sum(x)
        if 0 <= last <= n[-1]:
            full = (*x, last)
            ways = 1
            for m, z in zip(n, full, strict=True):
                ways *= comb(m, z)
            squares = [(z - Fraction(m * total, sum(n))) ** 2 for m, z in zip(n, full, strict=True)]
            found.append((full, ways, sum(squares)))
    return found


def enumerated(x, n):
    """The p-value and mid-p value as fractions."""
    found = tables(tuple(n), sum(x))
    (observed,) = (d for full, _, d in found if full == tuple(x))
    everything = sum(ways for _, ways, _ in found)
    least = sum(ways for _, ways, d in found if d >= observed)
    above = sum(ways for _, ways, d in found if d > observed)
    return float(Fraction(least, everything)), float(Fraction(least + above, 2 * everything))


@st.composite
def trials(draw, *, most=4, largest=12):
    n = draw(st.lists(st.integers(1, largest), min_size=2, max_size=most))
    return [draw(st.integers(0, m)) for m in n], n


def varied(trial):
    x, n = trial
    return 0 < sum(x) < sum(n)


@settings(max_examples=80)
@given(trials().filter(varied))
def test_equals_enumeration(trial):
    test = conditional_test(*trial)
    p, mid = enumerated(*trial)
    assert float(test.p) == pytest.approx(p, rel=1e-13)
    assert float(test.mid_p) == pytest.approx(mid, rel=1e-13)
    assert test.exact
    assert test.code == Code.OK


def test_table_1():
    test = conditional_test(*TABLE_1)
    p, mid = enumerated(*TABLE_1)
    assert (float(test.p), float(test.mid_p)) == pytest.approx((p, mid), rel=1e-13)
    everything = tables(tuple(TABLE_1[1]), 14)
    mean = sum(ways * d for _, ways, d in everything) / sum(ways for _, ways, _ in everything)
    assert float(test.expected) == pytest.approx(float(mean), rel=1e-13)
    assert float(test.statistic) == pytest.approx(16.468, rel=1e-13)


def test_small_p_keeps_its_digits():
    x, n = [12, 0, 0, 1], [12, 12, 14, 11]
    p, mid = enumerated(x, n)
    assert p < 1e-8
    test = conditional_test(x, n)
    assert (float(test.p), float(test.mid_p)) == pytest.approx((p, mid), rel=1e-12)


@pytest.mark.parametrize("n", [5, 18, 60, 300])
def test_is_fishers_test_for_two_arms_of_one_size(n):
    """Given the total, both statistics then order tables by the difference of the arms."""
    rng = np.random.default_rng(SEED)
    x = rng.integers(0, n + 1, (20, 2))
    x[0] = n // 3, n // 2
    ours = conditional_test(x, n).p
    theirs = [fisher_exact([[a, n - a], [b, n - b]]).pvalue for a, b in x]
    assert ours == pytest.approx(np.array(theirs), rel=1e-9)


def test_statistic_is_the_score_of_the_beta_binomial_at_the_common_rate():
    """Up to a constant and 1/(2 p (1 - p)): locally most powerful there."""
    n = (18, 32, 29, 21)
    some = np.array([full for full, _, _ in tables(n, 14)])
    p = 14 / 100
    score = betabinomial.terms(some, np.array(n), logit(p), 0.0).d_v.sum(-1)
    statistic = np.array([float(d) for _, _, d in tables(n, 14)])
    difference = score - statistic / (2 * p * (1 - p))
    assert difference == pytest.approx(np.full(len(some), difference[0]), rel=1e-9)


@pytest.mark.parametrize(("n", "total"), [((18, 32, 29, 21), 14), ((6, 8, 8, 10), 9), ((3, 40, 5), 7)])
def test_keeps_its_level(n, total):
    """At every level alpha, the tables with p <= alpha have together a probability of at most alpha."""
    found = tables(n, total)
    weight = np.array([ways for _, ways, _ in found], dtype=float)
    weight /= weight.sum()
    p = conditional_test(np.array([full for full, _, _ in found]), np.array(n)).p
    order = np.argsort(p)
    size = np.cumsum(weight[order])
    last = np.append(np.diff(p[order]) > 1e-12, True)
    assert size[last] == pytest.approx(p[order][last], rel=1e-10)


@settings(max_examples=50)
@given(trials(most=6).filter(varied), st.randoms(use_true_random=False))
def test_order_of_trials_and_naming_of_outcomes_do_not_matter(trial, random):
    x, n = map(np.array, trial)
    order = random.sample(range(len(n)), len(n))
    test = conditional_test(x, n)
    for other in (conditional_test(x[order], n[order]), conditional_test(n - x, n)):
        assert np.transpose(other) == pytest.approx(np.transpose(test), rel=1e-12)


@settings(max_examples=50)
@given(st.lists(trials(largest=9), min_size=1, max_size=5), st.data())
def test_a_batch_is_its_members_and_what_is_left_out_counts_for_nothing(batch, data):
    k = max(len(n) for _, n in batch) + 1
    x, n = np.full((len(batch), k), np.nan), np.full((len(batch), k), -1.0)
    include = np.zeros((len(batch), k), dtype=bool)
    for row, (responders, size) in enumerate(batch):
        where = sorted(data.draw(st.permutations(range(k)))[: len(size)])
        x[row, where], n[row, where], include[row, where] = responders, size, True
    for test in (conditional_test, likelihood_ratio):
        together = test(x[:, None], n[:, None], include[:, None])
        for row, (responders, size) in enumerate(batch):
            alone = np.transpose(test(responders, size))
            there = np.transpose([field[row, 0] for field in together])
            assert there == pytest.approx(alone, rel=1e-12, nan_ok=True)


def test_nothing_varies_given_no_responder_or_only_responders():
    test = conditional_test([[0, 0, 0], [4, 5, 6]], [4, 5, 6])
    assert test.p.tolist() == [1.0, 1.0]
    assert test.exact.all()
    assert test.mid_p.tolist() == [0.5, 0.5]
    assert test.statistic.tolist() == test.expected.tolist() == [0.0, 0.0]
    assert test.code.tolist() == [Code.NO_VARIATION] * 2
    ratio = likelihood_ratio([[0, 0, 0], [4, 5, 6]], [4, 5, 6])
    assert (ratio.statistic.tolist(), ratio.p.tolist()) == ([0.0, 0.0], [1.0, 1.0])


@pytest.mark.parametrize(
    ("x", "n", "include"), [([3], [9], True), ([3, 2], [9, 8], [True, False]), ([3, 0], [9, 0], True)]
)
def test_one_trial_is_too_few(x, n, include):
    for test in (conditional_test(x, n, include), likelihood_ratio(x, n, include)):
        assert test.code == Code.FEW_TRIALS
        assert np.isnan([test.statistic, test.p]).all()


@pytest.mark.parametrize(
    ("x", "n"), [([5, 1], [4, 4]), ([-1, 1], [4, 4]), ([0.5, 1], [4, 4]), ([1, np.nan], [4, 4])]
)
def test_impossible_counts_are_named(x, n):
    with pytest.raises(DataError, match="responders among 4 patients"):
        conditional_test(x, n)


def test_shapes_that_do_not_broadcast_are_named():
    with pytest.raises(DataError, match="broadcast"):
        likelihood_ratio([1, 2, 3], [4, 4])


@pytest.mark.parametrize(
    ("sizes", "spread"),
    [([610, 640, 700, 1500], 0.3), ([300, 340, 280, 400, 500], 0.25), ([250, 260, 270, 230, 290, 220], 0.2),
     ([140, 160, 90, 135, 120, 180, 110, 177, 145, 131, 166], 0.1)],
)  # fmt: skip
def test_an_approximation_is_as_near_as_it_says(sizes, spread, monkeypatch):
    rng = np.random.default_rng(SEED)
    n = np.array(sizes)
    x = rng.binomial(n, expit(rng.normal(-1.0, spread, len(n))))
    test = conditional_test(x, n)
    assert not test.exact
    monkeypatch.setattr(fixed_total, "_WORK", 1e10)
    exact = conditional_test(x, n)
    assert exact.exact
    assert test.p == test.mid_p == pytest.approx(float(exact.mid_p), abs=large_tables.ABSOLUTE)
    if large_tables.SMALLEST < exact.p < 0.1:
        assert test.p == pytest.approx(float(exact.mid_p), rel=large_tables.RELATIVE)


@pytest.mark.parametrize("n", [(3, 4, 5), (2, 2, 9), (1, 6, 7, 7)])
def test_the_cumulants_of_an_approximation_are_exact(n):
    total = 6
    found = tables(n, total)
    everything = sum(ways for _, ways, _ in found)
    # N times the statistic less its constant part, 2 S n_i x being the linear one
    values = [(ways, sum(z * (sum(n) * z - 2 * total * m) for m, z in zip(n, full, strict=True)))
              for full, ways, _ in found]  # fmt: skip
    mean = Fraction(sum(ways * value for ways, value in values), everything)
    central = [sum(ways * (value - mean) ** j for ways, value in values) / everything for j in (2, 3)]
    assert large_tables._cumulants(np.array(n), total) == (mean, *central)


def test_the_saddlepoint_formula_with_equal_weights_is_a_gamma_distribution():
    """To 1 % from 4 degrees of freedom on, also at the mean, where the formula cancels."""
    for df in (4, 9, 50):
        z = np.array([-1.2, -1e-5, 0.0, 1e-5, 0.5, 2.0, 6.0])
        ours = large_tables._tail(np.ones(7), z, np.sqrt(8 / df))
        assert ours == pytest.approx(chdtrc(df, df + z * np.sqrt(2 * df)), rel=0.01)


def test_a_statistic_of_one_value_has_nothing_beyond_it(monkeypatch):
    monkeypatch.setattr(fixed_total, "_WORK", 0.0)
    test = conditional_test([1, 0, 1, 0], [1, 1, 1, 1])
    assert (test.p, test.mid_p) == (0.5, 0.5)


@pytest.mark.parametrize(
    ("x", "n"),
    [
        ([20_000, 20_300, 19_800, 20_100], [100_000] * 4),
        ([9_000_000, 8_999_000], [9_999_999] * 2),
        ([30] * 3000, list(range(100, 3100))),
        ([0, 1] * 3000, [1] * 6000),
    ],
)
def test_no_table_is_too_large(x, n):
    test = conditional_test(x, n)
    assert test.code == Code.OK
    assert not test.exact
    assert 0 <= test.p <= 1


def test_few_responders_among_millions_are_counted_exactly():
    test = conditional_test([3, 0], [9_999_999, 9_999_999])
    assert test.exact
    assert test.p == pytest.approx(0.25, rel=1e-6)  # both trials' three: 2/2^3, up to 1/n


def test_a_probability_below_what_a_float_holds_is_zero():
    """All of the large trial and none of the small one: about (545/100451)^545."""
    test = conditional_test([99_906, 0], [99_906, 545])
    assert test.exact
    assert test.p == 0


def test_a_level_is_answered_alone_when_its_company_is_too_much_work(monkeypatch):
    n = [40, 45, 50, 57, 61]
    near, far = [17, 14, 15, 19, 20], [0, 0, 0, 30, 55]
    assert sum(near) == sum(far)
    alone = conditional_test(near, n)
    monkeypatch.setattr(fixed_total, "_WORK", 6e7)
    together = conditional_test([near, far], n)
    assert together.exact.tolist() == [True, False]
    assert float(together.p[0]) == pytest.approx(float(alone.p), rel=1e-12)


@pytest.mark.parametrize("sparse", [0.0, 1e9])
def test_sparse_and_dense_steps_agree(sparse, monkeypatch):
    rng = np.random.default_rng(SEED)
    n = np.array([9, 14, 17, 22, 30, 41])
    x = rng.binomial(n, 0.25)
    usual = conditional_test(x, n)
    monkeypatch.setattr(fixed_total, "_PER_STATE", sparse)
    test = conditional_test(x, n)
    assert np.transpose(test) == pytest.approx(np.transpose(usual), rel=1e-12)


def test_tail_of_everything_is_everything():
    """What leaves the convolution and what stays add up to the probability of the total."""
    n = np.array([6, 20, 33])
    scores = [np.arange(min(m, 12) + 1) ** 2 for m in n]
    table = fixed_total.table(n, 12, scores)
    chances = fixed_total.tail(table, np.array([0, 48, 144, 145]))[:, 0]
    assert chances[[0, 1, 3]] == pytest.approx([1.0, 1.0, 0.0], abs=1e-13)
    assert chances[2] == pytest.approx((comb(20, 12) + comb(33, 12)) / comb(59, 12), rel=1e-13)


def test_twenty_arms_of_a_hundred_and_one_arm_of_five_thousand():
    """Simulated from the null distribution, as no enumeration reaches these."""
    rng = np.random.default_rng(SEED)
    draws = 40_000
    for n in (np.full(20, 100), np.array([12, 30, 44, 60, 5000])):
        x = rng.binomial(n, 0.2)
        test = conditional_test(x, n)
        assert test.exact
        given_total = rng.multivariate_hypergeometric(n, x.sum(), draws, method="marginals")
        statistic = ((given_total - n * x.sum() / n.sum()) ** 2).sum(-1)
        share = np.mean(statistic >= test.statistic * (1 - 1e-12))
        assert share == pytest.approx(float(test.p), abs=4 * np.sqrt(test.p * (1 - test.p) / draws))
        mean = statistic.mean()
        assert mean == pytest.approx(float(test.expected), abs=4 * statistic.std() / np.sqrt(draws))


@given(trials(largest=200).filter(varied))
def test_likelihood_ratio_equals_scipys(trial):
    x, n = map(np.array, trial)
    theirs = chi2_contingency(np.array([x, n - x]), correction=False, lambda_="log-likelihood")
    ours = likelihood_ratio(x, n)
    assert float(ours.statistic) == pytest.approx(theirs.statistic, rel=1e-9, abs=1e-11)
    assert float(ours.p) == pytest.approx(theirs.pvalue, rel=1e-8)
    assert (ours.df, ours.code) == (len(n) - 1, Code.OK)
