"""`fit` through every model of the union: which one answers, with which options, and what it says."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import fields
from inspect import signature
from itertools import product

import pytest

from meta.cli import fitting as cli_fit
from meta.models import MODELS, BayesBinomial
from meta.records.reading.model_words import WORDS
from tests.e2e.tables import CORNERS, TABLE1, numbers, table_of

X = ("--responders", "x", "--label", "trial")
BAYES = ("bayes-binomial", "bayes-normal")
EXACT = ("bayes-binomial", "binomial-normal", "beta-binomial")
QUICK = ("--bootstrap", "50")  # of binomial-normal: the default takes a second


def flag(name):
    return f"--{WORDS.get(name, name).replace('_', '-')}"


# Which model


def test_every_option_of_every_model_can_be_given(cli):
    """A model with an option of its own needs its line in meta/cli/fitting.py, and no other stands there."""
    options = {flag(item.name) for kind in MODELS.values() for item in fields(kind)}
    table = {"file", "responders", "n", "label", "by", "moderator", "unit", "format", "calibrate"}
    assert {flag(name) for name in signature(cli_fit.fit).parameters.keys() - table} == options
    said = cli("fit", "--help").out
    for name, kind in MODELS.items():
        assert name in said
        for item in fields(kind):
            assert f"{flag(item.name)} " in said, (name, item.name)


@pytest.mark.parametrize("model", MODELS)
def test_defaults_are_those_of_the_model(model, fitted):
    found = fitted(TABLE1, *X, "--model", model)
    assert found["model"] == json.loads(json.dumps({f.name: f.default for f in fields(MODELS[model])}))


def test_without_a_word_the_primary_model_answers(fitted):
    found = fitted(TABLE1, *X)
    assert found["model"] == json.loads(json.dumps({f.name: f.default for f in fields(BayesBinomial)}))
    assert found["proportion"]["estimand"] == "mean"


@pytest.mark.parametrize(
    ("options", "model"),
    [
        (("--tau2", "DL"), "inverse-variance"),
        (("--scale", "log"), "inverse-variance"),
        (("--interval", "hk"), "inverse-variance"),
        (("--interval", "profile-t"), "binomial-normal"),
        (("--interval", "wald"), "binomial-normal"),
        (("--interval", "shortest"), "bayes-binomial"),
        (("--bootstrap", "0"), "binomial-normal"),
        (("--prior", "half-normal:1"), "bayes-binomial"),
        (("--prior", "half-normal:1", "--scale", "arcsine"), "bayes-normal"),
        (("--level", "0.9"), "bayes-binomial"),
    ],
    ids=str,
)
def test_without_a_model_the_first_that_takes_the_options(options, model, fitted):
    assert fitted(TABLE1, *X, *options)["model"]["model"] == model


# Options that do not fit

VALUES = {
    "scale": "log", "tau2": "DL", "tau2_interval": "q-profile", "prediction": "t", "continuity": "0.1",
    "prior": "half-normal:1", "mu_prior": "normal:0,1", "thresholds": "0.1", "new_trial": "20",
    "engine": "quadrature", "draws": "10", "tune": "10", "seed": "3", "bootstrap": "0",
}  # fmt: skip
FOREIGN = [
    (model, option)
    for model, option in product(MODELS, VALUES)
    if option not in {item.name for item in fields(MODELS[model])}
]


@pytest.mark.parametrize(("model", "option"), FOREIGN)
def test_an_option_of_another_model_is_refused(model, option, fit):
    result = fit(TABLE1, *X, "--model", model, flag(option), VALUES[option])
    assert (result.code, result.out) == (2, "")
    (line,) = result.err.splitlines()
    others = [name for name, kind in MODELS.items() if option in {item.name for item in fields(kind)}]
    assert line.startswith(f"{flag(option)}: an option of {', '.join(others)}, not of {model}; allowed: --")
    own = [flag(item.name) for item in fields(MODELS[model]) if item.name != "model"]
    assert line.endswith(f"allowed: {', '.join(own)}")


@pytest.mark.parametrize("model", MODELS)
def test_words_of_an_interval_are_each_models_own(model, fit):
    result = fit(TABLE1, *X, "--model", model, "--interval", "nonsense")
    assert (result.code, result.out) == (2, "")
    own = {"inverse-variance": "mhk", "bayes-binomial": "equal-tailed", "bayes-normal": "equal-tailed"}
    assert result.err.startswith("--interval: found 'nonsense'; allowed: ")
    assert f"'{own.get(model, 'profile-t')}'" in result.err


WRONG = {
    "a negative scale": (
        ("--prior", "half-normal:-1"),
        "--prior: found scale -1 in half-normal:-1; 0.001 to 1000 is allowed: what",
    ),
    "another family": (("--prior", "cauchy:1"), "--prior: found 'cauchy'; half-normal, half-cauchy"),
    "a number": (("--prior", "1.25"), "--prior: found '1.25'"),
    "half a prior of mu": (("--mu-prior", "normal:1"), "--mu-prior: found 'normal:1'; normal:mean,sd"),
    "percent": (("--threshold", "10"), "--threshold: found 10.0; ORRs between 0 and 1"),
    "nan": (("--threshold", "nan"), "--threshold: found nan; ORRs between 0 and 1"),
    "one of two": (("--threshold", "0.1", "--threshold", "2"), "--threshold: found 2.0"),
    "an engine": (("--engine", "stan"), "--engine: found 'stan'; allowed: 'quadrature', 'pymc'"),
    "nobody": (("--new-trial", "0"), "--new-trial: found 0; 1 to 10000 patients"),
    "no draws": (("--draws", "0"), "--draws: found 0; a whole number from 1"),
}


@pytest.mark.parametrize("name", WRONG)
def test_values_that_are_refused(name, fit):
    options, message = WRONG[name]
    result = fit(TABLE1, *X, "--model", "bayes-binomial", *options)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(message)
    assert len(result.err.splitlines()) == 1


def test_every_fault_at_once_of_the_nearest_model(fit):
    result = fit(TABLE1, *X, "--prior", "x", "--interval", "y", "--groups", "z", "--unit", "u")
    assert result.code == 2
    starts = [line.split(":")[0] for line in result.err.splitlines()]
    note = f"(as options of bayes-binomial, the nearest; --model takes {', '.join(MODELS)})"
    assert starts == ["--groups", "--interval", "--prior", note, "--unit"]


EVERY_FAULT = {
    "bayes-binomial": (
        ("--prior", "half-t:0,-1", "--mu-prior", "normal:x,2", "--level", "2", "--threshold", "10",
         "--new-trial", "0", "--draws", "0", "--tune", "0", "--seed", "-1", "--engine", "stan"),
        ["--engine: found 'stan'; allowed: 'quadrature'", "--draws: found 0; ", "--level: found 2.0; ",
         "--mu-prior: found 'normal:x,2'; family:number", "--new-trial: found 0; ",
         "--prior: found df 0 in half-t:0,-1; ", "--prior: found scale -1 in half-t:0,-1; ",
         "--seed: found -1; ", "--threshold: found 10.0; ", "--tune: found 0; "],
    ),
    "bayes-normal": (
        ("--prior", "x", "--mu-prior", "normal:0", "--continuity", "7", "--scale", "probit"),
        ["--scale: found 'probit'; ", "--continuity: found 7.0; ", "--mu-prior: found 'normal:0'; ",
         "--prior: found 'x'; half-normal"],
    ),
    "binomial-normal": (
        ("--bootstrap", "-1", "--seed", "-1", "--level", "0", "--interval", "mhk"),
        ["--interval: found 'mhk'; ", "--bootstrap: found -1; ", "--level: found 0.0; ",
         "--seed: found -1; "],
    ),
    "beta-binomial": (
        ("--level", "0", "--groups", "both"), ["--groups: found 'both'; ", "--level: found 0.0; "]
    ),
    # the interval is judged once: as a word, not as one that common-effect does not go with
    "inverse-variance": (
        ("--tau2", "common-effect", "--interval", "x", "--tau2-interval", "profile-likelihood", "--level",
         "9", "--continuity", "0"),
        ["--interval: found 'x'; ", "--continuity: found 0.0; ", "--level: found 9.0; ",
         "--tau2-interval: found profile-likelihood with tau2: common-effect; "],
    ),
}  # fmt: skip


@pytest.mark.parametrize("model", EVERY_FAULT)
def test_every_option_at_fault_is_named_with_what_is_allowed(model, fit):
    options, starts = EVERY_FAULT[model]
    result = fit(TABLE1, *X, "--model", model, *options)
    assert (result.code, result.out) == (2, "")
    lines = result.err.splitlines()
    assert len(lines) == len(starts)
    for line, start in zip(lines, starts, strict=True):
        assert line.startswith(start)
        assert "allowed" in line


@pytest.mark.parametrize("option", ["--draws", "--seed", "--new-trial", "--bootstrap"])
def test_whole_numbers(option, fit):
    result = fit(TABLE1, *X, option, "1.5")
    assert (result.code, result.out) == (2, "")
    assert option in result.err


# What is printed

KEYS = """
    estimands.median.value estimands.median.level estimands.predictive.value estimands.predictive.level
    estimands.mean.value estimands.mean.low estimands.mean.high estimands.mean.level estimands.mean.kind
    mu.value mu.low mu.high loglik
