"""From records to counts, and what the ledger says about it."""

from dataclasses import replace

import pytest

from meta.errors import SpecError
from meta.records.analysis import AsOf, Prefer, TrialEntry, Where
from meta.records.factors import told
from meta.records.trial import Arm, Drug, Row, Table
from meta.workflow.selection.select import select

NOT_WELL = (Where(differentiation="well"),)
SPLIT = [
    Row(n=40, responders=8),
    Row(differentiation="well", n=8, responders=2),
    Row(differentiation="poor", n=32, responders=6),
    Row(differentiation="poor", site="pancreas", n=5, responders=0),
    Row(differentiation="poor", site={"not": ("pancreas",)}, n=27, responders=6),
]
TOTALS = [Row(n=29, responders=2), Row(differentiation="well", n=10), Row(site="pancreas", n=13)]


def counts(selection):
    return dict(
        zip(
            selection.counts.labels,
            zip(selection.counts.responders, selection.counts.n, strict=True),
            strict=True,
        )
    )


def actions(selection, **wanted):
    return [e for e in selection.ledger if all(getattr(e, name) == value for name, value in wanted.items())]


def test_population_of_an_entry(make_trial, analysis):
    trials = {"a": make_trial("a", SPLIT)}
    entry = TrialEntry(id="a", where=Where(differentiation="poor"))
    selection = select(trials, analysis(trials=(entry,)))
    assert counts(selection) == {"A (Smith 2020)": (6, 32)}
    assert [e.path for e in actions(selection, action="used")] == ["reports[0].tables[0].rows[2]"]


def test_population_of_an_entry_narrows_that_of_the_analysis(make_trial, analysis):
    trials = {"a": make_trial("a", SPLIT)}
    entry = TrialEntry(id="a", where=Where(differentiation=("poor", "unknown")))
    asked = analysis(trials=(entry,), where=Where(differentiation=("well", "poor")))
    assert counts(select(trials, asked)) == {"A (Smith 2020)": (6, 32)}


def test_exclusion_uses_the_row_of_the_rest(make_trial, analysis):
    selection = select({"a": make_trial("a", SPLIT)}, analysis("a", exclude=NOT_WELL))
    assert counts(selection) == {"A (Smith 2020)": (6, 32)}
    assert (
        "8 of 40 patients are well differentiated; excluded"
        in actions(selection, action="excluded")[0].reason
    )


def test_exclusion_subtracts_where_only_the_excluded_are_printed(make_trial, analysis):
    selection = select({"a": make_trial("a", SPLIT[:2])}, analysis("a", exclude=NOT_WELL))
    assert counts(selection) == {"A (Smith 2020)": (6, 32)}


@pytest.mark.parametrize(("unresolved", "expected"), [("drop", {}), ("keep", {"B (Smith 2020)": (2, 29)})])
def test_unreported_responders_of_the_excluded(make_trial, analysis, unresolved, expected):
    selection = select({"b": make_trial("b", TOTALS)}, analysis("b", exclude=NOT_WELL, unresolved=unresolved))
    assert counts(selection) == expected
    action = {"drop": "dropped", "keep": "kept"}[unresolved]
    assert (
        "10 of 29 patients are well differentiated; their responders are not reported"
        in actions(selection, action=action)[0].reason
    )


def test_unreported_number_of_the_excluded_is_said_to_be_unreported(make_trial, analysis):
    selection = select(
        {"c": make_trial("c", [Row(n=21, responders=1)])}, analysis("c", exclude=NOT_WELL, unresolved="drop")
    )
    assert "an unreported number of 21 patients" in actions(selection, action="dropped")[0].reason


def test_unresolved_error_names_every_trial(make_trial, analysis):
    trials = {name: make_trial(name, TOTALS) for name in ("a", "b")}
    with pytest.raises(SpecError) as caught:
        select(trials, analysis("a", "b", exclude=NOT_WELL))
    assert [fault.file for fault in caught.value.faults] == ["trials/a.yaml", "trials/b.yaml"]


def test_exclusion_of_patients_who_are_not_there_changes_nothing(make_trial, analysis):
    rows = [Row(n=18, responders=5), Row(differentiation="poor", n=18, responders=5)]
    selection = select({"a": make_trial("a", rows)}, analysis("a", exclude=NOT_WELL))
    assert counts(selection) == {"A (Smith 2020)": (5, 18)}
    assert not actions(selection, action="excluded")


