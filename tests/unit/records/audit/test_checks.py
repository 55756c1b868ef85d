from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from meta.records.audit.checks import audit, meant, naming, unacknowledged
from meta.records.trial import Acknowledged, Report, Row, Survival, Table, Trial
from meta.results import Outcome

ROWS = "reports[0].tables[0].rows"


def trial_of(*tables: Table, survival: tuple[Survival, ...] = (), acknowledged=()) -> Trial:
    report = Report(id="a", citation="A", kind="abstract", published="2019", tables=tables, survival=survival)
    return Trial(
        id="t",
        drugs=(),
        regimen="monotherapy",
        region="West",
        reports=(report,),
        acknowledged=acknowledged,
    )


def found_in(*rows: Row) -> list[tuple[str, str]]:
    outcome = "response" if all(row.events is None for row in rows) else "disease-control"
    return [(finding.at, finding.finding) for finding in audit(trial_of(Table(outcome=outcome, rows=rows)))]


TOTAL = Row(n=29, responders=2)


@pytest.mark.parametrize(
    ("part", "at"),
    [
        (Row(site="pancreas", n=30), f"{ROWS}[1].n"),
        (Row(site="pancreas", responders=3), f"{ROWS}[1].responders"),
        (Row(site="pancreas", n=28, responders=0), f"{ROWS}[1]"),  # 28 without a response, 27 in all
    ],
)
def test_a_part_larger_than_the_whole_is_found(part, at):
    assert found_in(TOTAL, part) == [(at, "part-exceeds-whole")]


@pytest.mark.parametrize(
    "part", [Row(site="pancreas", n=29, responders=2), Row(site="lung", n=4), Row(site="lung", responders=0)]
)
def test_a_part_within_the_whole_is_fine(part):
    assert found_in(TOTAL, part) == []


def test_a_part_is_compared_with_a_whole_that_is_itself_a_group():
    rows = (Row(site="gep", n=10), Row(site="intestine", n=11), Row(site="lung", n=40))
    assert found_in(*rows) == [(f"{ROWS}[1].n", "part-exceeds-whole")]


def test_low_grade_counts_as_well_differentiated():
    rows = (Row(differentiation="well", n=5), Row(grade=("G1", "G2"), n=6))
    assert found_in(*rows) == [(f"{ROWS}[1].n", "part-exceeds-whole")]


def test_disjoint_parts_that_add_up_to_more_are_found():
    rows = (Row(n=24), Row(differentiation="poor", n=18), Row(differentiation="well", n=16))
    assert found_in(*rows) == [(f"{ROWS}[0].n", "parts-exceed-whole")]
    detail = audit(trial_of(Table(outcome="response", rows=rows)))[0].detail
    assert "= 34" in detail
    assert "24" in detail
    assert "differentiation poor" in detail


def test_parts_exceed_the_whole_even_if_one_of_them_is_all_of_it():
    rows = (Row(n=24), Row(differentiation="poor", n=24), Row(differentiation="well", n=1))
    assert found_in(*rows) == [(f"{ROWS}[0].n", "parts-exceed-whole")]


def test_overlapping_parts_may_add_up_to_more():
    assert found_in(Row(n=24), Row(differentiation="poor", n=18), Row(site="pancreas", n=16)) == []


def test_parts_that_leave_somebody_out_may_add_up_to_less():
    assert found_in(Row(n=29), Row(differentiation="poor", n=16), Row(differentiation="well", n=11)) == []


def test_parts_that_are_everybody_must_add_up():
    parts = (Row(site="pancreas", n=13), Row(site={"not": ("pancreas",)}, n=15))
    assert found_in(Row(n=29), *parts) == [(f"{ROWS}[0].n", "parts-fall-short")]
    assert found_in(Row(n=28), *parts) == []


def test_responders_of_all_parts_must_add_up_only_if_all_are_reported():
    well = Row(differentiation=("well", "unknown"), n=10, responders=1)
    assert found_in(TOTAL, well, Row(differentiation="poor", n=19, responders=0)) == [
        (f"{ROWS}[0].responders", "parts-fall-short"),
        (f"{ROWS}[0]", "parts-exceed-whole"),  # hence too many without a response
    ]
    assert found_in(TOTAL, well, Row(differentiation="poor", n=19)) == []


