"""Completions of a table against every table there is."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meta.errors import DataError
from meta.stats.unreported.completions import completions, patients

INF = np.inf
CELLS, PATIENTS = 4, 4


def every_table(patients, cells=CELLS):
    """Every table of at most so many patients: n and responders of each cell."""
    sizes = [n for n in product(range(patients + 1), repeat=cells) if sum(n) <= patients]
    return [(n, x) for n in sizes for x in product(*(range(most + 1) for most in n))]


TABLES = np.array(every_table(PATIENTS))  # (tables, n or x, cells)


def brute(rows, n, x, targets):
    """All values of the targets over the tables that agree with the rows."""
    ok = np.ones(len(TABLES), dtype=bool)
    for cells, between_n, between_x in zip(np.array(rows, dtype=bool), n, x, strict=True):
        sums = TABLES[:, :, cells].sum(-1)
        for i, (low, high) in enumerate((between_n, between_x)):
            ok &= (sums[:, i] >= low) & (sums[:, i] <= high)
    wanted = np.array(targets, dtype=bool)
    return {tuple(tuple(table[:, cells].sum(-1).tolist()) for cells in wanted) for table in TABLES[ok]}


@st.composite
def problems(draw):
    """Rows of a true table, some of their counts left out or given as ranges, and targets."""
    place = st.integers(0, CELLS - 1)
    n = np.bincount(draw(st.lists(place, min_size=1, max_size=PATIENTS)), minlength=CELLS)
    x = np.array([draw(st.integers(0, int(most))) for most in n])
    masks = st.lists(st.booleans(), min_size=CELLS, max_size=CELLS)
    rows = [[True] * CELLS, *draw(st.lists(masks, max_size=4))]

    def between(true, told):
        kind = draw(st.sampled_from(("printed", "missing", "range"))) if told is None else told
        if kind == "printed":
            return (true, true)
        return (0, INF) if kind == "missing" else (max(true - draw(st.integers(0, 2)), 0), true + 1)

    cells = [np.array(row) for row in rows]
    sizes = [between(int(n[row].sum()), "printed" if i == 0 else None) for i, row in enumerate(cells)]
    counts = [between(int(x[row].sum()), "printed" if i == 0 else None) for i, row in enumerate(cells)]
    return rows, sizes, counts, draw(st.lists(masks, min_size=1, max_size=2))


@given(problems())
@settings(max_examples=40, deadline=None)
def test_completions_are_those_of_all_tables_that_agree_with_the_rows(problem):
    """Exact: sets of whole numbers, compared without a tolerance."""
    found = completions(*problem)
    listed = [tuple(map(tuple, values)) for values in found.tolist()]
    assert len(set(listed)) == len(listed)
    assert set(listed) == brute(*problem)


@given(problems(), st.lists(st.integers(0, 2), min_size=CELLS, max_size=CELLS))
@settings(max_examples=25, deadline=None)
def test_completions_of_groups_together_are_those_of_all_tables(problem, group):
    """Targets that do not overlap, as sites do not, of up to all patients; exact."""
    rows, n, x, _ = problem
    targets = [[own == place for own in group] for place in range(max(group) + 1)]
    found = completions(rows, n, x, targets)
    listed = [tuple(map(tuple, values)) for values in found.tolist()]
    assert listed == sorted(listed, key=lambda z: (*(size for size, _ in z), *(count for _, count in z)))
    assert set(listed) == brute(rows, n, x, targets)


def test_many_completions_are_found_step_by_step(monkeypatch):
    """2 of 9 patients responded, at three places, two of them of unknown size; one by one, and not."""
    targets = np.eye(3, dtype=int)
    n = [(9, 9), (1, 3), (1, 3), (5, 5)]
    x = [(2, 2), *[(0, INF)] * 3]
    splits = [z for z in product(range(3), repeat=3) if sum(z) == 2]
    expected = [
        (size, 4 - size, 5, *z) for size in (1, 2, 3) for z in splits if z[0] <= size and z[1] <= 4 - size
    ]
    for most in (200_000, 0):
        monkeypatch.setattr("meta.stats.unreported.completions._PARTS", most)
        found = completions([[1] * 3, *targets.tolist()], n, x, targets)
        assert [(*z[:, 0], *z[:, 1]) for z in found] == expected


SITES_BY_GRADE = [[1, 1, 1, 1], [1, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 1]]  # all, site A, well, poor
BY_SITE = [[1, 1, 0, 0], [0, 0, 1, 1]]


@pytest.mark.parametrize("well", [(0, INF), (1, 1)], ids=["patients alone", "responders too"])
@pytest.mark.parametrize("poor", [(2, 2), (3, 3)], ids=["adds up", "contradicts"])
def test_rows_by_something_else_count_as_far_as_they_say_something(well, poor):
    """4 patients of whom 2 are well-differentiated, told of nobody's responders or of theirs; exact."""
    n, x = [(4, 4), (1, 3), (2, 2), poor], [(2, 2), (0, INF), well, (0, INF)]
    found = completions(SITES_BY_GRADE, n, x, BY_SITE)
    expected = brute(SITES_BY_GRADE, n, x, BY_SITE)
    assert {tuple(map(tuple, values)) for values in found.tolist()} == expected
    assert bool(expected) == (poor == (2, 2))