def test_excluding_a_trial_and_trials_of_a_region(make_trial, analysis):
    trials = {"a": make_trial("a", SPLIT), "b": make_trial("b", TOTALS, region="West")}
    for where in (Where(trial="b"), Where(region="West")):
        assert list(counts(select(trials, analysis("a", "b", exclude=(where,))))) == ["A (Smith 2020)"]


def test_excluding_by_what_patients_were_selected_on(make_trial, analysis):
    trials = {"a": make_trial("a", SPLIT, selected_on="PD-L1 positive"), "b": make_trial("b", TOTALS)}
    asked = analysis(trials="all", exclude=(Where(selected_on="PD-L1 positive"),))
    assert list(counts(select(trials, asked))) == ["B (Smith 2020)"]


def test_a_trial_without_results_is_in_the_ledger(make_trial, analysis, report):
    trials = {"a": make_trial("a", reports=(report("r", [Row(n=3)]),), results="none printed")}
    (entry,) = [e for e in select(trials, analysis("a")).ledger if e.action == "dropped"]
    assert entry.reason == "no response is printed of it (results: none printed)"


def test_conditions_on_trials(make_trial, analysis):
    trials = {"a": make_trial("a", SPLIT, line="first"), "b": make_trial("b", TOTALS, line="later")}
    selection = select(trials, analysis(trials="all", where=Where(line="later")))
    assert list(counts(selection)) == ["B (Smith 2020)"]
    assert actions(selection, trial="a", action="dropped")[0].reason == "the analysis asks for line later"


def test_newest_report_with_the_counts_and_what_was_passed_over(make_trial, analysis, report):
    reports = (
        report("old-2018", [Row(n=10, responders=3)], published="2018"),
        report("new-2022", [Row(n=20, responders=4)], published="2022-05"),
        report("newest-2023", [Row(n=30)], published="2023"),
        report("undated", [Row(n=40, responders=9)], published="unknown"),
    )
    trials = {"a": make_trial("a", reports=reports)}
    selection = select(trials, analysis("a"))
    assert counts(selection) == {"A (New 2022)": (4, 20)}
    reasons = {e.report: e.reason for e in actions(selection, action="passed over")}
    assert "does not report n and responders" in reasons["newest-2023"]
    assert "New 2022 is newer" in reasons["old-2018"]
    assert list(counts(select(trials, analysis("a", reports=AsOf(as_of="2021"))))) == ["A (Old 2018)"]
    assert list(counts(select(trials, analysis("a", reports=AsOf(as_of="2022-05"))))) == ["A (New 2022)"]
    assert list(counts(select(trials, analysis("a", reports=AsOf(as_of="2022-04"))))) == ["A (Old 2018)"]
    pinned = analysis(trials=(TrialEntry(id="a", report="undated"),))
    assert counts(select(trials, pinned)) == {"A (Undated)": (9, 40)}


def test_a_tie_of_dates_goes_to_the_full_paper(make_trial, analysis, report):
    reports = (
        report("abstract-2020", [Row(n=10, responders=3)], kind="abstract"),
        report("paper-2020", [Row(n=20, responders=4)], kind="full-paper"),
    )
    assert list(counts(select({"a": make_trial("a", reports=reports)}, analysis("a")))) == ["A (Paper 2020)"]


def test_preferred_criteria_and_population(make_trial, analysis, report):
    def table(criteria, population, x):
        return Table(
            outcome="response",
            criteria=criteria,
            population=population,
            where="T",
            rows=(Row(n=21, responders=x),),
        )

    tables = (
        table("irRECIST", "enrolled", 6),
        table("RECIST 1.1", "evaluable", 4),
        table("RECIST 1.1", "enrolled", 3),
    )
    trials = {"a": make_trial("a", reports=(report("r-2020", [], tables=tables),))}
    assert counts(select(trials, analysis("a"))) == {"A (R 2020)": (3, 21)}
    other = Prefer(criteria=("irRECIST", "RECIST 1.1"))
    assert counts(select(trials, analysis("a", prefer=other))) == {"A (R 2020)": (6, 21)}


