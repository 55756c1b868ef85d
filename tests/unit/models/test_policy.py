"""The k policy at every number of trials it tells apart."""

from __future__ import annotations

import pytest

from meta.models.policy import standing, waived


@pytest.mark.parametrize(
    ("k", "responders", "status", "words"),
    [
        (0, 0, "none", "no trial reported responders"),
        (1, 40, "one trial", "exact interval only"),
        (2, 40, "two trials", "not a headline"),
        (3, 40, "headline", "k = 3: too few"),
        (4, 40, "headline", "k = 4: too few"),
        (4, 4, "headline", "k = 4 and 4 responders in all: too few"),
        (5, 4, "headline", "4 responders in all: too few"),
        (5, 0, "headline", "0 responders in all: too few"),
        (5, 5, "headline", "k = 5"),
        (20, 60, "headline", "k = 20"),
    ],
)
def test_standing(k, responders, status, words):
    found = standing(k, responders)
    assert found.status == status
    assert words in found.reason


@pytest.mark.parametrize(
    ("k", "responders", "stands_in"), [(3, 40, True), (5, 4, True), (5, 5, False), (9, 80, False)]
)
def test_the_normal_approximation_says_where_it_only_stands_in(k, responders, stands_in):
    assert ("stands in" in standing(k, responders).reason) is stands_in


def test_few_responders_of_two_trials_are_still_two_trials():
    assert standing(2, 0) == standing(2, 100)


def test_waiving_the_policy_is_said():
    assert waived().status == "headline"
    assert "switches the k policy off" in waived().reason
