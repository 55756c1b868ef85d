"""Figures of the model of sites and regions: their numbers are the fit's, and nothing runs into anything."""

from __future__ import annotations

import itertools
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.text import Text

from meta.format import interval, percent
from meta.models.policy import waived
from meta.models.sites.site_region import SiteRegion
from meta.records.coverage import Coverage, CoverageCell, CoverageFactor, CoverageTrial
from meta.report.drawing import canvas
from meta.report.drawing.palette import BLUE, WHITE
from meta.report.figures.registry import figures
from meta.report.figures.site_contrasts import site_contrasts
from meta.report.figures.site_grid import colour_of, luminance, site_grid
from meta.report.figures.site_rates import site_rates
from meta.report.figures.standardised import standardised
from meta.report.language.aliasing import totals
from meta.report.language.site_words import points
from meta.results import Order
from tests.unit.report.site_fits import TWO, make_site_fit, splits_of, sweep_of

ODD = (
    "<script>$x$</script>_1",
    "בלוטת הלבלב pancreas",
    "Gastroenteropancreatic neuroendocrine carcinoma of the very distal oesophagogastric junction",
    "a\nb",
    "lung",
    "$\\frac{1",
    "Extraordinarilylongwordwithoutanyplacewhereitmightbebrokenintolines",
    "\u202eother",
)
REGIONS = ("Asia", "West", "International and elsewhere $x^2$", "<b>South</b>")


DRAWN = {
    "site-grid": site_grid,
    "standardised": standardised,
    "site-rates": site_rates,
    "site-contrasts": site_contrasts,
}


def site_figures(fit, title):
    return {name: draw(fit, title=title) for name, draw in DRAWN.items()}


@pytest.fixture
def site_fit():
    return make_site_fit


