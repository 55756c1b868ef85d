"""The conventional model: corners in all options, what it refuses and in which words, and groups."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError, asdict, fields, is_dataclass
from itertools import cycle, islice, product
from math import isfinite

import numpy as np
import pytest
from scipy import stats

from meta.data import Counts, GroupedCounts
from meta.errors import SpecError
from meta.models import BinomialNormal, InverseVariance, Model
from meta.models.describe import CASE_BY_CASE, DIFFERENCES
from meta.models.inverse_variance import INTERVALS
from meta.models.policy import words
from meta.results import (
    Between,
    Estimand,
    Fit,
    Heterogeneity,
    NamedTest,
    Quantity,
    Reason,
)
from meta.stats.normal.scales import SCALES
from meta.stats.normal.tau2 import estimate

TABLE1 = ([5, 6, 2, 1], [18, 32, 29, 21])
NORMAL = ("logit", "log", "identity")
PREDICTIONS = ("hts", "hk", "t", "normal", "none")
ESTIMATORS = [(tau2, interval) for tau2 in ("REML", "DL", "PM", "SJ") for interval in INTERVALS] + [
    ("common-effect", "wald")
]

CORNERS = {
    "table 1": TABLE1,
    "no responder anywhere": ([0, 0, 0, 0], [18, 32, 29, 21]),
    "only responders": ([18, 32, 29, 21], [18, 32, 29, 21]),
    "no trial": ([], []),
    "one trial": ([3], [19]),
    "one trial without responder": ([0], [19]),
    "two trials": ([1, 9], [20, 25]),
    "two alike": ([3, 3], [20, 20]),
    "one patient each": ([0, 1, 1], [1, 1, 1]),
    "large and small": ([1, 30_000, 100_000, 1], [100_000, 100_000, 100_000, 2]),
    "identical arms": ([4, 4, 4, 4, 4], [20, 20, 20, 20, 20]),
    "identical arms without responder": ([0, 0, 0], [20, 20, 20]),
}

# What must have a reason where it is None; trials' effects and weights are looked at apart.
VALUES = {
    Heterogeneity: ("Q", "p"),
    Between: ("statistic", "p"),
    NamedTest: ("statistic", "p"),
    Quantity: ("low", "high"),  # and value
}

NO_INTERVAL = {Estimand.I2, Estimand.H2, Estimand.R2}  # by themselves; I2 and H2 may have that of tau2


def grouped(name, responders, n):
    """Alternating groups, and a third that nobody belongs to."""
    return GroupedCounts.of(
        responders, n, [("odd", "even")[i % 2] for i in range(len(n))], names=["odd", "even", name]
    )


def walk(thing, path="fit"):
    """Every plain value and every dataclass of a result, with its path."""
    yield path, thing
    if is_dataclass(thing):
        for field in fields(thing):
            yield from walk(getattr(thing, field.name), f"{path}.{field.name}")
    elif isinstance(thing, dict):
        for key, value in thing.items():
            yield from walk(value, f"{path}.{key}")
    elif isinstance(thing, tuple):
        for i, value in enumerate(thing):
            yield from walk(value, f"{path}[{i}]")


def check_reason(path, part):
    ends = not isinstance(part, Quantity) or part.estimand not in NO_INTERVAL
    missing = [name for name in VALUES.get(type(part), ()) if ends and getattr(part, name) is None]
    if isinstance(part, Quantity) and part.value is None:
        missing.append("value")
    assert not missing or part.reason, f"{path}: {missing} missing without a reason"


def check_fit(fit):
    """What holds of every fit, whatever the data: no NaN, a reason beside each None, weights that add up."""
    for path, part in walk(fit):
        assert isinstance(part, str | bool | int | float | tuple | dict | None) or is_dataclass(part), path
        assert not isinstance(part, np.generic), path
        if isinstance(part, float):
            assert isfinite(part), path
        check_reason(path, part)
    json.dumps(asdict(fit), allow_nan=False)
    for one in (fit, *fit.groups):
        assert len(one.trials) == one.k
        weights = [trial.weight for trial in one.trials]
        if one.mu.value is None:
            assert one.mu.reason
            assert weights == [None] * one.k
        else:
            assert sum(weights) == pytest.approx(1, rel=1e-12)
            assert None not in {z for trial in one.trials for z in (trial.y, trial.v)}
        check_numbers(one)
        check_influence(one)
    if fit.between:
        assert fit.between.r2 is not None
        tested = [group for group in fit.groups if group.k]
        assert len(fit.between.contrasts) == max(len(tested) - 1, 0)
        assert len(fit.between.tests) == (len(tested) > 1)


def check_influence(fit):
    if fit.mu.value is None or not 3 <= fit.k <= CASE_BY_CASE:
        assert fit.influence == ()
        return
    assert [case.label for case in fit.influence] == [trial.label for trial in fit.trials]
    hat = [case.measures["hat"] for case in fit.influence]
    assert hat == pytest.approx([trial.weight for trial in fit.trials], rel=1e-9)


def check_numbers(fit):
    p = fit.proportion
    assert all(0 <= z <= 1 for z in (p.value, p.low, p.high) if z is not None)
    if None not in (p.value, p.low, p.high):
        assert p.low <= p.value <= p.high
    if fit.mu.low is not None:
        assert fit.mu.low <= fit.mu.value <= fit.mu.high
    if fit.tau2.low is not None:
        assert 0 <= fit.tau2.low <= fit.tau2.high
    if fit.heterogeneity.I2.value is not None:
        assert 0 <= fit.heterogeneity.I2.value < 1
        assert (fit.heterogeneity.I2.low is None) == (fit.tau2.low is None)
    if fit.prediction.effect.low is not None:
        assert fit.prediction.effect.low < fit.prediction.effect.high
        assert fit.prediction.proportion.low is not None
    assert words(fit.standing)


@pytest.mark.parametrize(("tau2", "interval"), ESTIMATORS)
@pytest.mark.parametrize("scale", SCALES)
def test_corners(scale, tau2, interval):
    """Each data set with and without correction; predictions and groupings take turns, so all pairs meet."""
    turn = ESTIMATORS.index((tau2, interval))
    others = islice(cycle(product(PREDICTIONS, ("common", "separate"))), turn, None)
    for name, (x, n) in CORNERS.items():
        extreme = any(a in {0, b} for a, b in zip(x, n, strict=True))
        for continuity in (0.5, "none") if extreme and scale in NORMAL else (0.5,):
            prediction, groups = next(others)
            model = InverseVariance(
                scale=scale,
                tau2=tau2,
                interval=interval,
                prediction=prediction,
                groups=groups,
                continuity=continuity,
            )
            fit = model.detailed_fit(grouped(name, x, n))
            assert len(fit.groups) == 3
            assert sum(group.k for group in fit.groups) == fit.k == len(n)
            check_fit(fit)


@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize(
    ("trial_interval", "level"), [("clopper-pearson", 0.999), ("wilson", 0.5), ("jeffreys", 0.8)]
)
def test_corners_of_the_other_options(prediction, trial_interval, level):
    for (name, (x, n)), interval in zip(CORNERS.items(), cycle(INTERVALS), strict=False):
        model = InverseVariance(
            prediction=prediction,
            trial_interval=trial_interval,
            level=level,
            interval=interval,
            continuity=1.0,
        )
        fit = model.detailed_fit(grouped(name, x, n))
        check_fit(fit)
        assert {fit.level, fit.proportion.level, fit.prediction.effect.level} == {level}


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(("tau2", "level"), [("REML", 0.95), ("ML", 0.999)])
def test_corners_of_the_profile_likelihood(scale, tau2, level):
    model = InverseVariance(scale=scale, tau2=tau2, tau2_interval="profile-likelihood", level=level)
    for name, (x, n) in CORNERS.items():
        fit = model.detailed_fit(grouped(name, x, n))
        check_fit(fit)
        for part in (fit, *fit.groups):
            if part.k > 1:
                assert part.tau2.low <= part.tau2.value <= part.tau2.high


@pytest.mark.parametrize("tau2", ["DL", "PM", "common-effect"])
def test_profile_likelihood_needs_a_likelihood(tau2):
    with pytest.raises(SpecError, match="only tau2: REML and ML are allowed"):
        InverseVariance(tau2=tau2, tau2_interval="profile-likelihood", interval="wald")


@pytest.mark.parametrize(("scale", "tau2"), [("logit", "REML"), ("identity", "PM"), ("double-arcsine", "DL")])
def test_two_thousand_trials(scale, tau2):
    rng = np.random.default_rng(7)
    n = rng.integers(1, 150, 2000)
    fit = InverseVariance(scale=scale, tau2=tau2).fit(grouped("none", rng.binomial(n, 0.2), n))
    check_fit(fit)
    assert fit.mu.value is not None
    assert fit.k == 2000


def test_ungrouped_counts_are_the_overall_fit_of_grouped_ones():
    plain = InverseVariance().detailed_fit(Counts.of(*TABLE1))
    whole = InverseVariance().detailed_fit(grouped("none", *TABLE1))
    check_fit(plain)
    assert (plain.groups, plain.between) == ((), None)
    for field in fields(Fit):
        if field.name not in {"groups", "between"}:
            assert getattr(plain, field.name) == getattr(whole, field.name), field.name


# Options


@pytest.mark.parametrize("level", [0, 1, -0.5, 95, float("nan"), 1 - 1e-12])
def test_level_out_of_range(level):
    with pytest.raises(SpecError, match=r"level: found .*; a number between 0 and 1 is allowed"):
        InverseVariance(level=level)


@pytest.mark.parametrize("continuity", [0, -0.5, 1.5, float("nan")])
def test_continuity_out_of_range(continuity):
    with pytest.raises(SpecError, match=r"continuity: found .*; none, or a number above 0 up to 1"):
        InverseVariance(continuity=continuity)


@pytest.mark.parametrize("interval", ["hk", "mhk"])
def test_knapp_hartung_needs_an_estimated_tau2(interval):
    with pytest.raises(
        SpecError, match=rf"interval: found {interval} with tau2: common-effect.*interval: wald"
    ):
        InverseVariance(tau2="common-effect", interval=interval)


def test_a_model_is_its_options():
    model = InverseVariance(scale="arcsine", level=0.9)
    with pytest.raises(FrozenInstanceError):
        model.scale = "logit"
    assert model == InverseVariance(scale="arcsine", level=0.9)
    assert hash(model) == hash(InverseVariance(scale="arcsine", level=0.9))
    assert model.fit(Counts.of(*TABLE1)).model is model
    assert isinstance(model, Model)


def test_fitting_twice_gives_the_same():
    model = InverseVariance()
    assert model.fit(grouped("none", *TABLE1)) == model.fit(grouped("none", *TABLE1))


# The numbers of one fit


def test_default_fit_by_hand():
    """REML's tau2 put into textbook formulae gives the rest of the fit."""
    x, n = map(np.array, TABLE1)
    fit = InverseVariance().fit(Counts.of(x, n))
    y, w = np.log(x / (n - x)), 1 / (1 / x + 1 / (n - x) + fit.tau2.value)
    mu = np.sum(w * y) / np.sum(w)
    se = np.sqrt(1 / np.sum(w)) * np.sqrt(max(1, np.sum(w * (y - mu) ** 2) / 3))
    assert fit.mu.value == pytest.approx(mu, rel=1e-12)
    assert fit.mu.se == pytest.approx(np.sqrt(1 / np.sum(w)), rel=1e-12)
    assert fit.mu.interval_se == pytest.approx(se, rel=1e-12)
    low, high = stats.t.interval(0.95, 3, mu, se)
    assert (fit.mu.low, fit.mu.high) == pytest.approx((low, high), rel=1e-12)
    assert (fit.mu.kind, fit.mu.df) == ("confidence", 3)
    p = fit.proportion
    assert [p.value, p.low, p.high] == pytest.approx(1 / (1 + np.exp(-np.array([mu, low, high]))), rel=1e-12)
    assert p.estimand == "median"
    assert [trial.weight for trial in fit.trials] == pytest.approx(w / w.sum(), rel=1e-12)
    half = stats.t.ppf(0.975, 2) * np.sqrt(fit.tau2.value + 1 / np.sum(w))
    assert (fit.prediction.effect.low, fit.prediction.effect.high) == pytest.approx(
        (mu - half, mu + half), rel=1e-12
    )
    assert fit.prediction.effect.df == 2
    assert (fit.k, fit.n, fit.responders) == (4, 100, 14)


