"""`pool` on the frozen records: its files, its numbers, and what a change of the records changes."""

from __future__ import annotations

import html
import io
import json
import math
import re
import xml.etree.ElementTree as ET
from contextlib import suppress
from itertools import product
from pathlib import Path

import pandas as pd
import pytest
from jsonschema import Draft202012Validator

from meta.data import GroupedCounts
from meta.format import interval, percent
from meta.frames import flat
from meta.models import BinomialNormal, InverseVariance
from meta.records.run import SCHEMA
from meta.records.storing import store
from meta.results.rows import FIT
from tests.e2e.lines import assert_followed

pytestmark = pytest.mark.slow

ANALYSES = ("g3-nen", "jia-2022-table1")
IDS = (
    "avelumab-avenec",
    "pembrolizumab-nct02939651",
    "sintilimab-nct02937116",
    "toripalimab-nct03167853",
)
WELL = ("no-well-differentiated-dropped", "no-well-differentiated-kept")
PRIORS = ("half-normal-0.5", "half-normal-1", "half-normal-1.25", "half-cauchy-0.5", "uniform-0-4")
LEFT_OUT = tuple(f"leave-one-out.{name}" for name in IDS)
PRIOR_SENSITIVITY = tuple(f"prior-sensitivity.{prior}" for prior in PRIORS)
FITTED = ("base", *WELL, *LEFT_OUT, *PRIOR_SENSITIVITY)
BOUND = "no-well-differentiated-bound"  # bounds in place of fits
SPLITS = "site-splits-bound"  # bounds by site
LATENT = "no-well-differentiated-latent"  # the latent model in place of fits
VARIATIONS = (*FITTED, BOUND, LATENT, SPLITS)
# Dates of publication but for the last, with the trials and the counts until then
CUMULATIVE = {
    "jia-2022-table1": {"2018": (1, 1, 21), "2019": (2, 3, 50), "2020": (3, 9, 82)},
    "g3-nen": {"2020": (1, 6, 32), "2020-04": (2, 7, 61), "2022": (3, 12, 79)},
}
RUNS = [
    (analysis, variation)
    for analysis in ANALYSES
    for variation in (*VARIATIONS, *(f"cumulative.{date}" for date in CUMULATIVE[analysis]))
]
ROLES = ("primary", "frequentist", "conventional")


def run_of(pooled, analysis, variation="base"):
    return store.load_run(pooled.out / "results" / analysis / f"{variation}.json")


def fit_by(run, by=None, role="conventional"):
    return next(fit for fit in run.fits if (fit.by, fit.role) == (by, role))


def counts_of(fit):
    return {trial.label: (trial.responders, trial.n) for trial in fit.trials}


def groups_of(fit):
    return {group.label: (group.responders, group.n) for group in fit.groups}


# Files


SITE_FIGURES = ("site-grid", "standardised", "site-rates", "site-contrasts")
TABLES = (
    *("groups", "ledger", "jia-2022-table1.reproduced"),
    *("estimands", "probabilities", "tests", "influence", "sweep", "bounds", "latent"),
    *("sites", "standardised", "site_parameters", "splits", "region_prior", "orders"),
)


def test_every_file_that_is_promised_is_there_and_no_other(pooled):
    figures = {
        f"figures/{analysis}{variation}.{what}.{ending}"
        for analysis in ANALYSES
        for variation in ("", *(f".{name}" for name in WELL))
        for what in ("overall", "region", "site")
        for ending in ("png", "svg")
    }
    curves = (
        "posterior",
        "sweep",
        "prior-predictive",
        "prior-sensitivity",
        "leave-one-out",
        "cumulative",
        "influence",
        "bounds",
        "site-bounds",
        "aliasing",
        "specification",
        *SITE_FIGURES,
    )
    figures |= {f"figures/{a}.{what}.{end}" for a in ANALYSES for what in curves for end in ("png", "svg")}
    expected = figures | {
        f"results/{a}/{v}.{end}" for a in ANALYSES for v in FITTED for end in ("json", "npz")
    }
    expected |= {f"results/{a}/{v}.{end}" for a, v in RUNS if "cumul" in v for end in ("json", "npz")}
    expected |= {f"results/{a}/{v}.json" for a in ANALYSES for v in (BOUND, LATENT, SPLITS)}
    expected |= {f"schema/{record}.schema.json" for record in ("run", "analysis", "trial")}
    expected |= {f"results/{a}/_subsets.npz" for a in ANALYSES}  # every choice of trials
    without = "no-well-differentiated-dropped"
    expected |= {
        f"figures/{a}.{without}.{name}.{end}"
        for a in ANALYSES
        for name in SITE_FIGURES
        for end in ("png", "svg")
    }
    expected |= {f"tables/{name}.csv" for name in TABLES}
    expected |= {f"tables/{a}.estimates.{end}" for a in ANALYSES for end in ("csv", "md", "tex")}
    expected |= {f"tables/jia-2022-table1.reproduced.{end}" for end in ("md", "tex")}
    expected |= {"summary.csv", "report.html", ".manifest.json"}
    found = {path.relative_to(pooled.out).as_posix() for path in pooled.out.rglob("*") if path.is_file()}
    assert found == expected


def test_every_number_of_the_report_is_the_stored_one(pooled, assert_as_stored):
    """Of all analyses, their variations, bounds, sites and regions."""
    page = assert_as_stored(pooled.out, (pooled.out / "report.html").read_text(encoding="utf-8"))
    assert len(page.numbers) > 1500
    assert {place.partition("#")[0] for _, place, _, _ in page.numbers} == {
        f"{analysis}/{variation}" for analysis, variation in RUNS
    }


def texts_of(svg):
    return [
        html.unescape(re.sub("<[^>]*>", "", text)) for text in re.findall(r"(?s)<text[^>]*>.*?</text>", svg)
    ]


def test_figures_of_the_report_say_what_the_files_say(pooled):
    """Digits in figures have no place in a run: they are held to the files, and these to their fits."""
    page = (pooled.out / "report.html").read_text(encoding="utf-8")
    names = []
    for figure in re.findall(r"(?s)<figure id=.*?</figure>", page):
        names.append(html.unescape(re.search('data-name="([^"]*)"', figure)[1]))
        own = texts_of(figure[figure.index("<svg") : figure.index("</svg>")])
        drawn = (pooled.out / "figures" / f"{names[-1]}.svg").read_text(encoding="utf-8")
        assert own == texts_of(drawn), names[-1]
        assert sum(any(letter.isdigit() for letter in text) for text in own) > 5, names[-1]
    shown = {path.stem for path in (pooled.out / "figures").glob("*.svg")}
    assert set(names) == {name for name in shown if not any(f".{other}." in name for other in WELL)}
    assert len(names) == len(set(names))


