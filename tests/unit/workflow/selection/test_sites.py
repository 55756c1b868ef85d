"""Responders by site as each trial reports them: alone, as sums, in pools; and what the ledger says of it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from meta.models import InverseVariance
from meta.models.sites import site_region as model
from meta.records.analysis import Where
from meta.records.reading.load import load
from meta.records.sites import Sites
from meta.records.storing import store
from meta.records.trial import Row
from meta.report.tables.site_tables import TABLES, standing_of
from meta.report.terminal.site_text import site_lines
from meta.results import FAILED, Diagnostics, Outcome, Reason, name_of
from meta.workflow.expand import expand
from meta.workflow.running.execute import digest, execute, run
from meta.workflow.selection.select import select

ROOT = Path(__file__).parents[3] / "data" / "root"
QUICK = {"draws": 60, "tune": 60}
SPLIT = [
    Row(n=18, responders=5),
    Row(site="pancreas", n=3, responders=0),
    Row(site="gastroesophageal", n=6, responders=2),
    Row(site={"not": ("pancreas", "gastroesophageal")}, n=9, responders=3),
]
TOTAL = [
    Row(n=29, responders=2),
    Row(site="pancreas", n=13),
    Row(site="gastroesophageal", n=4),
    Row(site={"not": ("pancreas", "gastroesophageal")}, n=12),
]
COARSE = [Row(n=29, responders=1), Row(site="pancreas", n=10), Row(site={"not": ("pancreas",)}, n=19)]
LEVELS = ("pancreas", "gastroesophageal", "other")


@pytest.fixture
def selected(make_trial, analysis):
    """Trials, by their rows, as the model of sites and regions takes them; with the ledger's words."""

    def select_(rows_of, site_level=LEVELS, **changes):
        regions = changes.pop("regions", {})
        trials = {
            name: make_trial(name, rows, **({"region": regions[name]} if name in regions else {}))
            for name, rows in rows_of.items()
        }
        asked = analysis(*rows_of, sites=Sites(), site_level=site_level, **changes)
        found = select(trials, asked)
        return found.sites, [e.reason for e in found.ledger if e.action == "by group"]

    return select_


def rows_of(data):
    """Trial, groups and responders of each row."""
    return [
        (data.labels[t][0], [g for g, inside in zip(data.groups, row, strict=True) if inside], int(x))
        for t, row, x in zip(data.trial, data.members, data.responders, strict=True)
    ]


def test_sites_that_are_printed_are_rows_of_their_own_and_a_total_is_one_row(selected):
    data, said = selected({"a": SPLIT, "b": TOTAL}, regions={"b": "International"})
    assert rows_of(data) == [
        ("A", ["pancreas"], 0),
        ("A", ["gastroesophageal"], 2),
        ("A", ["other"], 3),
        ("B", list(LEVELS), 2),
    ]
    assert data.n.tolist() == [[3, 6, 9], [13, 4, 12]]
    assert data.pools == ()
    assert data.contrasts["region"] == ("Asia", "International")
    assert said == [
        "pancreas 0/3, gastroesophageal 2/6, other 3/9",
        "2/29 as a sum over pancreas 13, gastroesophageal 4, other 12",
    ]


def test_the_rest_of_a_total_is_a_sum_over_the_sites_that_are_not_printed(selected):
    rows = [Row(n=29, responders=4), Row(site="pancreas", n=13, responders=1), *TOTAL[2:]]
    data, said = selected({"a": rows})
    assert rows_of(data) == [("A", ["pancreas"], 1), ("A", ["gastroesophageal", "other"], 3)]
    assert said == ["pancreas 1/13; 3/16 as a sum over gastroesophageal 4, other 12"]


def test_one_site_that_is_left_follows_by_subtraction(selected):
    data, _ = selected({"a": [*SPLIT[:3], Row(site={"not": ("pancreas", "gastroesophageal")}, n=9)]})
    assert rows_of(data)[2] == ("A", ["other"], 3)
    assert data.reported().all()


def test_sites_known_together_only_are_pooled(selected):
    data, said = selected({"a": COARSE})
    assert rows_of(data) == [("A", list(LEVELS), 1)]
    assert data.n.tolist() == [[10, 0, 0]]
    assert data.pools == ((0, (1, 2), 19),)
    assert said == ["1/29 as a sum over pancreas 10, gastroesophageal or other 19 (not reported separately)"]