def test_numbers_nobody_saw_count_only_when_asked_for(make_trial, analysis):
    rows = [Row(n=40, responders=8, status="unverified")]
    trials = {"a": make_trial("a", rows)}
    assert counts(select(trials, analysis("a"))) == {}
    assert counts(select(trials, analysis("a", evidence="all"))) == {"A (Smith 2020)": (8, 40)}


def test_rows_that_were_not_used_are_in_the_ledger(make_trial, analysis):
    selection = select({"a": make_trial("a", SPLIT)}, analysis("a"))
    assert len(actions(selection, action="unused")) == len(SPLIT) - 1


def test_by_region_and_by_site(make_trial, analysis):
    trials = {"a": make_trial("a", SPLIT), "b": make_trial("b", TOTALS, region="West")}
    entries = (TrialEntry(id="a", where=Where(differentiation="poor")), TrialEntry(id="b"))
    asked = analysis(trials=entries, by=("region", "site"), site_level=("pancreas", "other"))
    region, site = select(trials, asked).groupings
    assert region.counts.names == ("Asia", "West")
    assert list(zip(site.counts.labels, site.counts.responders, site.counts.n, strict=True)) == [
        ("A (Smith 2020)", 0, 5),
        ("A (Smith 2020)", 6, 27),
    ]
    assert [(entry.label, entry.n) for entry in site.not_reported["pancreas"]] == [("B (Smith 2020)", 13)]
    assert [(entry.label, entry.n) for entry in site.not_reported["other"]] == [
        ("B (Smith 2020)", 16)
    ]  # 29 - 13


def test_a_group_that_nobody_reported_is_still_there(make_trial, analysis):
    asked = analysis("b", by=("site",), site_level=("pancreas", "other"))
    (site,) = select({"b": make_trial("b", TOTALS)}, asked).groupings
    assert site.counts.names == ("pancreas", "other")
    assert len(site.counts.labels) == 0


def test_patients_who_cannot_be_told_apart_belong_to_the_grouping_as_a_whole(make_trial, analysis):
    asked = analysis("b", by=("site",), site_level=("pancreas", "lung", "other"))
    (site,) = select({"b": make_trial("b", TOTALS)}, asked).groupings
    assert [(entry.label, entry.n) for entry in site.not_reported[None]] == [("B (Smith 2020)", 16)]
    (nothing,) = select({"b": make_trial("b", TOTALS[:1])}, asked).groupings
    assert [(entry.label, entry.n) for entry in nothing.not_reported[None]] == [("B (Smith 2020)", 29)]


def test_crossing(make_trial, analysis):
    trials = {"a": make_trial("a", SPLIT), "b": make_trial("b", TOTALS, region="West")}
    entries = (TrialEntry(id="a", where=Where(differentiation="poor")), TrialEntry(id="b"))
    asked = analysis(trials=entries, by=(("region", "site"),), site_level=("pancreas", "other"))
    (both,) = select(trials, asked).groupings
    assert both.by == "region x site"
    assert both.counts.names == ("Asia, pancreas", "Asia, other", "West, pancreas", "West, other")


def test_unreported_subgroups_of_a_kept_trial_stay_unreported(make_trial, analysis):
    asked = analysis("b", exclude=NOT_WELL, unresolved="keep", by=("site",), site_level=("pancreas", "other"))
    (site,) = select({"b": make_trial("b", TOTALS)}, asked).groupings
    assert [(entry.label, entry.n) for entry in site.not_reported["pancreas"]] == [("B (Smith 2020)", 13)]


@pytest.fixture
def two_arms(make_trial, report):
    tables = tuple(
        Table(outcome="response", arm=arm, where="T", rows=(Row(n=n, responders=1),))
        for arm, n in (("A", 14), ("B", 22))
    )
    arms = {"A": Arm(), "B": Arm(regimen="with-chemotherapy", drugs=(Drug(name="x"), Drug(name="y")))}
    return {"raj": make_trial("raj", reports=(report("raj-2023", [], tables=tables),), arms=arms)}


