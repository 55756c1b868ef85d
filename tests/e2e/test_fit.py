"""`fit`: a user's own table through every option of the conventional model, and against metafor."""

from __future__ import annotations

import csv
import io
import json
import math
from itertools import product
from pathlib import Path

import pytest

from tests.e2e.tables import CORNERS, TABLE1, numbers, table_of

REFERENCE = json.loads((Path(__file__).parents[1] / "reference" / "metafor.json").read_text(encoding="utf-8"))
SETS = ("table1", "table1_zero", "pritz1997")
SCALES = {"logit": "PLO", "log": "PLN", "identity": "PR", "arcsine": "PAS", "double-arcsine": "PFT"}
TAU2 = {"REML": "REML", "DL": "DL", "PM": "PM", "common-effect": "EE"}


def reference_table(name):
    rows = REFERENCE[name]["data"]
    lines = [f"study {i},{row['mod']},{row['x']},{row['n']}" for i, row in enumerate(rows)]
    return "\n".join(["trial,group,x,n", *lines]) + "\n"


PLAIN = ("--responders", "x", "--label", "trial")
COUNTS = ("--responders", "x", "--model", "inverse-variance")
X = (*COUNTS, "--label", "trial")


def close(theirs, size=1.0):
    """As close as tests/reference explains: both sides stop iterating somewhere near 1e-11 in tau2."""
    return pytest.approx(theirs, rel=2e-9, abs=2e-9 * abs(size))


@pytest.mark.reference
@pytest.mark.parametrize(("name", "scale", "tau2"), list(product(SETS, SCALES, TAU2)))
def test_agrees_with_metafor(name, scale, tau2, fitted):
    theirs = REFERENCE[name]["rma"][SCALES[scale]][TAU2[tau2]]
    options = (*X, "--scale", scale, "--tau2", tau2)
    found = fitted(reference_table(name), *options, "--interval", "wald", "--prediction", "normal")
    assert found["model"]["scale"] == scale
    assert found["tau2"]["definition"] == tau2
    assert found["mu"]["value"] == close(theirs["mu"])
    assert found["mu"]["se"] == close(theirs["se"])
    limits = found["mu"]
    assert [limits["low"], limits["high"]] == close(theirs["ci"], theirs["mu"])
    assert (limits["kind"], limits["level"], limits["df"]) == ("confidence", 0.95, None)
    assert found["tau2"]["value"] == pytest.approx(theirs["tau2"], rel=1e-10, abs=1e-11)
    assert found["heterogeneity"]["Q"] == close(theirs["Q"])
    assert found["heterogeneity"]["p"] == close(theirs["Q_p"])
    if tau2 == "common-effect":
        assert found["heterogeneity"]["I2"]["value"] is None
        assert found["heterogeneity"]["I2"]["reason"]
        assert 100 * found["heterogeneity"]["I2_Q"]["value"] == close(theirs["I2"])
        assert found["prediction"]["effect"]["low"] is None
        assert found["prediction"]["effect"]["reason"]
        return
    assert 100 * found["heterogeneity"]["I2"]["value"] == pytest.approx(theirs["I2"], abs=4e-7)
    assert found["heterogeneity"]["H2"]["value"] == close(theirs["H2"])
    ahead = found["prediction"]["effect"]
    assert [ahead["low"], ahead["high"]] == close(theirs["pi_z"], theirs["mu"])
    # uniroot left metafor's limits of tau2 at about four digits
    spread = found["tau2"]
    assert [spread["low"], spread["high"]] == pytest.approx(theirs["tau2_ci_qp"], abs=1.3e-4)
    assert spread["method"] == "Q-profile"