def test_the_patients_of_a_pool_may_follow_by_subtraction(selected):
    rows = [
        Row(n=29, responders=1), Row(site="gep", n=24), Row(site="pancreas", n=10),
        Row(site={"not": ("gep",)}, n=5),
    ]  # fmt: skip
    data, said = selected({"a": rows}, site_level=("pancreas", "gastroesophageal", "intestine", "other"))
    assert data.n.tolist() == [[10, 0, 0, 5]]
    assert data.pools == ((0, (1, 2), 14),)
    assert said == [
        "1/29 as a sum over pancreas 10, other 5, gastroesophageal or intestine 14 (not reported separately)"
    ]


def test_other_factors_than_the_site(make_trial, analysis):
    rows = [Row(n=40, responders=8), Row(differentiation="well", n=8, responders=2)]
    sized = [Row(n=29, responders=2), Row(differentiation="well", n=10), Row(differentiation="poor", n=19)]
    trials = {"a": make_trial("a", rows), "b": make_trial("b", sized)}
    data = select(trials, analysis("a", "b", sites=Sites(by="differentiation"))).sites
    assert data.groups == ("well", "poor", "unknown")  # of A's others nobody says which they are
    assert data.n.tolist() == [[8, 0, 0], [10, 19, 0]]
    assert [(pool.groups, pool.n) for pool in data.pools] == [((1, 2), 32)]


def test_a_total_without_any_site_is_one_pool(selected):
    data, said = selected({"a": SPLIT, "b": [Row(n=60, responders=3)]})
    assert data.pools == ((3, (0, 1, 2), 60),)
    assert data.n[1].tolist() == [0, 0, 0]
    assert said[1] == "3/60 in pancreas or gastroesophageal or other, not reported separately"


def test_patients_of_a_total_who_are_at_no_printed_site_are_a_pool_over_all(selected):
    rows = [Row(n=20, responders=6), *SPLIT[1:]]  # the sites have 18 of the 20, and 5 of the 6
    data, said = selected({"a": rows})
    assert rows_of(data)[-1] == ("A", [], 1)
    assert data.pools == ((3, (0, 1, 2), 2),)
    assert int(data.patients()[0]) == 20
    assert said[0].endswith("; 1/2 in pancreas or gastroesophageal or other, not reported separately")


def test_counts_by_site_that_contradict_the_total_are_not_used(selected):
    rows = [Row(n=18, responders=4), *SPLIT[1:]]
    data, said = selected({"a": rows})
    assert rows_of(data) == [("A", list(LEVELS), 4)]
    assert data.pools == ((0, (0, 1, 2), 18),)
    assert said[0].endswith("its counts by group contradict its total, which alone is used")


def test_a_total_that_holds_patients_of_no_group_is_not_used(selected):
    data, said = selected({"a": TOTAL, "b": SPLIT}, site_level=("pancreas", "gastroesophageal"))
    assert rows_of(data) == [("B", ["pancreas"], 0), ("B", ["gastroesophageal"], 2)]
    assert data.n.tolist() == [[13, 4], [3, 6]]
    assert said[0] == (
        "responders not reported of pancreas 13, gastroesophageal 4; 12 of its patients are in no group"
    )


def test_groups_without_a_patient_anywhere_are_left_out(selected):
    nobody = Row(site="lung", n=0, responders=0)
    four = (*LEVELS[:2], "lung", "other")
    data, _ = selected({"a": [*SPLIT, nobody], "b": [*TOTAL, nobody]}, site_level=four)
    assert data.groups == LEVELS
    data, _ = selected({"a": SPLIT, "b": TOTAL}, site_level=four)
    assert (data.groups, [pool.n for pool in data.pools]) == (four, [9, 12])


def test_rows_that_only_this_model_uses_are_used_in_the_ledger(make_trial, analysis):
    trials = {"a": make_trial("a", SPLIT)}
    found = select(trials, analysis("a", sites=Sites(), site_level=LEVELS))
    assert [(e.by, e.group) for e in found.ledger if e.action == "used"][1:] == [
        ("site", name) for name in LEVELS
    ]
    assert not [e for e in found.ledger if e.action == "unused"]
    assert select(trials, analysis("a", site_level=LEVELS)).sites is None


def test_table_1_of_jia_2022():
    trials, analyses = load(ROOT)
    asked = replace(analyses["jia-2022-table1"], sensitivity={}, sites=Sites())
    data = select(trials, asked).sites
    assert data.groups == ("pancreas", "gastroesophageal", "intestine", "other")
    assert data.n.tolist() == [[3, 6, 3, 6], [5, 9, 11, 7], [13, 4, 3, 9], [6, 3, 5, 7]]
    assert data.responders.tolist() == [0, 2, 1, 2, 0, 3, 0, 3, 2, 1]
    assert data.members.sum(-1).tolist() == [1] * 8 + [4, 4]
    assert (data.pools, data.contrasts["region"]) == ((), ("Asia", "Asia", "West", "West"))


