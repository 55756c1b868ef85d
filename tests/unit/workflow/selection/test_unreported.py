"""How responders that no report divides over the groups may be divided, from the records."""

from itertools import product

import numpy as np
import pytest

from meta.data import GroupedCounts
from meta.models import BinomialNormal, InverseVariance
from meta.records.analysis import Range, TrialEntry, Where
from meta.records.storing import store
from meta.records.trial import Row
from meta.results import Reason
from meta.workflow.expand import expand
from meta.workflow.running import execute
from meta.workflow.selection.select import select

LEVEL = ("pancreas", "intestine", "other")
TOLD = [
    Row(n=20, responders=4),
    Row(site="pancreas", n=8, responders=1),
    Row(site="intestine", n=5, responders=1),
    Row(site={"not": ("pancreas", "intestine")}, n=7, responders=2),
]
SIZES = [
    Row(n=12, responders=2),
    Row(site="pancreas", n=6),
    Row(site="intestine", n=1),
    Row(site={"not": ("pancreas", "intestine")}, n=5),
]
TOGETHER = [Row(n=9, responders=1), Row(site="pancreas", n=4), Row(site="gastrointestinal", n=5)]
DECLARED = (
    Range(site="intestine", n=(0, 2), source="Smith 2021"),
    Range(site={"not": ("pancreas", "intestine")}, n=(3, 5), source="Smith 2021"),
)


@pytest.fixture
def asked(analysis):
    def make(*names, ranges=(), **changes):
        entries = tuple(TrialEntry(id=name, ranges=tuple(ranges) if name == "b" else ()) for name in names)
        settings = {"by": ("region", "site"), "site_level": LEVEL, "unreported": "bound", **changes}
        return analysis(trials=entries, **settings)

    return make


@pytest.fixture
def divide(make_trial, asked):
    """Select trials, given as rows by name, by site."""

    def choose(ranges=(), *, changes=None, **rows):
        trials = {name: make_trial(name, table) for name, table in rows.items()}
        return select(trials, asked(*rows, ranges=ranges, **(changes or {})))

    return choose


def options(selection, label):
    (part,) = selection.open
    return part.data.options[[name[0] for name in part.data.labels].index(label)].tolist()


def fate(selection, action, trial="b"):
    return [e.reason for e in selection.ledger if (e.action, e.trial, e.by) == (action, trial, "site")]


def test_responders_are_divided_in_every_way_that_adds_up(divide):
    """By hand: 2 responders among 6, 1 and 5 patients; who is told is told."""
    selection = divide(a=TOLD, b=SIZES)
    assert [part.by for part in selection.open] == ["site"]  # regions divide nobody
    assert selection.open[0].data.names == LEVEL
    assert options(selection, "A") == [[[1, 8], [1, 5], [2, 7]]]
    expected = [
        [[p, 6], [i, 1], [o, 5]] for p, i, o in product(range(7), range(2), range(6)) if p + i + o == 2
    ]
    assert sorted(options(selection, "B")) == expected
    (said,) = fate(selection, "bounded")
    assert said == (
        "responders not reported by site: pancreas 0 to 2 of 6, intestine 0 to 1 of 1, other 0 to 2 of 5; "
        "5 completions (unreported: bound)"
    )
    assert selection.counts.k == 2  # the overall estimate is the base's


def test_patients_of_an_unknown_site_are_divided_within_their_declared_range(divide):
    """5 gastrointestinal patients: up to two of them intestinal, the others gastro-oesophageal."""
    selection = divide(b=TOGETHER, ranges=DECLARED)
    expected = [
        [[p, 4], [i, n], [o, 5 - n]]
        for n in range(3)
        for p, i, o in ((1, 0, 0), (0, 1, 0), (0, 0, 1))
        if i <= n and o <= 5 - n
    ]
    assert sorted(options(selection, "B")) == sorted(expected)
    assert "declared: 0 to 2 of the patients are " in fate(selection, "bounded")[0]


def test_a_group_whose_patients_nobody_counts_is_not_bounded(divide):
    """Of the pancreas alone the report says how many; the other sites need a range."""
    selection = divide(a=TOLD, b=TOGETHER)
    assert options(selection, "B") == [[[0, 4]], [[1, 4]]]
    assert fate(selection, "not bounded") == [
        "by site: its report does not say how many of its patients are in intestine, other, nor is a range "
        "declared (unreported: bound)"
    ]
    nobody = divide(a=TOLD, b=[Row(n=9, responders=1)])
    assert nobody.open[0].data.labels == ("A (Smith 2020)",)
    assert "in pancreas, intestine, other" in fate(nobody, "not bounded")[0]
    assert not fate(nobody, "bounded")


def test_rows_and_ranges_that_contradict_each_other_leave_what_is_reported(divide):
    far = [Range(site="intestine", n=(6, 9), source="Smith 2021")]
    partly = [*TOGETHER[:1], Row(site="pancreas", n=4, responders=1), TOGETHER[2]]
    selection = divide(b=partly, ranges=far)
    assert options(selection, "B") == [[[1, 4]]]
    assert "contradict each other" in fate(selection, "not bounded")[-1]


def test_a_trial_in_which_every_responder_is_known_has_one_split(divide):
    """One site has all patients who are not told apart: subtraction leaves nothing open."""
    rows = [Row(n=12, responders=2), Row(site="pancreas", n=6, responders=2), Row(site="intestine", n=6)]
    selection = divide(b=rows)
    assert options(selection, "B") == [[[2, 6], [0, 6]]]
    assert not fate(selection, "bounded")


