"""Tables read from runs: flat rows, empty frames, a published table beside ours, and Markdown."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from decimal import Decimal

import pandas as pd
import pytest

from meta.frames import flat
from meta.records.analysis import Analysis, Reproduces
from meta.records.run import LedgerEntry, Printed, Provenance, Run
from meta.records.storing.outputs import Outputs
from meta.report.language.roles import first_fit
from meta.report.tables.fit_tables import TABLES as LONG
from meta.report.tables.fit_tables import groups as groups_table
from meta.report.tables.fit_tables import summary
from meta.report.tables.record_tables import ledger, reproduction, side_by_side
from meta.report.tables.writing import write_tables
from meta.results import name_of
from meta.results.rows import FIT

ROWS = (("a", 5, 18), ("b", 6, 32), ("c", 2, 29), ("d", 1, 21))


@pytest.fixture
def run_of():
    def make(*fits, **changes):
        settings = {
            "name": "q",
            "question": "?",
            "variation": "base",
            "analysis": Analysis(**{**PLAIN, **changes.pop("analysis", {})}),
            "ledger": (),
            "printed": (),
            "acknowledged": (),
            "fits": fits,
            "provenance": Provenance(digest="d", versions={}),
        }
        return Run(**{**settings, **changes})

    return make


@pytest.fixture
def printed_as():
    def make(**changes):
        settings = {
            "trial": "t",
            "label": "T",
            "report": "jia",
            "outcome": "response",
            "patients": "all patients",
            "pooled": True,
            "n": 32,
            "responders": 6,
            "total": 32,
            "percent": Decimal("18.8"),
            "file": "trials/t.yaml",
            "line": 7,
            "where": "Table 1",
        }
        return Printed(**{**settings, **changes})

    return make


PLAIN = {"name": "q", "question": "?", "trials": "all"}
WANTED = {"reproduces": Reproduces(source="jia", where="Table 1")}


def read(frame):
    return pd.read_csv(io.StringIO(frame.to_csv(index=False)))


def test_the_headline_is_the_first_fit_of_a_grouping(run_of, fit_of, region):
    first, second = fit_of(ROWS, role="primary"), fit_of(ROWS, role="conventional")
    run = run_of(first, second, region)
    assert first_fit(run) is first
    assert first_fit(run, "region") is region
    assert first_fit(run, "site") is None


def test_a_row_has_every_number_of_the_fit(fit_of):
    fit = fit_of(ROWS)
    row = flat(fit, FIT)
    assert (row["k"], row["n"], row["responders"], row["estimand"]) == (4, 100, 14, "median ORR")
    assert (row["mu"], row["mu_se"], row["mu_low"]) == (fit.mu.value, fit.mu.se, fit.mu.low)
    assert (row["tau2_high"], row["Q_df"], row["Q_p"]) == (12.0746, 3, 0.15041)
    assert row["prediction_high"] == fit.prediction.proportion.high


def test_what_is_not_given_is_empty_and_its_reason_beside_it(fit_of):
    row = flat(fit_of(ROWS[:1]), FIT)
    missing = {name for name, value in row.items() if value is None}
    assert {"mu", "tau2", "tau2_low", "Q", "I2", "prediction_low"} <= missing
    assert row["standing_reasons"] == "one-trial"
    assert row["proportion"] == pytest.approx(5 / 18)  # its exact interval is the answer
    assert not any(isinstance(value, float) and math.isnan(value) for value in row.values())


def test_summary_has_a_row_a_run_and_model(run_of, fit_of, region, entry_of):
    left = [entry_of("gone", action="dropped"), entry_of("gone", action="dropped"), entry_of("a")]
    runs = [
        run_of(fit_of(ROWS), region),
        run_of(fit_of(ROWS[:2]), variation="less", ledger=tuple(left)),
        run_of(),
    ]
    frame = read(summary(runs))
    assert list(frame.variation) == ["base", "less", "base"]
    assert list(frame.k.dropna()) == [4, 2]
    assert frame.p_between_region[0] == region.between.p
    assert math.isnan(frame.p_between_region[1])
    assert frame.trials[0] == "a | b | c | d"
    assert frame.dropped[1] == "gone"


def test_groups_have_a_row_each(run_of, fit_of, site):
    frame = read(groups_table([run_of(fit_of(ROWS), site)]))
    assert list(frame.group) == [group.label for group in site.groups]
    assert set(frame.by) == {"site"}
    assert list(frame.patients_not_reported) == [sum(e.n for e in g.not_reported) for g in site.groups]


def test_patients_of_an_unknown_number_count_as_none(run_of, site):
    nobody = tuple(replace(entry, n=None) for entry in site.groups[0].not_reported)
    fit = replace(site, groups=(replace(site.groups[0], not_reported=nobody),))
    assert list(groups_table([run_of(fit)]).patients_not_reported) == [0]


def test_the_ledger_keeps_whole_numbers_whole(run_of):
    place = {"trial": "t", "label": "T", "file": "trials/t.yaml", "path": "x", "reason": "r, with a comma"}
    entries = (
        LedgerEntry(**place, action="used", n=18, responders=5, line=3),
        LedgerEntry(**place, action="not reported", n=13, line=4),
        LedgerEntry(**place, action="dropped", line=1),
    )
    text = ledger([run_of(ledger=entries)]).to_csv(index=False)
    assert ",18,5," in text
    assert ",13,," in text
    assert '"r, with a comma"' in text


@pytest.mark.parametrize("table", [summary, groups_table, ledger])
def test_tables_of_nothing_have_a_header(table):
    frame = read(table([]))
    assert frame.empty
    assert {"analysis", "variation"} <= set(frame.columns)


def test_a_fit_with_groups_as_a_table(region):
    frame = region.to_dataframe()
    assert list(frame.group) == ["overall", "Asia", "West"]
    assert list(frame.responders) == [14, 11, 3]


# A published table beside ours


def test_nothing_is_reproduced_unless_asked(run_of, printed_as):
    assert reproduction(run_of(printed=(printed_as(),))) == []


@pytest.mark.parametrize(
    ("count", "of", "printed", "agrees"),
    [
        (6, 32, "18.8", True),
        (6, 32, "18.7", False),
        (1, 21, "4.8", True),
        (1, 21, "4.7", False),
        (1, 8, "12.5", True),
        (1, 8, "13", True),
        (1, 8, "13.0", False),
        (0, 8, "0.0", True),
        (1, 3, "33", True),
        (1, 3, "33.0", False),
        (1, 3, "34", False),
        (6, 32, None, None),
    ],
)
def test_whether_ours_rounds_to_what_is_printed(count, of, printed, agrees, run_of, printed_as):
    row = printed_as(responders=count, n=of, total=of, percent=printed and Decimal(printed))
    (found,) = reproduction(run_of(printed=(row,), analysis=WANTED))
    assert (found["what"], found["count"], found["of"], found["agrees"]) == ("ORR", count, of, agrees)
    assert found["printed"] == printed
    assert (found["file"], found["line"]) == ("trials/t.yaml", 7)


def test_rows_of_other_sources_and_places_do_not_belong(run_of, printed_as):
    rows = (
        printed_as(report="other"),
        printed_as(via="other"),
        printed_as(where="Table 2", pooled=False, patients="site pancreas"),
        printed_as(report="other", via="jia", label="quoted"),
        printed_as(where="Discussion", label="pooled elsewhere"),
    )
    found = reproduction(run_of(printed=rows, analysis=WANTED))
    assert [row["trial"] for row in found] == ["quoted", "pooled elsewhere"]


def test_parts_of_the_patients(run_of, printed_as):
    part = {"pooled": False, "responders": None, "percent": None}
    rows = (
        printed_as(**part, patients="site pancreas", n=13, total=29, percent_of_total=Decimal("44.8")),
        printed_as(**part, patients="site pancreas", n=13, total=29, percent_of_total=Decimal("44.9")),
        printed_as(**part, patients="site other", n=9, total=29, derived=True),
        printed_as(**part, patients="all patients", n=29, total=29),
        printed_as(**part, outcome="OS", n=None, median="4.2 months"),
    )
    found = reproduction(run_of(printed=rows, analysis=WANTED))
    assert [(row["what"], row["ours"], row["printed"], row["agrees"]) for row in found] == [
        ("n, site pancreas", "44.8", "44.8", True),
        ("n, site pancreas", "44.8", "44.9", False),
        ("OS median", None, "4.2 months", None),
    ]


def test_side_by_side_says_what_differs_and_what_is_missing(run_of, printed_as):
    rows = (
        printed_as(percent=Decimal("18.7")),
        printed_as(label="U", outcome="OS", n=None, responders=None, median="3 months"),
    )
    header, body = side_by_side(reproduction(run_of(printed=rows, analysis=WANTED)))
    assert header == ["", "T", "U"]
    assert body == [
        ["ORR", "6/32 = 18.8 %; printed 18.7 (differs)", "not printed"],
        ["OS median", "not printed", "printed 3 months"],
    ]


# Markdown


# Files


def test_tables_are_written_once(tmp_path, run_of, fit_of, printed_as):
    run = run_of(fit_of(ROWS), printed=(printed_as(),), analysis=WANTED)
    names = (
        "summary.csv",
        "tables/groups.csv",
        "tables/ledger.csv",
        *(f"tables/q.{name}.{end}" for name in ("estimates", "reproduced") for end in ("csv", "md", "tex")),
    )
    times = []
    for changed in (run, run, replace(run, provenance=Provenance(digest="e", versions={}))):
        outputs = Outputs(tmp_path)
        write_tables([changed], outputs)
        outputs.close(complete=True)
        times.append([(tmp_path / name).stat().st_mtime_ns for name in names])
    assert times[0] == times[1]
    assert all(later > earlier for earlier, later in zip(times[1], times[2], strict=True))


# The exact models


def test_old_columns_keep_their_names_and_new_ones_follow(table1, fit_of):
    old = [
        *("k", "n", "responders", "estimand", "proportion", "proportion_low", "proportion_high", "level"),
        *("prediction_low", "prediction_high", "mu", "mu_se", "mu_low", "mu_high", "tau2", "tau2_method"),
        *("tau2_at_boundary", "tau2_low", "tau2_high", "Q", "Q_df", "Q_p", "I2", "I2_Q", "H2", "H2_Q"),
        *("method", "standing", "standing_reasons", "reason"),
    ]
    rows = [flat(fit, FIT) for fit in (*table1, fit_of(ROWS))]
    assert [list(row)[: len(old)] for row in rows] == [old] * 4
    assert len({tuple(row) for row in rows}) == 1
    fit, row = table1[0], rows[0]
    assert (row["estimand"], row["proportion"]) == ("mean ORR", fit.estimands.mean.value)
    assert (row["median"], row["median_low"]) == (fit.estimands.median.value, fit.estimands.median.low)
    assert (row["tau"], row["tau_high"]) == (fit.tau.value, fit.tau.high)
    assert row["tau_prior_divergence"] == fit.tau.prior.divergence
    assert row["median_odds_ratio"] == fit.dispersion.median_odds_ratio.value
    assert row["middle_95_high"] == fit.dispersion.middle[1].value
    assert row["sampling_passed"] is None
    assert rows[1]["loglik"] == table1[1].loglik


def test_no_spread_of_rates_is_tabulated_where_tau_is_zero(roles_of):
    row = flat(roles_of([5, 5, 5], [20, 20, 20])[1], FIT)
    assert row["tau"] == 0
    assert row["middle_95_low"] is row["middle_95_high"] is None


def test_a_failed_sampler_is_marked_in_every_table(run_with, table1, broken):
    run = run_with(broken(table1[0]))
    row = read(summary([run])).iloc[0]
    assert row.standing == "FAILED: diagnostics"
    assert (row.sampling_rhat, row.sampling_divergences) == (1.2, 9)
    assert not row.sampling_passed
    for name in ("estimands", "probabilities", "influence", "sweep"):
        assert set(LONG[name]([run]).standing) == {"FAILED: diagnostics"}, name


def test_a_row_of_the_summary_has_what_its_own_model_says(run_with, table1, table1_by_region):
    frame = read(summary([run_with(*reversed(table1), *table1_by_region)])).set_index("role")
    assert list(frame.index) == ["primary", "frequentist", "conventional"]
    assert frame.estimand["primary"] == "mean ORR"
    columns = [f"{what}_region" for what in ("test_between", "p_between", "tau_of_test", "caveat_between")]
    assert frame.loc["primary", columns].isna().all()  # the posterior is no test
    for fit in table1_by_region[1:]:
        test, shared = fit.between, fit.groups[0].tau2.value ** 0.5
        said = frame.loc[fit.role, columns]
        assert list(said) == [test.method, test.p, pytest.approx(shared), "p is unreliable below k = 10"]
        assert "unreliable" not in test.method
    groups = read(groups_table([run_with(*table1_by_region)]))
    assert list(groups.role) == ["primary"] * 2 + ["frequentist"] * 2 + ["conventional"] * 2


def test_long_tables_have_every_number_once(run_with, table1, table1_by_region):
    run = run_with(*table1, *table1_by_region)
    found = {name: table([run]) for name, table in LONG.items()}
    estimands = found["estimands"]
    asia = estimands[(estimands.role == "primary") & (estimands.group == "Asia")]
    wanted = table1_by_region[0].groups[0].estimands
    assert dict(zip(asia.estimand, asia.value, strict=True)) == {
        name_of(one.estimand, "response"): one.value
        for one in (wanted.mean, wanted.median, wanted.predictive)
    }
    assert not estimands.duplicated(["role", "by", "group", "estimand"]).any()
    homogeneity = found["tests"][(found["tests"].of == "homogeneity") & found["tests"].by.isna()]
    assert list(homogeneity.p) == [test.p for test in table1[1].dispersion.tests]
    assert sum("parametric bootstrap" in method for method in found["tests"].method) == 3
    assert list(found["probabilities"].probability[:6]) == [p.value for p in table1[0].probabilities]
    shift = found["influence"].query("role == 'primary' and measure == 'mean_shift' and by.isna()")
    assert list(shift.value) == [one.measures["mean_shift"] for one in table1[0].influence]
    mean = found["sweep"].query("role == 'primary' and estimand == 'mean ORR' and by.isna()")
    assert list(mean.value) == [point.mean.value for point in table1[0].sweep]


def test_long_tables_of_nothing_have_a_header():
    for table in LONG.values():
        assert {"analysis", "role", "group", "standing"} <= set(table([]).columns)
