"""Figures of posteriors: curves and numbers are the fit's, nothing collides, what is missing is skipped."""

from __future__ import annotations

from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.text import Text

from meta.data import Counts
from meta.format import distribution, number, percent
from meta.models import BayesBinomial
from meta.records.sensitivity_words import Item
from meta.report.drawing import canvas
from meta.report.figures.influence import influence
from meta.report.figures.posterior import posterior
from meta.report.figures.prior_predictive import prior_predictive
from meta.report.figures.prior_sensitivity import prior_sensitivity
from meta.report.figures.registry import figures
from meta.report.figures.sweep import sweep
from meta.results import FAILED

COUNTS = ([5, 6, 2, 1], [18, 32, 29, 21])
PRIORS = ("half-normal:0.5", "half-normal:1", "half-normal:1.25", "half-cauchy:0.5", "uniform:0,4")
DRAWN = (posterior, sweep, prior_predictive, influence)


def words(figure):
    return " ".join(text.get_text() for text in figure.texts)


def lines(figure, gid):
    return [line for axes in figure.axes for line in axes.lines if line.get_gid() == gid]


@pytest.fixture(scope="module")
def priors():
    return [
        (distribution(prior), BayesBinomial(prior=prior).detailed_fit(Counts.of(*COUNTS))) for prior in PRIORS
    ]


@pytest.fixture(scope="module")
def twenty():
    n = [6 + 5 * i for i in range(20)]
    labels = [f"A trial with a rather long name, drug {i} ({2000 + i})" for i in range(20)]
    return BayesBinomial().detailed_fit(Counts.of([i % 6 for i in range(20)], n, labels=labels))


@pytest.fixture(scope="module")
def none_responded():
    return BayesBinomial().detailed_fit(Counts.of([0, 0, 0, 0], [12, 20, 9, 31]))


@pytest.mark.parametrize("draw", DRAWN)
def test_nothing_collides(draw, table1, twenty, none_responded, nothing_collides):
    for fit in (table1[0], twenty, none_responded):
        figure = draw(fit, title="An analysis with a name so long that it does not fit into one line: " * 2)
        nothing_collides(figure)
        assert figure.get_figwidth() * 25.4 == pytest.approx(180)
        assert min(t.get_fontsize() for t in figure.findobj(Text) if t.get_text()) >= 6.5


@pytest.mark.parametrize("draw", DRAWN)
def test_the_same_twice_whatever_the_users_settings(draw, table1):
    with mpl.rc_context({"font.size": 30.0, "axes.spines.bottom": False}):
        first = canvas.render(draw(table1[0], title="t"), "png")
    assert first == canvas.render(draw(table1[0], title="t"), "png")


@pytest.mark.parametrize("draw", DRAWN[:2] + DRAWN[3:])
def test_a_failed_sampler_is_marked(draw, table1, broken):
    assert f"[{FAILED}] t" in words(draw(broken(table1[0]), title="t"))


def test_text_from_files_is_text(table1):
    hostile = replace(
        table1[0], influence=tuple(replace(one, label="$x_1^2$ <script>\x1b") for one in table1[0].influence)
    )
    for draw in DRAWN:
        figure = draw(hostile, title="$\\frac$ <b>")
        canvas.render(figure, "svg")
        found = [text for text in figure.findobj(Text) if "$" in text.get_text()]
        assert found
        assert not any(text.get_parse_math() for text in found)


# Prior sensitivity