def test_two_arms_are_not_two_trials(two_arms, analysis):
    with pytest.raises(SpecError, match="unit: arm"):
        select(two_arms, analysis("raj"))
    assert counts(select(two_arms, analysis("raj", unit="arm"))) == {
        "Raj, arm A (Raj 2023)": (1, 14),
        "X + Y, arm B (Raj 2023)": (1, 22),
    }


def test_an_arm_is_chosen_by_its_own_regimen(two_arms, analysis):
    assert list(counts(select(two_arms, analysis("raj", where=Where(regimen="monotherapy"))))) == [
        "Raj, arm A (Raj 2023)"
    ]


def test_patients_do_not_enter_twice(make_trial, analysis):
    trials = {"a": make_trial("a", SPLIT, shares_patients_with=("b",)), "b": make_trial("b", TOTALS)}
    with pytest.raises(SpecError, match=r"found b in the same analysis"):
        select(trials, analysis("a", "b"))


def test_labels_stay_apart(make_trial, analysis):
    same = {name: make_trial(name, SPLIT, drugs=(Drug(name="x"),)) for name in ("a", "b")}
    selection = select(same, analysis("a", "b"))
    assert list(counts(selection)) == ["X (Smith 2020) [a]", "X (Smith 2020) [b]"]
    assert {e.label for e in actions(selection, action="used")} == set(counts(selection))


# What reviewers of the evidence model have found


def test_keep_does_not_bring_back_patients_who_can_be_left_out(make_trial, analysis):
    rows = [
        Row(n=40, responders=8),
        Row(site="pancreas", n=8, responders=3),
        Row(site={"not": ("pancreas",)}, n=32, responders=5),
        Row(differentiation="well", n=10),
    ]
    both = (Where(site="pancreas"), Where(differentiation="well"))
    selection = select({"a": make_trial("a", rows)}, analysis("a", exclude=both, unresolved="keep"))
    assert counts(selection) == {"A (Smith 2020)": (5, 32)}
    assert (
        "8 of 40 patients are of primary site pancreas; excluded"
        in actions(selection, action="excluded")[0].reason
    )
    assert "10 of 40 patients are well differentiated" in actions(selection, action="kept")[0].reason


def test_exclusions_that_only_work_together(make_trial, analysis):
    rows = [
        Row(n=40, responders=8),
        Row(differentiation="poor", site={"not": ("pancreas",)}, n=20, responders=4),
    ]
    both = (Where(site="pancreas"), Where(differentiation=("well", "unknown")))
    assert counts(select({"a": make_trial("a", rows)}, analysis("a", exclude=both))) == {
        "A (Smith 2020)": (4, 20)
    }


def test_best_confirmed_response_is_preferred_and_the_ledger_says_why(make_trial, analysis, report):
    def table(x, **changes):
        rows = (Row(n=40, responders=x),)
        return Table(outcome="response", criteria="RECIST 1.1", where="T", rows=rows, **changes)

    tables = (
        table(8, timepoint="8 weeks", confirmed=False),
        table(6),
        table(5, confirmed=True),
        table(5, confirmed=True),
    )
    selection = select({"a": make_trial("a", reports=(report("r-2020", [], tables=tables),))}, analysis("a"))
    assert counts(selection) == {"A (R 2020)": (5, 40)}
    reasons = {e.path: e.reason for e in actions(selection, action="passed over")}
    assert "timepoint: best is preferred" in reasons["reports[0].tables[0]"]
    assert "confirmed: True is preferred" in reasons["reports[0].tables[1]"]
    assert "stands before it" in reasons["reports[0].tables[3]"]


def test_a_report_without_such_patients_does_not_supersede_one_with_them(make_trial, analysis, report):
    reports = (
        report("old-2018", [Row(differentiation="poor", n=18, responders=5)], published="2018"),
        report(
            "new-2022",
            [Row(n=20, responders=1), Row(differentiation="well", n=20, responders=1)],
            published="2022",
        ),
    )
    trials = {"a": make_trial("a", reports=reports)}
    selection = select(trials, analysis("a", where=Where(differentiation="poor")))
    assert counts(selection) == {"A (Old 2018)": (5, 18)}
    assert "has no patient" in actions(selection, action="passed over")[0].reason