def test_the_prediction_of_knapp_hartung_takes_the_floor_from_the_interval():
    x, n = [2, 2, 3, 9], [20, 21, 25, 90]
    fits = {
        interval: InverseVariance(tau2="DL", interval=interval, prediction="hk").fit(Counts.of(x, n))
        for interval in ("wald", "hk", "mhk")
    }
    if fits["hk"].tau2.value == 0:
        x = [1, 6, 2, 30]
        fits = {i: InverseVariance(interval=i, prediction="hk").fit(Counts.of(x, n)) for i in fits}
    widths = {i: fit.prediction.effect.high - fit.prediction.effect.low for i, fit in fits.items()}
    assert widths["wald"] == widths["mhk"]
    for interval in ("hk", "mhk"):
        fit = fits[interval]
        half = stats.t.ppf(0.975, 3) * np.sqrt(fit.tau2.value + fit.mu.interval_se**2)
        assert widths[interval] == pytest.approx(2 * half, rel=1e-12)


def test_heterogeneity_names_both_definitions():
    h = InverseVariance().fit(Counts.of(*TABLE1)).heterogeneity
    assert h.I2_Q.value == pytest.approx((h.Q - 3) / h.Q, rel=1e-12)
    assert h.H2_Q.value == pytest.approx(h.Q / 3, rel=1e-12)
    assert h.H2.value == pytest.approx(1 / (1 - h.I2.value), rel=1e-12)
    assert len({h.I2.definition, h.I2_Q.definition, h.H2.definition, h.H2_Q.definition}) == 4
    assert h.I2.method == "Q-profile"