def test_each_prior_has_its_posteriors_and_its_numbers(priors, nothing_collides):
    figure = prior_sensitivity(priors, title="t")
    nothing_collides(figure)
    said = words(figure)
    for name in ("half-normal(0.5)", "half-cauchy(0.5)", "uniform(0, 4)"):
        assert name in said
    for quantity, unit in (("median", 100), ("mean", 100), ("tau", 1)):
        for kind, grid in (("posterior", "density"), ("prior", "prior")):
            drawn = lines(figure, f"{quantity}.{kind}")
            assert len({line.get_color() for line in drawn}) == len(priors)
            for line, (_, fit) in zip(drawn, priors, strict=True):
                assert np.allclose(line.get_xdata(), unit * np.array(fit.grids[f"{quantity}.x"]))
                assert np.allclose(line.get_ydata(), fit.grids[f"{quantity}.{grid}"])
    for _, fit in priors:
        for found in (fit.estimands.median, fit.estimands.mean):
            ends = f"({percent(found.low)}–{percent(found.high)})"
            assert f"{percent(found.value)} {ends}" in said
        assert f"{number(fit.tau.value, 2)} ({number(fit.tau.low, 2)}–{number(fit.tau.high, 2)})" in said


def test_priors_have_the_colour_of_their_posterior(priors):
    figure = prior_sensitivity(priors, title="t")
    for quantity in ("median", "mean", "tau"):
        colours = [
            [line.get_color() for line in lines(figure, f"{quantity}.{kind}")]
            for kind in ("posterior", "prior")
        ]
        assert colours[0] == colours[1]


def test_more_priors_than_colours_are_all_shown(priors, broken):
    several = [*priors, ("a" * 90, broken(priors[0][1])), *priors]
    figure = prior_sensitivity(several, title="t")
    assert len(lines(figure, "tau.posterior")) == 11
    assert f"[{FAILED}] aaa" in words(figure)


# Posterior


def test_the_joint_density_and_its_margins(table1):
    fit = table1[0]
    figure = posterior(fit, title="t")
    said = words(figure)
    for found in (fit.estimands.mean, fit.estimands.median):
        assert f"{percent(found.value)} ({percent(found.low)}–{percent(found.high)})" in said
    assert "prior: 0.84 (0.04–2.80)" in said
    (mark,) = lines(figure, "maximum")
    profile = np.reshape(fit.grids["joint.profile"], (len(fit.grids["joint.mean"]), -1))
    row, column = np.unravel_index(profile.argmax(), profile.shape)
    assert mark.get_xdata() == pytest.approx([100 * fit.grids["joint.mean"][row]])
    assert mark.get_ydata() == pytest.approx([fit.grids["joint.tau"][column]])
    assert len(lines(figure, "mean")) == len(lines(figure, "tau")) == 2
    low, high = figure.axes[0].get_xlim()
    assert low == 0
    assert high > 100 * fit.estimands.mean.high


def test_a_maximum_beyond_the_axes_is_not_drawn(none_responded):
    figure = posterior(none_responded, title="t")
    assert lines(figure, "maximum") == []
    assert "its maximum lies outside" in words(figure)


# Fixed tau, before the data, influence


def test_the_sweep_has_both_estimands_at_every_tau(table1):
    fit = table1[0]
    figure = sweep(fit, title="t")
    for name in ("mean", "median"):
        (line,) = lines(figure, name)
        assert list(line.get_xdata()) == [point.tau for point in fit.sweep]
        assert list(line.get_ydata()) == [100 * getattr(point, name).value for point in fit.sweep]
        assert f"{name} ORR" in words(figure)
    assert len(lines(figure, "tau.density")) == len(lines(figure, "tau.prior")) == 1


def test_the_prior_predictive_shows_the_priors_only(table1):
    fit = table1[0]
    figure = prior_predictive(fit, title="t")
    for name in ("before.mean", "before.predictive"):
        (line,) = lines(figure, name)
        assert np.allclose(line.get_ydata(), np.array(fit.grids[f"{name}.density"]) / 100)
    assert "τ ~ half-normal(1.25), μ ~ normal(−2, 2)" in words(figure)