def test_a_year_alone_is_not_older_than_its_own_months(make_trial, analysis, report):
    reports = (
        report("abstract-2019", [Row(n=30, responders=9)], published="2019-01", kind="abstract"),
        report("paper-2019", [Row(n=40, responders=8)], published="2019"),
    )
    assert counts(select({"a": make_trial("a", reports=reports)}, analysis("a"))) == {
        "A (Paper 2019)": (8, 40)
    }


def test_pinning_says_what_it_passes_over(make_trial, analysis, report):
    reports = (
        report("old-2018", [Row(n=10, responders=3)], published="2018"),
        report("new-2022", [Row(n=20, responders=4)], published="2022"),
    )
    selection = select(
        {"a": make_trial("a", reports=reports)}, analysis(trials=(TrialEntry(id="a", report="old-2018"),))
    )
    assert counts(selection) == {"A (Old 2018)": (3, 10)}
    assert [(e.report, e.reason) for e in actions(selection, action="passed over")] == [
        ("new-2022", "the analysis asks for old-2018")
    ]


def test_groups_that_leave_patients_over_say_so(make_trial, analysis):
    rows = [
        Row(n=20, responders=4),
        Row(site="pancreas", n=8, responders=1),
        Row(site={"not": ("pancreas",)}, n=12, responders=3),
    ]
    (site,) = select(
        {"a": make_trial("a", rows)}, analysis("a", by=("site",), site_level=("pancreas",))
    ).groupings
    assert [(e.n, e.reason) for e in site.not_reported[None]] == [(12, "in none of the groups by site")]


def test_a_count_recovered_from_a_percentage_leaves_its_n(make_trial, analysis):
    rows = [
        Row(n=30, responders=6),
        Row(differentiation="well", n=10, responders=2, back_calculated={"responders": "20 % of 10"}),
    ]
    trials = {"a": make_trial("a", rows)}
    selection = select(trials, analysis("a", exclude=NOT_WELL, unresolved="keep"))
    assert actions(selection, action="kept")[0].reason == (
        "10 of 30 patients are well differentiated; their responders are recovered from a percentage, "
        "not used; all of them are kept (unresolved: keep)"
    )
    assert counts(select(trials, analysis("a", exclude=NOT_WELL, evidence="all"))) == {
        "A (Smith 2020)": (4, 20)
    }


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"responders": None}, "responders not reported"),
        (
            {"back_calculated": {"responders": "20 % of 10"}},
            "responders recovered from a percentage, not used",
        ),
    ],
    ids=["missing", "recovered"],
)
def test_a_group_says_whether_its_responders_are_missing_or_not_printed(make_trial, analysis, how, why):
    well = {"differentiation": "well", "n": 10, "responders": 2, **how}
    trials = {"a": make_trial("a", [Row(n=30, responders=6), Row(**well)])}
    (grouping,) = select(trials, analysis("a", by=("differentiation",))).groupings
    assert [(e.n, e.reason) for e in grouping.not_reported["well"]] == [(10, why)]


def test_unused_rows_say_why(make_trial, analysis):
    rows = [
        Row(n=40, responders=8),
        Row(differentiation="well", n=8, responders=2),
        Row(differentiation="poor", n=32, responders=6),
        Row(differentiation="poor", site="pancreas", n=5, responders=0),
        Row(differentiation="poor", site="lung", responders=1),
        Row(differentiation="poor", site="thymus", n=1, responders=0, status="unverified"),
    ]
    asked = analysis("a", where=Where(differentiation="poor"))
    reasons = {
        e.path[-2]: e.reason for e in actions(select({"a": make_trial("a", rows)}, asked), action="unused")
    }
    assert reasons["0"] == "of more patients than are in this analysis"
    assert reasons["1"] == "of patients who are not in this analysis"
    assert reasons["3"] == "overlaps with the rows used"
    assert reasons["4"] == "printed without a number of patients"
    assert reasons["5"] == "unverified; the analysis uses printed numbers only (evidence: printed)"
    everything = select({"a": make_trial("a", rows)}, replace(asked, evidence="all"))
    assert actions(everything, action="unused")[-1].reason == "overlaps with the rows used"


def test_arithmetic_of_ours_is_called_that(make_trial, analysis):
    rows = [Row(n=18, responders=5, derived={"responders": "3 + 2"})]
    (used,) = actions(select({"a": make_trial("a", rows)}, analysis("a")), action="used")
    assert used.reason.endswith("our arithmetic on printed numbers: responders = 3 + 2")


