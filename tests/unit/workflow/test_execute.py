"""Variations become runs; runs are kept while nothing changes."""

from dataclasses import replace

import pytest

from meta.errors import SpecError
from meta.models import InverseVariance
from meta.records import store
from meta.records.trial import Row, Table
from meta.workflow import execute as module
from meta.workflow.execute import execute, run
from meta.workflow.expand import expand


@pytest.fixture
def trials(make_trial):
    return {
        "a": make_trial("a", [Row(n=18, responders=5), Row(site="pancreas", n=3, responders=0)]),
        "b": make_trial("b", [Row(n=32, responders=6)]),
        "c": make_trial("c", [Row(n=29, responders=2), Row(site="pancreas", n=13)], region="West"),
    }


@pytest.fixture
def variation(trials, analysis):
    return expand(trials, analysis("a", "b", "c", by=("region", "site"), site_level=("pancreas", "other")))[0]


def test_expand_makes_complete_analyses(trials, analysis):
    base = analysis("a", "b", "c")
    changed = replace(base, models={"conventional": InverseVariance(tau2="DL")})
    planned = expand(trials, replace(base, sensitivity={"dl": changed, "loo": "each-trial"}))
    assert [v.name for v in planned] == ["base", "dl", "loo.a", "loo.b", "loo.c"]
    assert [v.selection.counts.k for v in planned] == [3, 3, 2, 2, 2]
    assert all(not v.analysis.sensitivity for v in planned)


def test_expand_reports_the_faults_of_all_variations(trials, analysis):
    from meta.records.analysis import Where

    base = analysis("a", "b", "c")
    strict = replace(base, exclude=(Where(differentiation="well"),))
    with pytest.raises(SpecError) as caught:
        expand(trials, replace(base, sensitivity={"strict": strict}))
    assert {fault.file for fault in caught.value.faults} == {f"trials/{name}.yaml" for name in "abc"}


def test_a_run_holds_every_grouping_and_what_is_missing(variation):
    found = run(variation)
    assert [(fit.role, fit.by, fit.k) for fit in found.fits] == [
        ("conventional", None, 3),
        ("conventional", "region", 3),
        ("conventional", "site", 1),
    ]
    site = found.fits[2]
    assert [(e.label, e.n) for e in site.groups[0].not_reported] == [("C (Smith 2020)", 13)]
    assert {(e.label, e.n) for e in site.not_reported} == {("B (Smith 2020)", 32)}
    assert not found.failures


def test_the_k_policy_can_be_waived_and_says_so(trials, analysis):
    (two,) = expand(trials, analysis("a", "b", k_policy="off"))
    assert run(two).fits[0].standing.reason == "the analysis switches the k policy off"


def test_a_stored_run_is_read_back_whole(variation):
    found = run(variation)
    assert store.from_json(store.to_json(found)) == store.from_json(
        store.to_json(store.from_json(store.to_json(found)))
    )


def test_a_run_is_fitted_once(variation, tmp_path):
    path = tmp_path / "base.json"
    first, fitted = execute(variation, path)
    assert fitted
    again, fitted = execute(variation, path)
    assert not fitted
    assert store.to_json(again) == store.to_json(first)


@pytest.mark.parametrize("damage", [b"", b"{", b'{"schema": 0}', b"\xff\xfe", b"[1]"])
def test_a_damaged_run_is_fitted_anew(variation, tmp_path, damage):
    path = tmp_path / "base.json"
    execute(variation, path)
    path.write_bytes(damage)
    assert execute(variation, path)[1]


def test_data_options_and_versions_each_change_the_digest(trials, analysis, variation, monkeypatch):
    def digest(of):
        return run(of).provenance.digest

    base = digest(variation)
    assert digest(variation) == base
    options = {"conventional": InverseVariance(tau2="DL")}
    asked = analysis("a", "b", "c", by=("region", "site"), site_level=("pancreas", "other"), models=options)
    assert digest(expand(trials, asked)[0]) != base
    more = replace(variation, selection=replace(variation.selection, groupings=()))
    assert digest(more) != base
    monkeypatch.setattr(module, "versions", lambda: {"numpy": "0"})
    assert digest(variation) != base


def test_a_run_that_was_edited_is_fitted_anew(variation, tmp_path):
    path = tmp_path / "base.json"
    execute(variation, path)
    path.write_text(path.read_text().replace('"responders": 5', '"responders": 6', 1))
    assert execute(variation, path)[1]


@pytest.mark.parametrize(
    "names", [{"region": "each-trial"}, {"loo": "each-trial", "loo.a": None}, {"base": None}]
)
def test_names_that_would_share_a_file_are_refused(trials, analysis, names):
    base = analysis("a", "b", "c", by=("region",))
    with pytest.raises(SpecError, match="names of their own are allowed"):
        expand(trials, replace(base, sensitivity={name: change or base for name, change in names.items()}))


def test_other_outcomes_have_names_of_their_own(make_trial, analysis, report):
    tables = tuple(
        Table(
            outcome="disease-control",
            where="T",
            timepoint=when,
            criteria=criteria,
            rows=(Row(n=20, events=9),),
        )
        for when, criteria in (("best", "RECIST 1.1"), ("16 weeks", None))
    )
    trials = {
        name: make_trial(name, reports=(report("r-2020", [], tables=(table,)),))
        for name, table in zip("ab", tables, strict=True)
    }
    (variation,) = expand(trials, analysis("a", "b", outcome="disease-control"))
    (fit,) = run(variation).fits
    assert fit.proportion.estimand == "median disease control rate"
    assert fit.trials[0].proportion.estimand == "disease control rate"
    assert "Time points differ between trials: best (1), 16 weeks (1)." in fit.notes
    assert "Response criteria differ between trials: RECIST 1.1 (1), not stated (1)." in fit.notes