@pytest.mark.parametrize("analysis", ANALYSES)
def test_every_sensitivity_analysis_is_in_the_figure_and_in_the_table(pooled, analysis):
    """Bounds and the latent split too; the prior that is the analysis' own is not shown twice."""
    svg = (pooled.out / "figures" / f"{analysis}.specification.svg").read_text(encoding="utf-8")
    texts = texts_of(svg)
    assert texts.count(BOUND) == len(ROLES)
    assert (texts.count(LATENT), texts.count("latent split")) == (1, 1)
    found = {b.role: b for b in run_of(pooled, analysis, BOUND).bounds[::-1] if b.by is None}
    for one in found.values():
        assert interval(one.ignorance.low, one.ignorance.high, percent) in texts
        assert f"[{interval(one.uncertainty.low, one.uncertainty.high, percent)}]" in texts
    priors = [text for text in texts if text.startswith("τ ~ ")]
    assert len(priors) == len(PRIORS) - 1
    assert "τ ~ half-normal(1.25)" not in priors
    page = (pooled.out / "report.html").read_text(encoding="utf-8")
    table = re.search(f'(?s)<table id="{analysis}-[0-9]+-specifications">.*?</table>', page)[0]
    rows = re.findall('<th scope="row">(.*?)</th>', table)
    shown = [html.unescape(re.sub("<[^>]*>", "", name)) for name in rows]
    alone = [f"published by {date}" for date, (k, *_) in CUMULATIVE[analysis].items() if k == 1]
    drawn = [name for name in shown if name not in alone]  # a single trial has no diamond
    whole = [name for name in drawn if len(name) < 30]  # longer ones are on two lines
    assert sorted(text for text in texts if text in set(whole)) == sorted(whole)
    assert len(drawn) == sum(text in {"mean", "median"} for text in texts)


@pytest.mark.parametrize("analysis", ANALYSES)
def test_what_the_first_cards_rest_on_stands_on_them(pooled, analysis):
    page = (pooled.out / "report.html").read_text(encoding="utf-8")
    section = re.search(f'(?s)<section class="answer" id="{analysis}-[0-9]+-answer".*?</ol>', page)[0]
    said = " ".join(html.unescape(re.sub("<[^>]*>", "", section)).split())
    assert (
        "in Asia alone all patients share differentiation (poor) and response criteria (RECIST 1.1)" in said
    )
    sites = run_of(pooled, analysis).sites
    gap = next(d for d in sites.differences if (d.population, d.estimand) == ("new-trials", "mean"))
    assert "At one mix of primary sites, in a model that draws groups with few responders together: " in said
    assert f"{percent(gap.standardised.value)} ({percent(gap.standardised.low)} to" in said
    for rate in sites.rates:
        if rate.level is None:
            assert f"{rate.group} {percent(rate.mean.value)} (" in said


def test_a_printed_number_that_is_in_doubt_says_so(pooled):
    rows = run_of(pooled, "jia-2022-table1").printed
    (found,) = (row for row in rows if row.outcome == "DOR" and row.median == "2.8 months")
    assert found.doubt.endswith("2.8 is most likely the lower confidence limit.")
    assert "2.8-NA (as printed)" in {row.median for row in rows}
    assert not [row for row in rows if row.pooled and row.responders == 5 and row.doubt]


def test_the_report_stays_small(pooled):
    assert (pooled.out / "report.html").stat().st_size < 5e6


def test_figures_are_whole_pictures(pooled):
    for path in (pooled.out / "figures").iterdir():
        content = path.read_bytes()
        if path.suffix == ".png":
            assert content.startswith(b"\x89PNG"), path
            assert content.endswith(b"IEND\xaeB`\x82"), path
        else:
            assert ET.fromstring(content).tag.endswith("svg"), path


@pytest.mark.parametrize("record", ["run", "analysis", "trial"])
def test_published_schemas_are_schemas(pooled, record):
    schema = json.loads((pooled.out / "schema" / f"{record}.schema.json").read_text())
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize(("analysis", "variation"), RUNS)
def test_stored_runs_validate_and_round_trip(pooled, analysis, variation):
    schema = json.loads((pooled.out / "schema" / "run.schema.json").read_text())
    path = pooled.out / "results" / analysis / f"{variation}.json"
    text = path.read_text(encoding="utf-8")
    data = json.loads(text, parse_constant=lambda name: pytest.fail(f"{path}: {name}"))
    Draft202012Validator(schema).validate(data)
    run = store.from_json(text)
    assert store.to_json(run) == text
    assert "grids" not in text
    assert (run.name, run.variation) == (analysis, variation)
    special = {BOUND, LATENT, SPLITS}
    assert run.variation in {"base", *WELL, *special} or run.variation.startswith(f"{run.family}.")
    assert re.fullmatch("[0-9a-f]{64}", run.provenance.digest)
    assert {"numpy", "scipy", "nen-meta"} <= run.provenance.versions.keys()


def test_the_schema_refuses_a_run_with_a_part_missing(pooled):
    schema = json.loads((pooled.out / "schema" / "run.schema.json").read_text())
    data = json.loads((pooled.out / "results" / "g3-nen" / "base.json").read_text())
    del data["fits"][0]["tau2"]["estimand"]
    assert not Draft202012Validator(schema).is_valid(data)


def test_nothing_failed(pooled):
    for analysis, variation in RUNS:
        assert run_of(pooled, analysis, variation).failures == ()


@pytest.mark.parametrize("analysis", ANALYSES)
@pytest.mark.parametrize("variation", FITTED)
def test_every_run_has_the_models_of_its_roles(pooled, analysis, variation):
    """What an analysis says of its models, what its run keeps of them and what was fitted agree."""
    run = run_of(pooled, analysis, variation)
    roles = ROLES[:1] if variation in PRIOR_SENSITIVITY else ROLES
    groupings = [None] if variation in PRIOR_SENSITIVITY else [None, "region", "site"]
    assert [(fit.role, fit.by) for fit in run.fits] == [(role, by) for role in roles for by in groupings]
    assert list(run.analysis.models) == list(roles)
    for fit in run.fits:
        assert fit.model == run.analysis.models[fit.role]
    primary = run.analysis.models["primary"]
    assert (primary.model, primary.mu_prior) == ("bayes-binomial", "normal:-2,2")
    assert primary.thresholds == (0.1, 0.2)
    if variation not in PRIOR_SENSITIVITY:
        assert primary.prior == "half-normal:1.25"


@pytest.mark.parametrize("analysis", ANALYSES)
def test_prior_sensitivity_is_the_primary_model_under_other_priors(pooled, analysis):
    base, *runs = (run_of(pooled, analysis, name) for name in ("base", *PRIOR_SENSITIVITY))
    assert [run.analysis.models["primary"].prior for run in runs] == [
        "half-normal:0.5",
        "half-normal:1",
        "half-normal:1.25",
        "half-cauchy:0.5",
        "uniform:0,4",
    ]
    for run in runs:
        assert (run.family, run.expansion) == ("prior-sensitivity", "each-prior")
        assert run.fits[0].tau.prior.name == run.analysis.models["primary"].prior
        assert counts_of(run.fits[0]) == counts_of(base.fits[0])
    assert runs[2].fits[0] == base.fits[0]  # the same prior is the same answer


@pytest.mark.parametrize("analysis", ANALYSES)
def test_trials_enter_at_their_dates(pooled, analysis):
    base = run_of(pooled, analysis)
    known = {}
    for date, (k, responders, n) in CUMULATIVE[analysis].items():
        run = run_of(pooled, analysis, f"cumulative.{date}")
        assert (run.family, run.expansion, run.sites) == ("cumulative", "each-date", None)
        (fit,) = run.fits
        assert (fit.role, fit.by, fit.k, fit.responders, fit.n) == ("primary", None, k, responders, n)
        assert known.items() < counts_of(fit).items() < counts_of(base.fits[0]).items()
        assert run.analysis.models["primary"] == base.analysis.models["primary"]
        known = counts_of(fit)