def test_the_common_effect_model_estimates_no_tau2():
    fit = InverseVariance(tau2="common-effect", interval="wald").fit(Counts.of(*TABLE1))
    assert fit.tau2.value == 0
    assert not fit.tau2.at_boundary  # nothing was estimated
    assert "not estimated" in fit.tau2.reason
    assert fit.heterogeneity.I2.value is fit.heterogeneity.H2.value is None
    assert fit.heterogeneity.I2_Q.value > 0
    assert "no spread of true effects" in fit.prediction.effect.reason
    assert fit.heterogeneity.Q == pytest.approx(5.310246, abs=5e-7)


# What is said


def test_the_correction_is_named_where_it_acted():
    fit = InverseVariance().fit(Counts.of([5, 0, 21, 1], [18, 32, 21, 21], ["a", "b", "c", "d"]))
    assert [trial.corrected for trial in fit.trials] == [False, True, True, False]
    (note,) = (note for note in fit.notes if "ontinuity" in note)
    assert "0.5 was added to both cells of b (0 of 32), c (21 of 21)" in note
    assert fit.responders == 27  # of patients: the correction is of the effects alone


@pytest.mark.parametrize("scale", ["arcsine", "double-arcsine"])
def test_no_correction_where_none_is_needed(scale):
    fit = InverseVariance(scale=scale).fit(Counts.of([5, 0, 21, 1], [18, 32, 21, 21]))
    assert not any("ontinuity" in note for note in fit.notes)
    assert not any(trial.corrected for trial in fit.trials)


