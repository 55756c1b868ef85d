"""Extremes over a product of choices: enumerated, and as a search finds them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meta.stats.unreported.extremes import extremes


@given(st.lists(st.integers(1, 4), max_size=4), st.integers(0, 2**31))
def test_enumeration_finds_what_a_loop_finds(sizes, seed):
    """Values that repeat and are missing; the first combination that attains an extreme is given."""
    table = np.random.default_rng(seed).integers(-3, 4, (*sizes, 2)).astype(float)
    table[table == 2] = np.nan

    found = extremes(sizes, lambda choice: table[tuple(choice.T)] if sizes else table[None])
    flat = table.reshape(-1, 2)
    assert found.complete
    assert found.evaluated == len(flat)
    assert found.missing.tolist() == np.isnan(flat).sum(0).tolist()
    for q in range(2):
        there = [z for z in flat[:, q] if not np.isnan(z)]
        if there:
            assert (found.low[q], found.high[q]) == (min(there), max(there))
            first = int(np.flatnonzero(flat[:, q] == max(there))[0])
            assert found.high_at[q].tolist() == list(np.unravel_index(first, sizes) if sizes else ())
        else:
            assert np.isnan([found.low[q], found.high[q]]).all()


SIZES = (31, 2, 17, 40, 23)


def smooth(choice):
    """Limits as they are: rising in some counts, bending back in others, never separable."""
    z = choice / (np.array(SIZES) - 1)
    centre = z @ [0.5, 0.1, -0.3, 0.4, 0.2]
    spread = 0.3 + 0.7 * ((z - 0.4) ** 2).sum(1)
    return np.stack([centre, centre - spread, centre + spread, spread], axis=1)


def test_a_search_finds_what_enumeration_finds_and_says_that_it_is_one():
    """Equal to rounding: a product of matrices sums in another order where it has more rows."""
    whole = extremes(SIZES, smooth, most=10**7)
    searched = extremes(SIZES, smooth, most=100_000)
    assert whole.complete
    assert not searched.complete
    assert searched.evaluated < 100_000 < whole.evaluated
    np.testing.assert_allclose(searched.low, whole.low, rtol=1e-14)
    np.testing.assert_allclose(searched.high, whole.high, rtol=1e-14)
    again = extremes(SIZES, smooth, most=100_000)
    np.testing.assert_array_equal(again.low_at, searched.low_at)


def test_a_search_keeps_to_its_limit():
    asked = []

    def counted(choice):
        asked.append(len(choice))
        return smooth(choice)

    assert extremes(SIZES, counted, most=700).evaluated == sum(asked) <= 700


@pytest.mark.parametrize("many", [1, 12])
def test_a_search_copes_with_one_choice_and_with_more_than_it_starts_from(many):
    sizes = (200,) + (3,) * (many - 1)
    found = extremes(sizes, lambda choice: choice.sum(1, keepdims=True).astype(float), most=150 * many)
    if many > 1:
        assert (found.low[0], found.high[0]) == (0, 199 + 2 * (many - 1))
    assert not found.complete
