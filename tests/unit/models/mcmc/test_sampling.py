"""What makes a run of the sampler fail, that it is tried once more, and that it leaves nothing behind."""

from __future__ import annotations

import logging
import multiprocessing
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from meta.errors import ConvergenceError, SpecError
from meta.models.mcmc import sampling

ROOT = Path(__file__).resolve().parents[4]
CHAINS, DRAWS = 4, 1000
RNG = np.random.default_rng(3)
GOOD = RNG.normal(size=(CHAINS, DRAWS))
ENERGY = RNG.normal(size=(CHAINS, DRAWS))
CALM = np.zeros((CHAINS, DRAWS), dtype=bool)


def slow_walk(rho, shape=(CHAINS, DRAWS)):
    """Autocorrelated draws of mean 0 and standard deviation 1."""
    steps = np.random.default_rng(4).normal(size=shape)
    walk = np.empty(shape)
    walk[:, 0] = steps[:, 0]
    for i in range(1, shape[1]):
        walk[:, i] = rho * walk[:, i - 1] + np.sqrt(1 - rho**2) * steps[:, i]
    return walk


def idata(tau=GOOD, energy=ENERGY, diverging=CALM):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"\s*ArviZ is undergoing", FutureWarning)
        import arviz as az

    posterior = {"mu": RNG.normal(size=(CHAINS, DRAWS, 2)), "tau": tau}
    return az.from_dict(
        posterior, sample_stats={"energy": energy, "diverging": diverging}, dims={"mu": ["group"]}
    )


def diverging(count):
    which = CALM.copy()
    which.ravel()[:count] = True
    return which


def diagnose(**draws):
    return sampling.diagnose(idata(**draws), target_accept=0.9, seed=5)


# The middle 70 % wander together, the rest are independent: ranks are autocorrelated, tails are not.
WANDERING_BULK = np.where(RNG.random(GOOD.shape) < 0.7, 0.3 * slow_walk(0.995), 10 * GOOD)
# Independent, but for a rare excursion that lasts: the lower tail comes in clusters.
CLUSTERED_TAILS = np.where(slow_walk(0.97) < -1.7, -3 + 0.1 * GOOD, GOOD)
SHIFTED = GOOD + np.array([[0.5], [0], [0], [0]])
STICKY_ENERGY = np.vstack([ENERGY[:3], slow_walk(0.95)[3:]])


def test_good_draws_pass():
    found = diagnose()
    assert found.passed
    assert found.faults == ()
    assert found.rhat <= 1.01
    assert min(found.ess_bulk, found.ess_tail) >= 400
    assert (found.chains, found.draws, found.divergences, found.retried) == (CHAINS, DRAWS, 0, False)
    assert (found.target_accept, found.seed) == (0.9, 5)
    assert found.backend.startswith("pymc 5")


@pytest.mark.parametrize(
    ("draws", "fault", "value", "limit"),
    [
        pytest.param({"tau": CLUSTERED_TAILS}, "tail ESS of tau", "ess_tail", "400", id="tail"),
        pytest.param({"energy": STICKY_ENERGY}, "BFMI of a chain", "bfmi", "0.3", id="bfmi"),
        pytest.param(
            {"diverging": diverging(5)}, "5 of 4000 draws diverged", "divergences", "4", id="diverged"
        ),
    ],
)
def test_one_broken_limit_fails_by_itself(draws, fault, value, limit):
    found = diagnose(**draws)
    assert not found.passed
    assert len(found.faults) == 1
    assert found.faults[0].startswith(fault)
    assert found.faults[0].partition("; ")[2].startswith(("at least " + limit, "at most " + limit))
    assert f"{getattr(found, value):.3g}"[:3] in found.faults[0]


@pytest.mark.parametrize(
    ("tau", "fault", "value"),
    [
        pytest.param(SHIFTED, "R-hat of tau is", "rhat", id="rhat"),
        pytest.param(WANDERING_BULK, "bulk ESS of tau is", "ess_bulk", id="bulk"),
    ],
)
def test_chains_that_disagree_and_a_slow_bulk_fail(tau, fault, value):
    # No draws break R-hat alone: chains that disagree are few independent draws.
    found = diagnose(tau=tau)
    assert not found.passed
    assert [text for text in found.faults if text.startswith(f"{fault} {getattr(found, value):.4g}"[:-1])]
    if value == "ess_bulk":
        assert found.ess_tail >= 400


def test_bfmi_is_of_the_worst_chain():
    assert diagnose(energy=STICKY_ENERGY).bfmi < 0.2
    assert diagnose().bfmi > 1.5


def test_one_divergence_in_a_thousand_is_allowed():
    assert diagnose(diverging=diverging(4)).passed


