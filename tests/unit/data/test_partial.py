"""Counts of groups and sums over groups: what is accepted, refused, and known."""

from __future__ import annotations

import numpy as np
import pytest

from meta.data import PartialCounts
from meta.data.partial import Cell
from meta.errors import DataError

PARTIAL = {
    "n": [[4, 5, 0], [6, 7, 1]],
    "rows": [("a", ["lung"], 1), ("a", ["gut"], 0), ("b", ["lung", "gut", "other"], 2)],
    "labels": ["a", "b"],
    "groups": ["lung", "gut", "other"],
    "contrasts": {"region": ["Asia", "West"]},
}


def test_partial_counts_say_what_is_known():
    data = PartialCounts.of(**PARTIAL)
    assert data.sizes().tolist() == [[4, 0, 0], [0, 5, 0], [6, 7, 1]]
    assert data.reported().tolist() == [[True, True, False], [False] * 3]
    np.testing.assert_array_equal(data.known(), [[1, 0, np.nan], [np.nan] * 3])
    assert data.contrasts == {"region": ("Asia", "West")}
    assert not data.n.flags.writeable


def test_a_sum_of_which_one_group_has_patients_is_that_groups():
    changed = PARTIAL | {"rows": [("a", ["lung", "other"], 3)]}
    assert PartialCounts.of(**changed).known()[0, 0] == 3


def test_trials_without_rows_are_partial_counts():
    data = PartialCounts.of(**(PARTIAL | {"rows": []}))
    assert data.members.shape == (0, 3)
    assert not data.reported().any()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rows": [("c", ["lung"], 1)]}, "'c'"),
        ({"rows": [("a", ["liver"], 1)]}, "'liver'"),
        ({"rows": [("a", ["lung"], 5)]}, "5 of 4 in 'a'"),
        ({"rows": [("a", ["lung"], -1)]}, "-1 of 4 in 'a'"),
        ({"rows": [("a", ["lung"], 1), ("a", ["lung", "gut"], 2)]}, "'a', 'lung' in 2"),
        ({"rows": [], "labels": ["a", "a"]}, "labels: found 'a' 2 times"),
        ({"rows": [], "groups": ["lung", "gut", "gut"]}, "groups: found 'gut' 2 times"),
        ({"contrasts": {"region": ["Asia"]}}, "1 labels of 'region' for 2 trials"),
        ({"n": [[4, 5], [6, 7]]}, "shapes"),
        ({"n": [[4, 5, -1], [6, 7, 1]]}, "-1 patients"),
    ],
)
def test_impossible_partial_counts_are_refused(changes, words):
    with pytest.raises(DataError, match=words):
        PartialCounts.of(**(PARTIAL | changes))


def test_every_fault_of_partial_counts_is_named():
    changes = {"rows": [("a", ["lung"], 5), ("b", ["gut"], 9)], "contrasts": {"region": ["Asia"]}}
    with pytest.raises(DataError) as caught:
        PartialCounts.of(**(PARTIAL | changes))
    for words in ("5 of 4", "9 of 7", "1 labels"):
        assert words in str(caught.value)


def test_pools_are_patients_of_unknown_groups():
    rows = [("a", ["lung"], 3), ("b", [], 2)]
    data = PartialCounts.of(
        **(PARTIAL | {"rows": rows}), pools=[(0, ["gut", "other"], 6), (1, ["lung", "gut"], 4)]
    )
    assert data.cells() == (Cell(0, (0,), 4), Cell(0, (1, 2), 6), Cell(1, (0, 1), 4))
    assert data.row_patients().tolist() == [10, 4]
    assert data.patients().tolist() == [15, 18]
    assert not data.reported().any()


@pytest.mark.parametrize("pool", [(0, ["gut"], 3), (0, ["gut", "lung"], 0), (3, ["gut", "lung"], 2)])
def test_impossible_pools_are_refused(pool):
    with pytest.raises(DataError, match="pools"):
        PartialCounts.of(**PARTIAL, pools=[pool])


def test_some_trials_keep_what_they_report():
    data = PartialCounts.of(**PARTIAL, pools=[(0, ["gut", "other"], 6), (2, ["lung", "gut"], 4)])
    some = data.only(["b", "elsewhere"])
    assert (some.labels, some.contrasts) == (("b",), {"region": ("West",)})
    assert some.n.tolist() == [[6, 7, 1]]
    assert (some.trial.tolist(), some.responders.tolist()) == ([0], [2])
    assert some.pools == (Cell(0, (0, 1), 4),)
    assert some.patients().tolist() == [18]
    assert data.only(["a", "b"]).cells() == data.cells()
    assert data.only([]).cells() == ()
