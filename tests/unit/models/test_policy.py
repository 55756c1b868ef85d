"""The k policy: the rule at every number of trials it tells apart, and every model under it."""

from __future__ import annotations

import numpy as np
import pytest

from meta.data import Completions, Counts, GroupedCounts
from meta.models import BayesBinomial, BayesNormal, BetaBinomial, BinomialNormal, InverseVariance
from meta.models.batch import each_choice
from meta.models.bounds import bounds
from meta.models.policy import of_completions, standing, waived, weakest, words
from meta.results import Reason, Standing, Status
from meta.stats.binomial.proportions import proportion_interval

MODELS = [
    BayesBinomial(),
    BayesBinomial(groups="separate"),
    BayesNormal(),
    BinomialNormal(bootstrap=0),
    BinomialNormal(bootstrap=0, groups="separate"),
    BetaBinomial(),
    InverseVariance(),
    InverseVariance(groups="separate"),
]
BATCHED = [model for model in MODELS if not isinstance(model, BayesNormal)]
SAID = "one trial: exact interval only"


def named(model):
    return f"{model.model}-{model.groups}"


@pytest.mark.parametrize("bayesian", [False, True])
@pytest.mark.parametrize(
    ("tally", "status", "said"),
    [
        ((0, 0, 0), Status.NO_ESTIMATE, "no trial reported responders"),
        ((1, 40, 9), Status.EXACT_INTERVAL_ONLY, SAID),
        ((1, 0, 9), Status.EXACT_INTERVAL_ONLY, SAID),
        ((2, 40, 9), Status.DRAWN_NOT_HEADLINE, "based on two trials; interpret with caution"),
        ((5, 5, 9), Status.HEADLINE, "headline"),
        ((20, 60, 90), Status.HEADLINE, "headline"),
    ],
)
def test_any_model(tally, status, said, bayesian):
    found = standing(*tally, bayesian=bayesian)
    assert (found.status, words(found)) == (status, said)


@pytest.mark.parametrize(
    ("tally", "why"),
    [
        ((3, 40, 9), "fewer than five trials"),
        ((4, 40, 9), "fewer than five trials"),
        ((4, 4, 9), "fewer than five trials, fewer than five responders"),
        ((9, 1, 9), "fewer than five responders"),
    ],
)
def test_with_few_trials_or_responders_the_headline_is_the_bayesian_model_s(tally, why):
    found = standing(*tally)
    assert found.status is Status.BAYESIAN_HEADLINE_ONLY
    assert words(found) == f"{why}: only the Bayesian estimate is a headline"
    assert standing(*tally, bayesian=True) == Standing(status=Status.HEADLINE)


@pytest.mark.parametrize("k", [2, 3, 4, 9])
@pytest.mark.parametrize(
    ("counts", "who", "limit"), [((0, 44), "no responder", "upper"), ((44, 0), "only responders", "lower")]
)
def test_where_nobody_or_everybody_responded_there_is_no_headline(k, counts, who, limit):
    """One limit of the posterior is then the prior's; a likelihood has no prior to rest on."""
    bayesian, other = (standing(k, *counts, bayesian=b) for b in (True, False))
    two = "based on two trials, " if k == 2 else ""
    assert {bayesian.status, other.status} == {Status.DRAWN_NOT_HEADLINE}
    assert words(bayesian) == f"{two}{who}, the {limit} limit rests on the prior; interpret with caution"
    assert words(other) == f"{two}{who}; interpret with caution"


def test_bounds_are_called_what_their_weakest_completion_is():
    found = of_completions((3, 3), (0, 1), (17, 18), bayesian=True)
    assert found.status is Status.DRAWN_NOT_HEADLINE
    assert words(found) == (
        "in some completions, no responder, the upper limit rests on the prior; interpret with caution"
    )
    assert of_completions((3, 3), (1, 2), (16, 17), bayesian=True) == Standing(status=Status.HEADLINE)
    one = of_completions((1, 3), (5, 9), (16, 17), bayesian=True)
    assert (one.status, one.reasons[0]) == (Status.EXACT_INTERVAL_ONLY, Reason.SOME_COMPLETIONS)