def test_a_partition_may_mix_factors():
    rows = (
        Row(site="gep", n=20),
        Row(site="pancreas", n=8),
        Row(site="gastrointestinal", differentiation="poor", n=7),
        Row(site="gastrointestinal", differentiation=("well", "unknown"), n=4),
    )
    assert found_in(*rows) == [(f"{ROWS}[0].n", "parts-fall-short")]


def test_a_contradiction_in_each_of_two_families_is_found_twice():
    sites = (Row(site="pancreas", n=20), Row(site="lung", n=20))
    grades = (Row(differentiation="well", n=20), Row(differentiation="poor", n=20))
    assert found_in(Row(n=30), *sites, *grades).count((f"{ROWS}[0].n", "parts-exceed-whole")) == 2


def test_many_disjoint_rows_take_no_time():
    rows = [Row(site=f"other/{i}", n=1) for i in range(40)]
    assert found_in(Row(n=40), *rows) == []
    assert found_in(Row(n=39), *rows) == [(f"{ROWS}[0].n", "parts-exceed-whole")]


def test_identical_rows_that_differ_are_found():
    rows = (Row(site="lung", n=4), Row(site="lung", n=4, responders=1), Row(site=("lung",), n=5))
    assert found_in(*rows) == [(f"{ROWS}[2].n", "rows-disagree")]


def test_rows_of_two_tables_on_the_same_subject_are_compared():
    one, two = Table(outcome="response", rows=(Row(n=29),)), Table(outcome="response", rows=(Row(n=27),))
    assert [finding.at for finding in audit(trial_of(one, two))] == ["reports[0].tables[1].rows[0].n"]


@pytest.mark.parametrize(
    "other",
    [
        {"outcome": "disease-control"},
        {"criteria": "RECIST 1.1"},
        {"population": "treated"},
        {"timepoint": "8 weeks"},
        {"arm": "A"},
        {"assessor": "central"},
        {"confirmed": True},
    ],
)
def test_rows_of_tables_on_different_subjects_are_not_compared(other):
    one = Table(outcome="response", rows=(Row(n=29),))
    two = Table(**({"outcome": "response"} | other), rows=(Row(n=27),))
    assert audit(trial_of(one, two)) == ()


def test_rows_of_different_terms_are_never_compared():
    rows = (Row(term="any", n=24, events=17), Row(term="fatigue", n=17, events=2))
    more = (Row(term="any", site="lung", n=2), Row(term="fatigue", site="lung", n=20))
    assert found_in(*rows) == []
    assert found_in(*rows, *more) == [(f"{ROWS}[3].n", "part-exceeds-whole")]


def test_unverified_rows_take_part():
    assert found_in(TOTAL, Row(n=30, status="unverified")) == [(f"{ROWS}[1].n", "rows-disagree")]


@pytest.mark.parametrize(
    ("responders", "n", "percent", "finding"),
    [
        (2, 29, "6.9", None),
        (2, 29, "7", None),
        (2, 29, "7.0", "percent-mismatch"),  # with a decimal it is not a rounding of 6.9
        (5, 30, "17", None),
        (5, 30, "17.0", "percent-mismatch"),
        (5, 30, "16.70", "percent-mismatch"),
        (2, 29, "6.897", None),
        (6, 32, "18.8", None),
        (6, 32, "18.75", None),
        (6, 32, "18.7", "percent-rounding"),  # cut off, not rounded
        (6, 32, "18.9", "percent-mismatch"),
        (1, 21, "4.7", "percent-rounding"),
        (1, 8, "12", None),  # 12.5, half to even
        (1, 8, "13", None),  # 12.5, half up
        (3, 8, "37", "percent-rounding"),  # 37.5 is 38 under both
        (0, 14, "0.0", None),
        (14, 14, "100.0", None),
        (3, 24, "16.7", "percent-mismatch"),
        (3, 24, "1.25", "percent-mismatch"),
    ],
)
def test_percentages_against_counts(responders, n, percent, finding):
    found = found_in(Row(n=n, responders=responders, percent=Decimal(percent)))
    assert found == ([(f"{ROWS}[0].percent", finding)] if finding else [])


