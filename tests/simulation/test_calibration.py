import numpy as np
import pytest

from meta.models.sites.effects import Priors
from tests.simulation.calibration import LENGTH, LEVEL, N, band, data_set, departures, draw_figure, ranks


def test_data_sets_hold_what_their_trials_print():
    data, truth = data_set(np.random.default_rng(1), Priors())
    assert data.n.tolist() == N.tolist()
    assert len(data.responders) == 2 * 4 + 2
    assert data.members.sum(-1).tolist() == [1] * 8 + [4] * 2
    assert truth.shape == (4,)
    assert (truth[2:] > 0).all()


def test_parameters_are_drawn_from_the_prior():
    random = np.random.default_rng(2)
    truth = np.array([data_set(random, Priors())[1] for _ in range(800)])
    scaled = (truth - [-2, 0, 0, 0]) / [2, 1, 1.25, 1]
    # root mean squares of 1 with a standard error of 0.025, and means
    np.testing.assert_allclose(np.sqrt((scaled**2).mean(0)), 1, atol=0.1)
    np.testing.assert_allclose(scaled.mean(0), [0, 0, 0.798, 0.798], atol=0.15)


def test_the_band_holds_uniform_ranks_and_not_others():
    random = np.random.default_rng(3)
    uniform = random.integers(0, LENGTH + 1, (400, 4, 100))
    width = band(100, 4)
    inside = (np.abs(departures(uniform)) <= width).all((-1, -2)).mean()
    assert inside == pytest.approx(LEVEL, abs=0.015)  # three standard errors
    narrow = np.clip(random.normal(LENGTH / 2, LENGTH / 8, 100), 0, LENGTH).astype(int)  # posterior too wide
    assert (np.abs(departures(narrow)) > width).any()


def test_figure(tmp_path):
    draw_figure(np.random.default_rng(4).integers(0, LENGTH + 1, (4, 50)), tmp_path / "c.png")
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_ranks_of_one_data_set():
    found = ranks(5)
    assert found.shape == (4,)
    assert ((found >= 0) & (found <= LENGTH)).all()