def test_curves_are_read_back_with_their_run(pooled):
    fit = fit_by(run_of(pooled, "jia-2022-table1"), role="primary")
    for name in ("median", "mean", "tau"):
        x, density = fit.grids[f"{name}.x"], fit.grids[f"{name}.density"]
        assert len(x) == len(density) == len(fit.grids[f"{name}.prior"])
        steps = zip(x, x[1:], density, density[1:], strict=False)
        assert sum((b - a) * (p + q) / 2 for a, b, p, q in steps) == pytest.approx(1, abs=0.01)


# Numbers


@pytest.mark.reference
def test_table_1_of_jia_2022_by_the_exact_posterior(pooled):
    """Brute force in R (halfnormal(1.25), mu ~ N(-2, 2)), quantiles to 2e-3."""
    fit = fit_by(run_of(pooled, "jia-2022-table1"), role="primary")
    assert fit.proportion == fit.estimands.mean
    for found, theirs in (
        (fit.estimands.median, (0.041755, 0.127531, 0.282233)),
        (fit.estimands.mean, (0.068282, 0.148690, 0.332615)),
        (fit.estimands.predictive, (0.012614, 0.129099, 0.568698)),
        (fit.tau, (0.043587, 0.700054, 2.078240)),
    ):
        assert (found.low, found.value, found.high) == pytest.approx(theirs, abs=2e-3)
    above = {(p.estimand, p.threshold): p.value for p in fit.probabilities}
    assert above["mean", 0.1] == pytest.approx(0.857147, abs=2e-3)
    assert {threshold for _, threshold in above} == {0.1, 0.2}
    assert fit.standing.status == "headline"


@pytest.mark.reference
def test_table_1_of_jia_2022_by_maximum_likelihood(pooled):
    fit = fit_by(run_of(pooled, "jia-2022-table1"), role="frequentist")
    assert fit.mu.value == pytest.approx(-1.8638070139093355, abs=1e-6)
    assert fit.tau2.value == pytest.approx(0.17208648298388324, abs=1e-6)
    assert fit.loglik == pytest.approx(-8.530640500229435, abs=1e-9)
    assert fit.standing.status == "bayesian-headline-only"  # k = 4


def test_table_1_of_jia_2022_as_metafor_pools_it(pooled):
    fit = fit_by(run_of(pooled, "jia-2022-table1"))
    assert (fit.k, fit.n, fit.responders) == (4, 100, 14)
    assert set(counts_of(fit).values()) == {(5, 18), (6, 32), (2, 29), (1, 21)}
    assert fit.mu.value == pytest.approx(-1.752336, abs=5e-7)
    assert fit.tau2.value == pytest.approx(0.306546, abs=5e-7)
    assert fit.tau2.definition == "REML"
    assert fit.tau2.low == 0
    assert fit.tau2.high == pytest.approx(12.0751, abs=1e-4)
    assert fit.heterogeneity.I2.value == pytest.approx(0.43894, abs=5e-6)
    assert "tau2" in fit.heterogeneity.I2.definition
    assert fit.heterogeneity.Q == pytest.approx(5.310246, abs=5e-7)
    assert fit.heterogeneity.df == 3
    # q is above 1 here, so that the floor does not bind: metafor's unmodified Knapp-Hartung interval
    assert (fit.mu.low, fit.mu.high) == pytest.approx((-3.152129, -0.352543), abs=5e-7)
    assert fit.mu.df == 3
    assert fit.proportion.value == pytest.approx(1 / (1 + math.exp(1.752336)), abs=1e-7)
    assert fit.proportion.estimand == "median"


SITES = {"pancreas": (0, 8), "gastroesophageal": (5, 15), "intestine": (1, 14), "other": (5, 13)}


@pytest.mark.parametrize("analysis", ANALYSES)
def test_groups_by_site(pooled, analysis):
    assert groups_of(fit_by(run_of(pooled, analysis), "site")) == SITES


def test_groups_by_region(pooled):
    assert groups_of(fit_by(run_of(pooled, "jia-2022-table1"), "region")) == {
        "Asia": (11, 50),
        "West": (3, 50),
    }
    assert groups_of(fit_by(run_of(pooled, "g3-nen"), "region")) == {"Asia": (11, 50), "West": (4, 89)}


def test_regions_are_never_compared_by_unmodified_standard_errors(pooled):
    """p < 0.0001 beside an interval of 1 to 88 % is what other software prints on these data."""
    between = fit_by(run_of(pooled, "jia-2022-table1"), "region").between
    assert between.p == pytest.approx(0.03067, abs=5e-5)
    assert "common tau2" in between.method


def test_the_latest_reports(pooled):
    fit = fit_by(run_of(pooled, "g3-nen"))
    assert set(counts_of(fit).values()) == {(5, 18), (6, 32), (3, 60), (1, 29)}


@pytest.mark.parametrize("analysis", ANALYSES)
def test_without_the_well_differentiated(pooled, analysis):
    dropped, kept = (run_of(pooled, analysis, name) for name in WELL)
    assert set(counts_of(fit_by(dropped)).values()) == {(5, 18), (6, 32)}
    assert fit_by(kept).k == 4
    assert counts_of(fit_by(kept)) == counts_of(fit_by(run_of(pooled, analysis)))


@pytest.mark.parametrize(
    ("variation", "action", "words"),
    [(WELL[0], "dropped", "the trial is dropped"), (WELL[1], "kept", "all of them are kept")],
)
def test_the_ledger_says_why_a_trial_left_or_stayed(pooled, variation, action, words):
    ledger = run_of(pooled, "jia-2022-table1", variation).ledger
    said = {entry.trial: entry for entry in ledger if entry.action == action}
    assert set(said) == {"avelumab-avenec", "pembrolizumab-nct02939651"}
    avelumab, pembrolizumab = said["avelumab-avenec"], said["pembrolizumab-nct02939651"]
    assert avelumab.reason.startswith("10 of 29 patients are well differentiated")
    assert avelumab.n == 10
    assert pembrolizumab.reason.startswith("an unreported number of 21 patients are well differentiated")
    assert pembrolizumab.n is None
    for entry in said.values():
        assert "responders are not reported" in entry.reason
        assert words in entry.reason


COMPLETIONS = {  # of avelumab and pembrolizumab, written out
    "g3-nen": [((x, 38), (y, n)) for x in range(4) for n in (19, 20) for y in range(2)],  # one is unknown
    "jia-2022-table1": [((x, 19), (y, n)) for x in range(3) for n in range(12, 21) for y in range(2)],
}