@pytest.mark.parametrize("value", [1.0, np.nan])
def test_draws_that_say_nothing_are_refused(value):
    with pytest.raises(ConvergenceError, match="R-hat"):
        diagnose(tau=np.full_like(GOOD, value))


@pytest.mark.parametrize(
    ("runs", "accepts", "passed", "retried"),
    [
        pytest.param([GOOD], [0.9], True, False, id="good at once"),
        pytest.param([SHIFTED, GOOD], [0.9, 0.99], True, True, id="good at the second attempt"),
        pytest.param([SHIFTED, SHIFTED], [0.9, 0.99], False, True, id="never good"),
    ],
)
def test_a_failed_run_is_tried_exactly_once_more(monkeypatch, runs, accepts, passed, retried):
    plans, left = [], list(runs)

    def run(_model, plan, _progress):
        plans.append(plan)
        return idata(tau=left.pop(0))

    monkeypatch.setattr(sampling, "_run", run)
    found = sampling.sample(None, seed=5).diagnostics
    assert [plan.target_accept for plan in plans] == accepts
    assert {plan.seed for plan in plans} == {5}
    assert not left
    assert (found.passed, found.retried, found.target_accept) == (passed, retried, accepts[-1])
    assert bool(found.faults) is not passed


def test_what_fails_at_the_highest_target_is_not_repeated(monkeypatch):
    plans = []
    monkeypatch.setattr(sampling, "_run", lambda _model, plan, _: plans.append(plan) or idata(tau=SHIFTED))
    found = sampling.sample(None, seed=5, target_accept=0.99).diagnostics
    assert (len(plans), found.passed, found.retried) == (1, False, False)


@pytest.mark.parametrize(
    "settings", [{"draws": 3}, {"tune": -1}, {"chains": 1}, {"seed": -1}, {"target_accept": 1.0}]
)
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(SpecError, match="allowed"):
        sampling.sample(None, **{"seed": 1, **settings})


def test_too_few_draws_are_recorded_as_a_failure(few):
    assert (few.diagnostics.passed, few.diagnostics.retried, few.diagnostics.target_accept) == (
        False,
        True,
        0.99,
    )
    assert any("ESS" in fault and "at least 400" in fault for fault in few.diagnostics.faults)


@pytest.fixture(scope="module")
def normal():
    pm = sampling.load()
    with sampling.uncompiled(), pm.Model() as model:
        pm.Normal("mu")
    return model


@pytest.mark.parametrize("last", [1, 30, 31, 75, 119, 120])
def test_an_interrupt_ends_it_at_once(normal, last):
    steps = []

    def progress(done, total):
        steps.append((done, total))
        if done == last:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sampling.sample(normal, seed=1, draws=20, tune=10, chains=4, progress=progress)
    assert steps == [(done, 120) for done in range(1, last + 1)]


def test_an_error_of_the_caller_stays_what_it_is(normal):
    def progress(done, _total):
        if done == 25:
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        sampling.sample(normal, seed=1, draws=20, tune=10, progress=progress)


def state():
    from pytensor.configdefaults import config

    names = ("pymc", "pymc.sampling.mcmc", "pytensor.configdefaults")
    levels = [(logging.getLogger(name).level, logging.getLogger(name).disabled) for name in names]
    return config.mode, config.cxx, levels, list(warnings.filters), np.geterr()


def test_sampling_prints_nothing_and_leaves_nothing_behind(normal, capfd):
    before = state()
    np.random.seed(11)  # noqa: NPY002  # the state that must not be touched
    expected = np.random.random()  # noqa: NPY002
    np.random.seed(11)  # noqa: NPY002
    sampling.sample(normal, seed=1, draws=20, tune=10)
    assert np.random.random() == expected  # noqa: NPY002
    assert state() == before
    assert multiprocessing.active_children() == []
    assert capfd.readouterr() == ("", "")


def test_a_start_without_density_is_an_error_of_ours():
    pm = sampling.load()
    with sampling.uncompiled(), pm.Model() as model:
        mu = pm.Normal("mu")
        pm.Potential("never", mu * 0 - np.inf)
    with pytest.raises(ConvergenceError, match="sampling: Initial evaluation"):
        sampling.sample(model, seed=1, draws=20, tune=10)


ALONE = """
from meta.models.mcmc import sampling
pm = sampling.load()
with sampling.uncompiled(), pm.Model() as model:
    pm.Normal("mu")
sampling.sample(model, seed=1, draws=20, tune=10)
"""


@pytest.mark.slow
def test_a_fresh_process_without_a_compiler_samples_and_says_nothing(tmp_path):
    # The folder for what numba compiles stays the user's, so that this does not compile all anew.
    environment = {**os.environ, "PATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", ALONE], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
