"""Who was reported at which level of which factor, in the population of the analysis alone."""

import pytest

from meta.errors import StoreError
from meta.records.analysis import TrialEntry, Where
from meta.records.coverage import CoverageCell
from meta.records.storing import store
from meta.records.trial import Row, Table
from meta.workflow.expand import expand
from meta.workflow.running.execute import digest, run
from meta.workflow.selection.coverage import coverage
from meta.workflow.selection.select import select

LEVELS = ("pancreas", "gastroesophageal", "other")
SPLIT = [
    Row(n=18, responders=5, differentiation="poor"),
    Row(n=22, responders=9),
    Row(site="pancreas", differentiation="poor", n=3, responders=0),
    Row(site="gastroesophageal", differentiation="poor", n=6, responders=2),
]
TOTAL = [
    Row(n=29, responders=2),
    Row(site="pancreas", n=13),
    Row(site={"not": ("pancreas",)}, n=16),
    Row(differentiation="well", n=10),
    Row(differentiation="poor", n=19),
]
BARE = [Row(n=21, responders=1)]


def covered(trials, asked):
    return coverage(select(trials, asked).included, asked)


@pytest.fixture
def found(make_trial, analysis, report):
    table = Table(outcome="response", criteria="irRECIST", rows=tuple(TOTAL), where="Table 1")
    trials = {
        "a": make_trial("a", SPLIT),
        "b": make_trial(
            "b", reports=(report("jones-2019", [], tables=(table,), published="2019-05"),), region="West"
        ),
        "c": make_trial("c", BARE, region="West"),
    }
    entries = (
        TrialEntry(id="a", where=Where(differentiation="poor")),
        TrialEntry(id="b"),
        TrialEntry(id="c"),
    )
    return covered(trials, analysis(trials=entries, site_level=LEVELS))


def cell(n, responders=None):
    return CoverageCell(n=n, responders=responders)


def test_counts_sizes_and_what_nobody_reports(found):
    a, b, c = found.trials
    assert (a.label, a.n, a.responders) == ("A (Smith 2020)", 18, 5)  # without those who are not asked for
    assert a.cells["site"] == {"pancreas": cell(3, 0), "gastroesophageal": cell(6, 2), "other": cell(9, 3)}
    assert b.cells["site"] == {"pancreas": cell(13), "gastroesophageal": cell(None), "other": cell(None)}
    assert "site" not in c.cells
    assert "differentiation" not in c.cells


def test_only_the_population_is_covered(found):
    assert found.trials[0].cells["differentiation"] == {"well": cell(0, 0), "poor": cell(18, 5)}
    assert found.trials[1].cells["differentiation"] == {"well": cell(10), "poor": cell(19)}


def test_factors_of_trials_hold_all_their_patients(found):
    levels = {factor.name: factor.levels for factor in found.factors}
    assert levels == {
        "site": LEVELS,
        "differentiation": ("well", "poor"),
        "region": ("Asia", "West"),
        "response criteria": ("irRECIST", "not stated"),
        "year of report": ("2019", "2020"),
    }
    b = found.trials[1].cells
    assert (b["region"], b["year of report"]) == ({"West": cell(29, 2)}, {"2019": cell(29, 2)})
    assert b["response criteria"] == {"irRECIST": cell(29, 2)}


def test_patients_at_no_level_that_is_named_have_one_of_their_own(make_trial, analysis):
    trials = {"a": make_trial("a", [*SPLIT[2:], Row(n=18, responders=5)])}
    sites = covered(trials, analysis("a", site_level=("lung",))).trials[0].cells.get("site")
    assert sites is None  # of 18 patients nobody says how many are of the lung
    rows = [*BARE, Row(site="lung", n=5, responders=1)]
    sites = covered({"a": make_trial("a", rows)}, analysis("a", site_level=("lung",))).trials[0].cells["site"]
    assert sites == {"lung": cell(5, 1), "none of these": cell(16, 0)}


def test_nobody_at_all(analysis):
    nothing = coverage((), analysis())
    assert (nothing.factors, nothing.trials) == ((), ())


def test_a_run_stores_it_and_its_digest_knows(make_trial, analysis):
    def base(rows):
        return expand({"a": make_trial("a", rows)}, analysis("a", site_level=LEVELS))[0]

    made = run(base(TOTAL))
    assert made.coverage.trials[0].cells["site"]["pancreas"] == cell(13)
    assert store.from_json(store.to_json(made)).coverage == made.coverage
    assert digest(base(TOTAL)) != digest(base([*TOTAL, Row(grade="G3", site="pancreas", n=13)]))
    changed = store.to_json(made).replace(
        '"n": 13,\n       "responders": null', '"n": 1,\n       "responders": 2'
    )
    with pytest.raises(StoreError, match="found 2 responders of 1 patients"):
        store.from_json(changed)