@pytest.mark.parametrize("scale", NORMAL)
def test_without_a_correction_extreme_arms_cannot_be_pooled(scale):
    fit = InverseVariance(scale=scale, continuity="none").fit(Counts.of([5, 0, 2, 1], TABLE1[1]))
    assert fit.mu.value is None
    for reason in (
        fit.mu.reason,
        fit.tau2.reason,
        fit.heterogeneity.reason,
        fit.prediction.effect.reason,
        fit.proportion.reason,
    ):
        assert "allow a continuity correction or choose an arcsine scale" in reason
    assert [trial.y is None for trial in fit.trials] == [False, True, False, False]
    assert fit.trials[1].proportion.low == 0  # the arm itself is still shown


def test_freeman_tukey_says_that_its_inverse_can_mislead():
    fit = InverseVariance(scale="double-arcsine").fit(Counts.of(*TABLE1))
    assert any("harmonic mean of n (23.7)" in note and "can mislead" in note for note in fit.notes)
    assert not InverseVariance(scale="arcsine").fit(Counts.of(*TABLE1)).notes


def test_tau2_at_zero_is_not_called_homogeneity_and_allows_no_prediction():
    fit = InverseVariance().fit(Counts.of([4, 5, 4], [20, 21, 22]))
    assert fit.tau2.value == 0
    assert fit.tau2.at_boundary
    (note,) = fit.notes
    assert "with few trials a common outcome even under large heterogeneity" in note
    assert "homogen" not in note
    assert (fit.prediction.effect.low, fit.prediction.effect.high) == (None, None)
    assert "tau2 is estimated as 0" in fit.prediction.effect.reason
    assert fit.prediction.proportion.reason == fit.prediction.effect.reason


def test_two_trials_have_no_higgins_thompson_spiegelhalter_interval():
    counts = Counts.of([1, 15], [20, 25])
    fit = InverseVariance().fit(counts)
    assert fit.tau2.value > 0
    assert fit.prediction.effect.low is None
    assert "no degree of freedom" in fit.prediction.effect.reason
    assert InverseVariance(prediction="t").fit(counts).prediction.effect.df == 1


def test_a_prediction_that_was_not_asked_for():
    prediction = InverseVariance(prediction="none").fit(Counts.of(*TABLE1)).prediction
    assert (prediction.effect.low, prediction.effect.reason, prediction.effect.method) == (
        None,
        "not asked for",
        "none",
    )


def test_trials_too_alike_for_a_tau2_interval():
    fit = InverseVariance(interval="hk").fit(Counts.of(*CORNERS["identical arms"]))
    assert "no value of tau2 is compatible" in fit.tau2.reason
    assert "identical" in fit.mu.reason
    assert fit.mu.low is None
    assert fit.proportion.value == pytest.approx(0.2)
    assert (fit.proportion.low, fit.proportion.high) == (None, None)
    assert InverseVariance().fit(Counts.of(*CORNERS["identical arms"])).mu.low is not None


