"""What trials that do not tell excluded patients apart could be, from their records."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meta.models import BayesBinomial, BayesNormal, BinomialNormal, InverseVariance
from meta.records.analysis import Range, TrialEntry, Where
from meta.records.patients import Universe
from meta.records.storing import store
from meta.records.trial import Row
from meta.results import Reason
from meta.workflow.expand import expand
from meta.workflow.running import execute
from meta.workflow.selection.margins import margins_of
from meta.workflow.selection.select import select

WELL = Where(differentiation="well")
TOTALS = [
    Row(n=29, responders=2),
    Row(differentiation="well", n=10),
    Row(differentiation="poor", n=19),
    Row(site="pancreas", n=13),
]
KNOWN = [Row(n=24, responders=5), Row(differentiation="well", n=6, responders=0)]


@pytest.fixture
def bound(make_trial, analysis):
    """Select trials, given as rows by name, without the well-differentiated."""

    def choose(ranges=(), regions=("Asia", "West"), **rows):
        trials = {
            name: make_trial(name, table, region=region)
            for (name, table), region in zip(rows.items(), regions, strict=False)
        }
        entries = tuple(TrialEntry(id=name, ranges=tuple(ranges) if name == "b" else ()) for name in rows)
        asked = analysis(
            trials=entries, exclude=(WELL,), unresolved="bound", by=("region", "site"),
            site_level=("pancreas", "other"),
        )  # fmt: skip
        return select(trials, asked)

    return choose


def options(selection, label, by=None):
    data = next(part.data for part in selection.open if part.by == by)
    return data.options[[name[0] for name in data.labels].index(label)].tolist()


def test_responders_of_the_remaining_patients_take_every_whole_number_left(bound):
    selection = bound(a=KNOWN, b=TOTALS)
    assert options(selection, "A") == [[[5, 18]]]
    assert options(selection, "B") == [[[0, 19]], [[1, 19]], [[2, 19]]]
    assert options(selection, "B", "region") == options(selection, "B")
    assert next(part.data.names for part in selection.open if part.by == "region") == ("Asia", "West")
    assert [trial.label for trial in selection.included] == ["A (Smith 2020)"]
    (entry,) = (e for e in selection.ledger if e.action == "bounded")
    assert entry.n == 19
    assert entry.reason == (
        "10 of 29 patients are well differentiated; their responders are not reported; "
        "0 to 2 responders among the 19 remaining patients: 3 completions (unresolved: bound)"
    )


def test_patients_whose_number_nobody_reports_are_not_bounded(bound):
    selection = bound(a=KNOWN, b=[Row(n=21, responders=1)])
    assert next(part.data.labels for part in selection.open if part.by is None) == ("A (Smith 2020)",)
    (entry,) = (e for e in selection.ledger if e.action == "not bounded")
    assert "an unreported number of 21 patients are well differentiated" in entry.reason
    assert "does not say how many are well differentiated, and no range of it is declared" in entry.reason


@pytest.mark.parametrize(
    "declared",
    [
        Range(differentiation="well", n=(1, 9), source="Smith 2021"),
        Range(differentiation={"not": ("well",)}, n=(12, 20), source="Smith 2022"),
    ],
)
def test_a_declared_range_bounds_them(bound, declared):
    selection = bound(a=KNOWN, b=[Row(n=21, responders=1)], ranges=[declared])
    assert options(selection, "B") == [[[x, n]] for n in range(12, 21) for x in (0, 1)]
    (entry,) = (e for e in selection.ledger if e.action == "bounded")
    assert f"({declared.source})" in entry.reason
    assert "0 to 1 responders among the 12 to 20 remaining patients: 18 completions" in entry.reason


def test_a_range_of_other_patients_is_no_range_of_these(bound):
    other = Range(site="pancreas", n=(1, 9), source="Smith 2021")
    selection = bound(a=KNOWN, b=[Row(n=21, responders=1)], ranges=[other])
    assert [e.trial for e in selection.ledger if e.action == "not bounded"] == ["b"]


def test_a_range_beyond_all_patients_ends_there_and_may_leave_nobody(bound):
    """21 patients of whom 20 to 40 are to be excluded: 0 or 1 remains."""
    declared = Range(differentiation="well", n=(20, 40), source="Smith 2021")
    selection = bound(a=KNOWN, b=[Row(n=21, responders=1)], ranges=[declared])
    assert options(selection, "B") == [[[0, 0]], [[0, 1]], [[1, 1]]]


def test_a_range_that_the_rows_contradict_bounds_nothing(bound):
    declared = Range(differentiation="well", n=(30, 40), source="Smith 2021")
    selection = bound(a=KNOWN, b=[Row(n=21, responders=1)], ranges=[declared])
    (entry,) = (e for e in selection.ledger if e.action == "not bounded")
    assert "contradict each other" in entry.reason


def test_rows_that_overlap_tighten_the_bounds(bound):
    """Both responders had a pancreatic primary, and nobody well-differentiated did."""
    rows = [
        *TOTALS[:2],
        Row(site="pancreas", n=13, responders=2),
        Row(site="pancreas", differentiation="well", n=0),
    ]
    assert options(bound(a=KNOWN, b=rows), "B") == [[[2, 19]]]


def test_a_trial_that_tells_them_apart_needs_no_completion(bound):
    selection = bound(a=KNOWN)
    assert not selection.bounded
    assert [part.data.sizes for part in selection.open if part.by is None] == [(1,)]


def test_by_site_only_what_was_reported_before_the_exclusion_is_completed(bound):
    """Of B's 13 pancreatic patients nobody's responders were printed; of C's 9 they were."""
    by_site = [
        Row(n=20, responders=3),
        Row(site="pancreas", n=9, responders=2),
        Row(differentiation="well", n=5),
        Row(differentiation="well", site="pancreas", n=4),
    ]
    selection = bound(a=KNOWN, b=TOTALS, c=by_site, regions=("Asia", "West", "West"))
    data = next(part.data for part in selection.open if part.by == "site")
    assert data.labels == ("C (Smith 2020)",)
    assert data.names == ("pancreas", "other")
    # 5 of 9 pancreatic and 10 of 11 other patients stay; the one other who leaves may have responded
    assert data.options[0].tolist() == [[[p, 5], [o, 10]] for p in range(3) for o in (0, 1)]
    told = [(e.trial, e.group, e.n) for e in selection.ledger if e.action == "not reported"]
    assert ("b", "pancreas", None) in told


