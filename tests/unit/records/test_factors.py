from __future__ import annotations

from itertools import combinations

import pytest

from meta.records.factors import FACTORS, describe, values_of
from meta.records.patients import Universe, union


@pytest.fixture
def universe() -> Universe:
    return Universe([{"site": "other/liver"}, {"cohort": "A"}, {"cohort": "B"}])


def inside(universe: Universe, part: dict, whole: dict) -> bool:
    return universe.patients(part).inside(universe.patients(whole))


def apart(universe: Universe, one: dict, other: dict) -> bool:
    return universe.patients(one).disjoint(universe.patients(other))


def test_the_tree_of_sites_is_made_of_sets(universe):
    assert inside(universe, {"site": "pancreas"}, {"site": "gep"})
    assert inside(universe, {"site": "intestine"}, {"site": "gastrointestinal"})
    assert not inside(universe, {"site": "gep"}, {"site": "gastrointestinal"})
    assert apart(universe, {"site": "gep"}, {"site": "thoracic"})
    assert apart(universe, {"site": "pancreas"}, {"site": "gastrointestinal"})


def test_the_leaves_make_up_all_patients(universe):
    leaves = [universe.patients({"site": site}) for site in ("gep", "thoracic", "other", "unknown")]
    assert union(leaves) == universe.everyone
    assert all(one.disjoint(other) for one, other in combinations(leaves, 2))


def test_a_finer_site_is_inside_its_node_and_not_the_whole_of_it(universe):
    assert inside(universe, {"site": "other/liver"}, {"site": "other"})
    assert not inside(universe, {"site": "other"}, {"site": "other/liver"})


def test_not_is_the_complement(universe):
    pancreas, rest = (
        universe.patients({"site": "pancreas"}),
        universe.patients({"site": {"not": ("pancreas",)}}),
    )
    assert pancreas | rest == universe.everyone
    assert pancreas.disjoint(rest)


def test_a_list_is_the_union(universe):
    both = universe.patients({"site": ("lung", "thymus")})
    assert both == universe.patients({"site": "thoracic"})


@pytest.mark.parametrize("grade", ["G1", "G2"])
def test_low_grades_imply_well_differentiated(universe, grade):
    assert inside(universe, {"grade": grade}, {"differentiation": "well"})
    assert not universe.patients({"grade": grade, "differentiation": "poor"})


def test_grade_3_implies_neither(universe):
    assert not inside(universe, {"grade": "G3"}, {"differentiation": "poor"})
    assert not apart(universe, {"grade": "G3"}, {"differentiation": "well"})


def test_named_cohorts_are_apart_and_leave_room_for_others(universe):
    assert apart(universe, {"cohort": "A"}, {"cohort": "B"})
    assert universe.patients({"cohort": ("A", "B")}) != universe.everyone


def test_no_factor_means_everyone(universe):
    assert universe.patients({}) == universe.everyone


@pytest.mark.parametrize(
    ("factor", "value", "unknown"),
    [
        ("site", "pancreas", []),
        ("site", "other/liver", []),
        ("site", "liver", ["liver"]),
        ("site", "other/", ["other/"]),
        ("site", {"not": ("pancreas", "colon")}, ["colon"]),
        ("grade", ("G1", "G4"), ["G4"]),
        ("differentiation", "moderate", ["moderate"]),
        ("cohort", "anything at all", []),
    ],
)
def test_names_outside_the_vocabulary_are_listed(factor, value, unknown):
    assert FACTORS[factor].strange(value) == unknown


def test_every_site_of_the_vocabulary_has_patients(universe):
    assert all(universe.patients({"site": site}) for site in FACTORS["site"].values)


@pytest.mark.parametrize("value", ["lung", ("lung", "thymus"), {"not": ("lung", "thymus")}])
def test_values_of_any_form_are_names(value):
    assert set(values_of(value)) <= {"lung", "thymus"}
    assert "lung" in values_of(value)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "all patients"),
        ({"grade": ("G1", "G2")}, "grade G1 or G2"),
        ({"site": {"not": ("lung", "thymus")}, "pdl1": "positive"}, "site not lung or thymus, pdl1 positive"),
    ],
)
def test_factors_in_words(given, words):
    assert describe(given) == words