@pytest.mark.parametrize(
    ("k", "status"),
    [
        (0, "no-estimate"),
        (1, "exact-interval-only"),
        (2, "drawn-not-headline"),
        (3, "bayesian-headline-only"),
        (4, "bayesian-headline-only"),
        (5, "headline"),
    ],
)
def test_standing_follows_the_k_policy(k, status):
    fit = InverseVariance().fit(Counts.of([4, 6, 2, 1, 3][:k], [18, 32, 29, 21, 30][:k]))
    assert fit.standing.status == status
    assert (fit.mu.value is None) is (k < 2)


def test_few_responders_are_no_headline_whatever_k():
    fit = InverseVariance().fit(Counts.of([1, 0, 2, 1, 0, 0], [18, 32, 29, 21, 30, 12]))
    assert fit.standing.reasons == (Reason.FEW_RESPONDERS,)
    assert fit.standing.status == "bayesian-headline-only"


def test_one_trial_has_its_exact_interval_only():
    fit = InverseVariance().fit(Counts.of([3], [19]))
    assert fit.proportion.method == "exact (Clopper-Pearson)"
    assert fit.proportion.estimand == "one-trial"
    assert fit.proportion.value == 3 / 19
    exact = stats.beta.ppf(0.025, 3, 17), stats.beta.ppf(0.975, 4, 16)
    assert (fit.proportion.low, fit.proportion.high) == pytest.approx(exact, rel=1e-9)
    assert (fit.mu.value, fit.tau2.value, fit.heterogeneity.Q) == (None, None, None)
    assert fit.mu.reason == "one trial: exact interval only"


def test_no_trial_has_nothing_but_a_reason():
    fit = InverseVariance().fit(Counts.of([], []))
    assert (fit.k, fit.n, fit.responders, fit.trials) == (0, 0, 0, ())
    assert fit.proportion.reason == "no trial reported responders"


# Groups

REGIONS = GroupedCounts.of(*TABLE1, ["Asia", "Asia", "West", "West"])
MORE = GroupedCounts.of([5, 6, 12, 2, 1, 0], [18, 32, 29, 29, 21, 40], ["Asia"] * 3 + ["West"] * 3)


def test_groups_share_tau2_by_default():
    fit = InverseVariance().fit(MORE)
    asia, west = fit.groups
    assert asia.tau2 == west.tau2
    assert fit.tau2.value != asia.tau2.value  # overall, differences between groups are part of tau2
    assert (asia.mu.df, asia.prediction.effect.df) == (4, 3)  # six trials less two means


def test_separate_groups_are_fits_of_their_own():
    fit = InverseVariance(groups="separate").fit(MORE)
    for index, group in enumerate(fit.groups):
        alone = InverseVariance(groups="separate").fit(MORE.within(index))
        assert group.label == MORE.names[index]
        for field in fields(Fit):
            if field.name != "label":
                assert getattr(group, field.name) == getattr(alone, field.name), field.name


@pytest.mark.parametrize("groups", ["common", "separate"])
def test_the_test_between_groups_never_uses_knapp_hartung(groups):
    """Standard errors of two trials that agree would be close to zero and make any difference significant."""
    tests = [InverseVariance(interval=interval, groups=groups).fit(REGIONS) for interval in INTERVALS]
    assert len({fit.between.p for fit in tests}) == 1
    asia, west = InverseVariance(interval="wald", groups=groups).fit(REGIONS).groups
    z = (asia.mu.value - west.mu.value) / np.hypot(asia.mu.se, west.mu.se)
    assert tests[0].between.statistic == pytest.approx(z**2, rel=1e-10)
    assert tests[0].between.p == pytest.approx(2 * stats.norm.sf(abs(z)), rel=1e-9)
    assert tests[0].between.df == 1
    assert f"{groups} tau2" in tests[0].between.method


def test_the_test_between_groups_warns_below_ten_trials():
    assert "unreliable below k = 10" in InverseVariance().fit(MORE).between.caveat
    many = GroupedCounts.of([1, 2, 3, 4, 5] * 2, [30] * 10, ["a", "b"] * 5)
    assert InverseVariance().fit(many).between.caveat is None


def test_the_caveat_counts_trials_not_rows():
    rows = GroupedCounts.of([1, 2, 3, 4, 5] * 2, [30] * 10, ["a"] * 5 + ["b"] * 5, [*"vwxyz"] * 2)
    fit = InverseVariance().fit(rows)
    assert fit.k == 5
    assert "unreliable below k = 10" in fit.between.caveat
    assert any("5 of 5 trials have rows in several groups" in note for note in fit.notes)


