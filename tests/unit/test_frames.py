"""Data frames and notebook tables of results: every number there, every text escaped."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from meta.data import Completions, Counts, GroupedCounts
from meta.format import percent
from meta.frames import at, fields, flat, under
from meta.models import BayesBinomial, InverseVariance
from meta.models.bounds import bounds
from meta.records.analysis import Analysis
from meta.records.run import Failure, Run
from tests.unit.report.site_fits import GOOD, make_site_fit

HOSTILE = "<script>alert(1)</script> & \u202egnol"


class Reader(HTMLParser):
    """Tags and texts of a table."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):  # noqa: ARG002  # the signature of the base
        self.tags.append(tag)

    def handle_data(self, data):
        self.texts.append(data)


def said(result):
    return " ".join(Reader(result._repr_html_()).texts)


def run_of(**changes):
    settings = {"fits": (), "ledger": (), "printed": (), "acknowledged": (), "variation": "base"}
    return Run(
        name="q",
        question=HOSTILE,
        analysis=Analysis(name="q", question=HOSTILE, trials="all"),
        **(settings | changes),
    )


@pytest.fixture(scope="module")
def grouped():
    data = GroupedCounts.of([5, 6, 2, 1], [18, 32, 29, 21], ["Asia", "Asia", HOSTILE, HOSTILE])
    return BayesBinomial().fit(data)


@pytest.fixture(scope="module")
def bounded():
    options = (np.array([[[5, 18]]]), np.array([[[x, 19]] for x in range(3)]))
    return bounds(InverseVariance(), Completions(("a", "b"), options, ((0,), (0,))))


def test_a_fit_is_a_row_overall_and_one_a_group(grouped):
    frame = grouped.to_dataframe()
    assert list(frame["group"]) == ["overall", "Asia", HOSTILE]
    assert list(frame["responders"]) == [14, 11, 3]
    parts = (grouped, *grouped.groups)
    assert list(frame["proportion"]) == [part.proportion.value for part in parts]
    assert list(frame["proportion_low"]) == [part.proportion.low for part in parts]


def test_a_notebook_shows_the_answer_and_nobody_elses_markup(grouped):
    shown = Reader(grouped._repr_html_())
    assert set(shown.tags) == {"div", "table", "caption", "thead", "tbody", "tr", "th", "td"}
    assert "<script>alert(1)</script> & gnol" in shown.texts
    for part in (grouped, *grouped.groups):
        assert percent(part.proportion.value) in " ".join(shown.texts)
        assert part.called in " ".join(shown.texts)


def test_of_one_trial_it_says_why_nothing_is_pooled():
    assert "No prediction: one trial: exact interval only" in said(InverseVariance().fit(Counts.of([2], [9])))


def test_counts_are_rows():
    data = GroupedCounts.of([1, 0], [4, 5], ["a", "b"], ["x", "x"])
    expected = {"label": ["x", "x"], "group": ["a", "b"], "responders": [1, 0], "n": [4, 5]}
    assert data.to_dataframe().to_dict("list") == expected
    totals = {"label": ["x"], "responders": [1], "n": [9]}
    assert data.totals().to_dataframe().to_dict("list") == totals
    assert "0/5" in said(data)


@pytest.mark.parametrize("passed", [True, False])
def test_rates_by_site_stand_beside_what_was_reported_and_a_failed_sampler_is_named(passed):
    fit = make_site_fit(sampling=replace(GOOD, passed=passed))
    frame = fit.to_dataframe()
    assert len(frame) == 2 * len(fit.rates)
    assert list(frame["value"][:2]) == [fit.rates[0].mean.value, fit.rates[0].median.value]
    assert ("FAILED: diagnostics" in said(fit)) is (not passed)
    assert (set(frame["standing"]) == {"FAILED: diagnostics"}) is (not passed)


def test_bounds_are_one_row_with_both_hulls(bounded):
    found = bounded[0]
    (row,) = found.to_dataframe().to_dict("records")
    assert (row["ignorance_low"], row["uncertainty_high"]) == (found.ignorance.low, found.uncertainty.high)
    assert (row["n_low"], row["responders_high"]) == (37, 7)
    assert percent(found.ignorance.high) in said(found)
    assert "all 3 completions" in said(found)


def test_a_run_shows_its_leading_fits_or_its_bounds_and_what_failed(grouped, bounded):
    overall = InverseVariance().fit(Counts.of([5, 6], [18, 32]))
    fits = (replace(grouped, role="primary", by="region"), replace(overall, role="conventional"))
    failures = (Failure(role="sites", by="site", reason="the sampler broke"),)
    run = run_of(fits=fits, failures=failures)
    assert list(run.to_dataframe()["role"]) == ["primary"] * 3 + ["conventional"]
    assert "the sampler broke" in said(run)
    assert percent(grouped.proportion.value) in said(run)
    assert percent(overall.proportion.value) not in said(run)
    assert percent(bounded[0].ignorance.high) in said(run_of(bounds=bounded))


# Columns


def test_a_cell_is_empty_where_a_part_is_missing_and_a_wrong_path_is_an_error(grouped):
    row = {"fit": grouped, "part": None}
    columns = {"k": "fit.k", **fields("part", "k", "n", called="part_{}"), **under("part", {"twice": "k"})}
    assert flat(row, columns) == {"k": grouped.k, "part_k": None, "part_n": None, "twice": None}
    with pytest.raises(AttributeError):
        at(row, "fit.kay")