def test_only_the_population_is_divided(divide):
    """Of 12 patients 3 are well-differentiated and not asked for: 9 have 1 responder."""
    rows = [
        Row(n=12, responders=2),
        Row(differentiation="poor", n=9, responders=1),
        *(
            Row(site=row.site, differentiation="poor", n=n)
            for row, n in zip(SIZES[1:], (4, 1, 4), strict=True)
        ),
    ]
    selection = divide(b=rows, changes={"where": Where(differentiation="poor")})
    assert sorted(options(selection, "B")) == [
        [[0, 4], [0, 1], [1, 4]], [[0, 4], [1, 1], [0, 4]], [[1, 4], [0, 1], [0, 4]],
    ]  # fmt: skip


def test_a_crossing_with_sites_is_divided_too(divide):
    selection = divide(a=TOLD, b=SIZES, changes={"by": (("region", "site"),)})
    assert selection.open[0].by == "region x site"
    assert len(options(selection, "B")) == 5


def test_without_bounds_nothing_is_divided(divide):
    assert divide(a=TOLD, b=SIZES, changes={"unreported": "drop"}).open == ()


@pytest.mark.parametrize(
    "model",
    [
        BinomialNormal(bootstrap=0),
        BinomialNormal(bootstrap=0, groups="separate", interval="wald"),
        InverseVariance(),
        InverseVariance(groups="separate"),
    ],
    ids=lambda m: f"{m.model}-{m.groups}",
)
def test_bounds_by_site_are_the_hull_of_every_split_fitted_alone(make_trial, asked, model):
    """Brute force: every completion of both trials as data of its own; one of them may have nobody there."""
    trials = {name: make_trial(name, rows) for name, rows in (("a", SIZES), ("b", TOGETHER), ("c", TOLD))}
    run = execute.run(expand(trials, asked("a", "b", "c", ranges=DECLARED, models={"frequentist": model}))[0])
    assert (run.fits, run.failures) == ((), ())
    assert {one.by for one in run.bounds} == {"site"}
    a = [(p, i, o) for p, i, o in product(range(3), range(2), range(3)) if p + i + o == 2]
    b = [(n, x) for n in range(3) for x in ((1, 0, 0), (0, 1, 0), (0, 0, 1)) if x[1] <= n and x[2] <= 5 - n]
    fits = []
    for xa, (n, xb) in product(a, b):
        rows = [
            *(("a", site, x, m) for site, x, m in zip(LEVEL, xa, (6, 1, 5), strict=True)),
            *(("b", site, x, m) for site, x, m in zip(LEVEL, xb, (4, n, 5 - n), strict=True) if m),
            *(("c", site, x, m) for site, x, m in zip(LEVEL, (1, 1, 2), (8, 5, 7), strict=True)),
        ]
        labels, sites, x, m = zip(*rows, strict=True)
        fits.append(model.fit(GroupedCounts.of(x, m, sites, labels, LEVEL)))
    for found in run.bounds:
        parts = [next(g for g in fit.groups if g.label == found.group) for fit in fits]
        if found.estimand != parts[0].proportion.estimand:
            continue
        answers = [part.proportion for part in parts]
        near = {"abs": 1e-7}  # sums of likelihoods run in another order
        assert found.ignorance.low == pytest.approx(min(z.value for z in answers), **near)
        assert found.ignorance.high == pytest.approx(max(z.value for z in answers), **near)
        assert found.uncertainty.low == pytest.approx(min(z.low for z in answers), **near)
        assert found.uncertainty.high == pytest.approx(max(z.high for z in answers), **near)
        # nobody of b in a group takes it from k, and from the standing of the whole
        assert found.k == ((2, 3) if found.group == "intestine" else (3, 3))
        assert found.standing.status == (
            "drawn-not-headline" if found.group == "intestine" else "bayesian-headline-only"
        )
        assert not found.searched
    counted = {one.group: one.completions for one in run.bounds}
    alone = {"pancreas": 3 * 2, "intestine": 2 * 5, "other": 3 * 6}
    assert counted == (alone if model.groups == "separate" else dict.fromkeys(LEVEL, len(a) * len(b)))


def test_what_is_declared_or_asked_is_part_of_what_a_run_is_recognised_by(make_trial, asked):
    trials = {"b": make_trial("b", TOGETHER)}
    made = {
        execute.digest(expand(trials, asked("b", **changes))[0])
        for changes in (
            {"ranges": DECLARED}, {"ranges": DECLARED[:1]}, {}, {"unreported": "drop"},
        )
    }  # fmt: skip
    assert len(made) == 4


def test_the_run_is_stored_and_read_back(make_trial, asked):
    trials = {"a": make_trial("a", TOLD), "b": make_trial("b", SIZES)}
    run = execute.run(expand(trials, asked("a", "b", k_policy="off"))[0])
    text = store.to_json(run)
    assert store.from_json(text) == run
    assert Reason.POLICY_OFF in run.bounds[0].standing.reasons
    assert run.bounds[0].ignorance.low_at[0].group == "pancreas"


def test_groups_by_themselves_have_each_option_once():
    from meta.data import Completions

    data = Completions(
        ("a", "b", "c"),
        (
            np.array([[[x, 9], [2 - x, 10]] for x in (0, 1, 2)]),
            np.array([[[1, n], [0, 5 - n]] for n in (1, 2)]),
            np.array([[[3, 7]]]),
        ),
        ((0, 1), (0, 1), (1,)),
        ("pancreas", "intestine"),
    )
    one = data.within(0)
    assert (one.labels, one.names, one.groups) == (("a", "b"), ("pancreas",), ((0,), (0,)))
    assert [options.tolist() for options in one.options] == [
        [[[0, 9]], [[1, 9]], [[2, 9]]],
        [[[1, 1]], [[1, 2]]],
    ]
    other = data.within(1)
    assert other.labels == ("a", "b", "c")
    assert other.sizes == (3, 2, 1)