def test_one_trial_has_rows_in_several_groups():
    fit = InverseVariance().fit(GroupedCounts.of([1, 2, 3, 4], [30] * 4, [*"aabb"], [*"wxwy"]))
    assert any(note.startswith("1 of 3 trials has rows in several groups") for note in fit.notes)


def test_a_group_without_rows_is_shown_and_left_out_of_the_test():
    with_gap = GroupedCounts.of(
        *TABLE1, ["Asia", "Asia", "West", "West"], names=["Asia", "International", "West"]
    )
    fit, without = InverseVariance().detailed_fit(with_gap), InverseVariance().detailed_fit(REGIONS)
    check_fit(fit)
    gap = fit.groups[1]
    assert (gap.label, gap.k, gap.n, gap.standing.status) == ("International", 0, 0, "no-estimate")
    assert fit.between == without.between
    assert fit.groups[::2] == without.groups


def test_one_group_has_no_test():
    fit = InverseVariance().fit(GroupedCounts.of(*TABLE1, ["West"] * 4, names=["Asia", "West"]))
    assert fit.between.p is None
    assert "fewer than two groups" in fit.between.reason
    # sums over one group and over all trials may differ in the last digit
    assert fit.groups[1].mu.value == pytest.approx(fit.mu.value, rel=1e-13)
    assert fit.groups[1].mu.low == pytest.approx(fit.mu.low, rel=1e-13)


def test_a_group_of_one_trial_takes_part_in_the_test_under_a_common_tau2():
    data = GroupedCounts.of(*TABLE1, ["Asia", "Asia", "Asia", "West"])
    fit = InverseVariance().fit(data)
    assert fit.groups[1].mu.value is None  # by itself it is one trial
    assert fit.groups[1].proportion.method == "exact (Clopper-Pearson)"
    assert 0 < fit.between.p < 1
    separate = InverseVariance(groups="separate").fit(data)
    assert separate.between.p is None
    assert separate.between.reason == "the effect of a group cannot be estimated"


def test_the_overall_fit_pools_each_trial_once():
    rows = GroupedCounts.of(
        [2, 3, 1, 4], [10, 20, 7, 9], ["lung", "gep", "gep", "lung"], ["x", "x", "y", "z"]
    )
    fit = InverseVariance().fit(rows)
    assert [(t.label, t.responders, t.n) for t in fit.trials] == [("x", 5, 30), ("y", 1, 7), ("z", 4, 9)]
    assert sum(group.k for group in fit.groups) == 4


# What each trial does


def test_influence_is_a_fit_without_each_trial():
    counts = Counts.of([5, 6, 12, 2, 1, 0], [18, 32, 29, 29, 21, 40])
    model = InverseVariance(interval="wald")
    fit = model.detailed_fit(counts)
    assert [case.label for case in fit.influence] == list(counts.labels)
    for i, case in enumerate(fit.influence):
        rest = np.arange(counts.k) != i
        without = model.fit(Counts.of(counts.responders[rest], counts.n[rest]))
        found, trial = case.measures, fit.trials[i]
        assert found["tau2_deleted"] == pytest.approx(without.tau2.value, rel=1e-9, abs=1e-12)
        assert found["q_deleted"] == pytest.approx(without.heterogeneity.Q, rel=1e-11)
        assert found["hat"] == pytest.approx(trial.weight, rel=1e-12)
        error = np.sqrt(trial.v + without.tau2.value + without.mu.se**2)
        assert found["rstudent"] == pytest.approx((trial.y - without.mu.value) / error, rel=1e-8)
        change = fit.mu.value - without.mu.value
        assert found["cook"] == pytest.approx((change / fit.mu.se) ** 2, rel=1e-8)
        assert found["covratio"] == pytest.approx((without.mu.se / fit.mu.se) ** 2, rel=1e-8)
        scale = np.sqrt(trial.weight * (without.tau2.value + trial.v))
        assert found["dffits"] == pytest.approx(change / scale, rel=1e-8)


@pytest.mark.parametrize("k", [1, 2, 3, CASE_BY_CASE, CASE_BY_CASE + 1])
def test_influence_needs_three_trials_and_stops_at_many(k):
    counts = Counts.of(np.arange(k) % 7, np.full(k, 20))
    assert len(InverseVariance(tau2="DL").detailed_fit(counts).influence) == (
        k if 3 <= k <= CASE_BY_CASE else 0
    )