def test_a_percentage_finding_rounds_to_the_printed_decimals():
    rows = (Row(n=30, responders=15, percent=Decimal("51.0")),)
    (finding,) = audit(trial_of(Table(outcome="response", rows=rows)))
    assert finding.detail == "15 of 30 is 50 %, which rounds to 50.0, not 51.0"


def test_a_percentage_without_both_counts_says_nothing():
    assert (
        found_in(Row(n=29, percent=Decimal("6.9")), Row(site="lung", responders=2, percent=Decimal("6.9")))
        == []
    )


def test_a_percentage_of_events_is_checked_too():
    assert found_in(Row(n=29, events=8, percent=Decimal("27.6"))) == []
    assert found_in(Row(n=29, events=8, percent=Decimal("72.6"))) == [
        (f"{ROWS}[0].percent", "percent-mismatch")
    ]


def test_shares_of_the_total():
    assert found_in(Row(n=29), Row(site="pancreas", n=13, percent_of_total=Decimal("44.8"))) == []
    off = found_in(Row(site="pancreas", n=13, percent_of_total=Decimal("44.9")), Row(n=29))
    assert off == [(f"{ROWS}[0].percent_of_total", "percent-rounding")]
    assert (
        found_in(Row(site="pancreas", n=13, percent_of_total=Decimal("99.0"))) == []
    )  # no total to compare with


@pytest.mark.parametrize(
    ("responders", "n", "interval", "fine"),
    [
        (1, 14, ("0.2", "33.9"), True),  # Raj 2023
        (8, 32, ("13.0", "64.0"), False),  # Patel 2021 (DART), as printed
        (8, 32, ("11.5", "43.4"), True),
        (8, 32, ("11", "43"), True),
        (8, 32, ("11.0", "43.0"), False),
        (8, 32, ("11.46", "43.40"), True),
        (8, 32, ("11.4", "43.4"), False),
        (0, 14, ("0.0", "23.2"), True),
        (14, 14, ("76.8", "100.0"), True),
    ],
)
def test_printed_intervals_against_exact_ones(responders, n, interval, fine):
    found = found_in(Row(n=n, responders=responders, interval=(Decimal(interval[0]), Decimal(interval[1]))))
    assert found == ([] if fine else [(f"{ROWS}[0].interval", "interval-mismatch")])


def test_an_interval_finding_names_both_intervals():
    rows = (Row(n=32, responders=8, interval=(Decimal(13), Decimal("64.0"))),)
    detail = audit(trial_of(Table(outcome="response", rows=rows)))[0].detail
    assert "11.46 to 43.40" in detail
    assert "13 to 64.0 %" in detail


def test_factors_that_exclude_each_other_are_found():
    assert found_in(Row(grade="G1", differentiation="poor", n=3)) == [(f"{ROWS}[0]", "no-such-patients")]
    assert found_in(Row(n=2), Row(grade="G1", differentiation="poor", n=3)) == [
        (f"{ROWS}[1]", "no-such-patients")  # and nothing follows from its n
    ]
    assert found_in(Row(grade="G3", differentiation="poor", n=3)) == []


def medians(*survival: Survival) -> list[tuple[str, str]]:
    return [(finding.at, finding.finding) for finding in audit(trial_of(survival=survival))]


FIRST = Survival(endpoint="OS", median=4.2)


@pytest.mark.parametrize("median", [7.0, "not reached"])
def test_two_medians_of_the_same_patients_are_found(median):
    found = medians(FIRST, Survival(endpoint="OS", median=median))
    assert found == [("reports[0].survival[1].median", "survival-disagrees")]


@pytest.mark.parametrize(
    "other",
    [
        {"endpoint": "OS", "median": 4.2},
        {"endpoint": "DOR", "median": 7.0},
        {"endpoint": "OS", "median": 18.3, "unit": "weeks"},
        {"endpoint": "OS", "median": 7.0, "arm": "A"},
        {"endpoint": "OS", "median": 7.0, "site": "lung"},
    ],
)
def test_medians_of_something_else_are_not_compared(other):
    assert medians(FIRST, Survival(**other)) == []


WRONG = Row(n=32, responders=6, percent=Decimal("18.7"))
LUNG = Row(site="lung", n=8, responders=1, percent=Decimal("12.6"))


def known(**place) -> Acknowledged:
    """Acknowledge a percentage of the response in report a, or something else."""
    settings = {"report": "a", "outcome": "response", "finding": "percent-rounding", "reason": "as printed"}
    return Acknowledged(**{**settings, **place})