@pytest.mark.parametrize("analysis", ANALYSES)
@pytest.mark.parametrize(("role", "model", "near"), [
    ("frequentist", BinomialNormal(bootstrap=0), 1e-7),  # rounding: sums run in another order
    ("conventional", InverseVariance(), 1e-9),
])  # fmt: skip
def test_bounds_are_the_hull_of_every_completion_fitted_alone(pooled, analysis, role, model, near):
    run = run_of(pooled, analysis, BOUND)
    assert run.fits == ()
    fits = [
        model.fit(GroupedCounts.of([5, 6, x, y], [18, 32, n, m], ["Asia", "Asia", "West", "West"]))
        for (x, n), (y, m) in COMPLETIONS[analysis]
    ]
    for by, group in ((None, None), ("region", "Asia"), ("region", "West")):
        found = next(b for b in run.bounds if (b.role, b.by, b.group) == (role, by, group))
        parts = [fit if by is None else next(g for g in fit.groups if g.label == group) for fit in fits]
        shown = [part.proportion for part in parts]
        assert found.completions == found.evaluated == len(fits)
        assert found.estimand == shown[0].estimand
        assert found.ignorance.low == pytest.approx(min(z.value for z in shown), abs=near)
        assert found.ignorance.high == pytest.approx(max(z.value for z in shown), abs=near)
        assert found.uncertainty.low == pytest.approx(min(z.low for z in shown), abs=near)
        assert found.uncertainty.high == pytest.approx(max(z.high for z in shown), abs=near)


@pytest.mark.parametrize("analysis", ANALYSES)
def test_bounds_of_the_posterior_hold_the_answers_that_need_none(pooled, analysis):
    """Keeping everybody is one way to complete the responders, if not the patients: it lies within."""
    bounds = {
        (b.by, b.group, b.estimand): b for b in run_of(pooled, analysis, BOUND).bounds if b.role == "primary"
    }
    whole = bounds[None, None, "mean"]
    base = fit_by(run_of(pooled, analysis), role="primary").proportion
    assert whole.ignorance.low < base.value < whole.ignorance.high
    assert whole.uncertainty.low < base.low < base.high < whole.uncertainty.high
    west = bounds["region", "West", "mean"]
    assert west.ignorance.high - west.ignorance.low > 3 * (whole.ignorance.high - whole.ignorance.low) / 2
    assert west.standing.status == "drawn-not-headline"
    sites = [b for (by, *_), b in bounds.items() if by == "site"]
    assert {b.completions for b in sites} == {1}  # avelumab and pembrolizumab print no responders by site


@pytest.mark.parametrize("analysis", ANALYSES)
def test_the_latent_model_has_the_rates_of_those_who_stay(pooled, analysis):
    """Below what the reports of poorly differentiated patients alone say, above nothing: the sums count."""
    run = run_of(pooled, analysis, LATENT)
    found = run.latent
    assert (run.fits, found.stays, found.leaves) == ((), "poor", "well")
    assert [one.role for one in run.not_run] == [*ROLES]
    assert [fit.contrast for fit in found.fits] == [None, "region"]
    assert all(fit.sampling.passed for fit in found.fits)
    (whole,) = (rate for rate in found.fits[0].standardised if rate.population == "new-trials")
    alone = fit_by(run_of(pooled, analysis, WELL[0]), role="primary").proportion  # the sums dropped
    assert whole.mean.low < whole.mean.value < alone.value < whole.mean.high
    assert (whole.standing.status, found.fits[0].k) == ("headline", 4)
    west = [rate for rate in found.fits[1].standardised if rate.level == "West"]
    assert {rate.standing.status for rate in west} == {"drawn-not-headline"}
    # The rows of well-differentiated patients, 0/6 and 2/8, are what moves the contrast: without them only
    # sums speak of it, and its standard deviation stays within a sixth of the prior's
    assert found.contrast.sd < 0.75 * found.contrast.prior_sd
    assert 0.84 < found.alone.sd / found.alone.prior_sd < 1.05
    well = next(rate for rate in found.fits[0].rates if rate.group == "well" and rate.level is None)
    assert (well.responders, well.n_reported) == (2, 14)
    for one in found.splits:
        assert 0 < one.expected < one.responders
    table = pd.read_csv(pooled.out / "tables" / "latent.csv")
    rows = table[(table.analysis == analysis) & (table.kind_of_row == "rate") & table.by.isna()]
    assert rows.value.iloc[0] == whole.mean.value
    assert f"{LATENT}: differentiation poor" in pooled.result.out


def test_a_range_of_patients_stands_in_the_ledger_with_its_source(pooled):
    ledger = run_of(pooled, "jia-2022-table1", BOUND).ledger
    said = {entry.trial: entry.reason for entry in ledger if entry.action == "bounded"}
    assert "0 to 2 responders among the 19 remaining patients: 3 completions" in said["avelumab-avenec"]
    assert (
        "declared: 1 to 9 of the patients are well differentiated (Vijayvergia 2020: 9 of 29"
        in said["pembrolizumab-nct02939651"]
    )
    assert "among the 12 to 20 remaining patients: 18 completions" in said["pembrolizumab-nct02939651"]


SPLIT = {  # of each site's responders and patients, the least and the most; written out
    "g3-nen": {
        "pancreas": ((0, 1), (18, 18)), "gastroesophageal": ((5, 6), (15, 29)),
        "intestine": ((1, 2), (14, 28)), "other": ((5, 6), (18, 18)),
    },
    "jia-2022-table1": {
        "pancreas": ((0, 3), (27, 27)), "gastroesophageal": ((5, 8), (22, 22)),
        "intestine": ((1, 4), (22, 22)), "other": ((5, 8), (29, 29)),
    },
}  # fmt: skip


@pytest.mark.parametrize(("analysis", "splits"), [("g3-nen", 58), ("jia-2022-table1", 40)])
def test_bounds_by_site_are_over_every_split_of_unreported_responders(pooled, analysis, splits):
    """Table 1: 2 responders over four sites in 10 ways, 1 in 4. Later 1, and 14 patients over two."""
    run = run_of(pooled, analysis, SPLITS)
    assert run.fits == ()
    assert {(one.by, one.completions, one.searched) for one in run.bounds} == {("site", splits, False)}
    assert {one.group: (one.responders, one.n) for one in run.bounds} == SPLIT[analysis]
    reported = {
        group.label: group for group in fit_by(run_of(pooled, analysis), "site", "frequentist").groups
    }
    for one in run.bounds:
        if (one.role, one.estimand) == ("frequentist", "mean"):
            assert one.uncertainty.low <= one.ignorance.low <= one.ignorance.high <= one.uncertainty.high
            assert one.k[0] >= reported[one.group].k == 2
    left = [entry.trial for entry in run.ledger if entry.action == "not bounded"]
    assert left == (["avelumab-avenec"] if analysis == "g3-nen" else [])