RECOVERED = {"back_calculated": {"responders": "20 % of 20"}}


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({}, "printed for exactly these patients"),
        (
            {"derived": {"n": "10 + 10"}},
            "a row for exactly these patients; our arithmetic on printed numbers: n = 10 + 10",
        ),
        (
            RECOVERED,
            "a row for exactly these patients; recovered from a percentage: responders = 20 % of 20",
        ),
        ({"status": "unverified"}, "a row for exactly these patients; unverified"),
        (
            {"status": "unverified", **RECOVERED},
            "a row for exactly these patients; recovered from a percentage: responders = 20 % of 20; "
            "unverified",
        ),
    ],
    ids=["printed", "derived", "recovered", "unverified", "both"],
)
def test_the_ledger_says_how_a_used_count_is_known(make_trial, analysis, how, said):
    trials = {"a": make_trial("a", [Row(n=20, responders=4, **how)])}
    (used,) = actions(select(trials, analysis("a", evidence="all")), action="used")
    assert used.reason == said


@pytest.mark.parametrize(
    ("how", "why"),
    [({"status": "unverified"}, "unverified"), (RECOVERED, "recovered from a percentage")],
    ids=["unverified", "recovered"],
)
def test_an_older_report_does_not_step_in_for_one_that_is_less_certain(
    make_trial, analysis, report, how, why
):
    reports = (
        report("old-2018", [Row(n=10, responders=3)], published="2018"),
        report("new-2022", [Row(n=20, responders=4, **how)], published="2022"),
    )
    trials = {"a": make_trial("a", reports=reports)}
    selection = select(trials, analysis("a"))
    assert counts(selection) == {}
    assert [entry.reason for entry in actions(selection, action="passed over")] == [
        f"n and responders of all patients are {why}; the analysis uses printed numbers only "
        "(evidence: printed)",
        "superseded by New 2022, whose counts are not certain enough",
    ]
    assert counts(select(trials, analysis("a", evidence="all"))) == {"A (New 2022)": (4, 20)}
    before = analysis("a", reports=AsOf(as_of="2020"))
    assert counts(select(trials, before)) == {"A (Old 2018)": (3, 10)}


def test_recovered_counts_without_unverified_ones(make_trial, analysis):
    trials = {
        "a": make_trial("a", [Row(n=20, responders=4, **RECOVERED)]),
        "b": make_trial("b", [Row(n=20, responders=5, status="unverified")]),
    }
    selection = select(trials, analysis("a", "b", evidence="recovered"))
    assert counts(selection) == {"A (Smith 2020)": (4, 20)}
    (passed,) = actions(selection, action="passed over")
    assert passed.reason == (
        "n and responders of all patients are unverified; the analysis uses printed and recovered numbers "
        "only (evidence: recovered)"
    )


def test_another_table_of_the_same_report_steps_in(make_trial, analysis, report):
    tables = (
        Table(outcome="response", criteria="RECIST 1.1", rows=(Row(n=9, responders=1, status="unverified"),)),
        Table(outcome="response", criteria="irRECIST", rows=(Row(n=9, responders=2),)),
    )
    trials = {"a": make_trial("a", reports=(report("new-2022", [], tables=tables),))}
    assert counts(select(trials, analysis("a"))) == {"A (New 2022)": (2, 9)}


def test_a_sum_with_an_unverified_row_is_unverified(make_trial, analysis, report):
    rows = [
        Row(site="pancreas", n=8, responders=1),
        Row(site={"not": ("pancreas",)}, n=12, responders=3, status="unverified"),
    ]
    trials = {"a": make_trial("a", reports=(report("only-2022", rows),))}
    selection = select(trials, analysis("a"))
    assert [(e.action, e.reason) for e in selection.ledger] == [
        (
            "passed over",
            "n and responders of all patients are unverified; the analysis uses printed numbers only "
            "(evidence: printed)",
        ),
        ("dropped", "no report has counts that the analysis can use"),
    ]