def test_influence_has_a_row_a_trial(table1):
    fit = table1[0]
    figure = influence(fit, title="t")
    said = words(figure)
    for one in fit.influence:
        assert one.label in said
        shift = 100 * one.measures["mean_shift"]
        assert f"{'+' if shift > 0 else ''}{number(shift, 1)}" in said
        assert number(one.measures["divergence"], 2) in said
        assert number(one.measures["mid_p"]) in said
    dots = [line for line in figure.axes[2].lines if line.get_gid() == "dot"]
    assert [float(dot.get_xdata()[0]) for dot in dots] == [one.measures["mid_p"] for one in fit.influence]


def test_surprising_trials_have_another_mark_and_missing_measures_say_so(table1):
    first, second, *rest = table1[0].influence
    changed = replace(
        table1[0],
        influence=(
            replace(first, measures={**first.measures, "mid_p": 0.999}),
            replace(second, measures={**second.measures, "divergence": None}),
            *rest,
        ),
    )
    figure = influence(changed, title="t")
    dots = [line for line in figure.axes[2].lines if line.get_gid() in {"dot", "surprise"}]
    assert [dot.get_marker() for dot in dots] == ["D", "o", "o", "o"]
    assert len({dot.get_markerfacecolor() for dot in dots}) == 2
    assert words(figure).count("not given") == 1


# Which are drawn


def names_of(runs):
    return [plan.name for plan in figures(runs)]


def test_posterior_figures_are_of_the_base_alone(run_with, table1, table1_by_region):
    base = run_with(*table1, *table1_by_region)
    curves = {"posterior", "sweep", "prior-predictive", "influence"}
    names = names_of([base, replace(base, variation="less")])
    assert {name.rpartition(".")[2] for name in names} == {*curves, "specification", "overall", "region"}
    assert len(names) == len(set(names)) == 5 + 2 * 2


def test_each_prior_makes_one_figure_and_no_forest_plots(run_with, table1, priors):
    several = [
        run_with(
            replace(fit, role="primary"),
            variation=f"prior-sensitivity.{prior}",
            family="prior-sensitivity",
            expansion="each-prior",
            item=Item(id=prior, name=prior),
        )
        for prior, fit in priors
    ]
    names = names_of([run_with(*table1), *several])
    assert sum(name.endswith(".overall") for name in names) == 1
    assert names[-1] == "quick.prior-sensitivity"


def test_without_grids_without_a_posterior_or_with_one_trial_there_are_none(run_with, table1, roles_of):
    bare = replace(table1[0], grids={}, sweep=(), influence=())
    assert names_of([run_with(bare)]) == ["quick.overall"]
    assert names_of([run_with(*table1[1:])]) == ["quick.overall"]
    assert names_of([run_with(*roles_of([5], [18]))]) == ["quick.overall", "quick.prior-predictive"]


def test_trials_that_come_one_by_one_are_one_figure(run_with, table1, roles_of):
    dated = [
        run_with(fit, variation=f"c.{date}", family="c", expansion="each-date", item=Item(id=date, name=date))
        for date, fit in (("2019-05", roles_of([5, 6], [18, 32])[0]), ("2018", roles_of([5], [18])[0]))
    ]
    plans = {plan.name: plan for plan in figures([run_with(*table1), *dated])}
    assert not any(".c.2" in name for name in plans)
    said = " ".join(piece.get_text() for piece in plans["quick.c"].draw().texts)
    first, later = dated[1].fits[0].trials[0].label, dated[0].fits[0].trials[1].label
    assert f"2018: + {first}" in said
    assert f"2019-05: + {later}" in said
    assert "27.8 [9.7–53.5]" in " ".join(said.split())  # one trial: its exact interval
    assert "Square: a single trial's own rate" in said


def test_every_plan_draws(run_with, table1, priors, tmp_path):
    runs = [
        run_with(*table1),
        run_with(
            priors[0][1], variation="p.x", family="p", expansion="each-prior", item=Item(id="x", name="x")
        ),
    ]
    for plan in figures(runs):
        canvas.save(plan.draw(), tmp_path / f"{plan.name}.png")
    assert len(list(tmp_path.iterdir())) == 7
