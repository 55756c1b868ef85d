"""Variations fitted by further processes: the same files, and none of the processes outlives the command."""

from __future__ import annotations

import json
import signal
import time

import pytest

from meta.records.storing import store

pytestmark = pytest.mark.slow

# Quadrature and maximum likelihood, of enough variations to be worth further processes
LIKELIHOODS = "models: {frequentist: {bootstrap: 400}, conventional: none}\n"
EACH = """\
sensitivity:
  each: each-trial
  priors: each-prior
  wide: {models: {primary: {mu_prior: "normal:0,3"}}}
  wider: {models: {primary: {mu_prior: "normal:0,4"}}}
"""
RUNS = 1 + 3 + 5 + 2
# One that is sampled besides, in a process that has not sampled before
SAMPLED = "  sampled: {by: [], models: {primary: {engine: pymc, draws: 40, tune: 40}, frequentist: none}}\n"


@pytest.fixture
def many(quick):
    """An analysis whose variations are worth further processes, where there are cores for them."""
    analysis = quick / "analyses" / "quick.yaml"
    analysis.write_text(analysis.read_text().partition("models:")[0] + LIKELIHOODS + EACH)
    return quick


@pytest.fixture
def cores(monkeypatch):
    """What joblib takes the number of cores for, in a command that is started."""
    return lambda number: monkeypatch.setenv("LOKY_MAX_CPU_COUNT", str(number))


def results(root):
    return sorted((root / "out" / "results").rglob("*.json"))


def comparable(name):
    """A sampler's draws, and with them the results that name their digest, hold how long each step took."""
    return not (name.endswith(".nc") or (name.startswith("results/quick/") and name.endswith(".json")))


def numbers(path):
    """All of a result but the digest of its draws."""
    result = json.loads(path.read_text())
    del result["beside"], result["provenance"]["content"]
    return result


def test_any_number_of_processes_writes_the_same(many, cores, start, tree):
    analysis = many / "analyses" / "quick.yaml"
    analysis.write_text(analysis.read_text() + SAMPLED)
    found = []
    for number in (2, 1):
        cores(number)
        said, complained = start("pool", "--root", many).communicate(timeout=300)
        assert f"{RUNS + 1} runs ({RUNS + 1} fitted".encode() in said, complained
        assert complained.strip() == b""
        same = {name: digest for name, (digest, _) in tree(many / "out").items() if comparable(name)}
        found.append((same, [numbers(path) for path in results(many)]))
        if number == 2:
            for path in results(many):
                path.unlink()
    assert found[0] == found[1]


# Both workers hold the command's output open: `communicate` comes back when they are gone, and not before.
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_no_process_outlives_the_command(how, many, cores, start):
    cores(2)
    process = start("pool", "--root", many)
    deadline = time.monotonic() + 240
    while not results(many) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(how)
    _, complained = process.communicate(timeout=60)
    # 0 where it was quicker than the signal, as it can be on a busy machine
    assert process.returncode in {0, 130 if how == signal.SIGINT else -signal.SIGKILL}
    if process.returncode == 130:
        assert complained.decode().strip() == "Interrupted: what was finished is kept."
        assert not list((many / "out").rglob("*.part"))
    kept = results(many)
    assert 0 < len(kept) <= RUNS
    for path in kept:
        store.from_json(path.read_text())
        json.loads(path.read_text())
