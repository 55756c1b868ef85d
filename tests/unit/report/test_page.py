"""Parts of the report's page: places of numbers, figures as elements, and runs that have little to show."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from meta.models.sites.site_region import SiteRegion
from meta.records.analysis import Analysis, AsOf, Reproduces
from meta.records.run import Failure
from meta.report.drawing.canvas import render
from meta.report.drawing.svg import embedded
from meta.report.figures.forest import forest, rows
from meta.report.page.html import page
from meta.report.page.parts import parts
from meta.report.page.references import At, ends, told, written
from meta.results import Outcome
from tests.unit.report.site_fits import make_site_fit

STUB = '<svg width="1pt" height="1pt" viewBox="0 0 1 1"><g id="a"/></svg>'
THREE = (("One", 1, 9), ("Two", 2, 11), ("Three", 0, 8))
ANALYSIS = {"thresholds": (0.1,)}


@pytest.fixture
def run_of(run_with):
    def make(*fits, **changes):
        return run_with(*fits, **{"analysis": ANALYSIS, **changes})

    return make


def shown(*runs):
    return page(runs, drawn=lambda _: STUB)


def test_a_part_of_a_run_knows_its_place(run_of, table1):
    change = Analysis(name="change", question="?", trials="all", reports=AsOf(as_of="2022"))
    run = At.run(run_of(*table1, analysis={"sensitivity": {"a/b~c": change}}))
    assert run.fits[0].estimands.mean.value.place == "quick/base#/fits/0/estimands/mean/value"
    assert run.fits[0].estimands.mean.value.it == table1[0].estimands.mean.value
    assert run.analysis.sensitivity["a/b~c"].name.place == "quick/base#/analysis/sensitivity/a~1b~0c/name"
    assert [fit.role.it for fit in run.fits] == ["primary", "frequentist", "conventional"]
    assert not run.analysis.certainty
    assert len(run.fits) == 3
    with pytest.raises(AttributeError, match="no 'mode'"):
        _ = run.fits[0].estimands.mode


def test_a_number_is_written_only_by_a_rule(run_of, table1):
    with pytest.raises(TypeError, match="quick/base#/fits/0/k: written without a filter"):
        At.run(run_of(*table1)).fits[0].k.__html__()


def test_how_numbers_and_texts_are_written():
    assert str(written(At(0.14869, "r#/v"), "pct")) == (
        '<data class="n" value="0.14869" data-ref="r#/v" data-as="pct">14.9</data>'
    )
    assert "–" in written(At(None, "r#/v"), "pct")
    joined = re.sub("<[^>]*>", "", ends(At({"low": -0.2, "high": 0.1}, "r#")))
    assert joined == "−20.0 to 10.0"
    assert re.sub("<[^>]*>", "", ends(At({"low": 0.1, "high": 0.2}, "r#"))) == "10.0–20.0"
    assert str(told(At("<b>tau2 & \u202ework", "r#"))) == (
        '<bdi class="t" data-ref="r#" data-as="text">&lt;b&gt;τ² &amp; work</bdi>'
    )


def test_a_drawn_figure_becomes_an_element(region, entry_of, run_of):
    ledger = tuple(
        entry_of(trial.label, by="region", group=group.label)
        for group in region.groups
        for trial in group.trials
    )
    said = rows(run_of(ledger=ledger), region)
    svg = render(forest(region, ledger=ledger), "svg").decode()
    element = embedded(svg, "one", "A <title>", "What & why", said)
    assert "style=" not in element
    assert "<style" not in element
    ids = re.findall(r' id="([^"]*)"', element)
    assert len(ids) == len(set(ids))
    assert all(name.startswith("one-") for name in ids)
    assert set(re.findall(r'(?:url\(#|href="#)([^)"]*)', element)) <= set(ids)
    assert '<title id="one-title">A &lt;title&gt;</title>' in element
    assert re.findall(r'class="hit".*?<title>(.*?)</title>', element)[0] == (
        "Sintilimab (Jia 2022): 5/18; Table 1 (via Jia 2022, Table 1), trials/t.yaml:21"
    )
    assert element.count('class="hit"') == 4
    assert 'class="hit"' not in embedded(svg, "one", "t", "t", said[1:])  # which row is whose is not known


def test_no_run_at_all():
    assert "<main" in page([])


def test_conventional_models_alone(run_of, fit_of, region):
    text = shown(
        run_of(fit_of((("One", 1, 9), ("Two", 2, 11), ("Three", 0, 8)), role="conventional"), region)
    )
    assert "Median ORR" in text
    assert "This analysis was not run under other priors." in text


def test_the_newest_and_broadest_analysis_comes_first(run_of, fit_of):
    few, many = THREE, (*THREE, ("Four", 3, 60))
    published = {"reproduces": Reproduces(source="jia-2022", where="Table 1")}
    runs = [
        replace(run_of(fit_of(rows, role="conventional"), analysis={**ANALYSIS, **asked}), name=name)
        for name, rows, asked in (
            ("a-table-of-a-paper", many, published),
            ("before", many, {"reports": AsOf(as_of="2022")}),
            ("few", few, {}),
            ("many", many, {}),
        )
    ]
    found = parts(runs, (), lambda _: STUB)
    assert [part.base.it.name for part in found] == ["many", "few", "before", "a-table-of-a-paper"]


def test_a_single_trial_shows_its_own_interval(run_of, fit_of):
    fit = fit_of((("Alone (2020)", 3, 20),), role="conventional")
    text = shown(run_of(fit))
    assert "one trial: exact interval only" in text
    assert 'data-ref="quick/base#/fits/0/proportion/value" data-as="pct">15.0<' in text


def test_no_estimate_says_why(run_of, fit_of):
    assert "no trial reported responders" in shown(run_of(fit_of((), role="conventional")))


def test_failures_are_told(run_of):
    text = shown(run_of(failures=(Failure(role="primary", by=None, reason="it <broke>"),)))
    assert "it &lt;broke&gt;" in text
    assert "What could not be fitted" in text


def test_sites_and_a_failed_sampler(run_of, table1, table1_by_region):
    fit = replace(make_site_fit(), model=SiteRegion())
    text = shown(run_of(*table1, *table1_by_region, sites=fit))
    assert "At the same mix of sites" in text
    assert "descriptive" in text
    assert "the sampler broke its limits" not in text
    failed = replace(fit, sampling=replace(fit.sampling, passed=False))
    assert "FAILED: the sampler broke its limits" in shown(run_of(*table1, sites=failed))


def test_the_contrast_of_regions_is_called_descriptive(run_of, table1, table1_by_region):
    text = shown(run_of(*table1, *table1_by_region))
    assert '<span class="tag">Descriptive</span>' in text


def test_whether_trials_differ_and_how_much_are_two_statements(run_of, table1):
    text = shown(run_of(*table1))
    assert table1[1].dispersion.tests[0].p > 0.05
    assert "which does not show that their true rates are equal" in text
    assert re.search(r"How much\.</strong> τ is .*0\.70<.* after the data and .*0\.84<.* before them", text)
    tests = (replace(table1[1].dispersion.tests[0], p=0.018), *table1[1].dispersion.tests[1:])
    other = replace(table1[1], dispersion=replace(table1[1].dispersion, tests=tests))
    assert "differ by more than chance explains" in shown(run_of(table1[0], other, table1[2]))


def test_a_page_of_another_outcome_never_names_the_response_rate(run_of, table1, table1_by_region):
    def of(fit):
        return replace(fit, outcome=Outcome.DISEASE_CONTROL, groups=tuple(map(of, fit.groups)))

    run = run_of(*map(of, (*table1, *table1_by_region)), analysis={"outcome": Outcome.DISEASE_CONTROL})
    text = re.sub(r"<[^>]+>", "", shown(run).partition('<section id="words"')[0])
    assert "14 of 100 patients in 4 trials had disease control" in text
    assert "Mean disease control rate" in text
    answers = text[text.index("14 of 100 patients") : text.index("How different are the trials")]
    assert "ORR" not in answers
    assert "Responders/n" not in text


def test_tau_of_zero_is_no_agreement(run_of, fit_of):
    fit = fit_of(THREE, tau2=0.0, role="conventional")
    assert "it does not show that they agree" in shown(run_of(fit))


def test_the_policy_of_the_page_names_its_own_style_and_script(run_of):
    text = shown(run_of())
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert policy.count("sha256-") == 2
    assert not re.search(r' style="| on[a-z]+="', text)