def test_a_rest_of_patients_stands_in_the_ledger_once(make_trial, analysis):
    asked = analysis("b", by=("site",), site_level=("pancreas", "other"))
    entries = actions(select({"b": make_trial("b", TOTALS)}, asked), action="not reported")
    assert [(e.group, e.n) for e in entries] == [("pancreas", 13), ("other", 16)]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"differentiation": "well"}, "well differentiated"),
        ({"differentiation": ("poor", "unknown")}, "poorly differentiated or of unknown differentiation"),
        ({"differentiation": {"not": ("well",)}}, "not well differentiated"),
        ({"grade": ("G1", "G2")}, "of grade G1 or G2"),
        ({"grade": {"not": ("G3",)}, "pdl1": "negative"}, "not of grade G3, and PD-L1 negative"),
        ({"pdl1": "unknown"}, "of unknown PD-L1 status"),
        ({"site": ("lung", "other")}, "of primary site lung or of another primary site"),
        ({"site": {"not": ("pancreas", "lung")}}, "not of primary site pancreas or lung"),
        ({"cohort": "B"}, "in cohort B"),
    ],
)
def test_patients_are_told_as_a_person_would(given, words):
    assert told(given) == words


def test_one_patient_is_told_in_the_singular(make_trial, analysis):
    rows = [Row(n=40, responders=8), Row(differentiation="well", n=1)]
    selection = select({"a": make_trial("a", rows)}, analysis("a", exclude=NOT_WELL, unresolved="keep"))
    assert "1 of 40 patients is well differentiated" in actions(selection, action="kept")[0].reason


# Cohorts of one protocol

WHOLE = [Row(n=32, responders=8), Row(site="pancreas", n=0), Row(site="lung", n=6, responders=3)]
OTHERS = [Row(n=19, responders=2), Row(site="pancreas", n=19, responders=2)]


@pytest.fixture
def cohorts(make_trial, report):
    def make(**changes):
        return {
            "a": make_trial("a", reports=(report("patel-2025", OTHERS, published="2025"),)),
            "b": make_trial("b", reports=(report("patel-2020", WHOLE),), same_protocol_as=("a",), **changes),
            "c": make_trial("c", SPLIT),
        }

    return make


def test_cohorts_of_one_protocol_are_one_trial(cohorts, analysis):
    """Under one random effect their sum is all that they say: binomial counts of one probability."""
    trials = cohorts()
    selection = select(trials, analysis(trials="all", by=("site",), site_level=("pancreas", "lung")))
    assert counts(selection) == {"B (Patel 2020, Patel 2025)": (10, 51), "C (Smith 2020)": (8, 40)}
    (sites,) = (grouping.counts for grouping in selection.groupings)
    assert list(zip(sites.labels, sites.responders, sites.n, strict=True)) == [
        ("B (Patel 2020, Patel 2025)", 2, 19),
        ("B (Patel 2020, Patel 2025)", 3, 6),
    ]
    used = [e for e in actions(selection, action="used") if e.by is None and e.trial != "c"]
    assert {(e.trial, e.file, e.report, e.path, e.n) for e in used} == {
        ("b", "trials/b.yaml", "patel-2020", "reports[0].tables[0].rows[0]", 32),
        ("a", "trials/a.yaml", "patel-2025", "reports[0].tables[0].rows[0]", 19),
    }


def test_one_cohort_of_a_protocol_by_itself(cohorts, analysis):
    for where, expected in (
        (Where(trial="a"), {"B (Patel 2020)": (8, 32)}),
        (Where(trial="b"), {"A (Patel 2025)": (2, 19)}),
    ):
        found = counts(select(cohorts(), analysis("a", "b", exclude=(where,))))
        assert found == expected


def test_a_condition_on_trials_may_hold_for_one_cohort(cohorts, analysis):
    found = select(cohorts(line="later"), analysis("a", "b", where=Where(line="later")))
    assert counts(found) == {"B (Patel 2020)": (8, 32)}
    (whole,) = select(cohorts(line="later"), analysis("a", "b")).included
    assert whole.attributes["line"] == "several"


def test_cohorts_of_which_different_things_are_asked_are_not_added_up(cohorts, analysis):
    entries = (TrialEntry(id="a"), TrialEntry(id="b", where=Where(site="lung")))
    with pytest.raises(SpecError, match="cannot be added up"):
        select(cohorts(), analysis(trials=entries))
