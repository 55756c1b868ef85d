"""Bounds over unreported splits as figure and text."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from meta.data import Completions
from meta.format import percent
from meta.models import BinomialNormal, InverseVariance
from meta.models.bounds import bounds
from meta.records.run import Provenance
from meta.records.sites import Sites
from meta.report.figures.registry import figures
from meta.report.figures.split_bounds import SHRUNK, split_bounds_figure
from meta.report.language.changes import words as answer_words
from meta.report.terminal.split_text import split_lines
from meta.results import Bound
from tests.unit.report.site_fits import SITES, make_site_fit

LABELS = ("Sintilimab 2022", "Toripalimab 2020", "Avelumab 2019")
COUNTS = [(0, 3), (2, 6), (1, 3), (2, 6), (0, 5), (3, 9), (0, 11), (3, 7)]
MODELS = {"frequentist": BinomialNormal(bootstrap=0), "conventional": InverseVariance()}
UNTOLD = np.array([[[int(i == j), n] for j, n in enumerate((13, 4, 3, 9))] for i in range(4)])
DATA = Completions(
    LABELS, (np.array([COUNTS[:4]]), np.array([COUNTS[4:]]), UNTOLD), ((0, 1, 2, 3),) * 3, SITES
)


@pytest.fixture(scope="module")
def found():
    return tuple(
        replace(one, role=role, by="site") for role, model in MODELS.items() for one in bounds(model, DATA)
    )


@pytest.fixture(scope="module")
def reported(roles_of):
    """Three roles' fits of the two trials that print responders by site."""
    x, n = zip(*COUNTS, strict=True)
    labels = [label for label in LABELS[:2] for _ in SITES]
    return roles_of(x, n, [*SITES, *SITES], labels=labels, by="site")


@pytest.fixture
def runs(run_with, table1, reported, found, entry_of):
    ledger = (
        entry_of(LABELS[2], action="bounded", by="site", reason="responders not reported by site"),
        entry_of("Pembrolizumab", action="not bounded", by="site", reason="by site: nobody says how many"),
        entry_of("Elsewhere", action="not bounded", reason="an exclusion, not a split"),
    )
    models = MODELS
    base = run_with(*table1, *reported, analysis={"sites": Sites()}, sites=make_site_fit())
    split = run_with(
        variation="site-splits-bound", analysis={"unreported": "bound", "models": models}, bounds=found,
        ledger=ledger, provenance=Provenance(digest="1"),
    )  # fmt: skip
    return [base, split]


def drawn(runs):
    return split_bounds_figure(*runs, "site", title="Splits", subtitle="How many?")


def said(figure):
    return " ".join(" ".join(piece.get_text() for piece in figure.texts).split())


def test_the_figure_shows_what_is_reported_its_bounds_and_the_model(runs, found, nothing_collides):
    figure = drawn(runs)
    nothing_collides(figure)
    text = said(figure)
    for site in SITES:
        assert f"Site: {site}" in text
    assert text.count("trials that report it") == text.count("bounds over every split") == 4
    assert text.count(SHRUNK) == 4  # and once with a capital letter, below
    assert "over all 4 splits of unreported responders" in text
    assert "Groups share the spread" in text
    assert "responders not reported by site" in text
    assert "nobody says how many" in text
    assert "an exclusion" not in text
    (axes,) = figure.axes
    boxes = [p for p in axes.patches if isinstance(p, Rectangle) and p.get_gid() == "ignorance"]
    lines = [line for line in axes.lines if line.get_gid() == "uncertainty"]
    assert len(boxes) == len(lines) == 8  # two roles, four sites
    first = next(one for one in found if (one.group, one.estimand) == (SITES[0], "mean"))
    ends = boxes[0].get_x(), boxes[0].get_x() + boxes[0].get_width()
    assert ends == pytest.approx((100 * first.ignorance.low, 100 * first.ignorance.high))


def test_without_the_model_of_sites_there_is_no_row_of_it(runs):
    base, split = runs
    for changed in (
        replace(base, sites=None),
        replace(base, analysis=replace(base.analysis, sites=Sites(by="differentiation"))),
    ):
        assert SHRUNK not in said(drawn([changed, split]))


def test_a_sampler_that_failed_is_marked(runs):
    base, split = runs
    bad = replace(base.sites, sampling=replace(base.sites.sampling, passed=False))
    assert f"[FAILED: diagnostics] {SHRUNK}" in said(drawn([replace(base, sites=bad), split]))


def test_groups_fitted_separately_and_a_search_are_said(runs):
    base, split = runs
    models = {role: model.with_options(groups="separate") for role, model in MODELS.items()}
    searched = tuple(replace(one, searched=True, completions=200_000, evaluated=900) for one in split.bounds)
    apart = replace(split, analysis=replace(split.analysis, models=models), bounds=searched)
    text = said(drawn([base, apart]))
    assert "Groups are fitted separately" in text
    assert (
        "a search over 200000 splits of unreported responders, of which 900 were fitted: may be wider" in text
    )


def test_bounds_that_are_not_given_say_why(runs, nothing_collides):
    base, split = runs
    gone = Bound(low=None, high=None, level=None, reason="not given in 1 of 4 completions")
    missing = tuple(replace(one, ignorance=gone, uncertainty=gone) for one in split.bounds)
    figure = drawn([base, replace(split, bounds=missing)])
    nothing_collides(figure)
    assert "not given in 1 of 4 completions" in said(figure)
    assert any("not given in 1 of 4" in line for line in split_lines(replace(split, bounds=missing)))


def test_the_figure_is_drawn_from_the_base_and_the_run(runs):
    def names(several):
        return [plan.name for plan in figures(several) if "bounds" in plan.name]

    base, split = runs
    assert names(runs) == ["quick.site-bounds"]
    assert names([base]) == names([split]) == []
    other = replace(split, variation="other", provenance=Provenance(digest="2"))
    assert names([base, split, other]) == ["quick.site-splits-bound.site-bounds", "quick.other.site-bounds"]
    plans = {plan.name: plan.digest for plan in figures(runs)}
    changed = {plan.name: plan.digest for plan in figures([base, other])}
    assert plans["quick.site-bounds"] != changed["quick.site-bounds"]


def test_the_lines_have_the_numbers_of_the_bounds(runs, found):
    base, split = runs
    assert list(split_lines(base)) == []
    head, *lines, last = split_lines(split)
    assert head == (
        "quick, site-splits-bound: mean ORR by site, % (95 % limits), "
        "over all 4 splits of unreported responders"
    )
    assert last == "  Not in it: Pembrolizumab: by site: nobody says how many (trials/t.yaml:21)"
    leading = [one for one in found if (one.role, one.estimand) == ("frequentist", "mean")]
    for line, one in zip(lines, leading, strict=True):
        name, estimate, *_ = line.split()
        assert (name, estimate) == (
            one.group, f"{percent(one.ignorance.low)}–{percent(one.ignorance.high)}",
        )  # fmt: skip
        assert line.endswith("k 3*") == (one.standing.status != "headline")
    assert "0–1/21, k 3*" in lines[0]


def test_answers_in_words(runs, found):
    base, _ = runs
    assert answer_words(found[0]).startswith("0–1/21, k 3: ")
    rate, gap = base.sites.standardised[0], base.sites.differences[0]
    assert answer_words(rate).startswith(percent(rate.mean.value))
    assert "; without groups " in answer_words(gap)
    assert "without groups" not in answer_words(replace(gap, without_groups=None))
