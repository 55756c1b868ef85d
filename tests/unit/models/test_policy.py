"""The k policy at every number of trials it tells apart."""

from __future__ import annotations

import pytest

from meta.models.policy import standing, waived

BY_COUNTS = [
    (0, 0, "none", "no trial reported responders"),
    (1, 40, "one trial", "exact interval only"),
    (2, 40, "two trials", "not a headline"),
]
FEW = [(3, 40, "k = 3: so few"), (4, 40, "k = 4: so few"), (3, 1, "k = 3 and 1 responder in all: so few"),
       (9, 1, "1 responder in all: so few"), (4, 4, "k = 4 and 4 responders in all: so few"),
       (5, 4, "4 responders in all: so few"), (5, 0, "0 responders in all: so few")]  # fmt: skip
ENOUGH = [(5, 5), (20, 60), (9, 80)]


@pytest.mark.parametrize("bayesian", [False, True])
@pytest.mark.parametrize(("k", "responders", "status", "words"), BY_COUNTS)
def test_up_to_two_trials_no_model_gives_a_headline(k, responders, status, words, bayesian):
    found = standing(k, responders, bayesian=bayesian)
    assert found.status == status
    assert words in found.reason


@pytest.mark.parametrize(("k", "responders", "words"), FEW)
def test_with_few_trials_or_responders_the_headline_is_the_bayesian_model_s(k, responders, words):
    beside = standing(k, responders)
    assert beside.status == "beside"
    assert beside.reason.startswith(words)
    assert "only the Bayesian model gives a headline" in beside.reason
    assert standing(k, responders, bayesian=True).status == "headline"
    assert standing(k, responders, bayesian=True).reason == f"k = {k}"


@pytest.mark.parametrize(("k", "responders"), ENOUGH)
@pytest.mark.parametrize("bayesian", [False, True])
def test_otherwise_any_model_gives_it(k, responders, bayesian):
    found = standing(k, responders, bayesian=bayesian)
    assert (found.status, found.reason) == ("headline", f"k = {k}")


def test_few_responders_of_two_trials_are_still_two_trials():
    assert standing(2, 0) == standing(2, 100)


def test_waiving_the_policy_is_said():
    assert waived().status == "headline"
    assert "switches the k policy off" in waived().reason