def left_of(trial: Trial) -> list[str]:
    """Where the findings are that nobody acknowledged."""
    return [finding.at for finding in unacknowledged(trial, audit(trial))]


def test_an_acknowledgement_answers_one_finding_and_no_other():
    trial = trial_of(Table(outcome="response", rows=(WRONG, LUNG)), acknowledged=(known(),))
    assert len(audit(trial)) == 2
    assert left_of(trial) == [f"{ROWS}[1].percent"]
    assert [finding.at for finding in meant(known(site="lung"), audit(trial))] == [f"{ROWS}[1].percent"]


def test_a_table_in_front_leaves_an_acknowledgement_as_it_is():
    table = Table(outcome="response", rows=(WRONG, LUNG))
    front = Table(outcome="disease-control", rows=(Row(n=32, events=20),))
    trial = trial_of(front, table, acknowledged=(known(site="lung"), known()))
    assert left_of(trial) == []
    assert [finding.at for item in trial.acknowledged for finding in meant(item, audit(trial))] == [
        "reports[0].tables[1].rows[1].percent",
        "reports[0].tables[1].rows[0].percent",
    ]


@pytest.mark.parametrize(
    "place",
    [
        {"finding": "percent-mismatch"},
        {"report": "b"},
        {"outcome": "disease-control"},
        {"outcome": None, "endpoint": "OS"},
        {"site": "lung"},
        {"term": "any"},
        {"number": "n"},
        {"criteria": "RECIST 1.1"},
        {"arm": "A"},
    ],
)
def test_an_acknowledgement_of_anything_else_means_nothing(place):
    trial = trial_of(Table(outcome="response", rows=(WRONG,)), acknowledged=(known(**place),))
    assert meant(known(**place), audit(trial)) == ()
    assert len(left_of(trial)) == 1


TWICE = (Row(n=24, events=10, where="Abstract"), Row(n=17, events=7, where="Table 3"))


@pytest.mark.parametrize(
    ("tables", "place", "named"),
    [
        (  # by the number
            (Table(outcome="disease-control", rows=TWICE),),
            {"outcome": "disease-control", "finding": "rows-disagree"},
            [{"number": "n"}, {"number": "events"}],
        ),
        (  # by the table
            (Table(outcome="response", rows=(WRONG,)), Table(outcome="response", rows=(WRONG,), arm="A")),
            {},
            [{"arm": "none"}, {"arm": "A"}],
        ),
        (  # by more than one of its properties
            tuple(
                Table(outcome="response", rows=(WRONG,), criteria=criteria, timepoint=timepoint)
                for criteria in ("RECIST 1.1", "irRECIST")
                for timepoint in ("best", "8 weeks")
            ),
            {},
            [
                {"criteria": criteria, "timepoint": timepoint}
                for criteria in ("RECIST 1.1", "irRECIST")
                for timepoint in ("best", "8 weeks")
            ],
        ),
        (  # by where it is printed
            (Table(outcome="response", where="Table 1", rows=(WRONG, replace(WRONG, where="Abstract"))),),
            {},
            [{"where": "Table 1"}, {"where": "Abstract"}],
        ),
    ],
    ids=["number", "arm", "criteria and timepoint", "where"],
)
def test_an_ambiguous_acknowledgement_is_told_apart_by_as_little_as_does(tables, place, named):
    findings = audit(trial_of(*tables))
    both = meant(known(**place), findings)
    assert both == findings
    assert [naming(finding, findings) for finding in findings] == [
        {"report": "a", "outcome": "response", **place, **more, "finding": finding.finding}
        for finding, more in zip(findings, named, strict=True)
    ]
    for finding, more in zip(findings, named, strict=True):
        assert meant(known(**place, **more), findings) == (finding,)


def test_a_median_is_acknowledged_by_its_endpoint():
    trial = trial_of(survival=(FIRST, Survival(endpoint="OS", median=7.0)))
    (finding,) = audit(trial)
    place = {"report": "a", "endpoint": "OS", "finding": "survival-disagrees"}
    assert naming(finding, (finding,)) == place
    assert meant(Acknowledged(**place, reason="so printed"), (finding,)) == (finding,)


