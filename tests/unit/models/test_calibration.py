"""Coverage by simulation: against single fits, whatever the blocks; a narrow interval is seen."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.stats import binom

import meta
from meta.errors import DataError, SpecError
from meta.models import BayesBinomial, BayesNormal, BinomialNormal, InverseVariance
from meta.models import calibration as module
from meta.models.calibration import calibrate, likely_rates, truth_from, usual_truths
from meta.results import Estimand
from meta.results.calibration import Mixing, Tally, Truth

N = (8, 12, 6)
FLAT = Truth(Mixing.NORMAL, 0.2, 0.0)


def test_coverage_is_that_of_every_outcome_weighed():
    """Without heterogeneity: each outcome of small arms is fitted alone, and its probability known."""
    model = InverseVariance()
    exact = {"held": 0.0, "above": 0.0, "below": 0.0, "width": 0.0}
    for x in product(*(range(size + 1) for size in N)):
        weight = float(np.prod(binom.pmf(x, N, FLAT.rate)))
        if weight < 1e-7:
            continue
        found = model.fit(meta.Counts.of(list(x), list(N))).proportion
        exact["held"] += weight * (found.low <= FLAT.rate <= found.high)
        exact["above"] += weight * (found.low > FLAT.rate)
        exact["below"] += weight * (found.high < FLAT.rate)
        exact["width"] += weight * (found.high - found.low)
    sets = 100_000
    (cell,) = (
        c for c in calibrate(model, N, truths=[FLAT], sets=sets).cells if c.estimand is Estimand.MEDIAN
    )
    assert cell.value == FLAT.rate
    assert cell.tally.sets == cell.tally.given == sets
    for name, expected in exact.items():
        spread = (
            0.5 if name != "width" else 0.25
        )  # the largest standard deviation of 0 or 1; widths vary less
        # four standard errors, and what the outcomes left out can add
        assert getattr(cell.tally, name) / sets == pytest.approx(
            expected, abs=4 * spread / np.sqrt(sets) + 1e-4
        )


def test_a_prediction_interval_holds_shares_of_new_trials():
    """Two points: an interval can hold none, one or both of them."""
    truth = Truth(Mixing.TWO_POINT, 0.2, 1.0)
    found = calibrate(BayesBinomial(), N, truths=[truth], sets=30).cells
    assert {cell.estimand for cell in found} == {Estimand.MEAN, Estimand.PREDICTIVE}  # it has no one median
    (ahead,) = (cell for cell in found if cell.estimand is Estimand.PREDICTIVE)
    assert ahead.value is None
    tally = ahead.tally
    assert 2 * tally.held == int(2 * tally.held)
    assert tally.held + tally.above + tally.below == pytest.approx(tally.given)


def test_the_same_numbers_in_any_order_and_other_numbers_by_another_seed(monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 70)
    models = {"one": InverseVariance(), "two": BinomialNormal(bootstrap=0)}

    def backwards(blocks):
        return reversed(list(module.one_by_one(blocks)))

    truths = [FLAT, Truth(Mixing.BETA, 0.1, 1.0)]
    first = calibrate(models, N, truths=truths, sets=200)
    assert calibrate(models, N, truths=truths, sets=200, run=backwards) == first
    assert calibrate(models, N, truths=truths, sets=200, seed=2) != first
    assert all(cell.tally.sets == 200 for cell in first.cells)
    # a model's numbers do not depend on what else is asked
    alone = calibrate({"two": models["two"]}, N, truths=truths[1:], sets=200)
    assert set(alone.cells) < set(first.cells)


def test_the_worst_is_simulated_again():
    found = calibrate(InverseVariance(), N, sets=300)
    assert [(cell.role, cell.estimand) for cell in found.worst] == list(
        dict.fromkeys((cell.role, cell.estimand) for cell in found.cells)
    )
    for cell in found.worst:
        once = found.cells_of(cell.role, cell.estimand)
        lowest = min(once, key=lambda one: one.tally.coverage)
        assert cell.truth == lowest.truth
        assert cell.tally != lowest.tally
        assert cell.tally.sets == 300


def test_an_interval_that_is_too_narrow_is_seen():
    """80 % intervals sold as 95 % ones: of 1,000 sets without heterogeneity their share tells them apart."""
    truth = [Truth(Mixing.NORMAL, 0.2, 0.0)]
    tight, usual = (
        min(
            c.tally.coverage
            for c in calibrate(BayesBinomial(level=level), (40,) * 6, truths=truth, sets=1000).cells
        )
        for level in (0.8, 0.95)
    )
    assert tight < 0.91  # intervals of equal tails that are exact would hold .8
    assert usual > 0.93  # .95 less three standard errors of .0069


def test_models_that_cannot_be_simulated_are_named():
    found = calibrate({"a": BayesNormal(), "b": InverseVariance()}, N, sets=50)
    assert [role for role, _ in found.skipped] == ["a"]
    assert {cell.role for cell in found.cells} == {"b"}
    assert any("a was not simulated: model: found bayes-normal." in note for note in found.shown().notes)


def test_what_is_shown_fits_a_terminal():
    shown = calibrate({"primary": BayesBinomial(), "conventional": InverseVariance()}, N, sets=40).shown()
    widths = [max(len(row[i]) for row in (shown.header, *shown.rows)) for i in range(len(shown.header))]
    assert sum(widths) + 3 * len(widths) <= 80
    assert [row[0].strip() for row in shown.rows] == [
        "primary", "mean ORR", "median ORR", "predictive ORR", "conventional", "median ORR", "predictive ORR",
    ]  # fmt: skip
    assert "(" in shown.rows[-1][3]  # not given in sets where tau is estimated as 0


def test_rows_are_numbers():
    found = calibrate(InverseVariance(), N, truths=[FLAT], sets=50)
    frame = found.to_dataframe()
    assert list(frame.simulated) == ["once", "once", "again", "again"]
    assert frame.coverage.between(0, 1).all()
    assert np.allclose(frame.above + frame.below + frame.coverage + frame.not_given, 1)
    assert frame.level.eq(0.95).all()


def test_tallies_add_up():
    one = Tally(sets=10, given=8, held=6, above=1.5, below=0.5, width=2)
    both = one + one
    assert (both.coverage, both.among_given, both.mean_width) == (0.6, 0.75, 0.25)
    assert both.error == pytest.approx(np.sqrt(0.6 * 0.4 / 20))
    none = Tally(sets=3, given=0, held=0, above=0, below=0, width=0)
    assert none.coverage == 0
    assert np.isnan(none.among_given)
    assert np.isnan(none.mean_width)


def test_usual_truths_are_those_of_the_posterior():
    low, middle, high = likely_rates(BayesBinomial(), meta.Counts.of([5, 6, 2, 1], [18, 32, 29, 21]))
    fit = BayesBinomial(level=0.8).fit(meta.Counts.of([5, 6, 2, 1], [18, 32, 29, 21])).estimands.median
    # one posterior in a batch has nodes of its own
    assert (low, middle, high) == pytest.approx((fit.low, fit.value, fit.high), rel=1e-5)
    found = usual_truths([low, middle, high])
    assert found[:3] == [Truth(Mixing.NORMAL, low, tau) for tau in (0.0, 0.5, 1.0)]
    assert found[-2:] == [Truth(Mixing.BETA, middle, 1.0), Truth(Mixing.TWO_POINT, middle, 1.0)]
    assert len(found) == 11


NONE = (
    "normal normal: normal:0.1 t:0.1,1 beta:0,1 beta:1,1 normal:0.1,-1 normal:0.1,6 normal:nan,1 beta:0.1,nan"
)


@pytest.mark.parametrize("text", [*NONE.split(), "normal:0.1,1,2", ""])
def test_a_truth_that_is_none(text):
    with pytest.raises(SpecError, match=r"truth.*normal, beta, two-point.*normal:0.10,0.5"):
        truth_from(text)


def test_a_truth_is_read():
    assert truth_from("two-point:0.2,1") == Truth(Mixing.TWO_POINT, 0.2, 1.0)


@pytest.mark.parametrize("n", [(), (12,), (12, 0)])
def test_fewer_than_two_trials(n):
    with pytest.raises(DataError, match="at least two trials"):
        calibrate(InverseVariance(), n)


def test_options_out_of_range_come_together():
    with pytest.raises(SpecError) as caught:
        calibrate(InverseVariance(), N, sets=0, seed=-1)
    assert [fault.path for fault in caught.value.faults] == ["seed", "sets"]