def texts(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def joined(figure):
    return " ".join(texts(figure))


def marks(figure, kind, face=None):
    """Abscissas of marks, all or those of one face, by axes."""
    return [
        [
            float(line.get_xdata()[0])
            for line in axes.lines
            if line.get_gid() == kind and face in {None, line.get_markerfacecolor()}
        ]
        for axes in figure.axes
    ]


def boxes(figure, gid):
    return [patch for patch in figure.artists + figure.patches if patch.get_gid() == gid]


def without_value(found):
    return replace(found, value=None, low=None, high=None, reason="the sampler's draws are too few")


@pytest.mark.parametrize(("sites", "levels"), [(1, 1), (1, 4), (2, 2), (4, 2), (5, 3), (8, 4)])
def test_nothing_collides_whatever_the_names(site_fit, nothing_collides, sites, levels):
    splits = splits_of("<script>$x$ a trial of a very long name " * 3, 3, dict.fromkeys(ODD[:sites], 4))
    sweep = sweep_of(REGIONS[:levels], (-0.8, 0.1, None, 0.9))
    fit = site_fit(ODD[:sites], REGIONS[:levels], splits=splits, prior_sweep=sweep)
    for figure in site_figures(fit, "<script>$x$</script> of a very long name " * 4).values():
        nothing_collides(figure)
        assert "$x$" in joined(figure)


def test_untrusted_text_is_not_mathematics(site_fit):
    fit = site_fit(ODD[:2], REGIONS, notes=("$\\broken{ <script>",))
    for figure in site_figures(fit, "$\\frac{1").values():
        assert canvas.render(figure, "png")
        svg = canvas.render(figure, "svg").decode()
        assert "<script" not in svg
        assert "&lt;script&gt;" in svg


def test_the_same_fit_draws_the_same_bytes(site_fit):
    first, second = (site_figures(site_fit(), "Twice") for _ in range(2))
    for name in ("site-grid", "standardised", "site-rates"):
        assert canvas.render(first[name], "svg") == canvas.render(second[name], "svg")


def test_the_grid_has_the_fits_numbers(site_fit):
    fit = site_fit()
    shown = texts(site_grid(fit, title="Grid"))
    for rate in fit.rates:
        assert percent(rate.mean.value) in shown
        assert f"[{interval(rate.mean.low, rate.mean.high, percent)}]" in shown
    assert "none of 10 reported" in shown
    assert "1/3; 3 of 10 reported" in shown
    for one in fit.standardised:
        if one.population == "new-trials":
            assert percent(one.mean.value) in shown


def test_strips_are_as_long_as_what_was_reported(site_fit):
    figure = site_grid(site_fit(), title="Grid")
    cell = boxes(figure, "cell")[0].get_width()
    told, untold = (boxes(figure, gid) for gid in ("reported", "unreported"))
    assert len(told) == 8  # four sites in Asia and in the margin; the West reports totals only
    assert len(untold) == 12
    assert told[0].get_width() == pytest.approx(0.3 * cell)
    assert untold[0].get_width() == pytest.approx(0.7 * cell)


def test_a_cell_is_as_dark_as_its_rate_is_high(site_fit):
    fit = site_fit()
    figure = site_grid(fit, title="Grid")
    drawn = [patch.get_facecolor()[:3] for patch in boxes(figure, "cell")]
    values = [
        r.mean.value for site in range(4) for r in (fit.rates[4 + site], fit.rates[8 + site], fit.rates[site])
    ]
    order = np.argsort(values)
    light = np.array([luminance(colour) for colour in drawn[:12]])[order]
    assert (np.diff(light) < 0).all()


def test_text_stands_out_from_every_colour():
    for value in np.linspace(0, 1, 101):
        face, ink = colour_of(float(value), 1.0)
        one, other = sorted((luminance(face), luminance(ink)))
        assert (other + 0.05) / (one + 0.05) >= 4.5


def test_the_scale_is_monotone_in_grey():
    light = [luminance(colour_of(float(value), 1.0)[0]) for value in np.linspace(0, 1, 50)]
    assert all(after < before for before, after in itertools.pairwise(light))


def test_a_cell_without_a_rate_says_why(site_fit, nothing_collides):
    fit = site_fit()
    gone = tuple(replace(rate, mean=without_value(rate.mean)) for rate in fit.rates)
    for draw in (site_grid, site_rates):
        figure = draw(replace(fit, rates=gone), title="None")
        nothing_collides(figure)
        assert "the sampler's draws are too few" in joined(figure)


def test_cells_without_patients_and_rates_of_zero(site_fit, nothing_collides):
    fit = site_fit()
    zero = replace(fit.rates[0].mean, value=0.0, low=0.0, high=0.0)
    empty = tuple(replace(rate, n=0, n_reported=0, responders=0, mean=zero) for rate in fit.rates)
    for figure in site_figures(replace(fit, rates=empty), "Zeros").values():
        nothing_collides(figure)
    figure = site_grid(replace(fit, rates=empty), title="Zeros")
    assert texts(figure).count("none known here") == 12
    assert not boxes(figure, "reported")


def test_very_wide_intervals(site_fit, nothing_collides):
    fit = site_fit(half=1.0)
    wide = tuple(
        replace(d, standardised=replace(d.standardised, value=-0.9, low=-1.0, high=1.0))
        for d in fit.differences
    )
    far = tuple(replace(p, sd=123.4, prior_sd=1000.0) for p in fit.parameters)
    fit = replace(fit, differences=wide, parameters=far)
    for figure in site_figures(fit, "Wide").values():
        nothing_collides(figure)
    assert "−90.0 [−100.0 to +100.0]" in joined(standardised(fit, title="Wide"))


def test_differences_of_both_models_are_drawn(site_fit):
    fit = site_fit()
    figure = standardised(fit, title="Differences")
    order = {"mean new-trials": 0, "median new-trials": 1, "mean these-trials": 2}
    found = sorted(fit.differences, key=lambda d: order[f"{d.estimand} {d.population}"])
    shown = marks(figure, "dot", BLUE)[0]
    assert shown == pytest.approx([100 * d.standardised.value for d in found])
    assert marks(figure, "crude")[0] == pytest.approx([100 * d.without_groups.value for d in found])
    assert "Descriptive" in joined(figure)
    assert f"{points(found[0].standardised.value)} [−" in joined(figure)


def test_standardised_rates_of_both_populations(site_fit):
    fit = site_fit()
    figure = standardised(fit, title="Rates")
    expected = [100 * p.value for one in fit.standardised for p in (one.mean, one.median) if p is not None]
    assert marks(figure, "dot", BLUE)[1] == pytest.approx(expected)
    assert marks(figure, "direct")[1] == pytest.approx([20.13])
    assert "20.1 (SE 5.0)" in texts(figure)
    assert "0.0 % of the target mix was reported" in joined(figure)


def test_a_direct_difference_where_both_levels_reported(site_fit):
    fit = site_fit()
    west = replace(fit.direct[0], level="West", value=0.1, se=0.03)
    figure = standardised(replace(fit, direct=(fit.direct[0], west)), title="Direct")
    assert marks(figure, "direct")[0] == pytest.approx([-10.13])
    assert "−10.1 (SE 5.9)" in texts(figure)


def test_missing_differences_say_why(site_fit, nothing_collides):
    fit = site_fit()
    gone = tuple(
        replace(d, standardised=without_value(d.standardised))
        if i
        else replace(d, without_groups=without_value(d.without_groups))
        for i, d in enumerate(fit.differences)
    )
    figure = standardised(replace(fit, differences=gone, direct=(), without_groups=()), title="Gone")
    nothing_collides(figure)
    assert "not fitted" in texts(figure)
    assert "Without sites, not given: the sampler's draws are too few." in joined(figure)


def test_rates_by_site_stand_beside_raw_counts(site_fit):
    fit = site_fit()
    figure = site_rates(fit, title="Rates")
    alone = [rate for rate in fit.rates if rate.level is None]
    assert marks(figure, "dot", BLUE)[0] == pytest.approx([100 * rate.mean.value for rate in alone])
    assert marks(figure, "crude")[0] == pytest.approx([100 * r.responders / r.n_reported for r in alone])
    for rate in alone:
        assert f"{rate.responders}/{rate.n_reported}" in texts(figure)


def test_prior_and_posterior_of_every_parameter(site_fit):
    fit = site_fit()
    figure = site_rates(fit, title="Priors")
    assert marks(figure, "prior")[1] == pytest.approx([p.prior_sd for p in fit.parameters])
    assert marks(figure, "dot", BLUE)[1] == pytest.approx([p.sd for p in fit.parameters])
    assert "7 of 7 log odds ratios keep 90 % or more" in joined(figure)


def test_no_contrast_has_no_differences(site_fit):
    fit = site_fit(levels=("all",))
    assert "Descriptive" not in joined(standardised(fit, title="One"))
    assert "average of" not in joined(site_grid(fit, title="One"))


def test_fixed_groups_are_not_called_sites(site_fit):
    fit = site_fit(
        ("well", "poor"), model=SiteRegion(groups="fixed"), splits=splits_of("A", 1, {"well": 2, "poor": 3})
    )
    for figure in site_figures(fit, "Differentiation").values():
        assert "site" not in joined(figure)


def test_a_failed_sampler_is_named_in_the_title(site_fit):
    fit = site_fit()
    for name in ("sampling", "sampling_without_groups"):
        bad = replace(fit, **{name: replace(fit.sampling, passed=False)})
        for figure in site_figures(bad, "Broken").values():
            assert "[FAILED: diagnostics] Broken" in joined(figure)


def test_settings_of_the_user_are_restored(site_fit):
    with mpl.rc_context({"font.size": 31.0}):
        site_figures(site_fit(), "Settings")
        assert mpl.rcParams["font.size"] == 31.0


def test_each_pair_of_sites_is_ordered_once_the_likelier_way_round(site_fit):
    orders = (
        Order(group="a", other="b", probability=0.104), Order(group="b", other="a", probability=0.896),
        Order(group="a", other="c", probability=0.9951), Order(group="c", other="a", probability=0.0049),
        Order(group="b", other="c", probability=0.5), Order(group="c", other="b", probability=0.5),
    )  # fmt: skip
    figure = site_contrasts(site_fit(("a", "b", "c"), orders=orders), title="Orders")
    assert marks(figure, "dot", BLUE)[0] == pytest.approx([99.51, 89.6, 50.0])
    shown = texts(figure)
    assert {"a > c", "b > a", "> 99", "90", "50"} <= set(shown)
    assert "a > b" not in shown
    assert "based on the 12 patients whose responders were reported by site" in joined(figure)  # 3 + 4 + 5
    assert set(marks(figure, "reference")[0]) == {50.0}


def test_the_split_of_a_total_stands_beside_shares_by_patients(site_fit):
    splits = splits_of("Avelumab", 2, {"pancreas": 15, "other": 5})
    figure = site_contrasts(site_fit(splits=splits), title="Splits")
    assert "Avelumab: 2/20 in all" in texts(figure)
    assert marks(figure, "dot", WHITE)[1] == pytest.approx([0.75, 0.25])  # half of what patients alone give
    assert marks(figure, "direct")[1] == pytest.approx([1.5, 0.5])
    assert {"0.75", "0.25", "[0 to 2]"} <= set(texts(figure))
    assert "No trial reports a total" in joined(site_contrasts(site_fit(), title="None"))


def test_other_priors_of_the_contrast(site_fit):
    sweep = sweep_of(("Asia", "West"), (-0.06, -0.09, None, -0.14))
    fit = site_fit(prior_sweep=sweep, model=SiteRegion())
    figure = site_contrasts(fit, title="Priors")
    assert marks(figure, "dot", BLUE)[-1] == pytest.approx([-6.0, -9.0, -14.0])
    said = joined(figure)
    assert "log odds ratio ~ N(0, 1²) (the model's)" in said
    assert said.count("(the model's)") == 1
    assert "not given: not enough draws" in said
    assert "−9.0 [−19.0 to +1.0]" in said
    assert "Descriptive" in said
    assert "Descriptive" not in joined(site_contrasts(site_fit(), title="None"))


def test_what_is_no_headline_is_hollow_and_says_why(site_fit):
    sweep = sweep_of(("Asia", "West"), (-0.06, -0.09, -0.1, -0.14))
    fit = site_fit(prior_sweep=sweep)
    few = replace(
        fit,
        rates=tuple(replace(one, standing=TWO) for one in fit.rates),
        standardised=tuple(replace(one, standing=TWO) for one in fit.standardised),
        differences=tuple(replace(one, standing=TWO) for one in fit.differences),
    )
    for name in ("site-contrasts", "standardised", "site-rates"):
        assert any(marks(DRAWN[name](fit, title="t"), "dot", BLUE))
        assert "Hollow circles: shown, not headlines" not in joined(DRAWN[name](fit, title="t"))
        figure = DRAWN[name](few, title="t")
        kept = marks(figure, "dot", BLUE)[1:] if name == "site-rates" else []  # sds are no estimates
        assert marks(figure, "dot", BLUE) == [[] for _ in figure.axes][: len(figure.axes) - len(kept)] + kept
        assert "based on two trials; interpret with caution" in joined(figure)
    assert "Not headlines: pancreas, gastroesophageal" in joined(site_grid(few, title="t"))


def test_where_the_k_policy_is_off_figures_say_so(site_fit):
    fit = site_fit(standing=waived(TWO))
    for figure in site_figures(fit, "Off").values():
        assert "the analysis switches the k policy off." in joined(figure)
        assert "not a headline" not in joined(figure)


def test_the_grid_has_a_margin_of_levels_over_all_sites(site_fit, nothing_collides):
    fit = site_fit()
    figure = site_grid(fit, totals={"Asia": (11, 50), "West": (3, 50)}, title="Grid")
    nothing_collides(figure)
    shown = texts(figure)
    assert {"11/50", "3/50", "model without sites"} <= set(shown)
    crude = [one.mean.value for one in fit.without_groups if one.population == "new-trials"]
    drawn = shown.index("model without sites")
    assert [percent(value) in shown[drawn:] for value in crude] == [True, True]
    assert "model without sites" not in joined(site_grid(replace(fit, without_groups=()), title="Grid"))


def test_totals_of_levels_come_from_what_was_reported_of_the_trials(site_fit, run_with):
    whole = [("a", "Asia", 5, 18), ("b", "Asia", 6, 32), ("c", "West", 2, 29)]
    coverage = Coverage(
        factors=(CoverageFactor(name="region", levels=("Asia", "West")),),
        trials=tuple(
            CoverageTrial(
                label=label, n=n, responders=x, cells={"region": {region: CoverageCell(n=n, responders=x)}}
            )
            for label, region, x, n in whole
        ),
    )
    plans = {plan.name: plan for plan in figures([run_with(sites=site_fit(), coverage=coverage)])}
    figure = plans["quick.site-grid"].draw()
    assert {"11/50", "2/29"} <= set(texts(figure))
    assert totals(coverage, "line") == {}


def test_contrasts_are_drawn_where_there_are_any(site_fit, run_with):
    names = {plan.name for plan in figures([run_with(sites=site_fit())])}
    assert "quick.site-contrasts" in names
    names = {plan.name for plan in figures([run_with(sites=site_fit(("a",), orders=()))])}
    assert "quick.site-contrasts" not in names
    assert "quick.site-rates" in names