def test_one_acknowledgement_covers_two_findings_that_nothing_tells_apart():
    rows = (Row(n=30), Row(site="pancreas", n=20), Row(site="lung", n=20))
    grades = (Row(differentiation="well", n=20), Row(differentiation="poor", n=20))
    item = known(finding="parts-exceed-whole")
    trial = trial_of(Table(outcome="response", rows=(*rows, *grades)), acknowledged=(item,))
    assert len(audit(trial)) == 2
    assert left_of(trial) == []


def test_places_name_the_report_and_the_table():
    sound = Table(outcome="response", rows=(Row(n=3),))
    wrong = Table(
        outcome="disease-control", rows=(Row(n=3, events=1), Row(n=8, events=1, percent=Decimal("50.0")))
    )
    second = Report(id="b", citation="B", kind="abstract", published="2020", tables=(sound, wrong))
    trial = replace(trial_of(sound), reports=(*trial_of(sound).reports, second))
    assert {finding.at for finding in audit(trial)} == {
        "reports[1].tables[1].rows[1].n",
        "reports[1].tables[1].rows[1].percent",
    }


# Rows that are everyone, and outcomes of the same patients


def exhaustive(*rows: Row) -> list[tuple[str, str]]:
    table = Table(outcome="response", rows=rows, exhaustive=("site",))
    return [(finding.at, finding.finding) for finding in audit(trial_of(table))]


def test_sites_that_are_everyone_add_up_to_the_table():
    sites = (Row(site="pancreas", n=12, responders=1), Row(site="other/liver", n=17, responders=1))
    assert exhaustive(TOTAL, *sites) == []
    short = (replace(sites[0], n=10), sites[1])
    assert exhaustive(TOTAL, *short) == [(f"{ROWS}[0].n", "not-everyone")]
    assert found_in(TOTAL, *short) == []  # without exhaustive, other sites may be missing


def test_a_finer_site_is_not_added_to_its_own():
    sites = (Row(site="gep", n=12), Row(site="pancreas", n=5), Row(site="lung", n=17))
    assert exhaustive(Row(n=29), *sites) == []


def outcomes(**counts: int) -> list[tuple[str, str]]:
    tables = []
    for name, count in counts.items():
        row = Row(n=21, responders=count) if name == "response" else Row(n=21, events=count)
        tables.append(Table(outcome=Outcome(name.replace("_", "-")), criteria="RECIST 1.1", rows=(row,)))
    return [(finding.at, finding.finding) for finding in audit(trial_of(*tables))]


@pytest.mark.parametrize(
    ("counts", "table", "finding"),
    [
        ({"response": 5, "stable_disease": 10, "progressive_disease": 7}, 2, "outcomes-do-not-add-up"),
        (
            {"response": 5, "stable_disease": 8, "progressive_disease": 6, "not_assessed": 1},
            3,
            "outcomes-do-not-add-up",
        ),
        ({"response": 5, "disease_control": 4}, 1, "control-against-response"),
        ({"response": 5, "stable_disease": 10, "disease_control": 14}, 2, "control-against-response"),
    ],
)
def test_outcomes_of_the_same_patients_that_cannot_go_together(counts, table, finding):
    assert outcomes(**counts) == [(f"reports[0].tables[{table}].rows[0]", finding)]


def test_outcomes_that_go_together():
    assert outcomes(response=5, stable_disease=10, progressive_disease=6, disease_control=15) == []
    assert outcomes(response=5, stable_disease=9, progressive_disease=6) == []  # the rest is not printed


def test_outcomes_under_other_criteria_are_not_compared():
    tables = (
        Table(outcome="response", criteria="irRECIST", rows=(Row(n=21, responders=6),)),
        Table(outcome="disease-control", criteria="RECIST 1.1", rows=(Row(n=21, events=4),)),
    )
    assert audit(trial_of(*tables)) == ()


@pytest.mark.parametrize(
    ("unit", "found"), [("months", ["progression-after-death"]), ("weeks", [])], ids=["months", "weeks"]
)
def test_progression_after_death_in_the_same_unit(unit, found):
    medians = (
        Survival(endpoint="PFS", median=8.9, unit=unit),
        Survival(endpoint="OS", median=4.7),
    )
    assert [finding.finding for finding in audit(trial_of(survival=medians))] == found