def test_the_latest_reports_have_pools():
    trials, analyses = load(ROOT)
    data = select(trials, replace(analyses["g3-nen"], sensitivity={}, sites=Sites())).sites
    assert data.n.tolist()[2:] == [[0, 0, 0, 0], [10, 0, 0, 5]]
    assert [(pool.groups, pool.n) for pool in data.pools] == [((0, 1, 2, 3), 60), ((1, 2), 14)]
    assert data.patients().tolist() == [18, 32, 60, 29]


# Where it runs


@pytest.fixture
def planned(make_trial, analysis):
    def plan(**options):
        trials = {
            "a": make_trial("a", SPLIT),
            "b": make_trial("b", TOTAL, region="West"),
            "c": make_trial("c", SPLIT, region="West"),
        }
        base = analysis("a", "b", "c", site_level=LEVELS, sites=Sites(**{**QUICK, **options}))
        variations = {
            "hartung": replace(base, models={"conventional": InverseVariance(interval="hk")}),
            "wide": replace(base, sites=replace(base.sites, contrast_prior="normal:0,2")),
            "bound": replace(base, exclude=(Where(differentiation="well"),), unresolved="bound"),
            "loo": "each-trial",
        }
        return {v.name: v for v in expand(trials, replace(base, sensitivity=variations))}

    return plan


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        (("base",), {"base", "wide"}),
        (("hartung",), {"hartung", "wide"}),
        (("base", "loo"), {"base", "wide", "loo.a", "loo.b", "loo.c"}),
    ],
)
def test_it_runs_where_it_is_listed_or_changed(planned, listed, expected):
    found = planned(variations=listed)
    assert {name for name, v in found.items() if v.analysis.sites is not None} == expected
    assert {name for name, v in found.items() if v.selection.sites is not None} == expected


def test_where_counts_are_bounded_it_says_why_it_did_not_run(make_trial, analysis):
    trials = {"a": make_trial("a", [Row(n=29, responders=2), Row(differentiation="well", n=10)])}
    changes = {"exclude": (Where(differentiation="well"),), "unresolved": "bound", "site_level": LEVELS}
    found = run(expand(trials, analysis("a", sites=Sites(**QUICK), **changes))[0])
    assert found.sites is None
    failure = next(failure for failure in found.failures if failure.role == "sites")
    assert "takes counts, not bounds" in failure.reason


def test_data_and_options_decide_the_digest(planned):
    base = planned()["base"]
    assert digest(base) != digest(planned(seed=2)["base"])
    changed = replace(base.selection.sites, responders=np.array([0, 2, 2, 2, 0, 2, 3]))
    assert digest(base) != digest(replace(base, selection=replace(base.selection, sites=changed)))


# The run


@pytest.fixture(scope="module")
def stored_twice(tmp_path_factory):
    """One small fit of the frozen records, stored and loaded, and the same fit made again."""
    trials, analyses = load(ROOT)
    asked = replace(
        analyses["jia-2022-table1"], models={"conventional": InverseVariance()}, sensitivity={}, by=(),
        sites=Sites(**QUICK, target="avelumab-avenec"),
    )  # fmt: skip
    variation = expand(trials, asked)[0]
    path = tmp_path_factory.mktemp("sites") / "base.json"
    made, _ = execute(variation, path)
    return made, store.load_run(path), run(variation), execute(variation, path)[1]


def test_the_fit_is_stored_whole_and_the_same_seed_gives_it_again(stored_twice):
    made, loaded, again, fitted_anew = stored_twice
    assert store.to_json(loaded) == store.to_json(made) == store.to_json(again)
    assert loaded.sites.rates == made.sites.rates
    assert not fitted_anew
    Draft202012Validator(json.loads(store.schema("run"))).validate(json.loads(store.to_json(made)))
    assert made.sites.target_name == "Avelumab (Fottner 2019)"


def test_a_sampler_that_broke_its_limits_is_marked_in_every_output(stored_twice):
    """So few draws never pass."""
    made = stored_twice[0]
    assert not made.sites.sampling.passed
    assert made.failures[0].role == "sites"
    assert made.failures[0].reason.startswith("the sampler broke its limits: ")
    said = list(site_lines(made))
    assert said[0].startswith(f"[{FAILED}] jia-2022-table1, base: by site and region")
    for name, table in TABLES.items():
        assert set(table([made]).standing) == {FAILED}, name


