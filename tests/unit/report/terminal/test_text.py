"""Fits and runs as the terminal shows them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from meta.records.analysis import Analysis, Where
from meta.records.run import Run
from meta.records.sensitivity_words import Item
from meta.report.terminal import text
from meta.results.rows import orr

PLAIN = Analysis(name="q", question="?", trials="all")
ROWS = (("a", 5, 18), ("b", 6, 32), ("long name", 2, 29), ("d", 1, 21))


@pytest.fixture
def run_of(entry_of):
    def make(*fits, **changes):
        ledger = tuple(entry_of(f"{name.capitalize()} (Smith 2020)", trial=name) for name in ("ave", "sin"))
        settings = {
            "name": "q", "question": "?", "variation": "base", "analysis": PLAIN, "ledger": ledger,
            "printed": (), "acknowledged": (), "fits": fits,
        }  # fmt: skip
        return Run(**{**settings, **changes})

    return make


def test_orr(fit_of):
    assert orr(fit_of(ROWS).proportion).startswith("14.8 (")
    assert orr(fit_of(ROWS, reason="no trial").proportion) == "not given: no trial"
    alone = replace(fit_of(ROWS).proportion, low=None, high=None, reason="no degree of freedom")
    assert orr(alone) == "14.8 (no interval: no degree of freedom)"


def test_a_fit_says_how_it_was_made(fit_of):
    said = "\n".join(text.lines(fit_of(ROWS, notes=("A note on tau2.",))))
    assert "  Median ORR, % (95 % interval): 14.8 (" in said
    assert "k = 4, 14/100 responders" in said
    assert "Q = 5.31, df = 3, p = 0.150" in said
    assert "τ² = 0.307 (REML), 95 % CI 0.000–12.075 (Q-profile)" in said
    assert "Note: A note on τ²." in said


def test_the_prediction_interval_is_given_with_its_numbers(fit_of):
    fit = fit_of(ROWS)
    low, high = fit.prediction.proportion.low, fit.prediction.proportion.high
    said = [line for line in text.lines(fit) if "rediction" in line]
    assert said == [
        f"  95 % prediction interval, %: {100 * low:.1f}–{100 * high:.1f} (t with k-2 df, df = 2)"
    ]


def test_or_with_the_reason_why_there_is_none(fit_of):
    said = [line for line in text.lines(fit_of(ROWS[:1])) if "rediction" in line]
    assert said == ["  Prediction interval not given: one trial: exact interval only"]


def test_trials_stand_in_columns(fit_of):
    rows = list(text.lines(fit_of(ROWS)))[:4]
    assert [row.index("/") for row in rows] == [rows[0].index("/")] * 4
    assert rows[2].startswith("  long name  ")


def test_groups_come_before_all_together(region):
    said = "\n".join(text.lines(region))
    places = [said.index(f"\n{name}\n") for name in ("Asia", "West")]
    assert places == sorted(places)
    assert said.index("Sintilimab (Jia 2022)") < places[1]
    assert "χ² = 3.64, df = 1, p < 0.001 (Wald chi-squared, common τ²" in said


def test_patients_not_reported_are_named_in_their_group(site):
    said = "\n".join(text.lines(site))
    assert said.count("Avelumab (Fottner 2019): 13 patients, responders not reported") == len(site.groups)


def test_answers_begin_with_the_base_and_its_groups(run_of, fit_of, region):
    less = run_of(fit_of(ROWS[:2]), region, variation="no-west")
    rows = list(text.answers([run_of(fit_of(ROWS), region), less]))
    assert [row[0] for row in rows] == ["all trials", "  region: Asia", "  region: West", "no-west"]
    assert [row[1] for row in rows] == ["4", "2*", "2*", "2*"]
    assert [row[2] for row in rows] == ["14/100", "11/50", "3/50", "11/50"]


def without(trial):
    return {"analysis": replace(PLAIN, exclude=(Where(site="pancreas"), Where(trial=trial)))}


def by_word(word, name):
    return {"family": "any", "expansion": word, "item": Item(id="x", name=name)}


def test_variations_of_a_word_are_named_by_what_they_are_about(run_of, fit_of):
    runs = [
        run_of(fit_of(ROWS)),
        run_of(fit_of(ROWS), variation="leave-one-out.ave", **by_word("each-trial", "Ave (Smith 2020)")),
        run_of(fit_of(ROWS), variation="dates.2019", **by_word("each-date", "2019")),
        run_of(fit_of(ROWS), variation="own", **by_word("each-prior", "half-normal(1)")),
    ]
    assert [row[0] for row in text.answers(runs)] == [
        "all trials",
        "without Ave (Smith 2020)",
        "published by 2019",
        "τ ~ half-normal(1)",
    ]


@pytest.mark.parametrize(
    "changes",
    [{"variation": "tau2.dl"}, {"variation": "no.ave"}, {"variation": "no.ave", **without("ave")},
     {"variation": "leave-one-out.ave", **without("ave")}],
)  # fmt: skip
def test_other_names_are_left_as_they_are(changes, run_of, fit_of):
    """Neither a name nor an exclusion by hand makes a leave-one-out."""
    rows = list(text.answers([run_of(fit_of(ROWS)), run_of(fit_of(ROWS), **changes)]))
    assert rows[1][0] == changes["variation"]


def test_a_run_without_fits_has_no_answer(run_of):
    assert list(text.answers([run_of()])) == []


# The exact models


def test_a_fit_of_an_exact_model_names_every_estimand(table1):
    said = "\n".join(text.lines(table1[0]))
    for name, found in (("Mean", table1[0].estimands.mean), ("Median", table1[0].estimands.median)):
        assert f"  {name} ORR, % (95 % interval): {orr(found)}" in said
    assert "Pr(mean ORR > 10 %) = 0.86" in said
    assert "prior 0.84 (0.04 to 2.80)" in said
    assert "homogeneous" not in said
    likelihood = "\n".join(text.lines(table1[1]))
    assert "Exact conditional test of homogeneity given the total of responders: p = 0.136" in likelihood


def test_differences_are_descriptive(table1_by_region):
    said = "\n".join(text.lines(table1_by_region[0]))
    assert "Differences between groups (descriptive): West against Asia: mean ORR −15.1" in said
    assert "parametric bootstrap: p = " in "\n".join(text.lines(table1_by_region[1]))


def test_a_failed_sampler_is_marked_in_text(table1, table1_by_region, broken, run_of):
    bad = broken(table1[0])
    said = "\n".join(text.lines(bad))
    assert "  [FAILED: diagnostics] Mean ORR, %" in said
    assert "FAILED: diagnostics (R-hat 1.2 is above 1.01); R-hat 1.200" in said
    assert "headline; k" not in said
    (row,) = text.answers([run_of(bad)])
    assert row[1] == "4*"
    assert row[3].startswith("[FAILED: diagnostics] 14.9 (")
    groups = list(text.answers([run_of(broken(table1_by_region[0]))]))
    assert all("FAILED" in row[3] for row in groups)


def test_answers_are_those_of_the_leading_role(run_of, table1, broken):
    (row,) = text.answers([run_of(*reversed(table1))])
    assert row == ("all trials", "4", "14/100", "14.9 (6.8–33.3)", "1.3–56.9")
    (row,) = text.answers([run_of(broken(table1[0]), *table1[1:])])
    assert row[3] == orr(table1[1].proportion)


def test_the_median_may_stand_beside_the_leading_estimand(run_of, table1):
    for fit, median in ((table1[0], orr(table1[0].estimands.median)), (table1[2], "")):
        (row,) = text.answers([run_of(fit)], median=True)
        assert row[4] == median
        heads = text.header(fit, median=True)
        assert len(heads) == len(row)
        assert len(text.header(fit)) == 5
    assert text.header(table1[0], median=True)[3:] == (
        "mean ORR, % (95 % CrI)",
        "median ORR, % (95 % CrI)",
        "prediction",
    )


def test_of_a_single_trial_the_exact_interval_is_the_answer(run_of, roles_of):
    for fit in roles_of([5], [18]):
        (row,) = text.answers([run_of(fit)], median=True)
        assert row == ("all trials", "1*", "5/18", "27.8 (9.7–53.5)", "", "–")
