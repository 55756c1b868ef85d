"""The five scales: definitions by hand, the way back, and the continuity correction."""

from __future__ import annotations

import math

import numpy as np
import pytest

from meta.stats.normal.scales import SCALES, harmonic_mean
from meta.stats.numeric.codes import Code

NORMAL = ("logit", "log", "identity")
ARCSINES = ("arcsine", "double-arcsine")


def by_hand(name, x, n):
    p = x / n
    match name:
        case "logit":
            return math.log(p / (1 - p)), 1 / (n * p * (1 - p))
        case "log":
            return math.log(p), (1 - p) / (n * p)
        case "identity":
            return p, p * (1 - p) / n
        case "arcsine":
            return math.asin(math.sqrt(p)), 1 / (4 * n)
        case "double-arcsine":
            two = math.asin(math.sqrt(x / (n + 1))) + math.asin(math.sqrt((x + 1) / (n + 1)))
            return two / 2, 1 / (4 * (n + 0.5))


@pytest.mark.parametrize("name", SCALES)
@pytest.mark.parametrize(("x", "n"), [(1, 2), (5, 18), (17, 18), (1, 100_000), (99_999, 100_000)])
def test_effect_and_variance_by_hand(name, x, n):
    effects = SCALES[name].effects([x], [n])
    y, v = by_hand(name, x, n)
    assert effects.y[0] == pytest.approx(y, rel=1e-12, abs=1e-15)
    assert effects.v[0] == pytest.approx(v, rel=1e-10)
    assert not effects.corrected.any()


@pytest.mark.parametrize("name", NORMAL)
@pytest.mark.parametrize(("x", "corrected"), [(0, 0.5), (20, 20.5)])
def test_correction_adds_to_both_cells_of_extreme_arms_only(name, x, corrected):
    effects = SCALES[name].effects([x, 7], [20, 20], continuity=0.5)
    assert effects.corrected.tolist() == [True, False]
    for i, (cells, n) in enumerate([(corrected, 21), (7, 20)]):
        y, v = by_hand(name, cells, n)
        assert effects.y[i] == pytest.approx(y, rel=1e-12)
        assert effects.v[i] == pytest.approx(v, rel=1e-12)


@pytest.mark.parametrize("name", NORMAL)
@pytest.mark.parametrize("x", [0, 20])
def test_without_correction_an_extreme_arm_has_no_effect_and_says_why(name, x):
    effects = SCALES[name].effects([x, 7], [20, 20], continuity=0)
    assert np.isnan(effects.y[0])
    assert np.isnan(effects.v[0])
    assert effects.code.tolist() == [Code.INFINITE_EFFECT, Code.OK]
    assert np.isfinite([effects.y[1], effects.v[1]]).all()


@pytest.mark.parametrize("name", ARCSINES)
@pytest.mark.parametrize("continuity", [0, 0.5])
def test_arcsine_scales_need_no_correction(name, continuity):
    effects = SCALES[name].effects([0, 20], [20, 20], continuity=continuity)
    assert not effects.corrected.any()
    assert (effects.code == Code.OK).all()
    assert effects.y == pytest.approx([by_hand(name, x, 20)[0] for x in (0, 20)], rel=1e-12)


@pytest.mark.parametrize("name", SCALES)
def test_an_arm_left_out_is_never_looked_at(name):
    effects = SCALES[name].effects([5, -3, 9], [18, 0, 4], [True, False, False])
    assert effects.y.tolist()[1:] == [0, 0]
    assert effects.v.tolist()[1:] == [1, 1]
    assert not effects.code.any()


@pytest.mark.parametrize("name", SCALES)
@pytest.mark.parametrize("n", [1, 2, 7, 29, 100_000])
def test_inverse_undoes_the_transform(name, n):
    """For the double arcsine Miller's inverse at the same n is exact (1978), at its two ends too."""
    x = np.unique(np.linspace(0, n, 60).round())
    inside = x if name in (*ARCSINES, "identity") else x[(x > 0) & (x < n)]
    size = np.full(inside.shape, float(n))
    back = SCALES[name].inverse(SCALES[name].transform(inside, size), size)
    # near 0 and 1 a square root has been taken of 1 - cos^2: half the digits of p remain, of order 1e-8 / n
    assert back == pytest.approx(inside / n, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("name", SCALES)
def test_inverse_stays_between_0_and_1_beyond_the_reach_of_the_transform(name):
    back = SCALES[name].inverse(np.array([-50.0, -1e-9, 0.0, 1.6, 50.0]), np.full(5, 23.7))
    assert ((back >= 0) & (back <= 1)).all()
    assert (np.diff(back) >= 0).all()
    assert back[-1] == 1
    assert back[0] == pytest.approx(0, abs=1e-20)


@pytest.mark.parametrize("n", [1.0, 5.5, 23.68, 1e5])
def test_double_arcsine_inverse_rises_with_the_effect(n):
    y = np.linspace(0, np.pi / 2, 500)
    back = SCALES["double-arcsine"].inverse(y, np.full(500, n))
    assert (np.diff(back) >= -1e-12).all()
    assert (back[0], back[-1]) == (0, 1)


def test_scales_are_named_by_what_they_estimate():
    assert {name: scale.estimand for name, scale in SCALES.items()} == {
        "logit": "median",
        "log": "median",
        "identity": "mean",
        "arcsine": "median",
        "double-arcsine": "median",
    }


def test_harmonic_mean():
    assert harmonic_mean([18, 32, 29, 21]) == pytest.approx(4 / (1 / 18 + 1 / 32 + 1 / 29 + 1 / 21))
    batch = harmonic_mean([18, 0, 29], [[True, False, True], [False, False, False]])
    assert batch[0] == pytest.approx(2 / (1 / 18 + 1 / 29))
    assert np.isnan(batch[1])