@pytest.mark.parametrize("role", ["frequentist", "conventional"])
def test_bounds_by_site_are_the_hull_of_every_split_fitted_alone(pooled, role):
    """All 40 splits of Table 1, written out."""
    run = run_of(pooled, "jia-2022-table1", SPLITS)
    model = {"frequentist": BinomialNormal(bootstrap=0), "conventional": InverseVariance()}[role]
    sizes = ((3, 6, 3, 6), (5, 9, 11, 7), (13, 4, 3, 9), (6, 3, 5, 7))
    known = ((0, 2, 1, 2), (0, 3, 0, 3))
    names = tuple(SITES)
    unit = [tuple(int(i == j) for j in range(4)) for i in range(4)]
    fits = []
    for i, j, last in product(range(4), range(4), unit):
        if i <= j:
            split = tuple(a + b for a, b in zip(unit[i], unit[j], strict=True))
            rows = [
                (x, n, site, f"t{t}")
                for t, (xs, ns) in enumerate(zip((*known, split, last), sizes, strict=True))
                for x, n, site in zip(xs, ns, names, strict=True)
            ]
            fits.append(model.fit(GroupedCounts.of(*zip(*rows, strict=True), names)))
    assert len(fits) == 40
    for one in run.bounds:
        answers = [g.proportion for fit in fits for g in fit.groups if g.label == one.group]
        if (one.role, one.estimand) == (role, answers[0].estimand):
            near = {"abs": 1e-7}  # sums of likelihoods run in another order
            assert one.ignorance.low == pytest.approx(min(z.value for z in answers), **near)
            assert one.ignorance.high == pytest.approx(max(z.value for z in answers), **near)
            assert one.uncertainty.low == pytest.approx(min(z.low for z in answers), **near)
            assert one.uncertainty.high == pytest.approx(max(z.high for z in answers), **near)


def test_the_table_of_bounds_has_the_numbers_of_the_runs(pooled):
    table = pd.read_csv(pooled.out / "tables" / "bounds.csv")
    runs = [run_of(pooled, name, variation) for name in ANALYSES for variation in (BOUND, SPLITS)]
    expected = [one for run in runs for one in run.bounds]
    assert len(table) == 2 * len(expected)
    for i, one in enumerate(expected):
        inner, outer = table.iloc[2 * i], table.iloc[2 * i + 1]
        assert (inner.bound, inner.low, inner.high) == ("ignorance", one.ignorance.low, one.ignorance.high)
        assert (outer.bound, outer.low, outer.high) == (
            "uncertainty", one.uncertainty.low, one.uncertainty.high,
        )  # fmt: skip
        assert (inner.completions, inner.k_low, outer.n_high) == (one.completions, one.k[0], one.n[1])


@pytest.mark.parametrize("analysis", ANALYSES)
def test_leave_one_out_leaves_each_out(pooled, analysis):
    base = counts_of(fit_by(run_of(pooled, analysis)))
    left = [counts_of(fit_by(run_of(pooled, analysis, f"leave-one-out.{name}"))) for name in IDS]
    assert all(len(counts) == 3 and counts.items() <= base.items() for counts in left)
    assert {label for counts in left for label in base if label not in counts} == set(base)


def test_leave_one_out_as_metafor_does_it(pooled):
    """leave1out() has the order of Table 1; without avelumab tau2 is zero up to metafor's tolerance."""
    reference = json.loads((Path(__file__).parents[1] / "reference" / "metafor.json").read_text())
    theirs = reference["table1"]["rma"]["PLO"]["REML"]["leave1out"]
    for i, name in enumerate((IDS[2], IDS[3], IDS[0], IDS[1])):
        fit = fit_by(run_of(pooled, "jia-2022-table1", f"leave-one-out.{name}"))
        assert fit.mu.value == pytest.approx(theirs["mu"][i], abs=1e-9)
        assert fit.tau2.value == pytest.approx(theirs["tau2"][i], abs=1e-9)


def test_patients_whose_responders_nobody_printed_are_seen(pooled):
    by_site = fit_by(run_of(pooled, "jia-2022-table1"), "site")
    pancreas = next(group for group in by_site.groups if group.label == "pancreas")
    missing = {entry.label: entry.n for entry in pancreas.not_reported}
    assert missing == {"Avelumab (Fottner 2019)": 13, "Pembrolizumab (Vijayvergia 2018)": 6}
    svg = (pooled.out / "figures" / "jia-2022-table1.site.svg").read_text(encoding="utf-8")
    assert "13 patients, responders not reported" in svg


def test_the_published_table_is_reproduced(pooled):
    table = pd.read_csv(pooled.out / "tables" / "jia-2022-table1.reproduced.csv", dtype={"printed": str})
    compared = table[table.agrees.notna()]
    assert len(compared) == 24  # 6, 6, 7 and 5 of the four columns
    differs = compared[compared.agrees.astype(str) == "False"]
    assert {(row.trial, row.what, row.ours, row.printed) for row in differs.itertuples()} == {
        ("Toripalimab (Lu 2020)", "ORR", 18.8, "18.7"),
        ("Pembrolizumab (Vijayvergia 2018)", "ORR", 4.8, "4.7"),
    }
    text = (pooled.out / "tables" / "jia-2022-table1.reproduced.md").read_text(encoding="utf-8")
    assert text.count("(differs)") == 2
    widths = {len(re.findall(r"(?<!\\)\|", line)) for line in text.splitlines()}
    assert widths == {6}  # four trials and the row's name


def test_summary_has_the_numbers_of_the_runs(pooled):
    whole = pd.read_csv(pooled.out / "summary.csv")
    models = whole.groupby(["analysis", "variation"]).role.agg(list)
    assert models["jia-2022-table1", "base"] == ["primary", "frequentist", "conventional"]
    table = whole[whole.role.isna() | (whole.role == "primary")]
    assert list(zip(table.analysis, table.variation, strict=True)) == [
        (run.name, run.variation) for run in map(run_from, ordered(table, pooled))
    ]
    assert len(table) == len(RUNS)
    for row, path in zip(table.to_dict("records"), ordered(table, pooled), strict=True):
        run = run_from(path)
        if run.variation in {BOUND, SPLITS}:
            assert (row["reason"], same(row["proportion"], None)) == ("bounds: tables/bounds.csv", True)
            continue
        if run.variation == LATENT:
            assert (row["reason"], same(row["proportion"], None)) == ("latent split: tables/latent.csv", True)
            continue
        for name, value in flat(run.fits[0], FIT).items():
            assert same(row[name], value), (run.variation, name)
        assert row["trials"] == " | ".join(counts_of(run.fits[0]))


def test_groups_table_has_the_numbers_of_the_runs(pooled):
    table = pd.read_csv(pooled.out / "tables" / "groups.csv")
    base = table[(table.analysis == "jia-2022-table1") & (table.variation == "base") & (table.by == "site")]
    assert {row.group: (row.responders, row.n) for row in base.itertuples()} == SITES
    run = run_of(pooled, "jia-2022-table1")
    groups = [group for role in ROLES for group in fit_by(run, "site", role).groups]
    for row, group in zip(base.to_dict("records"), groups, strict=True):
        assert all(same(row[name], value) for name, value in flat(group, FIT).items())
        assert row["patients_not_reported"] == sum(entry.n for entry in group.not_reported)


def ordered(table, pooled):
    results = pooled.out / "results"
    return [results / row.analysis / f"{row.variation}.json" for row in table.itertuples()]


def run_from(path):
    return store.load_run(path)


def same(cell, value):
    if value is None:
        return isinstance(cell, float) and math.isnan(cell)
    return cell == value  # full double precision: what was written reads back as the same number


