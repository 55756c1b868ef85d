"""The bench's own machinery on tiny inputs; no time is asserted and no peer needed."""

from __future__ import annotations

import numpy as np
import pytest

from meta.stats.normal.scales import LOGIT
from meta.stats.normal.tau2 import estimate
from tests.bench import bench, conventional, exact, peak, table
from tests.bench.timing import (
    Agreement,
    Comparison,
    Missing,
    Outcome,
    Side,
    Times,
    compare,
    interleave,
    largest_difference,
)


def missing():
    raise Missing("not installed")


def test_sides_take_turns_and_are_timed_per_fit():
    called = []

    def clock(name, seconds):
        def measure(runs):
            called.append((name, runs))
            return seconds

        return measure

    sides = [Side(name, dict, clock(name, s), fits=10) for name, s in (("ours", 1.0), ("peer", 3.0))]
    times = interleave(*sides, rounds=4, settle=0.0)
    first = [("ours", 1), ("peer", 1)]
    assert called == [*first, *first, *first[::-1], *first, *first[::-1]]  # to warm up, then four rounds
    np.testing.assert_allclose(times, [[0.1] * 4, [0.3] * 4])


def test_a_run_is_repeated_until_it_can_be_read_off_the_clock():
    runs = []
    side = Side("ours", dict, lambda n: runs.append(n) or 0.01)
    interleave(side, None, rounds=2, settle=0.05)
    assert runs == [1, 1, 5, 5]


def test_a_function_of_this_process_is_timed():
    times = interleave(Side("ours", dict), Side("peer", dict), rounds=2, settle=0.0)
    assert np.all(np.isfinite(times))


@pytest.mark.parametrize(
    ("peer", "same", "difference"),
    [
        ({"mu": 1.0, "q": 3.0}, True, 0.0),
        ({"mu": 1.1}, False, 0.1),
        ({"mu": np.nan}, False, np.nan),
        ({}, False, np.nan),
    ],
)
def test_numbers_are_compared_before_times(peer, same, difference):
    found = largest_difference(1e-6)({"mu": np.array(1.0)}, peer)
    assert found.same is same
    assert found.difference == pytest.approx(difference, nan_ok=True)


def comparison(mine, theirs, **options):
    options = {"agree": largest_difference(1e-6), "rounds": 2, "ratio": 2.0, "peer_name": "other", **options}
    return Comparison("key", "a task", mine, theirs, **options)


def side(value):
    return lambda: Side(f"gives {value}", lambda: {"mu": value})


def test_nothing_is_timed_where_the_numbers_differ():
    outcome = compare(comparison(side(1.0), side(2.0)), settle=0.0)
    assert outcome.times is None
    assert table.row(outcome)[-1] == "DIFFERS by 1.0e+00"
    assert table.row(outcome)[1] == "not timed"


def test_a_missing_peer_is_a_row_all_the_same():
    outcome = compare(comparison(side(1.0), missing), settle=0.0)
    _, ours, peer, theirs, ratio, target, agreement = table.row(outcome)
    assert ours
    assert (peer, theirs, ratio, target, agreement) == ("other: not installed", "", "", "≥ 2", "not compared")


def test_what_is_not_built_is_a_row_all_the_same():
    assert table.row(compare(comparison(missing, side(1.0))))[1:5] == ("not installed", "other", "", "")


def test_the_table():
    times = Times(np.array([0.001, 0.002, 0.004]), np.array([0.01, 0.01, 0.01]))
    found = Outcome(
        comparison(None, None), "ours", "other 1.0", times, Agreement(True, 2.5e-9, "without q"), {}
    )
    page = table.markdown([found], ["A note."], ["2 cores", "numpy 2"])
    assert "| a task | 1, 2 | other 1.0 | 10, 10 | 5 (3–9) | ≥ 2: met | 2.5e-09; without q |\n" in page
    assert page.endswith("A note.\n\n2 cores, numpy 2.\n")


def test_limits_of_time_and_memory():
    limited = comparison(None, None, ratio=None, limit=0.05, memory=1000.0)
    times = Times(np.array([0.04]), np.array([np.nan]))
    outcome = Outcome(limited, "ours", "none", times, None, {"peak_mb": 1200.0})
    assert table.target(outcome) == "< 50 ms: met; < 1,000 MB (1,200): missed"
    assert table.spread(outcome) == ""


@pytest.mark.parametrize(
    ("value", "text"), [(0.01234, "0.0123"), (1.0, "1"), (56.78, "56.8"), (12345.6, "12,346")]
)
def test_three_digits(value, text):
    assert table.digits(value) == text


def test_every_comparison_can_be_chosen_and_tells_its_target():
    assert {c.key for c in bench.COMPARISONS} == {"reml", "fit", "simulated", "ml", "posterior", "subsets"}
    assert all(c.peer is None or c.agree or c.ratio for c in bench.COMPARISONS)


def test_our_sides_give_the_same_numbers():
    found = largest_difference(1e-12)(conventional.ours()().run(), conventional.ours_fit().run())
    assert found.same
    assert found.note == ""


def test_reml_is_at_the_highest_point_of_an_independent_grid():
    x = conventional.simulated(200)
    effects = LOGIT.effects(x, conventional.N)
    tau2, _ = estimate(effects.y, effects.v)
    assert peak.shortfall(effects.y, effects.v, tau2).max() < 1e-9


def test_a_lower_peak_falls_short():
    # three precise trials agree, two imprecise ones lie apart: one peak at 0, a higher one far out
    y, v = np.array([[0.0, 0.02, -0.02, 4.0, -4.0]]), np.array([[0.001, 0.001, 0.001, 0.3, 0.3]])
    height = peak.restricted_loglik(y, v, peak.grid(y, v, 1000))[0]
    assert height[0] > height[1]
    assert peak.shortfall(y, v, np.zeros(1))[0] == pytest.approx(height.max() - height[0])
    assert peak.shortfall(y, v, np.zeros(1))[0] > 10
    assert peak.shortfall(y, v, estimate(y, v)[0])[0] < 1e-9


def test_memory_is_in_megabytes():
    assert 10 < exact.peak_mb() < 100_000