def test_influence_in_groups_under_a_common_tau2():
    """Without a trial the tau2 of all groups changes; a group of two carries none of its own."""
    data = GroupedCounts.of([5, 6, 12, 2, 1], [18, 32, 29, 29, 21], ["Asia"] * 3 + ["West"] * 2)
    fit = InverseVariance(interval="wald").detailed_fit(data)
    asia, west = fit.groups
    assert (len(fit.influence), len(asia.influence), len(west.influence)) == (5, 3, 0)
    rest = np.arange(5) != 1
    groups = [data.names[g] for g in data.group[rest]]
    without = InverseVariance(interval="wald").fit(
        GroupedCounts.of(data.responders[rest], data.n[rest], groups)
    )
    found = asia.influence[1].measures
    assert found["tau2_deleted"] == pytest.approx(without.groups[0].tau2.value, rel=1e-9, abs=1e-12)
    moved = [(a.mu.value - b.mu.value) / a.mu.se for a, b in zip(fit.groups, without.groups, strict=True)]
    assert found["cook"] == pytest.approx(sum(np.square(moved)), rel=1e-8)


def test_without_a_correction_nothing_is_said_of_influence():
    fit = InverseVariance(continuity="none").detailed_fit(Counts.of([5, 0, 2, 1], TABLE1[1]))
    assert fit.influence == ()


def test_one_weight_that_is_nearly_all_leaves_i2_a_number():
    """The typical sampling variance is a difference of sums that agree to rounding here."""
    fit = InverseVariance(scale="log", continuity=1e-6).fit(Counts.of([0, 170], [365, 170]))
    assert (fit.heterogeneity.I2.value, fit.heterogeneity.H2.value) == (0.0, 1.0)


def test_a_prediction_has_its_centre():
    fit = InverseVariance().fit(Counts.of(*TABLE1))
    assert fit.prediction.proportion.value == fit.proportion.value


# What groups account for


@pytest.mark.parametrize(("scale", "name"), DIFFERENCES.items())
def test_contrasts_are_against_the_first_group_with_trials(scale, name):
    data = GroupedCounts.of(
        [5, 6, 2, 1, 9, 3], [18, 32, 29, 21, 30, 31], [*"bbccdd"], names=["a", "b", "c", "d"]
    )
    fit = InverseVariance(scale=scale, interval="wald", level=0.9).fit(data)
    assert [(c.group, c.reference) for c in fit.between.contrasts] == [("c", "b"), ("d", "b")]
    base = fit.groups[1].mu
    for contrast, group in zip(fit.between.contrasts, fit.groups[2:], strict=True):
        mu = contrast.mu
        half = stats.norm.ppf(0.95) * np.hypot(base.se, group.mu.se)
        difference = group.mu.value - base.value
        assert mu.value == pytest.approx(difference, rel=1e-9)
        assert (mu.low, mu.high) == pytest.approx((difference - half, difference + half), rel=1e-9)
        assert (mu.estimand, mu.kind, mu.level) == (name, "confidence", 0.9)
        assert mu.method == "Wald, common tau2; too narrow below k = 10"
        assert (contrast.mean, contrast.exceeds) == (None, None)


def test_the_contrast_of_two_groups_is_the_test_between_them():
    between = InverseVariance(level=0.95).fit(MORE).between
    (contrast,) = between.contrasts
    se = (contrast.mu.high - contrast.mu.low) / 2 / stats.norm.ppf(0.975)
    assert (contrast.mu.value / se) ** 2 == pytest.approx(between.statistic, rel=1e-9)


def test_a_contrast_that_cannot_be_given():
    data = GroupedCounts.of(*TABLE1, ["Asia", "Asia", "Asia", "West"])
    (contrast,) = InverseVariance(groups="separate").fit(data).between.contrasts
    assert contrast.mu.value is None
    assert contrast.mu.reason == "one trial: exact interval only"


@pytest.mark.parametrize("tau2", ["REML", "ML", "DL", "PM"])
def test_r2_compares_tau2_of_the_same_rows(tau2):
    fit = InverseVariance(tau2=tau2).fit(MORE)
    y, v = (np.array([getattr(trial, name) for trial in fit.trials]) for name in "yv")
    without = float(estimate(y, v, method=tau2)[0])
    share = fit.between.r2
    assert share.value == pytest.approx(max(0, 1 - fit.groups[0].tau2.value / without), rel=1e-9)
    assert share.reason is None
    assert share.definition == "max(0, (tau2 without - tau2 with the groups) / tau2 without)"


@pytest.mark.parametrize(
    ("options", "counts", "reason"),
    [
        ({}, ([4, 5, 4, 5], [20, 21, 22, 23]), "tau2 without the groups is estimated as 0"),
        ({"groups": "separate"}, TABLE1, "each group has a tau2 of its own"),
        ({"tau2": "common-effect", "interval": "wald"}, TABLE1, "estimates no tau2"),
        ({"continuity": "none"}, ([5, 0, 2, 1], [18, 32, 29, 21]), "effect of a group cannot be estimated"),
    ],
)
def test_r2_that_cannot_be_given(options, counts, reason):
    fit = InverseVariance(**options).detailed_fit(GroupedCounts.of(*counts, [*"aabb"]))
    check_fit(fit)
    assert fit.between.r2.value is None
    assert reason in fit.between.r2.reason


