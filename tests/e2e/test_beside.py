"""What lies beside a run, from `pool` to `pool`: curves, draws, and a sampler that does not converge."""

from __future__ import annotations

import json
import re

import pytest

from meta.records.storing import store

pytestmark = pytest.mark.slow

QUICK = "models: {primary: none, frequentist: none}\n"


@pytest.fixture
def set_models(quick):
    """Give the quick analysis these models, overall only."""
    path = quick / "analyses" / "quick.yaml"
    text = path.read_text().replace("by: [region]\n", "")
    assert QUICK in text

    def change(models, more=""):
        path.write_text(text.replace(QUICK, models) + more)

    return change


@pytest.fixture(autouse=True)
def undrawn(monkeypatch):
    """Figures are not what matters here."""
    monkeypatch.setattr("meta.report.drawing.files.write_figures", lambda *_: 0)


def results(root):
    return sorted(path.name for path in (root / "out" / "results" / "quick").iterdir())


def test_curves_come_and_go_with_their_run(quick, cli, set_models, digests):
    set_models("models: {frequentist: none}\n", "sensitivity: {priors: each-prior}\n")
    assert "6 runs (6 fitted" in cli("pool", "--root", quick).out
    names = [name for name in results(quick) if name.endswith(".npz")]
    assert len(names) == 6 + 1  # and the table of choices
    assert "priors.half-normal-1.25.npz" in names
    before = digests(quick / "out" / "results")
    assert "6 runs (0 fitted" in cli("pool", "--root", quick).out

    folder = quick / "out" / "results" / "quick"
    (folder / "base.npz").unlink()
    (folder / "priors.uniform-0-4.npz").write_bytes(b"half")
    assert "6 runs (2 fitted" in cli("pool", "--root", quick).out
    assert digests(quick / "out" / "results") == before

    set_models(QUICK)
    assert "1 runs (1 fitted" in cli("pool", "--root", quick).out
    assert results(quick) == ["_subsets.npz", "base.json"]


def test_a_forest_needs_the_json_alone(quick, cli, set_models, tmp_path):
    set_models("models: {frequentist: none, conventional: none}\n")
    assert cli("pool", "--root", quick).code == 0
    folder = quick / "out" / "results" / "quick"
    copy = tmp_path / "copy.json"
    copy.write_bytes((folder / "base.json").read_bytes())
    assert cli("forest", copy, "-o", tmp_path / "plot.svg").code == 0
    (tmp_path / "base.npz").write_bytes(b"another's")
    result = cli("forest", copy, "-o", tmp_path / "plot.svg")
    assert result.code == 2
    assert "base.npz: found another content than was written with the run beside it" in result.err


def test_a_sampler_that_does_not_converge(quick, cli, set_models):
    """Too few draws on purpose: exit code 1, said, in the record, and everything is stored all the same."""
    pytest.importorskip("pymc")
    set_models("models: {primary: {engine: pymc, draws: 20, tune: 20}, frequentist: none}\n")
    for fitted in (1, 0):  # a failure is remembered, not tried again
        result = cli("pool", "--root", quick)
        assert result.code == 1
        assert f"1 runs ({fitted} fitted" in result.out
        (said,) = re.findall(r"^FAILED .*", result.out, re.MULTILINE)
        assert said.startswith("FAILED quick/base, primary overall: the sampler broke its limits: ")
    folder = quick / "out" / "results" / "quick"
    run = store.load_run(folder / "base.json")
    assert [(fit.role, fit.sampling is None) for fit in run.fits] == [
        ("primary", False),
        ("conventional", True),
    ]
    assert not run.fits[0].sampling.passed
    (failure,) = run.failures
    assert all(fault in failure.reason for fault in run.fits[0].sampling.faults)
    assert {"pymc", "pytensor"} <= run.provenance.versions.keys()
    assert "base.primary.overall.nc" in results(quick)
    draws = store.from_netcdf((folder / "base.primary.overall.nc").read_bytes())
    assert draws.posterior.sizes["draw"] == 20
    claimed = json.loads((quick / "out" / ".manifest.json").read_text())
    assert "results/quick/base.primary.overall.nc" in claimed