def test_the_terminal_ends_with_the_answers(pooled):
    said = pooled.result.out
    k = len(RUNS)
    assert re.search(rf"{k} runs \({k} fitted, the rest unchanged\), \d+ figures drawn\.", said)
    assert re.search(r"all trials +4 +14/100 +14\.9 \(6\.8–33\.3\) +1\.3–56\.9", said)
    assert re.search(r"site: pancreas +2\* +0/8 ", said)
    assert re.search(r"without Sintilimab \(Jia 2022\) +3 +9/82 ", said)
    assert re.search(r"all trials +4\* +14/100 +14\.8 \(4\.1–41\.3\) +0\.9–77\.6", said)
    assert re.search(r"4 +11–14/81–89 +13\.2–17\.3 \(4\.1–35\.5\)", said)  # of the bounded run
    titles = " ".join(said.split())  # they are wrapped to the width of their table
    for analysis in ANALYSES:
        assert f"{analysis}, primary: mean ORR, Bayesian binomial-normal" in titles
        assert f"{analysis}, frequentist: mean ORR, binomial-normal maximum likelihood" in titles
        assert f"{analysis}, conventional: median ORR, inverse variance" in titles
        assert said.count("no-well-differentiated-kept") == len(ANALYSES)  # of the primary model only
    assert (
        f"In {pooled.out}: report.html, results/ (JSON), figures/ (PNG, SVG), tables/ and summary.csv" in said
    )


# From a number in a figure to its line


@pytest.mark.parametrize("analysis", ANALYSES)
@pytest.mark.parametrize("variation", FITTED)
def test_every_number_can_be_followed_to_its_line(pooled, analysis, variation):
    assert_followed(run_of(pooled, analysis, variation), pooled.root)


def test_figures_name_the_lines_of_their_numbers(pooled):
    """Footnotes wrap, so the text is compared without its blanks."""
    for by in ("overall", "region", "site"):
        svg = ET.parse(pooled.out / "figures" / f"jia-2022-table1.{by}.svg")
        said = "".join("".join(element.itertext()) for element in svg.iter()).replace(" ", "")
        factor = None if by == "overall" else by
        used = [e for e in run_of(pooled, "jia-2022-table1").ledger if e.action == "used" and e.by == factor]
        assert used
        assert all(f"{entry.file}:{entry.line}" in said for entry in used)


# Once more


def test_a_second_pool_does_nothing_again(pooled_copy, cli, tree):
    before = tree(pooled_copy.out)
    result = cli("pool", "--root", pooled_copy.root)
    assert result.code == 0
    assert f"{len(RUNS)} runs (0 fitted, the rest unchanged), 0 figures drawn." in result.out
    after = tree(pooled_copy.out)
    rewritten = {name for name in before if not name.startswith(".manifest")}
    assert {name: after[name] for name in rewritten} == {name: before[name] for name in rewritten}
    assert {name: digest for name, (digest, _) in after.items()} == {n: d for n, (d, _) in before.items()}


def test_two_processes_give_the_same_bytes(quick_pooled, cli, spawn, digests, tmp_path):
    """Other folder, other process, other hash seed; of curves too."""
    analysis = quick_pooled / "analyses" / "quick.yaml"
    text = analysis.read_text().replace("by: [region]\n", "")
    analysis.write_text(text.replace("primary: none, frequentist: none", "frequentist: none"))
    assert cli("pool", "--root", quick_pooled).code == 0
    result = spawn("pool", "--root", quick_pooled, "--out", tmp_path / "other", env={"PYTHONHASHSEED": "7"})
    assert result.code == 0, result.err
    ours = digests(quick_pooled / "out")
    assert len([name for name in ours if name.endswith((".png", ".svg"))]) >= 6
    assert {"results/quick/base.json", "results/quick/base.npz", "results/quick/_subsets.npz"} <= ours.keys()
    assert digests(tmp_path / "other") == ours


def test_one_analysis_alone(quick_pooled, cli, tree):
    """The other's files stay, the summary is of what was asked for."""
    (quick_pooled / "analyses" / "other.yaml").write_text(
        "name: other\nquestion: Same?\ntrials: [alpha, beta]\n"
        "models: {primary: none, frequentist: none, conventional: {tau2: DL}}\n"
    )
    before = tree(quick_pooled / "out" / "results")
    result = cli("pool", "other", "--root", quick_pooled)
    assert result.code == 0
    assert "1 runs (1 fitted, the rest unchanged), 2 figures drawn." in result.out
    after = tree(quick_pooled / "out")
    assert {f"results/{name}" for name in before} <= after.keys()
    assert {
        "results/other/base.json",
        "figures/other.aliasing.svg",
        "figures/other.overall.svg",
        "figures/quick.overall.svg",
    } <= after.keys()


def changed(before, after):
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def test_a_new_trial_is_one_file(quick_pooled, cli, tree, add_trial):
    add_trial(quick_pooled, "delta", "Asia", 4, 25)
    before = tree(quick_pooled / "out")
    assert cli("pool", "--root", quick_pooled).code == 0
    after = tree(quick_pooled / "out")
    assert before.keys() == after.keys()
    run = store.load_run(quick_pooled / "out" / "results" / "quick" / "base.json")
    assert counts_of(fit_by(run))["Delta (Smith 2020)"] == (4, 25)
    assert groups_of(fit_by(run, "region")) == {"Asia": (7, 45), "West": (5, 43)}
    for figure in ("overall", "region"):
        assert "Delta (Smith 2020)" in (quick_pooled / "out" / "figures" / f"quick.{figure}.svg").read_text()


def test_a_new_sensitivity_analysis_is_one_line(quick_pooled, cli, tree):
    out, analysis = quick_pooled / "out", quick_pooled / "analyses" / "quick.yaml"
    text = analysis.read_text()
    before = tree(out)
    analysis.write_text(text + "sensitivity: {no-gamma: {by: [], exclude: [{trial: gamma}]}}\n")
    result = cli("pool", "--root", quick_pooled)
    assert "2 runs (1 fitted, the rest unchanged), 2 figures drawn." in result.out
    after = tree(out)
    new = {
        "results/quick/no-gamma.json",
        "figures/quick.no-gamma.overall.png",
        "figures/quick.no-gamma.overall.svg",
        "figures/quick.specification.png",
        "figures/quick.specification.svg",
    }
    assert after.keys() - before.keys() == new
    named = {"results/quick/_subsets.npz"}  # which names the choices of trials that variations are
    assert {n for n in changed(before, after) if n.startswith(("results/", "figures/"))} == new | named
    assert list(pd.read_csv(out / "summary.csv").variation.unique()) == ["base", "no-gamma"]
    ledger = store.load_run(out / "results" / "quick" / "no-gamma.json").ledger
    assert [(e.trial, e.reason) for e in ledger if e.action == "dropped"] == [
        ("gamma", "excluded by the analysis")
    ]

    own = (out / "results" / "quick" / "my notes.txt", out / "figures" / "quick.mine.svg")
    for path in own:
        path.write_text("mine")
    analysis.write_text(text)
    assert cli("pool", "--root", quick_pooled).code == 0
    assert not [name for name in new if (out / name).exists()]
    assert [path.read_text() for path in own] == ["mine", "mine"]
    assert {n for n in changed(before, tree(out)) if n.startswith(("results/", "figures/"))} == {
        "results/quick/my notes.txt",
        "figures/quick.mine.svg",
        *named,
    }
    assert list(pd.read_csv(out / "summary.csv").variation.unique()) == ["base"]