def test_very_many_completions_are_listed_without_a_solver_for_each():
    """60 patients at four sites of which 29 are known, with 3 responders: 5,984 times 20, by hand."""
    cells = np.repeat(np.eye(4, dtype=int), 2, axis=1)  # sites by differentiation
    rows = [[1] * 8, *cells.tolist(), [1, 0] * 4, [0, 1] * 4]
    n = [(60, 60), (13, 44), (4, 35), (3, 34), (9, 40), (22, 22), (38, 38)]
    x = [(3, 3), *[(0, INF)] * 6]
    assert len(completions(rows, n, x, cells, most=200_000)) == 5_984 * 20


def test_a_table_that_a_presolve_gets_wrong():
    """HiGHS 1.12 with its presolve finds no responder in the last cell; one table has one there."""
    rows, n, x = [[1, 1, 1, 1], [0, 0, 1, 1]], [(3, 3), (0, 1)], [(1, 1), (0, INF)]
    found = completions(rows, n, x, [[0, 0, 0, 1]])
    assert found[:, 0].tolist() == [[0, 0], [1, 0], [1, 1]]


def test_rows_by_another_factor_tighten_the_bounds():
    """29 patients, 10 to be left out; by site 3 of 13 responded and none of 16 others, of whom 10 leave."""
    rows = [
        [1, 1, 1, 1],
        [1, 1, 0, 0],
        [1, 0, 1, 0],
        [0, 0, 1, 0],
    ]  # all, site A, to be left out, of these not A
    n = [(29, 29), (13, 13), (10, 10), (10, 10)]
    x = [(3, 3), (3, 3), (0, INF), (0, INF)]
    assert completions(rows, n, x, [[0, 1, 0, 1]]).tolist() == [[[19, 3]]]
    assert completions(rows[:3], n[:3], x[:3], [[0, 1, 0, 1]])[:, 0].tolist() == [[19, r] for r in range(4)]


def test_holes_between_the_extremes_are_no_completions():
    """Three cells of 0 or 1 patient whose pairs agree in their number: all or none of them are there."""
    rows = [[1, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0, 1, 1]]
    n = [(0, 3), (0, 1), (0, 1), (0, 1), (0, 2), (0, 2)]
    x = [(0, 0)] * 6
    assert completions(rows, n, x, [[1, 1, 1]])[:, 0, 0].tolist() == [0, 1, 2, 3]


def test_rows_that_contradict_each_other_have_no_completion():
    found = completions([[1, 1], [1, 0]], [(5, 5), (6, 6)], [(0, INF), (0, INF)], [[0, 1]])
    assert found.shape == (0, 1, 2)


def test_what_nothing_bounds_is_refused():
    with pytest.raises(DataError, match="no bound"):
        completions([[1, 0]], [(5, 5)], [(2, 2)], [[0, 1]])


def test_too_many_completions_are_refused():
    with pytest.raises(DataError, match="more than 3"):
        completions([[1, 1]], [(29, 29)], [(9, 9)], [[1, 0]], most=3)


def test_patients_may_be_known_by_more_arithmetic_than_one_difference():
    """Well-differentiated 5, of them pancreatic 4, pancreatic 9 of 20: of 11 others 10 are not well."""
    rows = [[1, 1, 1, 1], [1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 0, 0]]
    n, x = [(20, 20), (9, 9), (5, 5), (4, 4)], [(0, INF)] * 4
    assert patients(rows, n, x, [0, 0, 0, 1]) == (10, 10)
    assert patients(rows[:3], n[:3], x[:3], [0, 0, 0, 1]) == (6, 11)
    assert patients([[1, 0]], [(5, 6)], [(0, INF)], [0, 0]) == (0, 0)
    assert patients(rows, [*n[:3], (12, 12)], x, [0, 0, 0, 1]) is None
