"""Excluded patients as a group of the likelihood: who is in which group, and what is refused."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from meta.models import site_region as model
from meta.records import store
from meta.records.analysis import Range, TrialEntry, Where
from meta.records.analysis_rules import analysis_complaints
from meta.records.load import load
from meta.records.sites import Sites
from meta.records.trial import Row
from meta.report.bound_words import compared, latent_rate
from meta.report.figures import figures
from meta.report.text import answers
from meta.workflow.execute import run
from meta.workflow.expand import expand
from meta.workflow.latent import latent_of, latent_sites

ROOT = Path(__file__).resolve().parents[3]
WELL = Where(differentiation="well")
QUICK = Sites(draws=60, tune=60)
TOLD = [
    Row(n=24, responders=5),
    Row(differentiation="well", n=6, responders=0),
    Row(differentiation="poor", n=18, responders=5),
]
SIZED = [Row(n=29, responders=2), Row(differentiation="well", n=10), Row(differentiation="poor", n=19)]
SOME = [
    Row(n=29, responders=1),
    Row(differentiation="well", n=9),
    Row(differentiation="poor", n=19),
    Row(differentiation="unknown", n=1),
]
BLIND = [Row(n=21, responders=1)]


@pytest.fixture
def latent(make_trial, analysis):
    """The variation in which the well-differentiated are a group; trials by their rows, Asia then West."""

    def make(entries=None, **rows):
        trials = {
            name: make_trial(name, table, region=("Asia", "West")[i % 2])
            for i, (name, table) in enumerate(rows.items())
        }
        asked = analysis(*rows, exclude=(WELL,), unresolved="latent", sites=QUICK)
        return expand(trials, asked if entries is None else replace(asked, trials=entries))[0]

    return make


def test_reported_rows_stay_and_others_are_sums_or_pools(latent):
    data = latent(told=TOLD, sized=SIZED, some=SOME, blind=BLIND).selection.sites
    assert data.groups == ("poor", "well")
    assert data.n.tolist() == [[18, 6], [19, 10], [19, 9], [0, 0]]
    alone = [[True, False], [False, True]]
    assert sorted(data.members[:2].tolist(), reverse=True) == alone
    assert data.members[2:].tolist() == [[True, True]] * 3
    assert sorted(data.responders[:2].tolist()) == [0, 5]
    assert data.responders[2:].tolist() == [2, 1, 1]
    assert [(pool.row, pool.groups, pool.n) for pool in data.pools] == [(3, (0, 1), 1), (4, (0, 1), 21)]


def test_patients_of_unknown_differentiation_reported_alone_may_be_either(latent):
    rows = [*TOLD, Row(differentiation="unknown", n=4, responders=1)]
    rows[0] = Row(n=28, responders=6)
    data = latent(a=rows).selection.sites
    assert data.row_patients().sum() == 28
    (pool,) = data.pools
    assert (data.responders[pool.row], pool.n, data.sizes()[pool.row].tolist()) == (1, 4, [0, 0])


def test_nobody_is_excluded_and_nothing_is_pooled(latent):
    selection = latent(told=TOLD, sized=SIZED).selection
    assert (selection.counts.k, selection.groupings, selection.bounded) == (0, (), ())
    assert {entry.action for entry in selection.ledger} <= {"used", "by group", "unused"}
    assert any("well 10" in entry.reason for entry in selection.ledger if entry.action == "by group")


def test_a_population_without_them_has_no_row_of_them(latent):
    poor = TrialEntry(id="told", where=Where(differentiation="poor"))
    data = latent(entries=(poor, "sized"), told=TOLD, sized=SIZED).selection.sites
    assert data.n.tolist() == [[18, 0], [19, 10]]


def test_the_records():
    trials, analyses = load(ROOT)
    name = "no-well-differentiated-latent"
    found = {a: {v.name: v for v in expand(trials, one)}[name].selection.sites for a, one in analyses.items()}
    g3, table1 = found["g3-nen"], found["jia-2022-table1"]
    reported = {
        (g3.labels[g3.trial[r]], g3.groups[s]): (int(g3.responders[r]), int(g3.n[g3.trial[r], s]))
        for r, s in zip(*g3.members.nonzero(), strict=True)
        if g3.members[r].sum() == 1
    }
    assert reported[("Sintilimab (Jia 2022)", "well")] == (0, 6)
    assert reported[("Toripalimab (Lu 2020)", "well")] == (2, 8)
    assert len(reported) == 4
    assert not table1.members[:, 1][table1.members.sum(1) == 1].any()  # no row of the well-differentiated


def test_the_model_is_that_of_sites_with_a_fixed_contrast(analysis):
    asked = analysis("a", exclude=(WELL,), unresolved="latent", sites=replace(QUICK, prior="half-normal:1"))
    found = latent_sites(asked)
    assert (found.groups, found.by, found.target, found.prior) == (
        "fixed", "differentiation", {"poor": 1.0}, "half-normal:1",
    )  # fmt: skip
    other = latent_sites(replace(asked, sites=None, outcome="disease-control"))
    assert other.mu_prior == "normal:0,2.5"


@pytest.mark.parametrize(
    ("exclude", "names"),
    [
        ((Where(differentiation="well"),), ("poor", "well")),
        ((Where(grade=("G1", "G2")),), ("not G1 or G2", "G1 or G2")),
        ((Where(site="lung"), Where(site="thymus")), ("not lung or thymus", "lung or thymus")),
        ((Where(trial="a"), Where(pdl1="negative")), ("not negative", "negative")),
    ],
)
def test_groups_are_named_after_the_exclusion(analysis, exclude, names):
    assert latent_of(analysis("a", exclude=exclude, unresolved="latent")).names == names


@pytest.mark.parametrize(
    ("exclude", "where"),
    [
        ((), "exclude"),
        ((Where(trial="a"),), "exclude"),
        ((Where(differentiation="well", site="lung"),), "exclude[0]"),
        ((Where(differentiation="well"), Where(site="lung")), "exclude[1]"),
        ((Where(differentiation="well", region="Asia"),), "exclude[0]"),
        ((Where(differentiation={"not": ("poor",)}),), "exclude[0]"),
        ((Where(cohort="x"),), "exclude[0]"),
    ],
)
def test_other_exclusions_are_refused(analysis, exclude, where):
    asked = analysis("a", exclude=exclude, unresolved="latent")
    faults = list(analysis_complaints(asked, "test", None))
    assert [fault.path for fault in faults] == [where]
    assert "unresolved: latent" in faults[0].allowed


def test_a_run_has_the_answer_of_those_who_stay(latent, monkeypatch):
    declared = TrialEntry(id="blind", ranges=(Range(differentiation="well", n=(1, 9), source="S"),))
    variation = latent(entries=("told", "sized", declared), told=TOLD, sized=SIZED, blind=BLIND)
    seen = []
    sample = model.SiteRegion.sample

    def watched(self, data):
        seen.append(self)
        return sample(self, data)

    monkeypatch.setattr(model.SiteRegion, "sample", watched)
    done = run(variation)
    assert [one.groups for one in seen] == ["fixed"]
    assert (done.fits, done.bounds) == ((), ())
    rate = latent_rate(done)
    assert (rate.group, rate.responders, rate.n_reported, rate.n) == ("poor", 5, 18, 37)
    (row,) = answers([done])
    assert row[:3] == ("all trials", "3*", "8/74 with others")
    assert any("Not run: conventional" in note for note in done.sites.notes)
    assert any("Declared ranges" in note for note in done.sites.notes)
    Draft202012Validator(json.loads(store.schema("run"))).validate(json.loads(store.to_json(done)))
    assert store.to_json(store.from_json(store.to_json(done))) == store.to_json(done)
    assert not [plan.name for plan in figures([done]) if "site" in plan.name]


def test_it_stands_beside_the_bounds_of_the_same_exclusion(analysis):
    """Also where its population is wider: `trials` may differ."""
    from meta.records.run import Run

    def made(name, **options):
        plain = store.plain(analysis("a", exclude=(WELL,), **options))
        sites = "fit" if options["unresolved"] == "latent" else None
        return Run(
            name="q", question="?", variation=name, analysis=plain, ledger=(), printed=(), acknowledged=(),
            fits=(), sites=sites,
        )  # fmt: skip

    bound, near = made("bound", unresolved="bound"), made("latent", unresolved="latent", sites=QUICK)
    wide = made("wide", unresolved="latent", trials=("a",))
    other = made("other", unresolved="latent", outcome="disease-control")
    for runs, expected in (([near, other], near), ([wide, other], wide), ([other], None)):
        assert compared([bound, *runs], bound, bound).latent is expected
