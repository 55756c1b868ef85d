"""Integrals of functions given at equally spaced points, and cubic interpolation, against what is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from meta.stats.numeric.interpolation import below, interpolate, running


@pytest.mark.parametrize("step", [0.3, 0.57])
@pytest.mark.parametrize("size", [31, 32, 57, 64])
def test_the_integral_of_a_normal_density(step, size):
    """Steps up to 0.57 standard deviations give its distribution function.

    Found: 1e-7, the table's 1/512 of a step to first order; what lies beyond the points is left out.
    """
    first = -step * (size - 1) / 2
    at = first + step * np.arange(size)
    s = np.linspace(max(first, -6) + 0.01, min(-first, 6) - 0.01, 301)[:, None]
    share = below(s, np.array([first]), np.array([step]), size)
    assert share.shape == (301, 1, size)
    found = share[:, 0] @ norm.pdf(at) * step
    outside = norm.cdf(first)
    np.testing.assert_allclose(found, norm.cdf(s[:, 0]), atol=1e-6 + 20 * outside)


def test_slices_of_their_own():
    """Every slice has its ends, first point and step; before the first point nothing, after the last all."""
    first, step = np.array([-5.0, 0.0]), np.array([0.25, 2.0])
    s = np.array([[-6.0, 3.3], [0.1, 90.0]])
    share = below(s, first, step, 41)
    assert share.shape == (2, 2, 41)
    assert (share[0, 0] == 0).all()
    assert (share[1, 1] == 1).all()
    for row, column in ((0, 1), (1, 0)):
        alone = below(s[[row]][:, [column]], first[[column]], step[[column]], 41)
        assert (share[row, column] == alone[0, 0]).all()


@pytest.mark.parametrize("step", [0.2, 0.5])
def test_the_running_integral_interpolated(step):
    """Of two densities at once, wherever between the points.

    Found: 1e-8 at the coarser step, from cubic interpolation between sixteenths of it.
    """
    size = 65
    first = -step * (size - 1) / 2
    at = first + step * np.arange(size)
    weight = np.array([norm.pdf(at), norm.pdf(at, 1.3, 1.1)]) * step
    places, integral = running(weight)
    assert integral.shape == (2, len(places))
    assert (places[0], places[-1]) == (0, size - 1)
    s = np.linspace(max(first, -6) + 0.013, min(-first, 6) - 0.013, 301)
    found = [interpolate(places, one, (s - first) / step) for one in integral]
    outside = norm.cdf(first, 1.3, 1.1) + norm.sf(-first, 1.3, 1.1)
    expected = [norm.cdf(s), norm.cdf(s, 1.3, 1.1)]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-7 + 20 * outside)
    assert (integral[:, 0] == 0).all()
    np.testing.assert_allclose(integral[:, -1], weight.sum(-1), rtol=1e-14)  # summed in another order


def test_cubic_polynomials_are_interpolated_exactly():
    x = np.array([-3.0, -1.7, -1.5, 0.2, 0.9, 2.0, 5.0])
    cubic = np.polynomial.Polynomial([1, -2, 0.5, 0.3])
    at = np.linspace(-3, 5, 57)
    np.testing.assert_allclose(interpolate(x, cubic(x), at), cubic(at), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(interpolate(x, cubic(x), x), cubic(x), rtol=1e-14)


def test_beyond_the_ends_is_a_line():
    x, y = np.array([0.0, 1.0, 3.0, 4.0]), np.array([1.0, 3.0, 2.0, 7.0])
    assert interpolate(x, y, np.array([-2.0, 6.0])).tolist() == [-3.0, 17.0]


def test_rows_broadcast():
    x = np.array([0.0, 1.0, 2.0, 3.0, 4.0]) * [[1], [2]]
    found = interpolate(x, x**3, np.array([[0.5, 3.2]]))
    np.testing.assert_allclose(found, np.broadcast_to(np.array([0.5, 3.2]) ** 3, (2, 2)), rtol=1e-13)


def test_running_integrals_of_many_points():
    """A table of all points for all ends would take 20 GB here."""
    size = 13_568
    weight = np.exp(-0.5 * ((np.arange(size) - 6000.3) / 900) ** 2)
    places, integral = running(weight)
    some = np.arange(0, len(places), 9973)
    expected = below(places[some, None], np.zeros(1), np.ones(1), size)[:, 0] @ weight
    # below rounds to 7e-7 of one point's weight
    np.testing.assert_allclose(integral[some], expected, atol=1e-6 * weight.sum())
