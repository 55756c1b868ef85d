"""Bounds as figure, table and text."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from meta.data import Completions
from meta.models import BayesBinomial, BinomialNormal, InverseVariance
from meta.models.bounds import bounds
from meta.records.analysis import Where
from meta.records.run import Provenance
from meta.records.sites import Sites
from meta.report.figures.bounds import bounds_figure
from meta.report.figures.registry import figures
from meta.report.language.bound_words import compared, completion, leading, numbers, span
from meta.report.tables.fit_tables import TABLES
from meta.report.terminal import text
from meta.results import Bound, Completed

LABELS = ("Sintilimab 2022", "Toripalimab 2020", "Avelumab 2019", "Pembrolizumab 2018")
OPTIONS = (
    np.array([[[5, 18]]]),
    np.array([[[6, 32]]]),
    np.array([[[x, 19]] for x in range(3)]),
    np.array([[[x, n]] for n in (12, 20) for x in range(2)]),
)
MODELS = {
    "primary": BayesBinomial(),
    "frequentist": BinomialNormal(bootstrap=0),
    "conventional": InverseVariance(),
}
EXCLUDED = {"exclude": (Where(differentiation="well"),)}


@pytest.fixture(scope="module")
def found():
    """Bounds of Table 1 of Jia 2022, overall and by region."""
    whole = Completions(LABELS, OPTIONS, ((0,),) * 4)
    regions = Completions(LABELS, OPTIONS, ((0,), (0,), (1,), (1,)), ("Asia", "West"))
    return tuple(
        replace(one, role=role, by=by)
        for role, model in MODELS.items()
        for by, data in ((None, whole), ("region", regions))
        for one in bounds(model, data)
    )


@pytest.fixture
def runs(run_with, roles_of, table1, table1_by_region, found, entry_of):
    """Base, both other ways to settle the exclusion, and the bounds."""
    fits = (*table1, *table1_by_region)
    two = ([5, 6], [18, 32])
    left = (*roles_of(*two, labels=LABELS[:2]), *roles_of(*two, ["Asia", "Asia"], labels=LABELS[:2]))
    ledger = (
        entry_of(LABELS[2], action="bounded", reason="10 of 29 patients are well-differentiated"),
        entry_of("Pembrolizumab", action="not bounded", reason="nothing bounds it"),
    )

    def way(name, word, *fits, **changes):
        return run_with(
            *fits,
            variation=name,
            analysis={**EXCLUDED, "unresolved": word},
            provenance=Provenance(digest=name),
            **changes,
        )

    return [
        run_with(*fits, analysis={}),
        way("kept", "keep", *fits),
        way("dropped", "drop", *left),
        way("bound", "bound", bounds=found, ledger=ledger),
    ]


def words(figure):
    return " ".join(piece.get_text() for piece in figure.texts)


def test_the_figure_shows_every_way_to_settle_the_exclusion(runs, nothing_collides):
    figure = bounds_figure(compared(runs, runs[0], runs[3]), title="Bounds", subtitle="How many?")
    nothing_collides(figure)
    said = words(figure)
    for part in ("All groups together", "Region: Asia", "Region: West", "all patients", "no trial is left"):
        assert part in said
    for way in ("patients kept", "trials dropped"):
        assert said.count(f"{way} where not reported separately") == 3
    assert said.count("bounds over all completions") == 3
    assert "responders/n of Avelumab 2019 and Pembrolizumab 2018, in this order" in said
    assert "all 12 completions were fitted" in said
    assert "nothing bounds it" in said
    (axes,) = figure.axes
    boxes = [
        patch for patch in axes.patches if isinstance(patch, Rectangle) and patch.get_gid() == "ignorance"
    ]
    lines = [line for line in axes.lines if line.get_gid() == "uncertainty"]
    assert len(boxes) == len(lines) == 9  # three roles, of all and of two groups


def test_the_marks_are_where_the_numbers_are(runs):
    whole = leading(runs[3])
    figure = bounds_figure(compared(runs, runs[0], runs[3]), title="Bounds")
    (axes,) = figure.axes
    box = next(patch for patch in axes.patches if patch.get_gid() == "ignorance")
    line = next(line for line in axes.lines if line.get_gid() == "uncertainty")
    inner, outer = whole.ignorance, whole.uncertainty
    assert (box.get_x(), box.get_x() + box.get_width()) == pytest.approx((100 * inner.low, 100 * inner.high))
    assert tuple(line.get_xdata()) == pytest.approx((100 * outer.low, 100 * outer.high))
    assert whole.estimand == "mean"


def test_bounds_that_are_not_given_say_why(runs, nothing_collides):
    gone = Bound(low=None, high=None, level=None, reason="not given in 1 of 12 completions")
    missing = tuple(replace(one, ignorance=gone, uncertainty=gone) for one in runs[3].bounds)
    shown = compared(runs, runs[0], replace(runs[3], bounds=missing))
    figure = bounds_figure(shown, title="Bounds")
    nothing_collides(figure)
    assert "not given in 1 of 12 completions" in words(figure)


def test_a_search_is_labelled_as_one(runs):
    searched = tuple(
        replace(one, searched=True, completions=200_000, evaluated=1500) for one in runs[3].bounds
    )
    figure = bounds_figure(compared(runs, runs[0], replace(runs[3], bounds=searched)), title="Bounds")
    assert "a search over 200000 completions, of which 1500 were fitted: may be wider" in words(figure)


def test_only_runs_of_the_same_exclusion_stand_beside(runs):
    other = replace(runs[1], analysis=replace(runs[1].analysis, exclude=(Where(site="lung"),)))
    assert [run.variation for _, run in compared(runs, runs[0], runs[3]).others] == ["kept", "dropped"]
    assert [run.variation for _, run in compared([*runs[:1], other, *runs[2:]], runs[0], runs[3]).others] == [
        "dropped"
    ]


def test_runs_beside_a_bounded_one_may_have_the_model_of_sites_and_regions(runs):
    beside = [replace(run, analysis=replace(run.analysis, sites=Sites())) for run in runs[:3]]
    assert len(compared([*beside, runs[3]], beside[0], runs[3]).others) == 2


def test_figures_of_bounds_are_planned_once_a_bounded_run(runs):
    def names(shown):
        return [plan.name for plan in figures(shown) if plan.name.endswith("bounds")]

    assert names(runs) == ["quick.bounds"]
    assert names(runs[:3]) == []
    again = replace(runs[3], variation="other")
    assert names([*runs, again]) == ["quick.bound.bounds", "quick.other.bounds"]
    plans = {plan.name: plan.digest for plan in figures(runs)}
    moved = [runs[0], replace(runs[1], provenance=Provenance(digest="new")), *runs[2:]]
    assert plans["quick.bounds"] != {plan.name: plan.digest for plan in figures(moved)}["quick.bounds"]


def test_the_table_has_a_row_for_either_hull(runs, found):
    table = TABLES["bounds"](runs)
    assert len(table) == 2 * len(found)
    assert list(table.bound[:2]) == ["ignorance", "uncertainty"]
    first = table.iloc[0]
    assert (first.low, first.high) == (found[0].ignorance.low, found[0].ignorance.high)
    assert first.low_at == "Avelumab 2019: 0/19 | Pembrolizumab 2018: 0/20"
    assert (first.completions, first.evaluated, first.searched) == (12, 12, False)
    assert (first.n_low, first.n_high, first.responders_low, first.responders_high) == (81, 89, 11, 14)


def test_the_terminal_has_a_row_of_bounds(runs):
    rows = list(text.answers(runs))
    whole = leading(runs[3])
    assert rows[-1] == (
        "bound",
        "4",
        "11–14/81–89",
        f"{numbers(whole.ignorance)} ({numbers(whole.uncertainty)})",
        "–",
    )


def test_words():
    at = (
        Completed(label="a", responders=0, n=9, group="pancreas"),
        Completed(label="b", responders=1, n=2),
    )
    assert completion(at) == "0/9 pancreas and 1/2"
    assert (span((3, 4)), span((4, 4))) == ("3–4", "4")
    assert numbers(Bound(low=None, high=None, level=None, reason="no trial")) == "not given: no trial"
