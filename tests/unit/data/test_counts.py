"""Counts: what is accepted, what is refused and in which words, and the sums of rows."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from meta.data import Counts, GroupedCounts
from meta.errors import DataError, MetaError


def test_counts_from_lists():
    counts = Counts.of([5, 6, 0], [18, 32, 29], ["a", "b", "c"])
    assert counts.k == 3
    assert counts.labels == ("a", "b", "c")
    assert counts.responders.dtype == counts.n.dtype == np.int64


def test_trials_without_labels_are_numbered():
    assert Counts.of([1, 2], [3, 4]).labels == ("trial 1", "trial 2")


def test_no_trial_at_all_is_a_set_of_counts():
    counts = Counts.of([], [])
    assert counts.k == 0
    assert counts.n.shape == (0,)


def test_whole_numbers_may_be_written_as_floats():
    assert Counts.of([5.0], np.array([18.0])).n.tolist() == [18]


def test_counts_cannot_be_changed():
    given = np.array([5, 6])
    counts = Counts.of(given, [18, 32])
    with pytest.raises(FrozenInstanceError):
        counts.n = np.array([1, 1])
    with pytest.raises(ValueError, match="read-only"):
        counts.responders[0] = 9
    given[0] = 17  # the caller's array stays the caller's
    assert counts.responders.tolist() == [5, 6]


@pytest.mark.parametrize(
    ("responders", "n", "message"),
    [
        ([19], [18], r"'trial 1': 19 of 18; 0 <= responders <= n"),
        ([-1], [18], r"'trial 1': -1 of 18"),
        ([0], [0], r"'trial 1': 0 of 0.*n >= 1"),
        ([0], [-2], r"'trial 1': 0 of -2"),
        ([5.5], [18], "responders: found values that are not whole numbers"),
        ([5], [np.nan], "n: found values that are not whole numbers"),
        ([5], [np.inf], "n: found values that are not whole numbers"),
        (["five"], [18], "responders: found .* values; whole numbers are allowed"),
        ([None], [18], "responders: found object values"),
        ([True], [18], "responders: found bool values"),
        ([[5, 6]], [18, 20], "responders: found 2 dimensions"),
        ([5, 6], [18], "found 2 labels, 2 responders and 1 n"),
    ],
)
def test_bad_counts_are_refused(responders, n, message):
    with pytest.raises(DataError, match=message):
        Counts.of(responders, n)


def test_all_bad_trials_are_named_at_once():
    with pytest.raises(DataError, match=r"'a': 9 of 8; 'c': 3 of 2; 0 <=") as caught:
        Counts.of([9, 1, 3], [8, 8, 2], ["a", "b", "c"])
    assert "'b'" not in str(caught.value)
    assert isinstance(caught.value, MetaError)


def test_a_trial_enters_once():
    with pytest.raises(DataError, match=r"labels: found 'a' more than once.*add its arms up"):
        Counts.of([1, 2, 3], [9, 9, 9], ["a", "b", "a"])


def test_as_many_labels_as_trials():
    with pytest.raises(DataError, match="found 1 labels, 2 responders and 2 n"):
        Counts.of([1, 2], [9, 9], ["a"])


@pytest.fixture
def by_site():
    return GroupedCounts.of(
        [2, 3, 1, 4],
        [10, 20, 7, 9],
        ["lung", "gep", "gep", "lung"],
        ["x", "x", "y", "z"],
        ["gep", "lung", "skin"],
    )


def test_groups_keep_the_order_asked_for(by_site):
    assert by_site.names == ("gep", "lung", "skin")
    assert by_site.group.tolist() == [1, 0, 0, 1]


def test_groups_come_in_the_order_of_their_rows_otherwise():
    assert GroupedCounts.of([1, 1, 1], [2, 2, 2], ["b", "a", "b"]).names == ("b", "a")


def test_totals_add_the_rows_of_a_trial(by_site):
    totals = by_site.totals()
    assert totals.labels == ("x", "y", "z")
    assert totals.responders.tolist() == [5, 1, 4]
    assert totals.n.tolist() == [30, 7, 9]


def test_groups_hold_their_rows(by_site):
    gep = by_site.within(0)
    assert (gep.labels, gep.responders.tolist(), gep.n.tolist()) == (("x", "y"), [3, 1], [20, 7])
    assert by_site.within(2).k == 0
    assert sum(by_site.within(i).k for i in range(3)) == len(by_site.labels)


def test_no_rows_at_all():
    empty = GroupedCounts.of([], [], [], names=["a"])
    assert empty.totals().k == 0
    assert empty.within(0).k == 0


def test_grouped_counts_cannot_be_changed(by_site):
    with pytest.raises(ValueError, match="read-only"):
        by_site.group[0] = 0


def test_a_trial_has_one_row_in_a_group():
    with pytest.raises(DataError, match=r"found twice in one group: 'x' in 'gep'"):
        GroupedCounts.of([1, 2], [9, 9], ["gep", "gep"], ["x", "x"])


def test_a_row_outside_the_groups_is_refused():
    with pytest.raises(DataError, match="group: found an index outside the groups"):
        GroupedCounts.of([1, 2], [9, 9], ["gep", "moon"], names=["gep", "lung"])


def test_as_many_groups_as_rows():
    with pytest.raises(DataError, match="group: found"):
        GroupedCounts.of([1, 2], [9, 9], ["gep"])


def test_grouped_counts_are_checked_like_counts():
    with pytest.raises(DataError, match=r"'x': 10 of 9"):
        GroupedCounts.of([10], [9], ["gep"], ["x"])