def test_leave_one_out_is_one_line(quick_pooled, cli):
    analysis = quick_pooled / "analyses" / "quick.yaml"
    analysis.write_text(
        analysis.read_text() + "sensitivity: {each: each-trial, tau2.dl: {by: [], unit: arm}}\n"
    )
    result = cli("pool", "--root", quick_pooled, "--verbose")
    assert "5 runs (4 fitted, the rest unchanged), 3 figures drawn." in result.out
    assert re.search(r"without Alpha \(Smith 2020\) +2\* +5/43", result.out)
    assert re.search(r"^ *tau2\.dl +3\* +8/63", result.out, re.MULTILINE)
    names = {path.name for path in (quick_pooled / "out" / "figures").glob("*.svg")}
    drawn = ("overall", "region", "each", "tau2.dl.overall", "aliasing", "specification")
    assert names == {f"quick.{name}.svg" for name in drawn}
    svg = (quick_pooled / "out" / "figures" / "quick.each.svg").read_text()
    assert all(f"without {name} (Smith 2020)" in svg for name in ("Alpha", "Beta", "Gamma"))


def test_a_change_taken_back_after_an_interruption(quick_pooled, cli, monkeypatch, digests):
    """Files that a stopped run wrote from other data are not taken for those of these data."""
    out, trial = quick_pooled / "out", quick_pooled / "trials" / "alpha.yaml"
    before, text = digests(out), trial.read_text()
    trial.write_text(text.replace("responders: 3", "responders: 9"))
    with monkeypatch.context() as patched:
        patched.setattr("meta.records.storing.outputs.Outputs.close", stopped)
        with suppress(KeyboardInterrupt):
            assert cli("pool", "--root", quick_pooled).code == 130
    meanwhile = digests(out)
    for name in ("summary.csv", "tables/ledger.csv", "results/quick/base.json", "figures/quick.overall.svg"):
        assert meanwhile[name] != before[name], name
    trial.write_text(text)
    assert cli("pool", "--root", quick_pooled).code == 0
    assert digests(out) == before


def stopped(*_, **__):
    raise KeyboardInterrupt


def test_a_damaged_file_is_made_anew(quick_pooled, cli, digests):
    out = quick_pooled / "out"
    before = digests(out)
    (out / "figures" / "quick.overall.png").write_bytes(b"half")
    (out / "results" / "quick" / "base.json").write_text('{"schema": 1')
    (out / "tables" / "groups.csv").unlink()
    (out / ".manifest.json").write_text("[" * 100_000)
    assert cli("pool", "--root", quick_pooled).code == 0
    assert digests(out) == before


def test_a_run_of_an_older_schema_is_fitted_anew(quick_pooled, cli, digests):
    out = quick_pooled / "out"
    before, path = digests(out), out / "results" / "quick" / "base.json"
    older = path.read_text().replace(f'"schema": {SCHEMA}', f'"schema": {SCHEMA - 1}', 1)
    path.write_text(older)
    result = cli("pool", "--root", quick_pooled)
    assert "1 runs (1 fitted, the rest unchanged), 0 figures drawn." in result.out
    assert digests(out) == before


def test_no_analysis_yet(tmp_path, cli):
    for folder in ("trials", "analyses"):
        (tmp_path / folder).mkdir()
    result = cli("pool", "--root", tmp_path)
    assert result.code == 0
    for name in ("summary.csv", "tables/groups.csv", "tables/ledger.csv"):
        assert pd.read_csv(io.StringIO((tmp_path / "out" / name).read_text())).empty


# Faults


def test_unresolved_error_stops_before_anything_is_written(records, cli):
    path = records / "analyses" / "jia-2022-table1.yaml"
    path.write_text(path.read_text().replace("unresolved: drop", "unresolved: error"))
    result = cli("pool", "--root", records)
    assert result.code == 2
    assert not (records / "out").exists()
    assert "analysis jia-2022-table1: trials cannot be selected as asked" in result.err
    for name, line, found in (
        ("avelumab-avenec", 36, "10 of 29 patients are well differentiated"),
        ("pembrolizumab-nct02939651", 36, "an unreported number of 21 patients are well differentiated"),
    ):
        assert f"trials/{name}.yaml:{line}: reports[0].tables[0]: found {found}" in result.err
        table = (records / "trials" / f"{name}.yaml").read_text().splitlines()[line - 1]
        assert table.strip() == "- outcome: response"
    assert "unresolved: drop, keep, bound or latent" in result.err


# What to break: file, what stands there, what to put there, the line of the fault and a part of its message
BREAKS = {
    "more responders than patients": (
        "trials/alpha.yaml",
        "responders: 3}",
        "responders: 33}",
        15,
        "rows[0]",
    ),
    "a count in words": ("trials/alpha.yaml", "n: 20,", "n: twenty,", 15, "found 'twenty'"),
    "an unknown key": ("trials/beta.yaml", "region: West", "regoin: West", 4, "did you mean 'region'?"),
    "a repeated key": ("trials/beta.yaml", "region: West", "region: West\nregion: Asia", 5, "region"),
    "another id": ("trials/gamma.yaml", "id: gamma", "id: gama", 1, "found 'gama'"),
    "an unknown region": ("trials/gamma.yaml", "region: West", "region: NO", 4, "region"),
    "broken YAML": ("trials/alpha.yaml", "regimen: monotherapy", "regimen: [monotherapy", 4, "YAML"),
    "patients without end": ("trials/gamma.yaml", "n: 12,", "n: 999999999999,", 15, "0 to 9999999"),
    "no where": ("trials/beta.yaml", "        where: Table 1\n", "", 14, "where"),
    "a percentage that is none": (
        "trials/gamma.yaml",
        "responders: 0}",
        "responders: 0, percent: 8.3}",
        15,
        "percent",
    ),
    "an unknown trial": ("analyses/quick.yaml", "trials: all", "trials: [alpha, omega]", 3, "omega"),
    "an unknown grouping": (
        "analyses/quick.yaml",
        "by: [region]",
        "by: [regions]",
        4,
        "did you mean 'region'?",
    ),
    "a tau2 of its own": (
        "analyses/quick.yaml",
        "models: {primary: none, frequentist: none}",
        "models: {primary: none, frequentist: none, conventional: {tau2: DSL}}",
        5,
        "'DSL'",
    ),
    "a model of its own": (
        "analyses/quick.yaml",
        "models: {primary: none, frequentist: none}",
        "models: {primary: {model: bayes-binomal}}",
        5,
        "did you mean 'bayes-binomial'?",
    ),
    "an option of another model": (
        "analyses/quick.yaml",
        "models: {primary: none, frequentist: none}",
        "models:\n  primary:\n    tau2: DL",
        7,
        "tau2 is an option of model: inverse-variance",
    ),
    "a prior that is none": (
        "analyses/quick.yaml",
        "models: {primary: none, frequentist: none}",
        'models: {primary: {prior: "half-normal:-1"}}',
        5,
        "models.primary.prior: found scale -1 in half-normal:-1; "
        "0.001 to 1000 is allowed: what is beyond fits no trials",
    ),
    "two options at odds": (
        "analyses/quick.yaml",
        "models: {primary: none, frequentist: none}",
        "models: {primary: none, conventional: {tau2: common-effect}}",
        5,
        "models.conventional.interval: found mhk with tau2: common-effect",
    ),
    "a control character": (
        "trials/beta.yaml",
        "citation: beta",
        'citation: "\\e[31mbeta"',
        7,
        "control character '\\x1b'",
    ),
}
COMBINATIONS = (
    *((name,) for name in BREAKS),
    ("more responders than patients", "an unknown key", "another id", "an unknown grouping"),
    ("a count in words", "a repeated key", "an unknown region", "an unknown trial"),
    ("broken YAML", "no where", "a percentage that is none", "a tau2 of its own"),
    ("a control character", "an unknown region", "two options at odds"),
)


