"""A trial as `show` prints it: every number with its line and its place in print."""

from __future__ import annotations

from decimal import Decimal

import pytest

from meta.records.trial import Acknowledged, Drug, Remark, Report, Row, Survival, Table, Trial, TrialFile
from meta.report.terminal.trial_text import trial_lines

ROW = "reports[0].tables[0].rows[0]"


@pytest.fixture
def shown():
    """The lines of a trial with one table of the rows given."""

    def make(*rows, **report):
        table = {"outcome": "response", "where": "Table 1", "rows": rows, **report.pop("table", {})}
        paper = Report(
            id="jia-2022",
            citation="Jia R, et al.",
            kind="full-paper",
            published="2022",
            tables=(Table(**table),),
            **report,
        )
        trial = Trial(
            id="t",
            drugs=(Drug(name="a"), Drug(name="b")),
            regimen="monotherapy",
            region="Asia",
            reports=(paper,),
        )
        lines = {ROW: 12, "reports[0].tables[0].rows[1]": 15, "reports[0].survival[0]": 30, "reports": 5}
        return list(trial_lines(TrialFile(trial=trial, file="trials/t.yaml", lines=lines)))

    return make


def row_of(lines):
    return lines[4]


def test_the_head(shown):
    lines = shown(Row(n=18, responders=5), doi="10.1/x")
    assert lines[0] == "t: a, b; monotherapy; Asia; no registry number"
    assert lines[2] == "jia-2022 (full-paper, 2022): Jia R, et al. doi:10.1/x"


def test_the_table(shown):
    table = {
        "criteria": "RECIST 1.1",
        "population": "enrolled",
        "assessor": "central",
        "timepoint": "8 weeks",
    }
    assert shown(Row(n=1), table=table)[3] == "  response, RECIST 1.1, enrolled, central, 8 weeks"
    assert shown(Row(n=1))[3] == "  response"  # nothing unknown, and "best" goes without saying


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (Row(n=18, responders=5), "all patients: 5/18 = 27.8 %"),
        (Row(n=18, responders=5, percent=Decimal("27.8")), "all patients: 5/18 = 27.8 % (printed 27.8 %)"),
        (Row(n=18, responders=0, percent=Decimal(0)), "all patients: 0/18 = 0.0 % (printed 0 %)"),
        (Row(n=20, responders=4, percent=Decimal("20.0")), "all patients: 4/20 = 20.0 % (printed 20.0 %)"),
        (Row(n=13), "all patients: n 13, not reported"),
        (Row(responders=2), "all patients: 2 of an unreported number"),
        (
            Row(site="pancreas", differentiation="poor", n=3),
            "site pancreas, differentiation poor: n 3, not reported",
        ),
        (Row(n=18, events=5), "all patients: 5/18 = 27.8 %"),
        (
            Row(n=6, responders=2, derived={"responders": "5 - 3"}),
            "all patients: 2/6 = 33.3 % [our arithmetic]",
        ),
        (
            Row(n=3, responders=2, back_calculated={"responders": "67 % of 3"}),
            "all patients: 2/3 = 66.7 % [not seen in print]",
        ),
        (Row(n=3, responders=2, status="unverified"), "all patients: 2/3 = 66.7 % [not seen in print]"),
        (Row(term="rash", n=18, events=1), "rash: all patients: 1/18 = 5.6 %"),
        (Row(term="baseline", n=18), "baseline: all patients: n 18"),
        (
            Row(term="PD-L1 positive", percent=Decimal(47)),
            "PD-L1 positive: all patients: an unreported number (printed 47 %)",
        ),
    ],
)
def test_rows(row, said, shown):
    assert row_of(shown(row)) == f"    trials/t.yaml:12  {said}  [Table 1]"


def test_a_rows_own_place_comes_before_the_tables(shown):
    row, table = Row(n=18, where="Discussion", via="review"), {"via": "jia"}
    assert row_of(shown(row, table=table)).endswith("  [Discussion, via review]")
    assert row_of(shown(Row(n=18), table=table)).endswith("  [Table 1, via jia]")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"median": 10.8, "low": 4.3}, "median 10.8 (4.3 to NA) months"),
        ({"median": 10.8, "low": 0.0, "high": 12.0}, "median 10.8 (0 to 12) months"),
        ({"median": 10.8}, "median 10.8 months"),
        ({"median": 8.1, "unit": "weeks"}, "median 8.1 weeks"),
        ({"median": "not reached"}, "median not reached"),
    ],
)
def test_medians(entry, said, shown):
    lines = shown(Row(n=18), survival=(Survival(endpoint="OS", where="Table 1", **entry),))
    assert lines[5] == f"    trials/t.yaml:30  OS of all patients: {said}  [Table 1]"


def test_acknowledgements_and_remarks():
    trial = Trial(
        id="t",
        drugs=(Drug(name="a"),),
        regimen="monotherapy",
        region="Asia",
        reports=(),
        registry=("NCT1", "NCT2"),
        acknowledged=(
            Acknowledged(
                report="jia-2022", outcome="response", site="lung", number="n", finding="sum", reason="a"
            ),
            Acknowledged(report="jia-2022", endpoint="OS", finding="survival-disagrees", reason="b"),
        ),
        remarks=(Remark(text="Odd.", where="Table 2", via="review"), Remark(text="Odder.", where="Abstract")),
    )
    lines = list(
        trial_lines(
            TrialFile(trial=trial, file="trials/t.yaml", lines={"acknowledged[0]": 40, "acknowledged[1]": 44})
        )
    )
    assert lines == [
        "t: a; monotherapy; Asia; NCT1, NCT2",
        "  acknowledged, trials/t.yaml:40: sum in jia-2022, response of site lung, n: a",
        "  acknowledged, trials/t.yaml:44: survival-disagrees in jia-2022, OS of all patients: b",
        "  remark, [Table 2, via review]: Odd.",
        "  remark, [Abstract]: Odder.",
    ]