@st.composite
def tables(draw):
    """Rows of a small true table by site and differentiation, some counts not printed."""
    kinds = list(product(("pancreas", "lung"), ("well", "poor")))
    places = draw(st.lists(st.integers(0, 3), min_size=1, max_size=4))
    patients = [(kinds[i], draw(st.booleans())) for i in places]
    rows = [Row(n=len(patients), responders=sum(r for _, r in patients))]
    for site, grade in draw(
        st.lists(st.sampled_from([*kinds, ("pancreas", None), (None, "well")]), max_size=4)
    ):
        inside = [r for (s, d), r in patients if site in {None, s} and grade in {None, d}]
        n = len(inside) if draw(st.booleans()) else None
        x = sum(inside) if n is None or draw(st.booleans()) else None
        rows.append(Row(site=site, differentiation=grade, n=n, responders=x))
    return rows


@given(tables())
@settings(max_examples=25, deadline=None)
def test_completions_of_a_record_are_those_of_every_latent_table(rows):
    """Exact sets: sites pancreas, lung and any other; differentiation well, or poor or unknown."""
    universe = Universe([*(row.given() for row in rows), {"differentiation": "well"}])
    margins = margins_of(universe, enumerate(rows))
    stay = universe.everyone - universe.patients({"differentiation": "well"})
    found = {tuple(values[0]) for values in margins.completions([stay]).tolist()}
    cells = list(product(("pancreas", "lung", "other"), ("well", "poor", "unknown")))
    total, responders = rows[0].n, rows[0].responders
    sizes = [n for n in product(range(total + 1), repeat=len(cells)) if sum(n) == total]
    inside = np.array(
        [
            [row.site in {None, site} and row.differentiation in {None, grade} for site, grade in cells]
            for row in rows
        ]
    )
    leave = np.array([cell[1] == "well" for cell in cells])
    expected = set()
    for n in sizes:
        if any(
            row.n not in {None, int(np.array(n)[own].sum())} for row, own in zip(rows, inside, strict=True)
        ):
            continue
        for x in product(*(range(most + 1) for most in n)):
            if sum(x) == responders and all(
                row.responders in {None, int(np.array(x)[own].sum())}
                for row, own in zip(rows, inside, strict=True)
            ):
                expected.add((int(np.array(x)[~leave].sum()), int(np.array(n)[~leave].sum())))
    assert found == expected


