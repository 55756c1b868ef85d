"""What a table says about any set of patients."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meta.records.analysis import Where
from meta.records.patients import Universe
from meta.records.trial import Row
from meta.workflow.selection import margins
from meta.workflow.selection.margins import margins_of
from meta.workflow.selection.select import select

REST = {"not": ("pancreas", "gastroesophageal", "intestine")}
LU_2020 = [
    Row(n=40, responders=8),
    Row(differentiation="well", n=8, responders=2),
    Row(differentiation="poor", n=32, responders=6),
    Row(differentiation="poor", site="pancreas", n=5, responders=0),
    Row(differentiation="poor", site="gastroesophageal", n=9, responders=3),
    Row(differentiation="poor", site="intestine", n=11, responders=0),
    Row(differentiation="poor", site=REST, n=7, responders=3),
]
AVENEC = [
    Row(n=29, responders=2),
    Row(differentiation="poor", n=19),
    Row(differentiation="well", n=10),
    Row(site="pancreas", n=13),
]


def table_of(rows):
    universe = Universe([*(row.given() for row in rows), {"site": "gastrointestinal"}])
    return margins_of(universe, enumerate(rows)), universe


@pytest.mark.parametrize(
    ("patients", "expected", "plus", "minus"),
    [
        ({}, (40, 8), (0,), ()),
        ({"differentiation": "poor"}, (32, 6), (2,), ()),
        ({"differentiation": {"not": ("well",)}}, (32, 6), (2,), ()),  # 8 + 32 = 40 leaves nobody unknown
        ({"differentiation": "poor", "site": "gastrointestinal"}, (20, 3), (4, 5), ()),
        ({"differentiation": "poor", "site": {"not": ("pancreas",)}}, (27, 6), (4, 5, 6), ()),
        ({"differentiation": "unknown"}, (0, 0), (), ()),
    ],
)
def test_counts_that_are_printed_or_add_up(patients, expected, plus, minus):
    margins, universe = table_of(LU_2020)
    found = margins.counts(universe.patients(patients))
    assert (found.n, found.responders) == expected
    assert (found.plus, found.minus) == (plus, minus)


@pytest.mark.parametrize("patients", [{"site": "pancreas"}, {"differentiation": "well", "site": "pancreas"}])
def test_what_does_not_follow_from_the_rows_is_not_reported(patients):
    margins, universe = table_of(LU_2020)
    assert margins.counts(universe.patients(patients)) is None
    assert margins.size(universe.patients(patients)) is None


def test_a_total_less_the_excluded_row():
    margins, universe = table_of([Row(n=40, responders=8), Row(differentiation="well", n=8, responders=2)])
    found = margins.counts(universe.patients({"differentiation": {"not": ("well",)}}))
    assert (found.n, found.responders, found.plus, found.minus) == (32, 6, (0,), (1,))


def test_patients_can_be_known_where_responders_are_not():
    margins, universe = table_of(AVENEC)
    rest = universe.patients({"differentiation": {"not": ("well",)}})
    assert margins.counts(rest) is None
    assert margins.size(rest).n == 19
    assert margins.size(universe.patients({"site": "pancreas"})).rows == (3,)
    assert margins.size(universe.patients({"site": "lung"})) is None


def test_a_row_of_nobody_is_nobody_not_unknown():
    rows = [Row(n=10, responders=1), Row(differentiation="well", n=0)]
    margins, universe = table_of(rows)
    assert margins.counts(universe.patients({"differentiation": "well"})).n == 0
    assert margins.counts(universe.patients({"differentiation": {"not": ("well",)}})).n == 10


def test_responders_printed_without_n_count_for_nothing():
    margins, universe = table_of([Row(n=10, responders=1), Row(site="pancreas", responders=1)])
    assert margins.counts(universe.patients({"site": "pancreas"})) is None


def test_rows_that_contradict_each_other_give_no_count():
    rows = [Row(n=10, responders=1), Row(differentiation="well", n=4, responders=3)]
    margins, universe = table_of(rows)
    assert margins.counts(universe.patients({"differentiation": {"not": ("well",)}})) is None


SITES, GRADES = ("pancreas", "gastroesophageal", "intestine", REST), ("well", "poor", "unknown")


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=12, max_size=12),
    st.lists(st.booleans(), min_size=20, max_size=20),
    st.sampled_from(
        [{}, {"site": "pancreas"}, {"differentiation": "poor"}, {"differentiation": {"not": ("well",)}}]
    ),
)
def test_whatever_is_found_is_the_truth_of_the_latent_table(cells, printed, patients):
    """Any choice of true margins leads to the true count or to none, never to another."""
    table = {
        key: (n + x, x) for key, (n, x) in zip(product(range(4), range(3)), cells, strict=True)
    }  # fmt: skip

    def row(keys, **factors):
        n, x = (sum(table[key][i] for key in keys) for i in (0, 1))
        return Row(n=n, responders=x, **factors)

    everything = list(table)
    rows = [row(everything)]
    rows += [row([k for k in everything if k[0] == s], site=SITES[s]) for s in range(4)]
    rows += [row([k for k in everything if k[1] == g], differentiation=GRADES[g]) for g in range(3)]
    rows += [row([(s, g)], site=SITES[s], differentiation=GRADES[g]) for s, g in everything]
    shown = [r for r, is_printed in zip(rows, printed, strict=True) if is_printed]
    universe = Universe([r.given() for r in rows])
    margins = margins_of(universe, enumerate(shown))
    wanted = universe.patients(patients)
    truth = [
        k
        for k in everything
        if universe.patients({"site": SITES[k[0]], "differentiation": GRADES[k[1]]}) & wanted
    ]
    found, size = margins.counts(wanted), margins.size(wanted)
    assert found is None or (found.n, found.responders) == tuple(
        sum(table[k][i] for k in truth) for i in (0, 1)
    )
    assert size is None or size.n == sum(table[k][0] for k in truth)


def test_printed_patients_are_not_inferred_away():
    """A source whose parts already fill the whole, and which prints one more part, contradicts itself."""
    rows = [
        Row(n=29, responders=6),
        Row(site="pancreas", n=13, responders=2),
        Row(site="lung", n=16, responders=3),
        Row(site="intestine", n=2, responders=1),
    ]
    margins, universe = table_of(rows)
    assert margins.counts(universe.patients({"site": "intestine"})).n == 2


def test_the_search_for_parts_is_bounded():
    rows = [Row(n=60, responders=6), *(Row(cohort=f"c{i}", n=1 + i % 3, responders=0) for i in range(60))]
    margins, universe = table_of(rows)  # unbounded, this would take longer than anybody waits
    assert margins.counts(universe.patients({"cohort": "c5"})).n == 3


def test_margins_of_a_table_are_made_once_for_one_population(monkeypatch, make_trial, analysis):
    """However often a selection, or several of one population, ask about the same trials."""
    made = []
    plain = margins.Margins.__init__

    def counting(self, everyone, rows):
        made.append(rows)
        plain(self, everyone, rows)

    monkeypatch.setattr(margins.Margins, "__init__", counting)
    margins._margins.cache_clear()
    trials = {name: make_trial(name, rows) for name, rows in (("a", LU_2020), ("b", AVENEC))}
    asked = analysis("a", "b", exclude=(Where(differentiation="well"),), unresolved="keep", by=("site",))
    select(trials, asked)
    assert len(made) == len(trials)
    select(trials, replace(asked, by=("site", "differentiation")))
    assert len(made) == len(trials)