@pytest.mark.parametrize("names", COMBINATIONS, ids=" + ".join)
def test_bad_input_changes_nothing_and_names_every_fault(names, quick_pooled, cli, tree):
    for name in names:
        file, old, new, _, _ = BREAKS[name]
        path = quick_pooled / file
        text = path.read_text()
        assert text.count(old) == 1, name
        path.write_text(text.replace(old, new))
    before = tree(quick_pooled / "out")
    for command in ("pool", "check"):
        result = cli(command, "--root", quick_pooled)
        assert result.code == 2
        assert result.out == ""
        lines = result.err.splitlines()
        for name in names:
            file, _, _, line, words = BREAKS[name]
            assert any(said.startswith(f"{file}:{line}: ") and words in said for said in lines), (name, lines)
        files = {BREAKS[name][0] for name in names}
        assert {said.partition(":")[0] for said in lines} == files
    assert tree(quick_pooled / "out") == before


def test_bad_input_in_a_process_of_its_own(quick_pooled, spawn, tree):
    (quick_pooled / "trials" / "alpha.yaml").write_bytes(b"\xff\xfe\x00id: alpha")
    (quick_pooled / "analyses" / "quick.yaml").unlink()
    before = tree(quick_pooled / "out")
    result = spawn("pool", "quick", "--root", quick_pooled)
    assert result.code == 2
    assert "trials/alpha.yaml" in result.err
    assert "analyses/quick.yaml: found no such file; allowed: there is none yet" in result.err
    assert tree(quick_pooled / "out") == before


def test_results_cannot_be_written_into_a_file(quick, cli, tmp_path):
    (tmp_path / "file").write_text("mine")
    result = cli("pool", "--root", quick, "--out", tmp_path / "file")
    assert result.code == 2
    assert "cannot be written" in result.err
    assert (tmp_path / "file").read_text() == "mine"


# Names that mean something to somebody else

HOSTILE = {
    "script": "<script>alert(1)</script>",
    "mathematics": "$x^2$ \\\\frac{1}{2}",
    "markup": "[bold red]b[/bold red] [link=http://example.org]l[/link] [/]",
    "table": "a | b \\\\| c",
    "entity": "AT&T &lt; ]]> <!-- \\\" '",
    "bidirectional": "\\u202Edesrever\\u202C \\u05d0\\u05d1\\u05d2",
    "emoji": "\\U0001F600 \\U0001F468\\u200D\\U0001F469",
    "blanks": "a\\r\\nb\\tc",
    "long": "long" * 50,
}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory, cli, add_trial):
    root = tmp_path_factory.mktemp("hostile")
    for name, drug in HOSTILE.items():
        path = add_trial(root, name, "West", 2, 20, drug=f'"{drug}"')
        text = path.read_text().replace(f'citation: "{drug}" paper', f'citation: "{drug} paper"')
        path.write_text(text.replace("where: Table 1", f'where: "{drug}"'))
    (root / "analyses").mkdir()
    (root / "analyses" / "q.yaml").write_text(
        f'name: q\nquestion: "{HOSTILE["script"]} {HOSTILE["markup"]} {HOSTILE["mathematics"]}"\n'
        f'reproduces: {{source: smith-2020, where: "{HOSTILE["table"]}"}}\n'
        "trials: all\nmodels: {primary: none, frequentist: none}\nsensitivity: {each: each-trial}\n"
    )
    return root, cli("pool", "--verbose", "--root", root)


CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def test_hostile_names_on_the_terminal(hostile, cli):
    root, pooled = hostile
    assert pooled.code == 0
    outputs = [pooled, cli("list", "--root", root), cli("check", "--root", root)]
    outputs += [cli("show", name, "--root", root) for name in HOSTILE]
    for result in outputs:
        assert result.code == 0
        assert not CONTROL.search(result.out + result.err)
    said = "".join(result.out for result in outputs)
    for text in (
        "[bold red]b[/bold red]",
        "[link=http://example.org]l[/link]",
        "[/]",
        "<script>alert(1)</script>",
    ):
        assert text in said  # as text, neither obeyed nor lost


def test_hostile_names_in_figures(hostile):
    root, _ = hostile
    for name in ("q.overall.svg", "q.each.svg"):
        text = (root / "out" / "figures" / name).read_text(encoding="utf-8")
        assert not CONTROL.search(text)
        svg = ET.fromstring(text)
        tags = {element.tag.rpartition("}")[2] for element in svg.iter()}
        assert tags <= {
            "svg",
            "g",
            "defs",
            "style",
            "path",
            "use",
            "text",
            "tspan",
            "clipPath",
            "rect",
            "metadata",
            "RDF",
            "Work",
            "type",
            "format",
            "creator",
            "title",
            "date",
            "Agent",
        }
        said = "".join("".join(svg.itertext()).split())
        for words in ("<script>alert(1)</script>", "$x^2$", "[boldred]b[/boldred]", "AT&T&lt;]]><!--"):
            assert words in said


def test_hostile_names_in_a_markdown_table(hostile):
    root, _ = hostile
    text = (root / "out" / "tables" / "q.reproduced.md").read_text(encoding="utf-8")
    assert not CONTROL.search(text)
    assert not re.search(r"(?<!\\)[<>\[\]`]", text)
    cells = {len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in text.splitlines()}
    assert cells == {len(HOSTILE) + 2}


def test_hostile_names_in_tables_come_back(hostile):
    root, _ = hostile
    table = pd.read_csv(root / "out" / "tables" / "ledger.csv")
    assert "<script>alert(1)</script>" in set(table["where"])
    assert len(pd.read_csv(root / "out" / "summary.csv")) == 1 + len(HOSTILE)


def test_control_characters_are_refused_with_their_line(quick, cli):
    path = quick / "trials" / "alpha.yaml"
    text = path.read_text()
    path.write_text(text.replace("alpha paper", '"\\e]8;;http://example.org\\a"'))
    result = cli("list", "--root", quick)
    assert (result.code, result.out) == (2, "")
    assert "trials/alpha.yaml:7: reports[0].citation: found the control character '\\x1b'" in result.err
    path.write_bytes(text.replace("alpha paper", "\x1b[2J").encode())
    result = cli("list", "--root", quick)
    assert result.code == 2
    assert "trials/alpha.yaml:7: found the control character '\\x1b'" in result.err
    assert not CONTROL.search(result.err)