def test_permutation_names_the_smallest_p_that_it_could_give():
    """Two trials against two: 6 assignments in 3 pairs, so that no data give less than a third."""
    (test,) = InverseVariance().fit(REGIONS).between.tests
    assert test.p == pytest.approx(1 / 3)
    assert test.statistic == pytest.approx(InverseVariance().fit(REGIONS).between.statistic, rel=1e-9)
    assert test.df is None
    assert "all 6 assignments" in test.method
    assert test.caveat == (
        "the smallest p-value that these trials could give is 0.33: it cannot fall below 0.05"
    )
    data = GroupedCounts.of([1, 1, 2, 9, 8, 12], [20, 21, 25, 20, 22, 30], ["a"] * 3 + ["b"] * 3)
    (test,) = InverseVariance().fit(data).between.tests
    assert test.p == pytest.approx(0.1)  # 2 of 20


def test_permutation_of_many_trials_is_drawn_with_a_fixed_seed():
    data = GroupedCounts.of(np.arange(16) % 5, np.full(16, 30), [*"ab"] * 8)
    first, again = (InverseVariance(tau2="DL").fit(data).between.tests for _ in range(2))
    assert first == again
    assert "2000 assignments, drawn with a fixed seed" in first[0].method
    assert "cannot fall" not in first[0].caveat


@pytest.mark.parametrize(
    ("options", "labels", "reason"),
    [
        ({}, [*"wxwy"], "trials have rows in several groups"),
        ({"groups": "separate"}, [*"wxyz"], "given for a common tau2 only"),
        ({"continuity": "none", "scale": "log"}, [*"wxyz"], "the effect of a group cannot be estimated"),
    ],
)
def test_permutation_that_cannot_be_given(options, labels, reason):
    data = GroupedCounts.of([5, 6, 2, 0], TABLE1[1], [*"aabb"], labels)
    (test,) = InverseVariance(**options).fit(data).between.tests
    assert (test.statistic, test.p) == (None, None)
    assert reason in test.reason


def test_more_trials_than_are_worth_permuting():
    k = CASE_BY_CASE + 2
    data = GroupedCounts.of(np.arange(k) % 7, np.full(k, 20), [*"ab"] * (k // 2))
    (test,) = InverseVariance(tau2="DL").fit(data).between.tests
    assert test.p is None
    assert "the chi-squared p-value serves" in test.reason


@pytest.mark.parametrize(
    ("prediction", "alone", "together", "df"),
    [
        ("hts", "k-2 df", "df = rows of all groups - number of groups - 1", 4),
        ("t", "k-1 df", "df = rows of all groups - number of groups", 5),
        ("hk", "k-1 df", "df = rows of all groups - number of groups", 5),
    ],
)
def test_a_prediction_names_the_rule_of_its_degrees_of_freedom(prediction, alone, together, df):
    """Seven rows, two means and a common tau2: HTS leaves 7 - 2 - 1 df, as k - 2 = k - 1 - 1 of one mean."""
    x, n = [5, 6, 2, 1, 4, 9, 3], [18, 32, 29, 21, 20, 25, 30]
    fit = InverseVariance(prediction=prediction).fit(GroupedCounts.of(x, n, [*"aaaabbb"]))
    assert fit.prediction.effect.method.endswith(f"with {alone}")
    assert fit.prediction.effect.df == df + 1
    for group in fit.groups:
        assert group.prediction.effect.method.endswith(f"with {together}")
        assert group.prediction.effect.df == df
    for group in (
        InverseVariance(prediction=prediction, groups="separate")
        .fit(GroupedCounts.of(x, n, [*"aaaabbb"]))
        .groups
    ):
        assert group.prediction.effect.method.endswith(f"with {alone}")


def test_the_likelihood_names_the_same_rule():
    x, n = [5, 6, 2, 1, 4, 9, 3], [18, 32, 29, 21, 20, 25, 30]
    fit = BinomialNormal(bootstrap=0).fit(GroupedCounts.of(x, n, [*"aaaabbb"]))
    assert (fit.prediction.effect.df, fit.prediction.effect.method.endswith("t with k-2 df")) == (5, True)
    for group in fit.groups:
        assert group.prediction.effect.df == 4
        assert group.prediction.effect.method.endswith("rows of all groups - number of groups - 1")
