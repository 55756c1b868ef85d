"""Bounds from batches against every completion fitted by itself."""

from dataclasses import replace
from itertools import product
from math import prod

import numpy as np
import pytest

from meta.data import Completions
from meta.errors import DataError, SpecError
from meta.models import BayesBinomial, BayesNormal, BetaBinomial, BinomialNormal, InverseVariance
from meta.models.batch import answers
from meta.models.bounds import bounds
from meta.models.contract import Rows
from meta.models.likelihood import batch_of_peaks

# Two trials that are known, one whose responders are not, one whose patients are not either and may be none
KNOWN = [np.array([[[5, 18]]]), np.array([[[6, 32]]])]
AVELUMAB = np.array([[[x, 19]] for x in range(3)])
OTHER = np.array([[[x, n]] for n in (0, 20) for x in range(min(n, 1) + 1)])
ALL = Completions(("a", "b", "c", "d"), (*KNOWN, AVELUMAB, OTHER), ((0,),) * 4)
BY_REGION = replace(ALL, groups=((0,), (0,), (1,), (1,)), names=("Asia", "West"))
# One trial whose two sites have 2 responders in all
SITES = np.array([[[x, 9], [2 - x, 10]] for x in range(3)])
BY_SITE = Completions(
    ("a", "b"), (np.array([[[1, 8], [4, 12]]]), SITES), ((0, 1), (0, 1)), ("pancreas", "intestine")
)
MODELS = (
    BayesBinomial(),
    BayesBinomial(groups="separate", interval="shortest"),
    BinomialNormal(bootstrap=0),
    BinomialNormal(bootstrap=0, interval="wald-t", groups="separate"),
    BinomialNormal(bootstrap=0, interval="profile-t", level=0.9),
    BetaBinomial(),
    BetaBinomial(interval="wald"),
    InverseVariance(),
    InverseVariance(groups="separate", interval="hk"),
    InverseVariance(scale="double-arcsine", tau2="DL", interval="wald"),
    InverseVariance(scale="identity", continuity="none", tau2="common-effect", interval="wald"),
)


def choices(data):
    return list(product(*map(range, data.sizes)))


def said(fit, estimand):
    """An estimand of a fit: value, low, high; None where not given."""
    found = fit.proportion if fit.estimands is None else getattr(fit.estimands, estimand)
    return found.value, found.low, found.high


def tolerance(model):
    """Of a rate. Sums of likelihoods and weights run in another order; where a maximum is flat, that shows.

    A posterior's grid is chosen for its batch: quantiles agree within 5e-4 of a logit (test_posterior), of a
    rate within a quarter of that.
    """
    return 5e-4 / 4 if isinstance(model, BayesBinomial) else 1e-7


@pytest.mark.parametrize("data", [ALL, BY_REGION, BY_SITE], ids=["overall", "region", "site"])
@pytest.mark.parametrize("model", MODELS, ids=lambda m: f"{m.model}-{m.groups}-{m.interval}")
def test_a_batch_says_of_each_completion_what_its_own_fit_says(model, data):
    each = choices(data)
    rows = Rows(*data.arrays(np.array(each)), data.group, max(len(data.names), 1))
    batch = answers(model, rows)
    step = 4 if isinstance(model, BayesBinomial) else 1  # a fit takes half a second there
    for b, choice in list(enumerate(each))[::step]:
        fit = model.fit(data.counts(choice))
        for g, part in enumerate(fit.groups if data.names else (fit,)):
            for one in batch:
                ours = [z[b, g] for z in one[1:]]
                given = part.k > 1 or (part.k == 1 and one is batch[0])  # of one trial the exact interval
                theirs = [np.nan if z is None or not given else z for z in said(part, one.estimand)]
                np.testing.assert_allclose(ours, theirs, atol=tolerance(model), rtol=0)


@pytest.mark.parametrize(
    "model", [BayesBinomial(), BinomialNormal(), InverseVariance()], ids=lambda m: m.model
)
def test_bounds_are_the_hull_of_all_completions_and_name_those_that_attain_it(model):
    fits = {choice: model.fit(ALL.counts(choice)) for choice in choices(ALL)}
    for found in bounds(model, ALL):
        values, lows, highs = zip(*(said(fit, found.estimand) for fit in fits.values()), strict=True)
        near = {"abs": tolerance(model)}
        assert found.ignorance.low == pytest.approx(min(values), **near)
        assert found.ignorance.high == pytest.approx(max(values), **near)
        assert found.uncertainty.low == pytest.approx(min(lows), **near)
        assert found.uncertainty.high == pytest.approx(max(highs), **near)
        assert found.uncertainty.level == 0.95
        assert found.ignorance.level is None
        assert found.ignorance.kind == found.uncertainty.kind == "bound"
        assert (found.completions, found.evaluated, found.searched) == (9, 9, False)
        assert (found.k, found.n, found.responders) == ((3, 4), (69, 89), (11, 14))
        for end, place, column in (
            (found.ignorance.low, found.ignorance.low_at, 0),
            (found.uncertainty.high, found.uncertainty.high_at, 2),
        ):
            at = {one.label: (one.responders, one.n) for one in place}
            assert set(at) == {"c", "d"}  # what is known is not a completion
            choice = next(
                c for c in fits if all(tuple(ALL.options[i][c[i], 0]) == at[ALL.labels[i]] for i in (2, 3))
            )
            assert said(fits[choice], found.estimand)[column] == pytest.approx(end, **near)