@pytest.mark.reference
@pytest.mark.parametrize(("name", "scale", "tau2"), list(product(SETS, SCALES, ("REML", "DL", "PM"))))
def test_intervals_agree_with_metafor(name, scale, tau2, fitted):
    theirs = REFERENCE[name]["rma"][SCALES[scale]][tau2]
    table, options = reference_table(name), (*X, "--scale", scale, "--tau2", tau2)
    k = len(REFERENCE[name]["data"])
    hk = fitted(table, *options, "--interval", "hk", "--prediction", "hk")
    assert hk["mu"]["se"] == close(theirs["se"])  # the model's own; the interval's is beside the interval
    assert hk["mu"]["interval_se"] == close(theirs["hk"]["se"])
    assert [hk["mu"][end] for end in ("low", "high")] == close(theirs["hk"]["ci"], theirs["mu"])
    assert hk["mu"]["df"] == k - 1
    assert [hk["prediction"]["effect"][end] for end in ("low", "high")] == close(
        theirs["pi_hk"], theirs["mu"]
    )
    mhk = fitted(table, *options, "--prediction", "hts")
    assert mhk["mu"]["interval_se"] == close(max(theirs["se"], theirs["hk"]["se"]))
    assert [mhk["prediction"]["effect"][end] for end in ("low", "high")] == close(
        theirs["pi_riley"], theirs["mu"]
    )
    assert mhk["prediction"]["effect"]["df"] == k - 2


@pytest.mark.reference
@pytest.mark.parametrize("scale", SCALES)
def test_groups_agree_with_metafor(scale, fitted):
    """Two groups under a common tau2 are a meta-regression on their indicator."""
    theirs = REFERENCE["table1"]["rma"][SCALES[scale]]["REML"]["mod"]
    found = fitted(reference_table("table1"), *X, "--by", "group", "--scale", scale, "--interval", "wald")
    assert [group["label"] for group in found["groups"]] == ["Asia", "West"]
    first, second = (group["mu"]["value"] for group in found["groups"])
    assert [first, second - first] == close(theirs["b"], theirs["b"][0])
    assert [group["tau2"]["value"] for group in found["groups"]] == pytest.approx(
        [theirs["tau2"]] * 2, abs=1e-11
    )
    assert found["between"]["statistic"] == close(theirs["QM"])
    assert found["between"]["p"] == pytest.approx(theirs["QM_p"], rel=2e-8)
    assert found["between"]["df"] == 1


# What is printed

KEYS = """
    k n responders
    mu.value mu.se mu.low mu.high mu.level mu.kind mu.df
    tau2.value tau2.definition tau2.at_boundary tau2.low tau2.high tau2.method
    heterogeneity.Q heterogeneity.df heterogeneity.p heterogeneity.I2.value heterogeneity.I2.definition
    heterogeneity.I2_Q.value heterogeneity.I2_Q.definition heterogeneity.H2.value heterogeneity.H2.definition
    prediction.effect.low prediction.effect.high prediction.effect.level prediction.effect.df
    prediction.effect.method
    proportion.value proportion.low proportion.high proportion.estimand
""".split()


def lookup(data, key):
    for name in key.split("."):
        data = data[name]
    return data


@pytest.mark.parametrize("key", KEYS)
def test_json_has_every_key(key, fitted):
    assert lookup(fitted(TABLE1, *X), key) is not None


def test_json_is_table_1(fitted):
    found = fitted(TABLE1, *X, "--by", "region", "--interval", "hk")
    assert [found[key] for key in ("k", "n", "responders")] == [4, 100, 14]
    assert found["mu"]["value"] == pytest.approx(-1.752336, abs=5e-7)
    assert found["mu"]["low"] == pytest.approx(-3.152129, abs=5e-7)
    assert found["mu"]["high"] == pytest.approx(-0.352543, abs=5e-7)
    assert found["tau2"]["value"] == pytest.approx(0.306546, abs=5e-7)
    assert found["tau2"]["at_boundary"] is False
    assert 100 * found["heterogeneity"]["I2"]["value"] == pytest.approx(43.894, abs=5e-4)
    assert [(t["label"], t["responders"], t["n"]) for t in found["trials"]] == [
        ("a", 5, 18),
        ("b", 6, 32),
        ("c", 2, 29),
        ("d", 1, 21),
    ]
    assert sum(trial["weight"] for trial in found["trials"]) == pytest.approx(1)
    assert [(g["label"], g["k"], g["responders"], g["n"]) for g in found["groups"]] == [
        ("Asia", 2, 11, 50),
        ("West", 2, 3, 50),
    ]
    assert isinstance(found["notes"], list)
    assert found["proportion"]["value"] == pytest.approx(0.14775277512348797, rel=1e-9)


def test_json_without_groups_has_none(fitted):
    found = fitted(TABLE1, *X)
    assert found["groups"] == []
    assert found["between"] is None


def test_trials_without_a_label_are_named_by_their_line(fitted):
    found = fitted("x,n\n\n5,18\n6,32\n", *COUNTS)
    assert [trial["label"] for trial in found["trials"]] == ["line 3", "line 4"]


