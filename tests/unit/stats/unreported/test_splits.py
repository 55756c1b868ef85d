"""Splits of a sum over groups against brute force."""

from __future__ import annotations

from itertools import product
from math import comb

from hypothesis import given
from hypothesis import strategies as st

from meta.stats.unreported.splits import count_splits, splits


@given(st.lists(st.integers(0, 6), min_size=1, max_size=4), st.integers(-1, 25))
def test_all_splits_are_listed_once_in_order(n, x):
    expected = [list(split) for split in product(*[range(m + 1) for m in n]) if sum(split) == x]
    assert splits(n, x).tolist() == expected
    assert splits(n, x).shape == (len(expected), len(n))
    assert count_splits(n, x) == len(expected)


def test_counts_are_exact_where_no_list_fits():
    assert count_splits([50] * 8, 50) == comb(57, 7)