def test_limits_are_not_monotone_so_that_corners_do_not_suffice():
    """Of 0 to 4 responders, one makes both limits most extreme: there the trials differ most."""
    known = np.array([[[9, 30]]])
    inner = Completions(("a", "b", "c"), (known, known, np.array([[[x, 38]] for x in range(5)])), ((0,),) * 3)
    (found,) = bounds(InverseVariance(), inner)
    assert found.uncertainty.low_at[0].responders == 1
    assert found.uncertainty.high_at[0].responders == 1


def test_a_group_that_completes_to_nobody_leaves_k_and_is_bounded_by_the_other_completions():
    alone = Completions(("a", "d"), (KNOWN[0], OTHER), ((0,), (1,)), ("Asia", "West"))
    west = next(one for one in bounds(BayesBinomial(), alone) if one.group == "West")
    assert west.k == (1, 1)
    assert west.n == (20, 20)
    assert west.standing.status == "exact-interval-only"
    assert west.ignorance.low is not None


def test_what_some_completion_does_not_give_is_not_bounded():
    """Knapp-Hartung has no interval of trials that agree exactly."""
    same = Completions(
        ("a", "b"), (np.array([[[2, 10]]]), np.array([[[x, 10]] for x in range(4)])), ((0,), (0,))
    )
    (found,) = bounds(InverseVariance(interval="hk"), same)
    assert found.ignorance.reason is None
    assert found.uncertainty.low is None
    assert found.uncertainty.reason == "not given in 1 of 4 completions"


def test_a_search_says_that_it_is_one():
    searched = bounds(InverseVariance(), ALL, most=8)[0]
    assert searched.searched
    assert (searched.completions, searched.evaluated) == (9, 8)
    whole = bounds(InverseVariance(), ALL)[0]
    assert whole.ignorance.low <= searched.ignorance.low <= searched.ignorance.high <= whole.ignorance.high


@pytest.mark.slow
def test_the_search_of_many_completions_finds_the_hull():
    """Three trials of 30 to 60 patients, none of whom is told apart: 115,351 completions, all fitted."""
    several = [np.array([[[x, n]] for x in range(n + 1)]) for n in (30, 60, 60)]
    data = Completions(("a", "b", "c", "d"), (KNOWN[1], *several), ((0,),) * 4)
    assert prod(data.sizes) > 100_000
    model = InverseVariance(tau2="DL")  # in closed form: all of them take a second
    (searched,), (whole,) = bounds(model, data), bounds(model, data, most=10**6)
    assert searched.searched
    assert not whole.searched
    for name in ("ignorance", "uncertainty"):
        ours, theirs = getattr(searched, name), getattr(whole, name)
        # to rounding: the same completions in another batch
        assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


@pytest.mark.parametrize("model", [BayesNormal(), BayesBinomial(engine="pymc")], ids=["normal", "pymc"])
def test_a_model_without_batched_statistics_says_so(model):
    with pytest.raises(SpecError, match="which fits one set of counts at a time"):
        bounds(model, ALL)


def test_impossible_completions_are_refused():
    with pytest.raises(DataError, match="impossible"):
        Completions(("a",), (np.array([[[3, 2]]]),), ((0,),))
    with pytest.raises(DataError, match="rows, 2"):
        Completions(("a",), (np.zeros((0, 1, 2), dtype=int),), ((0,),))
    with pytest.raises(DataError, match="lengths"):
        Completions(("a", "b"), (KNOWN[0],), ((0,),))


@pytest.mark.parametrize("model", MODELS, ids=lambda m: f"{m.model}-{m.groups}-{m.interval}")
def test_without_a_trial_there_is_nothing_to_bound(model):
    for data in (
        Completions((), (), ()),
        Completions(("a",), (np.array([[[0, 0]]]),), ((0,),)),
        Completions(("a",), (np.array([[[0, 0], [0, 0]]]),), ((0, 1),), ("Asia", "West")),
    ):
        for found in bounds(model, data):
            assert found.standing.status == "no-estimate"
            assert (found.k, found.n, found.responders) == ((0, 0),) * 3
            assert found.ignorance.reason == found.uncertainty.reason == "no trial reported responders"


@pytest.mark.parametrize("model", [BinomialNormal(), BetaBinomial()])
def test_completions_with_the_same_arms_are_fitted_once(model, monkeypatch):
    """The order of arms in a group says nothing; and blocks of a batch are put together again."""
    monkeypatch.setattr(batch_of_peaks, "_ARMS", 8)
    fitted = []
    peaks = batch_of_peaks.peaks
    monkeypatch.setattr(batch_of_peaks, "peaks", lambda *a, **k: fitted.append(len(a[2])) or peaks(*a, **k))
    x = np.array([[1, 2, 3, 0], [2, 1, 0, 3], [4, 5, 6, 1], [1, 2, 3, 1], [2, 1, 3, 0]])
    n = np.array([[9, 8, 20, 10], [8, 9, 10, 20], [9, 8, 20, 10], [9, 8, 20, 10], [8, 9, 20, 10]])
    rows = Rows(x, n, np.array([0, 0, 1, 1]), 2)
    together = answers(model, rows, spread=False)
    assert fitted == [2, 1]
    for i in range(len(x)):
        alone = answers(model, Rows(x[[i]], n[[i]], rows.group, 2), spread=False)
        for one, other in zip(together, alone, strict=True):
            for z, w in zip(one[1:], other[1:], strict=True):
                assert z[i] == pytest.approx(w[0], rel=1e-9)
