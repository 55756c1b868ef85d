"""What moves between analyses, in a line; and which leading answers are no headline."""

from __future__ import annotations

from dataclasses import replace

import pytest

from meta.models import BayesBinomial
from meta.report.language.changes import no_headlines, sensitivity


@pytest.fixture
def moved(run_with, table1):
    """A base, the same counts under its own name again, and another estimate."""

    def make(value):
        fit = table1[0]
        proportion = replace(fit.proportion, value=value)
        other = replace(fit, model=BayesBinomial(prior="half-normal:0.5"), proportion=proportion)
        base = run_with(fit)
        return base, [replace(base, variation="same"), replace(base, variation="other", fits=(other,))]

    return make


def test_an_estimate_outside_the_interval_is_counted_and_a_repetition_is_not(moved):
    assert sensitivity(*moved(0.5)) == (
        "Sensitivity analyses: 1 of 1 have an estimate outside the interval of all trials; "
        "their estimates are 50.0\N{EN DASH}50.0 %"
    )
    assert "0 of 1 have" in sensitivity(*moved(0.2))


def test_without_another_analysis_nothing_is_said(moved):
    base, (same, _) = moved(0.2)
    assert sensitivity(base, [same]) is None


def test_answers_that_are_no_headline_stand_together_by_their_reason(run_with, table1, table1_by_region):
    run = run_with(table1[0], table1_by_region[0])
    assert list(no_headlines(run)) == ["* Asia, West: based on two trials; interpret with caution"]
