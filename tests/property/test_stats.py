"""What must hold of the statistics whatever the data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from meta.stats.binomial.proportions import proportion_interval
from meta.stats.normal import heterogeneity as het
from meta.stats.normal import tau2 as intervals
from meta.stats.normal.pooling import between_groups, interval, pool, prediction
from meta.stats.normal.scales import SCALES
from meta.stats.normal.tau2 import METHODS, estimate
from meta.stats.normal.weights import arms
from meta.stats.numeric.codes import Code
from meta.stats.numeric.roots import bracketed_root

EPS = np.finfo(float).eps
# Roots are found to a few ulp, but the equations themselves lose digits where variances differ by up to 10^4:
# sums of weights then cancel (the trace of the projection) by as many.
CANCELS = 1e-9

methods = st.sampled_from(sorted(METHODS))
factors = st.floats(0.05, 20)
RUBBISH = [np.nan, np.inf, -np.inf, 0.0, -1.0, 1e300]


@st.composite
def trials(draw, *, least=2, most=9):
    """Effects and variances such as trials have on any scale."""
    k = draw(st.integers(least, most))
    y = draw(hnp.arrays(float, k, elements=st.floats(-6, 6).map(lambda z: round(z, 4))))
    v = draw(hnp.arrays(float, k, elements=st.floats(-3, 1).map(lambda e: round(10**e, 6))))
    return y, v


@st.composite
def batches(draw):
    """Several data sets with a mask, in one or two leading axes."""
    lead = draw(st.sampled_from([(3,), (2, 2)]))
    k = draw(st.integers(2, 6))
    y = draw(hnp.arrays(float, (*lead, k), elements=st.floats(-6, 6).map(lambda z: round(z, 3))))
    v = draw(hnp.arrays(float, (*lead, k), elements=st.floats(-3, 1).map(lambda e: round(10**e, 6))))
    include = draw(hnp.arrays(bool, (*lead, k)))
    groups = draw(st.none() | hnp.arrays(np.int64, k, elements=st.integers(0, 1)))
    return y, v, include, groups


def loglik(y, v, tau2):
    w = 1 / (v + tau2)
    mean = np.sum(w * y) / np.sum(w)
    return 0.5 * (np.log(w).sum() - np.log(w.sum()) - np.sum(w * (y - mean) ** 2))


def same_estimate(method, y, v, ours, theirs, *, rel=CANCELS):
    """Equal, or two peaks of the likelihood so nearly level that rounding chooses between them."""
    near = np.isclose(ours, theirs, rtol=rel, atol=rel * v.min())
    level = method == "REML" and abs(loglik(y, v, ours) - loglik(y, v, theirs)) < 1e-9
    return near or level


@given(trials(), methods, st.floats(-50, 50))
def test_tau2_does_not_move_with_a_shift(sets, method, shift):
    y, v = sets
    assert same_estimate(
        method, y, v, estimate(y, v, method=method)[0], estimate(y + shift, v, method=method)[0]
    )


@given(trials(), methods, st.randoms(use_true_random=False))
def test_tau2_does_not_know_the_order_of_trials(sets, method, random):
    y, v = sets
    order = random.sample(range(len(y)), len(y))
    assert same_estimate(
        method, y, v, estimate(y, v, method=method)[0], estimate(y[order], v[order], method=method)[0]
    )


@given(trials(), methods, factors, st.booleans())
def test_tau2_has_the_units_of_effects_squared(sets, method, factor, mirrored):
    y, v = sets
    a = -factor if mirrored else factor
    scaled = estimate(a * y, a**2 * v, method=method)[0] / a**2
    assert same_estimate(method, y, v, estimate(y, v, method=method)[0], scaled)


@given(trials(), methods)
def test_tau2_is_finite_and_not_negative(sets, method):
    tau2, code = estimate(*sets, method=method)
    assert code == Code.OK
    assert 0 <= tau2 < np.inf


@given(trials(), st.floats(-3, 1).map(lambda e: 10**e))
def test_estimators_agree_when_variances_are_equal(sets, variance):
    """These are then max(0, s^2 - v), s^2 the variance of the effects."""
    y, _ = sets
    v = np.full(len(y), variance)
    for method in ("DL", "EB", "HE", "PM", "REML"):
        expected = max(0.0, np.var(y, ddof=1) - variance)
        # subtracting v from s^2 is where the digits go
        assert estimate(y, v, method=method)[0] == pytest.approx(
            expected, rel=1e-9, abs=1e-12 * np.ptp(y) ** 2
        )


@given(trials())
def test_reml_is_no_lower_than_any_other_value(sets):
    y, v = sets
    tau2 = float(estimate(y, v)[0])
    others = np.concatenate([[0.0], np.geomspace(1e-5, 200, 60), tau2 * np.array([0.99, 1.01])])
    assert loglik(y, v, tau2) >= max(loglik(y, v, t) for t in others) - 1e-9


@given(trials(), st.floats(0.5, 0.99), st.floats(0.001, 0.4))
def test_q_profile_is_nested_in_wider_levels(sets, level, more):
    y, v = sets
    inner, outer = (intervals.q_profile(y, v, level=z) for z in (level, level + more * (1 - level)))
    assume(inner.code == Code.OK)
    assert outer.code == Code.OK
    assert 0 <= outer.low <= inner.low * (1 + 1e-12)
    assert inner.low <= inner.high <= outer.high * (1 + 1e-12)


@given(trials())
def test_i2_is_a_share_and_h2_its_odds(sets):
    y, v = sets
    typical = het.typical_variance(arms(y, v))
    tau2, _ = estimate(y, v)
    assert v.min() * (1 - CANCELS) <= typical <= v.max() * (1 + CANCELS)
    assert 0 <= het.i2_from_tau2(tau2, typical) < 1
    assert het.h2_from_tau2(tau2, typical) >= 1
    test = het.q_test(y, v)
    assert 0 <= het.i2_from_q(test) < 1
    assert 0 <= test.p <= 1


@given(trials(), methods)
def test_the_mean_lies_among_the_effects(sets, method):
    y, v = sets
    pooled = pool(y, v, tau2=estimate(y, v, method=method)[0])
    assert y.min() - 1e-12 <= pooled.mu[0] <= y.max() + 1e-12
    assert pooled.weights.sum() == pytest.approx(1, rel=1e-14)
    assert (pooled.weights > 0).all()


@given(trials(least=3), methods, st.floats(0.5, 0.999))
def test_prediction_contains_confidence_at_equal_degrees_of_freedom(sets, method, level):
    y, v = sets
    tau2, _ = estimate(y, v, method=method)
    pooled = pool(y, v, tau2=tau2)
    for kind, predicted in (("wald", "normal"), ("hk", "hk"), ("mhk", "hk")):
        inner = interval(pooled, method=kind, level=level)
        if inner.code[0] == Code.ZERO_VARIANCE:
            continue
        outer = prediction(pooled.mu[0], inner.se[0], tau2, len(y), method=predicted, level=level)
        assert outer.df == inner.df[0]
        assert outer.low <= inner.low[0] <= inner.high[0] <= outer.high


@given(trials(), st.floats(0.5, 0.999))
def test_the_floor_never_narrows(sets, level):
    pooled = pool(*sets, tau2=estimate(*sets)[0])
    wald, hk, mhk = (interval(pooled, method=m, level=level) for m in ("wald", "hk", "mhk"))
    assert mhk.se[0] >= wald.se[0] * (1 - EPS)
    assert mhk.low[0] <= wald.low[0] + 1e-12  # t is wider than normal
    if hk.code[0] == Code.OK:
        assert mhk.se[0] >= hk.se[0] * (1 - EPS)


def everything(y, v, include, groups):
    """All that the model asks of `stats`, as named arrays."""
    found = {}
    for method in METHODS:
        tau2, code = estimate(y, v, include, method=method, groups=groups)
        found |= {f"{method} tau2": tau2, f"{method} code": code}
        pooled = pool(y, v, include, tau2=tau2, groups=groups)
        found |= {f"{method} {name}": value for name, value in pooled._asdict().items()}
        found |= {
            f"{method} between {name}": value for name, value in between_groups(pooled)._asdict().items()
        }
        for kind in ("wald", "hk", "mhk"):
            found |= {f"{method} {kind} {n}": z for n, z in interval(pooled, method=kind)._asdict().items()}
    found |= {f"Q {n}": z for n, z in het.q_test(y, v, include, groups=groups)._asdict().items()}
    found |= {
        f"profile {n}": z for n, z in intervals.q_profile(y, v, include, groups=groups)._asdict().items()
    }
    return found | {"typical": het.typical_variance(arms(y, v, include, groups))}


@settings(max_examples=40)
@given(batches())
def test_a_batch_is_the_loop_over_single_fits(batch):
    y, v, include, groups = batch
    whole = everything(y, v, include, groups)
    for cell in np.ndindex(y.shape[:-1]):
        single = everything(y[cell], v[cell], include[cell], groups)
        for name, value in single.items():
            # matrix products add up in another order in a larger batch: an ulp, times what cancels
            np.testing.assert_allclose(whole[name][cell], value, rtol=1e-9, atol=1e-12, err_msg=name)


@settings(max_examples=60)
@given(
    trials(), st.lists(st.tuples(st.sampled_from(RUBBISH), st.sampled_from(RUBBISH)), max_size=3), st.data()
)
def test_a_trial_left_out_contributes_exactly_nothing(sets, extra, draw):
    y, v = sets
    groups = draw.draw(st.none() | hnp.arrays(np.int64, len(y), elements=st.integers(0, 1)))
    with_rubbish = np.append(y, [e[0] for e in extra]), np.append(v, [e[1] for e in extra])
    include = np.arange(len(with_rubbish[0])) < len(y)
    longer = None if groups is None else np.append(groups, np.zeros(len(extra), dtype=int))
    ours = everything(*with_rubbish, include, longer)
    harmless = everything(np.append(y, [0.0] * len(extra)), np.append(v, [1.0] * len(extra)), include, longer)
    alone = everything(y, v, True, groups)
    for name, value in ours.items():
        np.testing.assert_array_equal(value, harmless[name], err_msg=name)  # to the last bit
        cut = value[..., : len(y)] if name.endswith("weights") else value
        # longer sums are added up in another order
        np.testing.assert_allclose(cut, alone[name], rtol=1e-9, atol=1e-12, err_msg=name)
    if extra:
        assert (ours["REML weights"][len(y) :] == 0).all()


@settings(max_examples=30)
@given(trials(), st.integers(0, 2))
def test_one_group_is_no_group(sets, index):
    y, v = sets
    grouped = everything(y, v, True, np.full(len(y), index))
    for name, value in everything(y, v, True, None).items():
        theirs = grouped[name]
        per_group = theirs.shape != value.shape  # groups below `index` are empty
        ours = theirs[..., index:] if per_group else theirs
        # with empty groups before it, sums are added up in another order
        np.testing.assert_allclose(
            ours, value, rtol=0 if index == 0 else 1e-9, atol=0 if index == 0 else 1e-12, err_msg=name
        )


@given(st.integers(1, 100_000), st.floats(0, 1), st.sampled_from(sorted(SCALES)))
def test_inverse_undoes_the_transform(n, share, name):
    x = round(share * n)
    effects = SCALES[name].effects([x], [n], continuity=0)
    assume(effects.code[0] == Code.OK)
    # Miller's inverse takes a root of 1 - cos^2: what remains of p near 0 and 1 is about 1e-12
    assert SCALES[name].inverse(effects.y, np.array([float(n)]))[0] == pytest.approx(
        x / n, rel=1e-9, abs=1e-11
    )


@given(st.integers(1, 5000), st.floats(0, 1), st.floats(0.5, 0.99), st.floats(0.01, 0.9))
def test_study_intervals_contain_the_proportion_and_widen(n, share, level, more):
    x = round(share * n)
    for method in ("clopper-pearson", "wilson", "jeffreys"):
        low, high = proportion_interval(x, n, method=method, level=level)
        wide = proportion_interval(x, n, method=method, level=level + more * (1 - level))
        assert 0 <= wide[0] <= low <= high <= wide[1] <= 1
        # equal tails of a posterior need not contain x/n
        if method != "jeffreys":
            assert low - 1e-15 <= x / n <= high + 1e-15


@settings(max_examples=50)
@given(st.integers(1, 2000), st.floats(0, 1), st.floats(0.5, 0.99))
def test_clopper_pearson_contains_jeffreys_and_mirrors(n, share, level):
    x = round(share * n)
    exact = proportion_interval(x, n, level=level)
    jeffreys = proportion_interval(x, n, method="jeffreys", level=level)
    assert exact[0] <= jeffreys[0] + 1e-14
    assert exact[1] >= jeffreys[1] - 1e-14
    low, high = proportion_interval(n - x, n, level=level)
    assert [1 - high, 1 - low] == pytest.approx(np.array(exact), rel=1e-9, abs=1e-12)


SHAPES = {
    "linear": lambda d: d,
    "cubic": lambda d: d + d**3,
    "ninth power": lambda d: d**9,
    "cube root": np.cbrt,
    "saturating": np.tanh,
    "exponential": np.expm1,
}


@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(SHAPES)), st.floats(-9, 4).map(lambda e: 10**e), factors),
        min_size=1,
        max_size=6,
    ),
    st.floats(1.01, 1e4),
)
def test_monotone_equations_are_solved_to_a_few_ulp(equations, width):
    """Falling equations with a known root, each with its own shape, scale and steepness."""
    roots = np.array([root for _, root, _ in equations])

    def equation(t, rows):
        distance = [
            np.clip((roots[i] - z) / roots[i] * equations[i][2], -30, 30)
            for z, i in zip(t, rows, strict=True)
        ]
        return np.array([SHAPES[equations[i][0]](d) for d, i in zip(distance, rows, strict=True)])

    found, converged = bracketed_root(equation, np.zeros(len(roots)), roots * width)
    assert converged.all()
    assert found == pytest.approx(roots, rel=5 * EPS)


@settings(max_examples=50)
@given(st.lists(st.floats(-9, 4).map(lambda e: 10**e), min_size=1, max_size=4))
def test_roots_of_a_batch_are_those_of_its_rows(roots):
    roots = np.array(roots)
    together, _ = bracketed_root(lambda t, i: np.cbrt(roots[i] - t), np.zeros(len(roots)), 3 * roots + 1)
    for root, found in zip(roots, together, strict=True):
        alone, _ = bracketed_root(lambda t, _: np.cbrt(root - t), np.zeros(1), np.array([3 * root + 1]))  # noqa: B023
        assert alone[0] == found
