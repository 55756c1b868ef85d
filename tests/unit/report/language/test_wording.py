"""Words that depend on the outcome."""

from __future__ import annotations

import pytest

from meta.report.language.wording import counts_heading
from meta.results import Outcome


@pytest.mark.parametrize("outcome", Outcome)
def test_only_responses_are_headed_as_responders(outcome):
    assert counts_heading(outcome) == ("resp./n" if outcome == "response" else "events/n")
