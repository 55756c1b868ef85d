"""Variations fitted by further processes: the same files, and none of the processes outlives the command."""

from __future__ import annotations

import json
import signal
import time

import pytest

from meta.records.storing import store

pytestmark = pytest.mark.slow

RUNS = 3  # the fewest that are worth further processes
MODEL = "{model: bayes-binomial, engine: pymc, draws: 40, tune: 40}"
WITHOUT = "sensitivity: {a: {exclude: [{trial: alpha}]}, b: {exclude: [{trial: beta}]}}\n"


@pytest.fixture
def sampled(quick):
    """An analysis whose variations sample: worth further processes, where there are cores for them."""
    analysis = quick / "analyses" / "quick.yaml"
    text = analysis.read_text().replace("by: [region]\n", WITHOUT)
    analysis.write_text(text.replace("primary: none", f"primary: {MODEL}"))
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


def test_any_number_of_processes_writes_the_same(sampled, cores, start, tree):
    found = []
    for number in (2, 1):
        cores(number)
        said, complained = start("pool", "--root", sampled).communicate(timeout=300)
        assert f"{RUNS} runs ({RUNS} fitted".encode() in said, complained
        assert complained.strip() == b""
        same = {name: digest for name, (digest, _) in tree(sampled / "out").items() if comparable(name)}
        found.append((same, [numbers(path) for path in results(sampled)]))
        if number == 2:
            for path in results(sampled):
                path.unlink()
    assert found[0] == found[1]


# Both workers hold the command's output open: `communicate` comes back when they are gone, and not before.
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_no_process_outlives_the_command(how, sampled, cores, start):
    cores(2)
    process = start("pool", "--root", sampled)
    deadline = time.monotonic() + 240
    while not results(sampled) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    assert process.poll() is None
    process.send_signal(how)
    _, complained = process.communicate(timeout=60)
    assert process.returncode == (130 if how == signal.SIGINT else -signal.SIGKILL)
    if how == signal.SIGINT:
        assert complained.decode().strip() == "Interrupted: what was finished is kept."
        assert not list((sampled / "out").rglob("*.part"))
    kept = results(sampled)
    assert 0 < len(kept) < RUNS
    for path in kept:
        store.from_json(path.read_text())
        json.loads(path.read_text())