def test_separate_tau2(fitted):
    found = fitted(TABLE1, *X, "--by", "region", "--groups", "separate")
    alone = [fitted(f"trial,x,n\n{rows}", *X) for rows in ("a,5,18\nb,6,32\n", "c,2,29\nd,1,21\n")]
    for group, own in zip(found["groups"], alone, strict=True):
        assert group["mu"] == own["mu"]
        assert group["tau2"] == own["tau2"]
    assert "separate" in found["between"]["method"]


@pytest.mark.parametrize("level", [0.5, 0.9, 0.99])
def test_level(level, fitted):
    found = fitted(TABLE1, *X, "--level", level)
    for interval in (
        found["mu"],
        found["tau2"],
        found["prediction"]["effect"],
        found["proportion"],
        found["trials"][0]["proportion"],
    ):
        assert interval["level"] == level


def test_widths_grow_with_the_level(fitted):
    widths = [
        f["high"] - f["low"]
        for f in (fitted(TABLE1, *X, "--level", p)["proportion"] for p in (0.5, 0.9, 0.99))
    ]
    assert widths == sorted(widths)


Z = 1.959963984540054


@pytest.mark.parametrize(
    ("method", "high", "digits"),
    [
        ("clopper-pearson", 1 - 0.025 ** (1 / 15), 1e-12),
        ("wilson", Z**2 / (15 + Z**2), 1e-12),
        ("jeffreys", 0.151817, 5e-7),
    ],
)
def test_intervals_of_a_trial(method, high, digits, fitted):
    """0 of 15, by the closed forms; Jeffreys by the 97.5 % quantile of Beta(0.5, 15.5)."""
    found = fitted("x,n\n0,15\n3,20\n", *COUNTS, "--trial-interval", method)
    interval = found["trials"][0]["proportion"]
    assert interval["low"] == 0
    assert interval["high"] == pytest.approx(high, abs=digits)


def test_text(fit):
    said = fit(TABLE1, *X, "--by", "region").out
    assert "Asia\n  a       5/18     27.8 (9.7–53.5)" in said
    assert "  Median ORR, % (95 % interval): 14.8 (4.1–41.3)" in said
    assert "  95 % prediction interval, %: 0.9–77.6 (" in said
    assert "Prediction interval not given: tau2" not in said  # written as τ²
    assert "Prediction interval not given: τ² is estimated as 0" in said
    assert "τ² = 0.307 (REML), 95 % CI 0.000–12.075 (Q-profile)" in said
    assert "I² (from τ²) = 43.9 %" in said
    assert "df = 1, p = 0.031 (Wald chi-squared, common τ²; p is unreliable below k = 10)" in said
    assert said.index("Asia") < said.index("West") < said.index("All trials")


def test_csv_has_the_numbers_of_the_json(fit, fitted):
    rows = list(csv.DictReader(io.StringIO(fit(TABLE1, *X, "--by", "region", "--format", "csv").out)))
    found = fitted(TABLE1, *X, "--by", "region")
    assert [row["group"] for row in rows] == ["overall", "Asia", "West"]
    for row, part in zip(rows, (found, *found["groups"]), strict=True):
        assert (int(row["k"]), int(row["n"]), int(row["responders"])) == (
            part["k"],
            part["n"],
            part["responders"],
        )
        assert float(row["mu"]) == part["mu"]["value"]
        assert float(row["proportion"]) == part["proportion"]["value"]
        assert float(row["tau2"]) == part["tau2"]["value"]
        assert float(row["I2"]) == part["heterogeneity"]["I2"]["value"]


# What a table may look like

SAME = {
    "as it is": TABLE1.encode(),
    "byte order mark": b"\xef\xbb\xbf" + TABLE1.encode(),
    "Windows line ends": TABLE1.replace("\n", "\r\n").encode(),
    "old Mac line ends": TABLE1.replace("\n", "\r").encode(),
    "blank lines": TABLE1.replace("\n", "\n\n , ,,\n\n").encode(),
    "quoted cells": (
        b'"trial","region","x","n"\n"a","Asia","5","18"\n"b","Asia",6,"32"\nc,West,2,29\nd,West,"1",21'
    ),
    "blanks around cells": TABLE1.replace(",", " , ").encode(),
    "another order": b"n,x,extra,region,trial\n18,5,,Asia,a\n32,6,?,Asia,b\n29,2,,West,c\n21,1,,West,d\n",
}