def test_the_notes_say_what_it_rests_on(stored_twice):
    contrast, groups = stored_twice[0].sites.notes
    assert contrast.startswith(
        "The contrast of region is descriptive: it compares trials (Asia 2 trials, 11 responders; "
        "West 2 trials, 3 responders), which differ"
    )
    assert groups.startswith("2 trials of 4 report responders by group")


def believed(made):
    good = Diagnostics(
        rhat=1.0, ess_bulk=2000.0, ess_tail=2000.0, bfmi=0.9, divergences=0, draws=1000, chains=4,
        target_accept=0.9, retried=False, passed=True, seed=1, backend="hand",
    )  # fmt: skip
    return replace(made, sites=replace(made.sites, sampling=good, sampling_without_groups=good))


def test_text_and_tables_have_the_numbers_of_the_run(stored_twice):
    made = believed(stored_twice[0])
    fit = made.sites
    assert standing_of(fit) == "headline"
    said = "\n".join(site_lines(made))
    value = 100 * fit.standardised[0].mean.value
    assert f"    Asia*, mean ORR over new trials: {value:.1f} (" in said
    assert "West minus Asia, new trials*: standardised" in said
    assert "  log odds ratio, West against Asia: prior sd 1.00, posterior sd" in said
    tables = {name: table([made]) for name, table in TABLES.items()}
    assert len(tables["sites"]) == 2 * len(fit.rates) == 2 * 4 * 3
    for name in ("standardised", "region_prior", "orders"):  # each region and each site has two
        assert set(tables[name].standing) == {"drawn-not-headline"}
    standings = tables["site_parameters"].set_index("parameter").standing
    assert (standings["mu"], standings["log odds ratio, West against Asia"]) == (
        "headline",
        "drawn-not-headline",
    )
    assert set(tables["sites"].standing) == {"drawn-not-headline"}  # no Western trial reports a site
    assert list(tables["orders"].probability) == [one.probability for one in fit.orders]
    assert set(tables["standardised"].source) == {"with groups", "without groups", "direct"}
    assert list(tables["splits"].expected) == [one.expected for one in fit.splits]
    assert len(tables["region_prior"]) == 2 * len(fit.prior_sweep)
    ratio = tables["site_parameters"].set_index("parameter").sd_ratio
    assert 0 < ratio["log odds ratio, West against Asia"] < 1.5


def test_where_the_k_policy_is_off_two_trials_may_be_a_headline(stored_twice, planned, monkeypatch):
    fit = stored_twice[0].sites
    monkeypatch.setattr(model.SiteRegion, "fit", lambda *_: fit)
    base = planned()["base"]
    found = run(replace(base, analysis=replace(base.analysis, k_policy="off"))).sites
    assert {rate.standing.reasons for rate in found.standardised} == {(Reason.POLICY_OFF,)}
    assert {rate.standing.status for rate in found.rates if rate.n_reported} == {"headline"}
    assert {rate.standing.reasons for rate in found.rates if not rate.n_reported} == {(Reason.NOT_REPORTED,)}


def test_a_target_that_was_left_out_is_a_failure_with_its_reason(planned):
    found = run(planned(variations=("loo",), target="a")["loo.a"])
    assert found.sites is None
    assert [(failure.role, failure.by) for failure in found.failures] == [("sites", "site")]
    assert "target: found 'a'; these are allowed: pooled, B (Smith 2020)" in found.failures[0].reason


def test_another_outcome_has_its_own_name(stored_twice, planned, monkeypatch):
    fit = replace(stored_twice[0].sites)
    monkeypatch.setattr(model.SiteRegion, "fit", lambda *_: fit)
    base = planned()["base"]
    other = replace(base, analysis=replace(base.analysis, outcome=Outcome.DISEASE_CONTROL))
    found = run(other).sites
    rate, gap = found.rates[0].mean.estimand, found.differences[0].standardised.estimand
    assert name_of(rate, found.outcome) == "mean disease control rate over new trials"
    assert name_of(gap, found.outcome) == "difference of median disease control rates"


def test_a_run_without_it_has_empty_tables_and_no_lines(stored_twice):
    bare = replace(stored_twice[0], sites=None)
    assert not list(site_lines(bare))
    assert all(table([bare]).empty for table in TABLES.values())
