"""Grids: where they lie, what they hold, and the variable in which tau is equally spaced."""

from __future__ import annotations

import numpy as np
import pytest

from meta.stats.posterior.grid import TauAxis, cells, cells_at
from meta.stats.posterior.posterior import posterior
from meta.stats.posterior.priors import MuPrior, TauPrior
from meta.stats.posterior.surface import binomial_surface, normal_surface
from tests.unit.stats.brute import TABLE1

MU = MuPrior(-2, 2)
PRIORS = [
    "half-normal:1.25", "half-normal:0.01", "half-cauchy:0.5", "uniform:0,5", "uniform:0.5,2", "lognorm:1,0.5"
]  # fmt: skip


@pytest.mark.parametrize("text", PRIORS)
def test_the_axis_of_tau(text):
    """Its slope is the difference quotient (1e-7, of second order in 1e-4)."""
    prior = TauPrior.parse(text)
    axis = TauAxis.of(prior)
    low, high = prior.support
    t = np.linspace(-2.5, 2.5, 41)
    tau = axis.tau(t)
    assert (np.diff(tau) >= 0).all()
    assert ((tau >= low) & (tau <= high)).all()
    inner = np.abs(t) < 1.5  # farther out a bounded tau is its end to all digits
    slope = (axis.tau(t + 1e-4) - axis.tau(t - 1e-4)) / 2e-4
    np.testing.assert_allclose(np.exp(axis.log_slope(t))[inner], slope[inner], rtol=1e-6)
    middle = float(prior.quantile(0.5))
    assert axis.tau(np.array(0.0)) == pytest.approx(middle if np.isinf(high) else (low + high) / 2)
    ends = axis.tau(np.array([-50.0, 50.0]))
    assert np.isfinite(ends).all()


@pytest.mark.parametrize("text", [*PRIORS, "gamma:0.5,1"])
def test_equal_steps_integrate_the_prior(text):
    """Without a trial the evidence is 1: what is missing is beyond t = -3.5, 5e-7 of a gamma's pole."""
    prior = TauPrior.parse(text)
    empty = posterior(binomial_surface([[]], [[]]), MU, prior)
    assert empty.log_evidence[0] == pytest.approx(0, abs=1e-6 if text.startswith("gamma") else 2e-8)
    assert empty.expectation(empty.cells.mu)[0] == pytest.approx(-2, abs=1e-7)


@pytest.mark.parametrize("text", PRIORS)
def test_a_grid_holds_what_matters(text):
    grid = cells(binomial_surface(*TABLE1), MU, TauPrior.parse(text))
    assert grid.height.shape == (1, *grid.mu.shape)
    np.testing.assert_allclose(np.diff(grid.t), grid.t[1] - grid.t[0], rtol=1e-9)
    np.testing.assert_allclose(np.diff(grid.mu, axis=1) / grid.step[:, None], 1, rtol=1e-9)
    np.testing.assert_allclose(grid.mu[:, 0], grid.first)
    mass = grid.log_mass(coupled=False)[0]
    matters = mass > mass.max() - 15
    # every slice that matters has fallen by 15 nats at both ends: 3e-7 of its top
    assert (grid.height[0, matters, 0] < np.exp(-15)).all()
    assert (grid.height[0, matters, -1] < np.exp(-15)).all()
    low, high = TauPrior.parse(text).support
    assert ((grid.tau >= low) & (grid.tau <= high)).all()
    if (low, high) == (0, np.inf):
        assert mass[0] < mass.max() - 15
        assert mass[-1] < mass.max() - 15


def test_a_slice_is_the_integral_over_mu():
    """Closed form: one normal effect and a normal prior are a normal effect of both variances."""
    tau = np.array([0.0, 0.3, 2.0])
    grid = cells_at(normal_surface([0.7], [0.2]), MU, tau)
    variance = 0.2 + tau**2 + 4
    theirs = -((0.7 + 2) ** 2) / (2 * variance) - np.log(2 * np.pi * variance) / 2
    np.testing.assert_allclose(grid.log_slices[0], theirs, atol=1e-8)
    assert (grid.tau == tau).all()


def test_coupled_slices_hold_the_product():
    include = np.array([[True, True, False, False], [False, False, True, True]])
    prior = TauPrior.parse("half-normal:1.25")
    grid = cells(binomial_surface(*TABLE1, include), MU, prior, coupled=True)
    apart, together = grid.log_mass(coupled=False), grid.log_mass(coupled=True)
    assert together.shape == apart.shape
    shared = grid.log_prior + grid.log_width
    np.testing.assert_allclose(together[0] - shared, (apart - shared).sum(0), atol=1e-10)
    np.testing.assert_allclose(together[0], together[1])
    np.testing.assert_allclose(shared, prior.logpdf(grid.tau) + grid.axis.log_slope(grid.t) + np.log(
        grid.t[1] - grid.t[0]))  # fmt: skip


def test_no_data_set_is_too_far_out():
    """A prior that the data contradict: all of 5,000 respond where next to none was expected."""
    post = posterior(binomial_surface([5000], [5000]), MuPrior(-6, 0.5), TauPrior.parse("half-normal:0.2"))
    assert np.isfinite(post.log_evidence).all()
    assert post.weight.sum() == pytest.approx(1, abs=1e-9)
    assert np.isfinite(post.weight).all()