@pytest.mark.parametrize("name", SAME)
def test_tables_that_say_the_same(name, fit):
    options = (*X, "--by", "region", "--format", "json")
    assert fit(SAME[name], *options) == fit(TABLE1, *options)


def test_a_name_with_a_comma_and_a_line_break(fitted):
    found = fitted('trial,x,n\n"Smith, 2020",5,18\n"two\nlines",6,32\nπ 試験,2,29\n', *X)
    assert [trial["label"] for trial in found["trials"]] == ["Smith, 2020", "two\nlines", "π 試験"]


FAULTS = {
    "semicolons": ("trial;x;n\na;5;18\n", [":1: found semicolons between the cells; commas"]),
    "missing column": ("trial,y,n\na,5,18\n", [":1: x: no such column; allowed: trial, y, n"]),
    "not a number": ("trial,x,n\na,five,18\nb,6,thirty\n", [":2: x: found 'five'", ":3: n: found 'thirty'"]),
    "decimals": ("trial,x,n\na,5.0,18\n", [":2: x: found '5.0'; a whole number from 0"]),
    "exponent": ("trial,x,n\na,5,1e2\n", [":2: n: found '1e2'; a whole number from 1"]),
    "other digits": ("trial,x,n\na,٥,18\n", [":2: x: found '٥'"]),
    "empty count": ("trial,x,n\na,,18\n", [":2: x: found ''"]),
    "negative": ("trial,x,n\na,-1,18\nb,3,-4\n", [":2: x: found '-1'", ":3: n: found '-4'"]),
    "more responders than patients": (
        "trial,x,n\na,19,18\n",
        [":2: x: found 19 responders of 18; at most 18"],
    ),
    "no patients": ("trial,x,n\na,0,0\n", [":2: n: found '0'; a whole number from 1"]),
    "huge": (f"trial,x,n\na,1,{'9' * 400}\n", [":2: n: found '999", "a whole number from 1 to 9999999"]),
    "twice": ("trial,x,n\na,5,18\nb,6,32\na,2,29\n", [":4: found 'a' again (first in line 2)", "--unit arm"]),
    "no name": ("trial,x,n\n,5,18\n", [":2: trial: found nothing"]),
    "too few cells": ("trial,x,n\na,5\n", [":2: found 2 cells; 3, as in the header"]),
    "too many cells": ("trial,x,n\na,5,18,9\n", [":2: found 4 cells"]),
    "a column twice": ("trial,x,n,n\na,5,18,9\n", [":1: n: found more than once"]),
    "only a header": ("trial,x,n\n", ["found no line of counts"]),
    "empty": ("", ["found an empty file"]),
    "blank": ("\n \n", ["found an empty file"]),
    "binary": (bytes(range(256)), ["cannot be read: not UTF-8"]),
    "UTF-16": ("trial,x,n\na,5,18\n".encode("utf-16"), ["cannot be read: not UTF-8"]),
    "an open quote": ('trial,x,n\n"a,5,18\n', ["comma-separated values are allowed"]),
    "a cell beyond measure": (f"trial,x,n\n{'a' * 200_000},5,18\n", ["comma-separated values are allowed"]),
    "several at once": (
        "trial,x,n\na,-1,18\nb,40,32\n,x,29\nd,1,21,5\n",
        [
            ":2: x: found '-1'",
            ":3: x: found 40 responders of 32",
            ":4: trial",
            ":4: x: found 'x'",
            ":5: found 4",
        ],
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_tables_that_are_refused(name, fit):
    table, messages = FAULTS[name]
    result = fit(table, *X)
    assert (result.code, result.out) == (2, "")
    for message in messages:
        assert message in result.err
    assert all("counts.csv:" in line for line in result.err.splitlines())


def test_a_trial_twice_in_one_group(fit):
    result = fit("trial,g,x,n\na,1,5,18\na,2,6,32\na,1,2,29\n", *X, "--by", "g")
    assert result.code == 2
    assert ":4: found 'a' again in '1' (first in line 2)" in result.err


def test_arms_of_a_trial_apart(fitted):
    found = fitted("trial,x,n\na,5,18\nb,6,32\na,2,29\n", *X, "--unit", "arm")
    assert [trial["label"] for trial in found["trials"]] == ["a (line 2)", "b", "a (line 4)"]
    assert found["k"] == 3


def test_a_trial_in_two_groups_counts_once(fitted):
    found = fitted("trial,g,x,n\na,1,5,18\na,2,6,32\nb,1,2,29\n", *X, "--by", "g")
    assert found["k"] == 2
    assert [(t["label"], t["responders"], t["n"]) for t in found["trials"]] == [("a", 11, 50), ("b", 2, 29)]
    assert any("rows in several groups" in note for note in found["notes"])


def test_a_missing_file_and_a_folder(cli, tmp_path):
    for path in (tmp_path / "nothing.csv", tmp_path):
        result = cli("fit", path, *X)
        assert (result.code, result.out) == (2, "")
        assert f"{path}: cannot be read" in result.err


def test_names_do_not_move_the_cursor(fit):
    table = "trial,g,x,n\n\x1b[31ma\x9b1m,\x1b]0;t\x07,5,18\n[red]b[/red],\u202eg,6,32\n"
    said = fit(table, *X, "--by", "g").out
    assert not set("\x1b\x07\x9b\x7f\u202e") & set(said)
    assert "[red]b[/red]" in said


# Options

OPTIONS = {
    "--model": ("inverse-variance", "binomial-normal", "beta-binomial", "bayes-binomial", "bayes-normal"),
    "--scale": tuple(SCALES),
    "--tau2": tuple(TAU2),
    "--interval": ("mhk", "hk", "wald"),
    "--prediction": ("hts", "hk", "t", "normal", "none"),
    "--groups": ("common", "separate"),
    "--unit": ("trial", "arm"),
    "--trial-interval": ("clopper-pearson", "wilson", "jeffreys"),
    "--format": ("text", "json", "csv"),
}


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("value", ["nonsense", "5", "nan", ""])
def test_an_unknown_value_lists_what_is_allowed(option, value, fit):
    result = fit(TABLE1, *X, option, value)
    assert (result.code, result.out) == (2, "")
    assert option in result.err
    assert all(allowed in result.err for allowed in OPTIONS[option])


@pytest.mark.parametrize(
    ("option", "value"), [(option, value) for option, values in OPTIONS.items() for value in values]
)
def test_every_value_that_is_listed_works(option, value, fit):
    assert fit(TABLE1, *X, option, value).code == 0


def test_all_wrong_options_at_once(fit):
    result = fit(TABLE1, *X, "--scale", "probit", "--tau2", "SJ2", "--unit", "patient", "--groups", "both")
    assert result.code == 2
    assert [line.partition(":")[0] for line in result.err.splitlines()] == [
        "--scale",
        "--tau2",
        "--groups",
        "--unit",
    ]


@pytest.mark.parametrize("level", ["95", "0", "1", "-0.5", "nan", "inf", "0.9999999999999999"])
def test_levels_that_are_none(level, fit):
    result = fit(TABLE1, *X, "--level", level)
    assert (result.code, result.out) == (2, "")
    assert "a number between 0 and 1" in result.err


@pytest.mark.parametrize("continuity", ["0", "-1", "2", "nan", "inf", "some", ""])
def test_continuities_that_are_none(continuity, fit):
    result = fit(TABLE1, *X, "--continuity", continuity)
    assert (result.code, result.out) == (2, "")
    assert "continuity" in result.err
    assert "none" in result.err


def test_knapp_hartung_needs_a_tau2(fit):
    result = fit(TABLE1, *X, "--tau2", "common-effect", "--interval", "mhk")
    assert result.code == 2
    assert "only interval: wald is allowed" in result.err
    assert fit(TABLE1, *X, "--tau2", "common-effect").code == 0


@pytest.mark.parametrize("option", ["--continuty", "--Scale"])
def test_an_unknown_option(option, fit):
    result = fit(TABLE1, *X, option, "logit")
    assert result.code == 2
    assert option in result.err


# Extremes

EXTREMES = {
    **CORNERS,
    "arms of one patient": [(0, 1), (1, 1), (0, 1)],
    "100000 patients": [(0, 100_000), (1, 100_000), (99_999, 100_000), (50_000, 100_000)],
    "the largest n": [(1, 9_999_999), (5, 18), (9_999_999, 9_999_999)],
    "2000 trials": [(i % 7, 7 + i % 40) for i in range(2000)],
}


@pytest.mark.parametrize("name", EXTREMES)
@pytest.mark.parametrize("scale", SCALES)
def test_extremes_have_an_answer_or_a_reason(name, scale, fitted):
    arms = EXTREMES[name]
    several = (("REML", "0.5"), ("PM", "none"), ("DL", "0.5"), ("common-effect", "none"))
    for tau2, continuity in several if len(arms) < 100 else several[:1]:
        found = fitted(table_of(arms), *COUNTS, "--scale", scale, "--tau2", tau2, "--continuity", continuity)
        assert found["k"] == len(arms)
        assert found["responders"] == sum(x for x, _ in arms)
        assert all(math.isfinite(value) for _, value in numbers(found))
        for what, value in (
            ("mu", "value"),
            ("tau2", "value"),
            ("heterogeneity", "Q"),
            ("proportion", "value"),
            ("proportion", "low"),
        ):
            assert found[what][value] is not None or found[what]["reason"], (what, value, tau2)
        ahead = found["prediction"]["effect"]
        assert ahead["low"] is not None or ahead["reason"], tau2
        for part in (found["proportion"], *(trial["proportion"] for trial in found["trials"])):
            if part["value"] is not None and part["low"] is not None:
                assert 0 <= part["low"] <= part["value"] <= part["high"] <= 1


@pytest.mark.parametrize("name", EXTREMES)
@pytest.mark.parametrize("how", ["text", "csv"])
def test_extremes_as_text_and_csv(name, how, fit):
    result = fit(table_of(EXTREMES[name]), *COUNTS, "--format", how)
    assert (result.code, result.err) == (0, "")
    words = result.out.replace(",", " ").split()
    assert not {"nan", "inf", "None", "-inf"} & set(words)


@pytest.mark.parametrize(
    ("arms", "status"),
    [
        ([(3, 20)], "exact-interval-only"),
        ([(3, 20), (5, 18)], "drawn-not-headline"),
        ([(3, 20), (5, 18), (1, 9)], "bayesian-headline-only"),
        ([(3, 20), (5, 18), (1, 9), (2, 30), (4, 25)], "headline"),
        ([(1, 20), (0, 18), (1, 9), (2, 30), (0, 25)], "bayesian-headline-only"),
    ],
    ids=["1", "2", "3", "5", "4 responders"],
)
def test_standing(arms, status, fitted):
    assert fitted(table_of(arms), *COUNTS)["standing"]["status"] == status


def test_one_trial_is_its_exact_interval(fitted):
    found = fitted("x,n\n0,20\n", *COUNTS)
    assert found["proportion"]["high"] == pytest.approx(1 - 0.025 ** (1 / 20))
    assert found["proportion"]["method"] == "exact (Clopper-Pearson)"
    reason = "one trial: exact interval only"
    assert [found["mu"][name] for name in ("value", "se", "low", "high", "reason")] == [None] * 4 + [reason]


def test_the_continuity_correction_is_named(fitted):
    found = fitted("trial,x,n\na,0,10\nb,3,12\nc,4,20\n", *X)
    assert any("0.5 was added to both cells of a (0 of 10)" in note for note in found["notes"])
    assert [trial["corrected"] for trial in found["trials"]] == [True, False, False]


def test_tau2_of_zero_is_not_called_agreement(fit):
    result = fit("x,n\n3,20\n3,20\n4,27\n", *COUNTS)
    assert "even under large heterogeneity" in result.out
    assert "homogen" not in result.out.lower()


def test_freeman_tukey_has_its_note(fitted):
    notes = fitted(TABLE1, *X, "--scale", "double-arcsine")["notes"]
    assert any("harmonic mean" in note and "Schwarzer" in note for note in notes)


def test_in_a_process_of_its_own(spawn, tmp_path):
    """Piped, with a path that has blanks, and a terminal that knows no Greek."""
    path = tmp_path / "my counts.csv"
    path.write_text(TABLE1)
    result = spawn("fit", path, *X, "--format", "json")
    assert result.code == 0
    assert json.loads(result.out)["k"] == 4
    ascii_only = spawn("fit", path, *X, env={"PYTHONIOENCODING": "ascii"})
    assert ascii_only.code == 0
    assert "14.8 (4.1?41.3)" in ascii_only.out