""".split()


def lookup(data, key):
    for name in key.split("."):
        data = data[name]
    return data


@pytest.mark.parametrize("model", EXACT)
def test_json_has_every_key(model, fitted):
    found = fitted(TABLE1, *X, "--model", model)
    tau = [] if model == "beta-binomial" else ["tau.value", "tau.low", "tau.high", "tau.level"]
    for key in (*KEYS, *tau):
        if (model, key) != ("bayes-binomial", "loglik"):  # of maximum likelihood
            assert lookup(found, key) is not None, key
    for name in ("median", "mean", "predictive"):
        assert found["estimands"][name]["estimand"] == name
    median = found["estimands"]["median"]
    assert (median["low"] is None) == (model == "beta-binomial")
    assert median["low"] is not None or median["reason"]
    kind = {"bayes-binomial": "credible"}.get(model, "confidence")
    assert found["estimands"]["mean"]["kind"] == kind
    assert "grids" not in found


@pytest.mark.parametrize("model", BAYES)
def test_thresholds(model, fitted):
    found = fitted(TABLE1, *X, "--model", model, "--threshold", "0.10", "--threshold", "0.2")
    assert {p["threshold"] for p in found["probabilities"]} == {0.1, 0.2}
    for name in {p["estimand"] for p in found["probabilities"]}:
        at = {p["threshold"]: p["value"] for p in found["probabilities"] if p["estimand"] == name}
        assert 1 > at[0.1] > at[0.2] > 0


def test_a_prior_moves_the_answer(fitted):
    sceptical, open_minded = (
        fitted(TABLE1, *X, "--prior", prior)["tau"] for prior in ("half-normal:0.1", "half-normal:10")
    )
    assert sceptical["value"] < 0.2 < open_minded["value"]
    assert sceptical["prior"]["name"] == "half-normal:0.1"


def test_a_new_trial(fitted):
    found = fitted(TABLE1, *X, "--new-trial", "12")["predictive_count"]
    assert (found["n"], len(found["at_least"])) == (12, 13)


@pytest.mark.parametrize("model", MODELS)
def test_text_and_csv(model, fit):
    text = fit(TABLE1, *X, "--model", model)
    assert text.code == 0
    assert "14/100 responders" in text.out
    rows = list(csv.DictReader(io.StringIO(fit(TABLE1, *X, "--model", model, "--format", "csv").out)))
    assert [row["group"] for row in rows] == ["overall"]
    assert float(rows[0]["proportion_low"]) < float(rows[0]["proportion"]) < float(rows[0]["proportion_high"])


# Groups of trials


@pytest.mark.parametrize("model", MODELS)
def test_a_moderator_is_a_grouping(model, fit):
    quick = QUICK if model == "binomial-normal" else ()
    options = (*X, "--model", model, *quick, "--format", "json")
    moderated, grouped = (fit(TABLE1, *options, how, "region") for how in ("--moderator", "--by"))
    assert moderated == grouped
    assert [group["label"] for group in json.loads(moderated.out)["groups"]] == ["Asia", "West"]


def test_a_moderator_has_one_level_a_trial(fit, fitted):
    table = "trial,region,x,n\na,Asia,5,18\na,West,6,32\nc,West,2,29\nc,Asia,2,9\n"
    result = fit(table, *X, "--moderator", "region")
    assert (result.code, result.out) == (2, "")
    for line, found in ((3, "found 'West' for 'a' ('Asia' in line 2)"), (5, "found 'Asia' for 'c'")):
        assert f"counts.csv:{line}: region: {found}" in result.err
    assert "or --by, for groups within trials" in result.err
    conventional = ("--model", "inverse-variance")
    assert fitted(table, *X, *conventional, "--by", "region")["k"] == 2
    assert fitted(table, *X, *conventional, "--moderator", "region", "--unit", "arm")["k"] == 4


def test_a_moderator_and_a_grouping(fit):
    result = fit(TABLE1, *X, "--moderator", "region", "--by", "region")
    assert (result.code, result.out) == (2, "")
    assert result.err == "--moderator: found 'region' beside --by 'region'; one of the two is allowed\n"
    result = fit(TABLE1, *X, "--moderator", "region", "--groups", "separate")
    assert (result.code, result.out) == (2, "")
    assert "--groups: found separate with --moderator" in result.err


def test_a_moderator_that_is_no_column(fit):
    result = fit(TABLE1, *X, "--moderator", "country")
    assert (result.code, result.out) == (2, "")
    assert "country: no such column; allowed: trial, region, x, n" in result.err


# Extremes

EXTREMES = {
    **CORNERS,
    "5000 patients": [(600, 5000), (1, 20), (3, 30)],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", EXTREMES)
@pytest.mark.parametrize("model", [name for name in MODELS if name != "inverse-variance"])
def test_extremes_have_an_answer_or_a_reason(model, name, fit, fitted):
    table = table_of(EXTREMES[name])
    options = ("--responders", "x", "--model", model)
    found = fitted(table, *options)
    assert found["k"] == len(EXTREMES[name])
    assert all(math.isfinite(value) for _, value in numbers(found))
    assert found["proportion"]["value"] is not None or found["proportion"]["reason"]
    if found["proportion"]["low"] is not None:
        low, value, high = (found["proportion"][end] for end in ("low", "value", "high"))
        assert 0 <= low <= value <= high <= 1
    text = fit(table, *options)
    assert (text.code, text.err) == (0, "")
    assert not {"nan", "inf", "None", "-inf"} & set(text.out.replace(",", " ").split())


def test_faults_of_options_and_of_the_table_come_at_once(fit):
    table = "trial,g,x,n\na,p,5,3\nb,q,2,ten\n"
    result = fit(table, *X, "--by", "g", "--moderator", "g", "--prior", "foo:1", "--level", "3")
    assert (result.code, result.out) == (2, "")
    lines = [line for line in result.err.splitlines() if "found" in line]
    parts = ("--level: found 3", "--prior: found 'foo'", "--moderator: found 'g'", ":2: x: ", ":3: n: ")
    assert len(lines) == len(parts), lines
    assert all(any(part in line for line in lines) for part in parts)