def test_the_weakest_is_what_lets_the_least_be_said():
    several = [standing(k, 9, 9) for k in (9, 3, 2, 1, 0)]
    assert [weakest(several[:i]).status for i in range(1, 6)] == list(reversed(Status))


def test_waiving_the_policy_is_said_and_gives_no_estimate_of_one_trial():
    assert words(waived(standing(3, 9, 9))) == "headline; the analysis switches the k policy off"
    assert Reason.UPPER_LIMIT_FROM_PRIOR in waived(standing(3, 0, 9, bayesian=True)).reasons
    for k in (0, 1):
        assert waived(standing(k, k, 9)) == standing(k, k, 9)


def the_exact_interval_alone(fit, x, n):
    low, high = proportion_interval(np.array([x]), np.array([n]), method="clopper-pearson", level=0.95)
    found = fit.proportion
    assert (found.value, found.low, found.high) == (x / n, low[0], high[0])
    assert found.estimand == "one-trial"
    assert fit.standing.status is Status.EXACT_INTERVAL_ONLY
    for part in (fit.mu, fit.tau2, fit.prediction.effect, fit.prediction.proportion, fit.heterogeneity):
        assert part.reason == SAID
    assert (fit.mu.value, fit.mu.low, fit.tau2.value, fit.prediction.effect.low) == (None,) * 4
    assert (fit.tau, fit.estimands, fit.dispersion, fit.correlation, fit.predictive_count) == (None,) * 5
    assert (fit.sweep, fit.influence, fit.probabilities) == ((), (), ())
    assert not [name for name in fit.grids if not name.startswith("before.")]
    assert [(trial.responders, trial.n, trial.shrunken) for trial in fit.trials] == [(x, n, None)]


@pytest.mark.parametrize("x", [0, 3, 19])
@pytest.mark.parametrize("model", MODELS, ids=named)
def test_of_one_trial_the_exact_interval_is_the_only_answer(model, x):
    the_exact_interval_alone(model.fit(Counts.of([x], [19])), x, 19)


@pytest.mark.parametrize("model", MODELS, ids=named)
def test_of_a_group_of_one_trial_too_and_no_contrast_with_it(model):
    data = GroupedCounts.of([4, 5, 6, 2], [19, 22, 30, 21], ["Asia", "West", "West", "West"])
    fit = model.fit(data)
    asia, west = fit.groups
    the_exact_interval_alone(asia, 4, 19)
    assert west.proportion.value is not None
    assert west.proportion.estimand != asia.proportion.estimand
    (gap,) = fit.between.contrasts
    assert (gap.group, gap.reference) == ("Asia", "West")
    assert (gap.mu.value, gap.mu.low, gap.mu.high, gap.mean, gap.exceeds) == (None,) * 5
    assert gap.mu.reason == SAID


@pytest.mark.parametrize("model", BATCHED, ids=named)
def test_bounds_of_one_trial_are_those_of_its_exact_interval(model):
    data = Completions(("a",), (np.array([[[1, 20]], [[3, 20]]]),), ((0,),))
    (found,) = bounds(model, data)
    ends = proportion_interval(np.array([1, 3]), np.array([20, 20]), method="clopper-pearson", level=0.95)
    assert (found.estimand, found.method) == ("one-trial", "exact (Clopper-Pearson)")
    assert (found.ignorance.low, found.ignorance.high) == (1 / 20, 3 / 20)
    assert (found.uncertainty.low, found.uncertainty.high) == (ends[0][0], ends[1][1])
    assert found.standing.status is Status.EXACT_INTERVAL_ONLY


@pytest.mark.parametrize("model", BATCHED, ids=named)
def test_a_choice_of_one_trial_has_its_exact_interval_and_says_why_no_more(model):
    counts = Counts.of([3, 4, 9], [19, 22, 30])
    part = each_choice(model, counts, np.array([[True, False, False], [True, True, True]]))
    given = np.isfinite(part.values[:, 0, 0])
    low, high = proportion_interval(np.array([3]), np.array([19]), method="clopper-pearson", level=0.95)
    assert part.values[given, :, 0].tolist() == [[3 / 19, low[0], high[0]]]
    assert {part.why[place][0] for place in np.flatnonzero(~given)} == {SAID}