def test_a_bounded_run_has_bounds_and_no_fit_and_is_stored(make_trial, analysis):
    trials = {"a": make_trial("a", KNOWN), "b": make_trial("b", TOTALS, region="West")}
    asked = analysis("a", "b", exclude=(WELL,), unresolved="bound", by=("region",), k_policy="off")
    run = execute.run(expand(trials, asked)[0])
    assert run.fits == ()
    assert not run.failures
    assert [(one.role, one.by, one.group) for one in run.bounds] == [
        ("conventional", None, None), ("conventional", "region", "Asia"), ("conventional", "region", "West"),
    ]  # fmt: skip
    assert run.bounds[0].completions == 3
    assert Reason.POLICY_OFF in run.bounds[0].standing.reasons
    text = store.to_json(run)
    assert store.from_json(text) == run
    other = analysis("a", "b", exclude=(WELL,), unresolved="bound", by=("region",), k_policy="default")
    assert execute.digest(expand(trials, other)[0]) != run.provenance.digest


def test_a_range_is_part_of_what_a_run_is_recognised_by(make_trial, analysis):
    def made(most):
        entry = TrialEntry(id="b", ranges=(Range(differentiation="well", n=(1, most), source="S"),))
        trials = {"b": make_trial("b", [Row(n=21, responders=1)])}
        asked = analysis(trials=(entry,), exclude=(WELL,), unresolved="bound")
        return execute.digest(expand(trials, asked)[0])

    assert made(9) != made(8)


def test_where_every_trial_tells_them_apart_there_are_fits_as_well(make_trial, analysis):
    trials = {"a": make_trial("a", KNOWN), "c": make_trial("c", KNOWN)}
    asked = analysis(
        "a", "c", exclude=(WELL,), unresolved="bound",
        models={"primary": BayesBinomial(), "conventional": BayesNormal()},
    )  # fmt: skip
    run = execute.run(expand(trials, asked)[0])
    fit = run.fits[0].estimands.mean
    found = run.bounds[0]
    assert found.completions == 1
    assert (found.ignorance.low, found.ignorance.high) == pytest.approx((fit.value, fit.value), abs=1e-4)
    assert found.ignorance.low_at == ()
    # the other model has no batched statistics, and says so
    assert [(failure.role, failure.by) for failure in run.failures] == [("conventional", None)]
    assert "model: found bayes-normal, which fits one set of counts at a time" in run.failures[0].reason


def test_of_another_outcome_the_estimand_is_named_after_it(make_trial, analysis, report):
    from dataclasses import replace

    from meta.records.trial import Table

    rows = tuple(replace(row, events=row.responders, responders=None) for row in TOTALS)
    table = Table(outcome="disease-control", rows=rows, where="Table 1")
    trials = {"b": make_trial("b", reports=[report("smith-2020", [], tables=[table])])}
    asked = analysis("b", exclude=(WELL,), unresolved="bound", outcome="disease-control")
    run = execute.run(expand(trials, asked)[0])
    assert (run.bounds[0].estimand, run.bounds[0].outcome) == ("one-trial", "disease-control")


def test_where_no_trial_is_bounded_the_run_says_so(make_trial, analysis):
    trials = {"b": make_trial("b", [Row(n=21, responders=1)])}
    models = {"primary": BayesBinomial(), "frequentist": BinomialNormal(), "conventional": InverseVariance()}
    asked = analysis("b", exclude=(WELL,), unresolved="bound", by=("region", "site"), models=models)
    run = execute.run(expand(trials, asked)[0])
    assert not run.failures
    assert {one.ignorance.reason for one in run.bounds} == {"no trial reported responders"}
    text = store.to_json(run)
    assert store.to_json(store.from_json(text)) == text
