from __future__ import annotations

import os
import re
import time
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pytest

from meta.errors import Fault, MetaError, RecordError
from meta.models import BayesBinomial, BayesNormal, BetaBinomial, BinomialNormal, InverseVariance
from meta.models.sites.site_region import SiteRegion
from meta.records.reading.load import load, load_analyses, load_analysis, load_trial, load_trials
from meta.records.reading.yaml_nodes import MAX_BYTES, MAX_DEPTH, parse
from meta.records.sites import Sites
from meta.records.trial import Drug

TRIAL = """\
id: tiny
drugs: [{name: avelumab, target: PD-L1}]
regimen: monotherapy
line: later
region: West
countries: [DE]
arms: {A: {}, B: {regimen: ici-combination}}
sources: [{id: jia, citation: Jia 2022}]
reports:
  - id: one
    citation: One, 2019
    kind: abstract
    published: 2019-05
    tables:
      - outcome: response
        criteria: irRECIST
        population: enrolled
        rows:
          - {n: 30, responders: 3, percent: 10.0, where: Table 1}
          - {differentiation: poor, n: 19, where: Table 1}
          - {site: pancreas, n: 12, percent_of_total: 40.0, where: Table 1}
      - outcome: adverse-event
        where: Table 2
        rows:
          - {term: any, n: 30, events: 9}
    survival: [{endpoint: OS, median: 4.2, low: 2.0, high: 7.5, where: Table 1, via: jia}]
"""
ANALYSIS = """\
name: all-nen
question: How many respond?
trials: [{id: tiny, where: {differentiation: poor}}]
where: {line: later}
reports: {as-of: 2022-04}
exclude: [{site: lung}]
by: [region, [region, site]]
site_level: [pancreas, other]
models: {conventional: {tau2: DL}}
thresholds: [0.1, 0.2]
sensitivity:
  dropped: {exclude: [{differentiation: well}], unresolved: drop}
  hartung: {models: {conventional: {interval: hk}}}
  leave-one-out: each-trial
"""
ROLES = ("primary", "frequentist", "conventional")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "trials").mkdir()
    (tmp_path / "analyses").mkdir()
    (tmp_path / "trials" / "tiny.yaml").write_text(TRIAL)
    (tmp_path / "analyses" / "all-nen.yaml").write_text(ANALYSIS)
    return tmp_path


def write_trial(root: Path, text: str | bytes) -> Path:
    path = root / "trials" / "tiny.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def edited(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, f"{old!r} must stand in the record exactly once"
    return text.replace(old, new)


def faults_of(root: Path, text: str | bytes) -> tuple:
    with pytest.raises(RecordError) as raised:
        load_trial(write_trial(root, text), root)
    return raised.value.faults


def test_a_trial_is_loaded_with_its_lines(root):
    record = load_trials(root)["tiny"]
    assert record.file == "trials/tiny.yaml"
    assert record.trial.drugs == (Drug(name="avelumab", target="PD-L1"),)
    assert record.trial.reports[0].published == "2019-05"
    assert record.trial.reports[0].tables[0].rows[2].percent_of_total == 40.0
    assert record.lines["reports[0].tables[0].rows[2].percent_of_total"] == 21
    assert record.line("reports[0].survival[0].median") == 26
    assert record.line("reports[0].tables[0].rows[1].responders") == 20  # absent: the row's line


def test_an_analysis_is_loaded_with_its_variations(root):
    analysis = load_analyses(root)["all-nen"]
    assert analysis.reports.as_of == "2022-04"
    assert analysis.by == ("region", ("region", "site"))
    assert analysis.models["conventional"] == InverseVariance(tau2="DL")
    assert list(analysis.sensitivity) == ["dropped", "hartung", "leave-one-out"]
    assert analysis.sensitivity["leave-one-out"] == "each-trial"


def test_changes_are_merged_into_a_complete_analysis(root):
    base = load_analyses(root)["all-nen"]
    dropped, hartung = base.sensitivity["dropped"], base.sensitivity["hartung"]
    assert [where.given() for where in dropped.exclude] == [
        {"site": "lung"},  # the base's exclusions stay
        {"differentiation": "well"},
    ]
    assert dropped.unresolved == "drop"
    assert dropped.models == base.models
    assert hartung.models["conventional"] == InverseVariance(tau2="DL", interval="hk")
    assert hartung.exclude == base.exclude
    assert dropped.sensitivity == hartung.sensitivity == {}
    assert dropped.name == base.name


def test_load_gives_both_kinds_and_only_the_analyses_asked_for(root):
    other = edited(ANALYSIS, "name: all-nen", "name: other")
    (root / "analyses" / "other.yaml").write_text(other)
    trials, analyses = load(root, ["other"])
    assert (list(trials), list(analyses)) == (["tiny"], ["other"])
    assert list(load(root)[1]) == ["all-nen", "other"]


def test_scalars_are_what_they_look_like(root):
    text = edited(TRIAL, "line: later", 'line: later\nphase: "2"\nselected_on: null\nnote: 2019-05-31')
    trial = load_trial(write_trial(root, text), root).trial
    assert (trial.phase, trial.selected_on, trial.note) == ("2", None, "2019-05-31")


def test_limits_themselves_are_allowed(root):
    text = TRIAL
    for old, new in [
        ("responders: 3, percent: 10.0", "responders: 30, percent: 100.0, percent_of_total: 100"),
        ("n: 19", "n: 0, responders: 0"),
        ("n: 12, percent_of_total: 40.0", "n: 0, percent_of_total: 0, interval: [50, 50]"),
        ("criteria: irRECIST", "not_evaluable: 0"),
        ("median: 4.2, low: 2.0, high: 7.5", "median: 4.2, low: 4.2, high: 4.2"),
    ]:
        text = edited(text, old, new)
    assert load_trial(write_trial(root, text), root)


def test_responders_and_events_exclude_each_other(root):
    faults = faults_of(root, edited(TRIAL, "responders: 3", "responders: 3, events: 3"))
    assert "found events beside responders" in {fault.found for fault in faults}


def test_nothing_is_looked_up_in_a_piece_that_could_not_be_read(root):
    unreadable = "    survival: [{endpoint: OS, median: 4.2, where: Table 1, via: two}]\n  - id: two\n"
    text = TRIAL.partition("    survival:")[0] + unreadable
    assert {fault.path for fault in faults_of(root, text)} == {"reports[1]"}


def test_a_byte_order_mark_and_windows_line_ends_do_not_matter(root):
    text = b"\xef\xbb\xbf" + TRIAL.replace("\n", "\r\n").encode()
    assert load_trial(write_trial(root, text), root).lines["reports[0].tables[0].rows[0]"] == 19


class Case(NamedTuple):
    """A trial with one mistake: replace `old` by `new`, and this is reported."""

    name: str
    old: str
    new: str
    line: int
    path: str
    message: str


ROW = "reports[0].tables[0].rows"
SECOND = "{differentiation: poor, n: 19, where: Table 1}"

MALFORMED = [
    # how it is written
    Case("norway", "[DE]", "[NO]", 6, "countries[0]",
         'found NO without quotes, which some YAML readers take for a truth value; allowed: "NO" in quotes'),
    Case("yes", "line: later", "line: yes", 4, "line",
         "found yes without quotes"),
    Case("other-truth", "line: later", "line: TRUE", 4, "line",
         "found TRUE without quotes"),
    Case("other-null", "line: later", "line: NULL", 4, "line",
         "found NULL without quotes, which some YAML readers take for nothing"),
    Case("octal", "n: 19", "n: 019", 20, f"{ROW}[1].n",
         "found 019 without quotes"),
    Case("hexadecimal", "n: 19", "n: 0x13", 20, f"{ROW}[1].n",
         "found 0x13 without quotes"),
    Case("underscore", "n: 19", "n: 1_9", 20, f"{ROW}[1].n",
         "found 1_9 without quotes"),
    Case("sexagesimal", "n: 19", "n: 1:30", 20, f"{ROW}[1].n",
         "found 1:30 without quotes"),
    Case("exponent", "n: 19", "n: 1e3", 20, f"{ROW}[1].n",
         "found 1e3 without quotes"),
    Case("infinity", "median: 4.2", "median: .inf", 26, "reports[0].survival[0].median",
         "found .inf without quotes"),
    Case("not-a-number", "median: 4.2", "median: .NaN", 26, "reports[0].survival[0].median",
         "found .NaN without quotes"),
    Case("too-long-a-number", "n: 19", f"n: {'9' * 5000}", 20, f"{ROW}[1].n",
         "without quotes"),
    Case("anchor", "[DE]", "&c [DE]", 6, "countries",
         "found the anchor &c"),
    Case("tag", "[DE]", "!!set {DE}", 6, "countries",
         "found the tag tag:yaml.org,2002:set"),
    Case("code", "line: later", "line: !!python/object/apply:os.getcwd []", 4, "line",
         "found the tag tag:yaml.org,2002:python/object/apply:os.getcwd"),
    Case("merge-key", "{A: {}, ", "{A: {<<: {}}, ", 7, "arms.A",
         "found the key <<"),
    Case("number-as-key", "{A: {}, ", "{A: {}, 3: {}, ", 7, "arms",
         "found the key 3; allowed: text as keys"),
    Case("list-as-key", "{A: {}, ", "{A: {}, [C]: {}, ", 7, "arms",
         "found a key that is not text"),
    Case("duplicate-key", "line: later\n", "line: later\nid: tiny\n", 5, "id",
         "found the key 'id' again (first in line 1)"),
    Case("duplicate-key-inside", "n: 19", "n: 19, n: 19", 20, f"{ROW}[1].n",
         "found the key 'n' again (first in line 20)"),
    Case("escaped-control-character", "One, 2019", '"One\\u0007"', 11, "reports[0].citation",
         r"found the control character '\x07'"),
    # what it says, by type
    Case("unknown-key", "responders: 3", "responder: 3, responders: 3", 19, f"{ROW}[0].responder",
         "found the unknown key 'responder'; allowed: site, "),
    Case("did-you-mean", "regimen: monotherapy", "regimen: monotherapy\nregions: West", 4, "regions",
         "(did you mean 'region'?)"),
    Case("missing-key", "    citation: One, 2019\n", "", 10, "reports[0]",
         "found no citation; allowed: citation is required, text"),
    Case("text-for-number", "n: 19", 'n: "19"', 20, f"{ROW}[1].n",
         "found '19'; allowed: a whole number"),
    Case("decimal-for-count", "n: 19", "n: 19.0", 20, f"{ROW}[1].n",
         "found 19.0; allowed: a whole number"),
    Case("truth-for-count", "n: 19", "n: true", 20, f"{ROW}[1].n",
         "found true; allowed: a whole number"),
    Case("number-for-text", "published: 2019-05", "published: 2019", 13, "reports[0].published",
         'found 2019; allowed: text (in quotes: "2019")'),
    Case("literal", "region: West", "region: west", 5, "region",
         "found 'west'; allowed: 'Asia', 'West', 'International' (did you mean 'West'?)"),
    Case("union", "differentiation: poor", "differentiation: 3", 20, f"{ROW}[1].differentiation",
         "found 3; allowed: text or a list of text or a mapping {not: a list of text}"),
    Case("inside-a-union", "differentiation: poor", "differentiation: {not: [poor, 3]}",
         20, f"{ROW}[1].differentiation.not[1]",
         "found 3; allowed: text"),
    Case("key-inside-a-union", "differentiation: poor", "differentiation: {nott: [poor]}",
         20, f"{ROW}[1].differentiation.nott",
         "found the unknown key 'nott'; allowed: not"),
    Case("mapping-for-list", "[DE]", "{a: DE}", 6, "countries",
         "found a mapping with a; allowed: a list of text"),
    Case("list-for-mapping", SECOND, "[19]", 20, f"{ROW}[1]",
         "found a list of 1; allowed: a mapping with "),
    Case("pair", "percent: 10.0", "interval: [2.1]", 19, f"{ROW}[0].interval",
         "found a list of 1; allowed: a list of 2, each a number"),
    Case("long-value", "region: West", f"region: {'West' * 50}", 5, "region",
         "WestWe…; allowed"),
    # what it says, by rule
    Case("id", "id: tiny", "id: tinny", 1, "id",
         "found 'tinny'; allowed: 'tiny', the name of the file"),
    Case("id-letters", "id: tiny", "id: Tiny", 1, "id",
         "found 'Tiny'; allowed: lower-case letters"),
    Case("country", "[DE]", "[Germany]", 6, "countries[0]",
         "found 'Germany'; allowed: a country code"),
    Case("month", "published: 2019-05", "published: 2019-13", 13, "reports[0].published",
         "found '2019-13'; allowed: a date such as 2019"),
    Case("no-such-day", "published: 2019-05", 'published: "2019-02-30"', 13, "reports[0].published",
         "found '2019-02-30'; allowed: a date such as 2019"),
    Case("day", "published: 2019-05", "published: 2019-05-32", 13, "reports[0].published",
         "found '2019-05-32'; allowed: a date"),
    Case("extracted-on", "line: later", "extracted_on: May 2024", 4, "extracted_on",
         "found 'May 2024'; allowed: a date such as 2019"),
    Case("survival-factor", "endpoint: OS", "endpoint: OS, grade: G4", 26, "reports[0].survival[0].grade",
         "found 'G4'; allowed: G1, G2, G3, unknown"),
    Case("factor", "site: pancreas", "site: colon", 21, f"{ROW}[2].site",
         "found 'colon'; allowed: gep, gastrointestinal"),
    Case("empty-factor", "site: pancreas", "site: []", 21, f"{ROW}[2].site",
         "found nothing; allowed: at least one name"),
    Case("nothing-not", "site: pancreas", "site: {}", 21, f"{ROW}[2].site",
         "found nothing; allowed: at least one name"),
    Case("not-nothing", "site: pancreas", "site: {not: []}", 21, f"{ROW}[2].site",
         "found nothing; allowed: at least one name"),
    # a trial
    Case("registry-number", "line: later", "registry: [NCT1234567]", 4, "registry[0]",
         "found 'NCT1234567'; allowed: NCT and eight digits"),
    Case("doi", "    published: 2019-05", "    published: 2019-05\n    doi: doi.org/10.1/x", 14,
         "reports[0].doi", "found 'doi.org/10.1/x'; allowed: a DOI such as 10.1093/oncolo/oyac097"),
    Case("two-drugs-alone", "[{name: avelumab, target: PD-L1}]", "[{name: avelumab}, {name: axitinib}]", 3,
         "regimen", "found monotherapy with 2 drugs; allowed: monotherapy with one drug, else two or more"),
    Case("country-of-another-region", "[DE]", "[JP]", 5, "region",
         "found 'West'; allowed: the region of JP, or International"),
    Case("lines-reversed", "line: later", "prior_lines: [3, 1]", 4, "prior_lines",
         "found 3 to 1; allowed: the fewest lines first, 0 or more"),
    Case("negative-screened", "line: later", "screened: -1", 4, "screened", "found -1; allowed: 0 or more"),
    Case("results-after-all", "line: later", "results: none printed", 4, "results",
         "found 'none printed' beside reports[0].tables[0].rows[0]; allowed: one of them"),
    Case("rate-outside-its-limits", "    survival: [",
         "    rates: [{endpoint: OS, at: 12, percent: 54.1, interval: [60.2, 72.8], where: Abstract}]\n"
         "    survival: [", 26, "reports[0].rates[0].percent",
         "found 54.1 outside 60.2 to 72.8; allowed: a rate within its limits, the lower limit first"),
    Case("rate-of-nobody", "    survival: [",
         "    rates: [{endpoint: OS, at: 12, percent: 54.1, arm: C, where: Abstract}]\n    survival: [", 26,
         "reports[0].rates[0].arm", "found 'C'; allowed: A, B"),
    Case("p-above-one", "    survival: [",
         "    p_values: [{compares: OS by grade, p: 1.2, where: Abstract}]\n    survival: [", 26,
         "reports[0].p_values[0].p", "found 1.2; allowed: 0 to 1"),
    Case("finer-site-under-two-parents", "{site: pancreas, n: 12, percent_of_total: 40.0, where: Table 1}",
         "{site: [other/liver, intestine/liver], n: 12, where: Table 1}", 21, f"{ROW}[2].site",
         "found 'intestine/liver' beside 'other/liver'; allowed: liver under one of the two"),
    Case("nameless-cohort", "site: pancreas", 'cohort: ""', 21, f"{ROW}[2].cohort",
         "found nothing; allowed: at least one name"),
    Case("negative-n", "n: 19", "n: -1", 20, f"{ROW}[1].n",
         "found -1; allowed: 0 or more"),
    Case("more-responders-than-patients", "n: 19", "n: 19, responders: 20", 20, f"{ROW}[1].responders",
         "found 20; allowed: 0 to 19, the row's n"),
    Case("percent", "percent: 10.0", "percent: 110", 19, f"{ROW}[0].percent",
         "found 110; allowed: 0 to 100"),
    Case("negative-share", "percent_of_total: 40.0", "percent_of_total: -1.5",
         21, f"{ROW}[2].percent_of_total",
         "found -1.5; allowed: 0 to 100"),
    Case("interval", "percent: 10.0", "interval: [26.5, 2.1]", 19, f"{ROW}[0].interval",
         "found 26.5 above 2.1; allowed: the lower limit first"),
    Case("events-for-responders", "n: 19", "n: 19, events: 2", 20, f"{ROW}[1].events",
         "found events under the outcome response; allowed: responders"),
    Case("responders-for-events", "events: 9", "responders: 9", 25, "reports[0].tables[1].rows[0].responders",
         "found responders under the outcome adverse-event; allowed: events"),
    Case("no-number", "n: 19, ", "", 20, f"{ROW}[1]",
         "found no number; allowed: at least one of n, responders, events, percent"),
    Case("no-where", SECOND, "{differentiation: poor, n: 19}", 20, f"{ROW}[1]",
         "found no where; allowed: where, here or in the table"),
    Case("no-term", "term: any, ", "", 25, "reports[0].tables[1].rows[0]",
         "found no term under the outcome adverse-event"),
    Case("via", "via: jia", "via: jja", 26, "reports[0].survival[0].via",
         "found 'jja'; allowed: the id of a source or of another report: jia"),
    Case("via-itself", "via: jia", "via: one", 26, "reports[0].survival[0].via",
         "found 'one'; allowed: the id of a source or of another report: jia"),
    Case("repeated-source", "{id: jia, citation: Jia 2022}", "{id: jia, citation: J}, {id: jia, citation: K}",
         8, "sources[1].id",
         "found 'jia' again"),
    Case("report-called-like-a-source", "id: one", "id: jia", 10, "reports[0].id",
         "found 'jia' again; allowed: each id once"),
    Case("arm", "criteria: irRECIST", "arm: C", 16, "reports[0].tables[0].arm",
         "found 'C'; allowed: A, B"),
    Case("survival-arm", "endpoint: OS", "endpoint: OS, arm: C", 26, "reports[0].survival[0].arm",
         "found 'C'; allowed: A, B"),
    Case("not-evaluable", "criteria: irRECIST", "not_evaluable: -2", 16, "reports[0].tables[0].not_evaluable",
         "found -2; allowed: 0 or more"),
    Case("median-outside", "low: 2.0", "low: 5.0", 26, "reports[0].survival[0].low",
         "found 5; allowed: at most 4.2, the median"),
    Case("limits", "median: 4.2, low: 2.0", "median: not reached, low: 8.0", 26, "reports[0].survival[0].low",
         "found 8; allowed: at most 7.5, the high"),
    Case("derived-wrong", "n: 19", 'n: 19, derived: {n: "30 - 12"}', 20, f"{ROW}[1].derived.n",
         "found '30 - 12' = 18; allowed: 19, the row's n"),
    Case("derived-fraction", "n: 19", 'n: 19, derived: {n: "39 / 2"}', 20, f"{ROW}[1].derived.n",
         "= 19.5; allowed: 19"),
    Case("derived-power", "n: 19", 'n: 19, derived: {n: "9**9**9"}', 20, f"{ROW}[1].derived.n",
         "only whole numbers, + - * / and parentheses"),
    Case("derived-name", "n: 19", 'n: 19, derived: {n: "exit()"}', 20, f"{ROW}[1].derived.n",
         "only whole numbers, + - * / and parentheses"),
    Case("derived-zero", "n: 19", 'n: 19, derived: {n: "19 / 0"}', 20, f"{ROW}[1].derived.n",
         "division by zero"),
    Case("derived-long", "n: 19", f'n: 19, derived: {{n: "19{" + 0" * 50}"}}', 20, f"{ROW}[1].derived.n",
         "at most 200 characters"),
    Case("derived-of-nothing", "n: 19", 'n: 19, derived: {responders: "3 - 1"}',
         20, f"{ROW}[1].derived.responders",
         "found no responders in the row"),
    Case("derived-unknown", "n: 19", 'n: 19, derived: {m: "3 - 1"}', 20, f"{ROW}[1].derived.m",
         "found the unknown key 'm'; allowed: n, responders, events"),
    Case("back-calculated", "n: 19", 'n: 19, back_calculated: {n: "53.3 % of 30"}',
         20, f"{ROW}[1].back_calculated.n",
         "19 of 30 is 63.3333 %"),
    Case("back-calculated-form", "n: 19", 'n: 19, back_calculated: {n: "two thirds"}',
         20, f"{ROW}[1].back_calculated.n",
         "found 'two thirds'; allowed: text such as"),
    Case("back-calculated-of-nothing", "n: 19", 'n: 19, back_calculated: {responders: "5 % of 19"}', 20,
         f"{ROW}[1].back_calculated.responders", "found no responders in the row; allowed: responders"),
    Case("back-calculated-of-nobody", "n: 19", 'n: 19, back_calculated: {n: "50 % of 0"}', 20,
         f"{ROW}[1].back_calculated.n", "a percentage of no patients"),
    Case("negative-survival", "low: 2.0", "low: -2.0", 26, "reports[0].survival[0].low",
         "found -2; allowed: 0 or more"),
    Case("interval-limit", "percent: 10.0", "interval: [2.1, 265]", 19, f"{ROW}[0].interval[1]",
         "found 265; allowed: 0 to 100"),
    Case("shares-with-itself", "line: later", "shares_patients_with: [tiny]", 4, "shares_patients_with[0]",
         "found 'tiny', this trial itself"),
    # what it adds up to
    Case("unacknowledged", "percent: 10.0", "percent: 10.1", 19, f"{ROW}[0].percent",
         "found percent-rounding: 3 of 30 is 10 %, which rounds to 10.0, not 10.1"),
    Case("stale", "line: later",
         "acknowledged: [{report: one, outcome: response, finding: percent-rounding, reason: none}]",
         4, "acknowledged[0]",
         "found an acknowledgement of 'percent-rounding' that fits no finding; "
         "allowed: what the audit finds in this trial, which is nothing"),
]  # fmt: skip


@pytest.mark.parametrize("case", MALFORMED, ids=lambda case: case.name)
def test_a_malformed_trial_is_refused_where_it_is_malformed(root, case):
    faults = faults_of(root, edited(TRIAL, case.old, case.new))
    assert case.message in str(faults[0])
    assert [(fault.file, fault.line, fault.path) for fault in faults] == [
        ("trials/tiny.yaml", case.line, case.path)
    ]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        pytest.param("", 0, "found an empty file", id="empty"),
        pytest.param("# nothing yet\n", 0, "found an empty file", id="only-a-comment"),
        pytest.param("- id: tiny\n", 1, "found a list of 1 instead of a mapping", id="list"),
        pytest.param("just words\n", 1, "found 'just words' instead of a mapping", id="words"),
        pytest.param(TRIAL + "---\nid: two\n", 27, "found a second document", id="two-documents"),
        pytest.param("id: tiny\n\tline: later\n", 2, "spaces for indentation, never tabs", id="tab"),
        pytest.param("id: tiny\nline: 'later\n", 3, "found YAML that cannot be read", id="open-quote"),
        pytest.param("id: tiny\nline: [later\nx: 1\n", 3, "expected ',' or ']'", id="open-list"),
        pytest.param("id: tiny\nline: a: b\n", 2, "mapping values are not allowed here", id="colon"),
        pytest.param("id: tiny\n  line: later\n", 2, "mapping values are not allowed here", id="indentation"),
        pytest.param(b"id: tiny\nline: \xff\n", 2, "found the byte 0xff; allowed: UTF-8 text", id="latin-1"),
        pytest.param("id: tiny\nline: a\x00b\n", 2, r"the control character '\x00'", id="nul"),
        pytest.param("id: tiny\nline: a\x1b[31m\n", 2, r"the control character '\x1b'", id="terminal-code"),
        pytest.param('id: "\\UFFFFFFFF"\n', 0, "found YAML that cannot be read", id="beyond-unicode"),
        pytest.param("x: " + "[" * 40 + "]" * 40, 1, "found nesting deeper than 32", id="deep"),
        pytest.param("x" * (MAX_BYTES + 1), 0, f"found {MAX_BYTES + 1} bytes", id="too-big"),
    ],
)
def test_a_file_that_is_no_record_is_refused(root, text, line, message):
    (fault,) = faults_of(root, text)
    assert (fault.file, fault.line) == ("trials/tiny.yaml", line)
    assert message in str(fault)


def test_a_message_has_place_finding_and_remedy(root):
    (fault,) = faults_of(root, edited(TRIAL, "n: 19", "n: -1"))
    assert str(fault) == "trials/tiny.yaml:20: reports[0].tables[0].rows[1].n: found -1; allowed: 0 or more"


def test_every_fault_of_a_file_is_reported_at_once(root):
    text = TRIAL
    for old, new in [
        ("id: tiny", "id: other"),
        ("line: later", "line: later\nline: first"),  # lines move on by one from here
        ("region: West", "region: west"),
        ("[DE]", "[NO, xx]"),
        ("responders: 3", "responders: 31"),
        ("n: 19", "n: 019"),
        ("n: 12", "n: twelve"),
        ("term: any, ", ""),
        ("median: 4.2", "median: 1.2"),
    ]:
        text = edited(text, old, new)
    assert [(fault.line, fault.path) for fault in faults_of(root, text)] == [
        (5, "line"),
        (6, "region"),
        (7, "countries[0]"),
        (20, f"{ROW}[0].responders"),
        (21, f"{ROW}[1].n"),
        (22, f"{ROW}[2].n"),
        (26, "reports[0].tables[1].rows[0]"),
        (27, "reports[0].survival[0].low"),
    ]


def test_every_fault_of_every_file_of_both_kinds_is_reported_at_once(root):
    write_trial(root, edited(TRIAL, "n: 19", "n: -1"))
    (root / "trials" / "other.yaml").write_text("id: other\n")
    (root / "analyses" / "all-nen.yaml").write_text(edited(ANALYSIS, "0.1,", "10,"))
    with pytest.raises(RecordError) as raised:
        load(root)
    assert {fault.file for fault in raised.value.faults} == {
        "trials/tiny.yaml",
        "trials/other.yaml",
        "analyses/all-nen.yaml",
    }
    assert str(raised.value).count("\n") + 1 == len(raised.value.faults)


def test_a_trial_that_is_at_fault_is_still_known_to_analyses(root):
    write_trial(root, edited(TRIAL, "n: 19", "n: -1"))
    with pytest.raises(RecordError) as raised:
        load(root)
    assert [fault.file for fault in raised.value.faults] == ["trials/tiny.yaml"]
    assert list(load_analyses(root)) == ["all-nen"]


def test_an_acknowledged_contradiction_is_let_through(root):
    place = "report: one, outcome: response, finding: percent-rounding"
    text = edited(edited(TRIAL, "percent: 10.0", "percent: 10.1"), "line: later", "")
    file = load_trial(write_trial(root, f"{text}acknowledged: [{{{place}, reason: so printed}}]\n"), root)
    assert file.trial.acknowledged[0].reason == "so printed"
    assert file.doubts == {f"{ROW}[0]": ("so printed",)}


ANY = "{term: any, n: 30, events: 9"
SECOND = f"{' ' * 10}- {{term: any, n: 31, events: 8"


def copied(fault: Fault) -> list[str]:
    """The acknowledgements that a message offers to copy."""
    return re.findall(r"\{report: .*?reason: TODO\}", fault.allowed)


def test_a_message_prints_the_acknowledgement_to_copy(root):
    awkward = """percent: 10.1, site: {not: [other/"x", lung]}, where: "Table 1, lines 2: 'a'" """
    text = edited(TRIAL, "percent: 10.0, where: Table 1", awkward)
    text = edited(text, "{term: any, n: 30, events: 9}", f"{ANY}, where: 'N'}}\n{SECOND}, where: no data}}")
    faults = faults_of(root, text)
    lines = [line.replace("TODO", "so printed") for fault in faults for line in copied(fault)]
    assert len(lines) == len(faults) == 3
    known = "acknowledged:\n" + "".join(f"  - {line}\n" for line in lines)
    assert len(load_trial(write_trial(root, text + known), root).trial.acknowledged) == 3


def test_an_ambiguous_acknowledgement_names_its_candidates(root):
    text = edited(TRIAL, "{term: any, n: 30, events: 9}", f"{ANY}}}\n{SECOND}}}")
    place = "report: one, outcome: adverse-event, term: any, finding: rows-disagree"
    (fault,) = faults_of(root, f"{text}acknowledged: [{{{place}, reason: so printed}}]\n")
    assert (fault.path, fault.found) == (
        "acknowledged[0]",
        "found an acknowledgement of 'rows-disagree' that fits 2 findings",
    )
    assert copied(fault) == [
        f"{{{place.replace('finding', f'number: {number}, finding')}, reason: TODO}}"
        for number in ("'n'", "events")
    ]


def test_a_table_in_front_of_the_others_is_no_fault(root):
    text = edited(TRIAL, "percent: 10.0", "percent: 10.1")
    text += (
        "acknowledged: [{report: one, outcome: response, finding: percent-rounding, reason: so printed}]\n"
    )
    front = "    tables:\n      - {outcome: disease-control, where: Table 3, rows: [{n: 30, events: 9}]}\n"
    assert load_trial(write_trial(root, text), root).doubts == {f"{ROW}[0]": ("so printed",)}
    moved = load_trial(write_trial(root, edited(text, "    tables:\n", front)), root)
    assert moved.doubts == {"reports[0].tables[1].rows[0]": ("so printed",)}


@pytest.mark.parametrize(
    ("percent", "accepted"), [("17", True), ("16.7", True), ("17.0", False), ("16.70", False)]
)
def test_a_percentage_is_read_with_its_decimals(root, percent, accepted):
    text = edited(
        TRIAL, "responders: 3, percent: 10.0", f"responders: 5, percent: {percent}, interval: [5.6, 35]"
    )
    path = write_trial(root, text)
    if accepted:
        row = load_trial(path, root).trial.reports[0].tables[0].rows[0]
        assert (str(row.percent), [str(limit) for limit in row.interval or ()]) == (percent, ["5.6", "35"])
    else:
        with pytest.raises(RecordError, match=rf"which rounds to 16\.\d+, not {percent}"):
            load_trial(path, root)


def test_an_alias_bomb_costs_nothing(root):
    bomb = "".join(
        f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    begun = time.perf_counter()
    faults = faults_of(root, "a: &a [lol]\n" + bomb)
    assert time.perf_counter() - begun < 0.5
    assert sum("found the alias" in fault.found for fault in faults) == 72
    assert sum("found the anchor" in fault.found for fault in faults) == 9


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_deep_nesting_is_refused_early(root, opening):
    begun = time.perf_counter()
    faults = faults_of(root, opening * (900_000 // len(opening)))
    assert time.perf_counter() - begun < 5  # without the limit: RecursionError, or minutes
    assert "found nesting deeper than 32" in str(faults[-1])


def test_nesting_is_allowed_as_far_as_the_limit():
    levels = MAX_DEPTH - 1  # the record itself is one
    assert parse(f"x: {'[' * levels}{']' * levels}", "x.yaml").data
    with pytest.raises(RecordError, match="nesting"):
        parse(f"x: [{'[' * levels}{']' * levels}]", "x.yaml")


@pytest.mark.parametrize("key", ['""', "x" * 101, '"a\\nb"'])
def test_keys_that_cannot_stand_in_a_path_are_refused(root, key):
    (fault,) = faults_of(root, edited(TRIAL, "{A: {}, ", f"{{A: {{}}, {key}: {{}}, "))
    assert (fault.line, fault.path) == (7, "arms")
    assert "allowed: 1 to 100 printable characters" in str(fault)


def test_patients_can_be_shared_with_known_trials_only(root):
    write_trial(root, edited(TRIAL, "line: later", "shares_patients_with: [two, tree]"))
    two = edited(TRIAL, "id: tiny", "id: two")
    (root / "trials" / "two.yaml").write_text(two)
    (root / "trials" / "three.yaml").write_text(edited(TRIAL, "id: tiny", "id: three"))
    with pytest.raises(RecordError) as raised:
        load_trials(root)
    (fault,) = raised.value.faults
    assert (fault.file, fault.line, fault.path) == ("trials/tiny.yaml", 4, "shares_patients_with[1]")
    assert "did you mean 'three'?" in str(fault)


WRONG_ANALYSES = [
    Case("name", "name: all-nen", "name: all", 1, "name",
         "found 'all'; allowed: 'all-nen', the name of the file"),
    Case("no-question", "question: How many respond?\n", "", 1, "",
         "found no question; allowed: question is required, text"),
    Case("trial", "id: tiny", "id: tinny", 3, "trials[0]",
         "found 'tinny'; allowed: the name of a file in trials/ (did you mean 'tiny'?)"),
    Case("trial-twice", "[{id: tiny", "[tiny, {id: tiny", 3, "trials[1]",
         "found 'tiny' again; allowed: each trial once"),
    Case("trials-shape", "[{id: tiny, where: {differentiation: poor}}]", "tiny", 3, "trials",
         "found 'tiny'; allowed: 'all' or a list of text or a mapping with id"),
    Case("entry-shape", "{id: tiny, where: {differentiation: poor}}", "3", 3, "trials[0]",
         "found 3; allowed: text or a mapping with id, where, report, arm"),
    Case("no-trials", "[{id: tiny, where: {differentiation: poor}}]", "[]", 3, "trials",
         "found an empty list; allowed: all, or at least one trial"),
    Case("report", "id: tiny", "id: tiny, report: two", 3, "trials[0].report",
         "found 'two'; allowed: a report of tiny: one"),
    Case("arm", "id: tiny", "id: tiny, arm: C", 3, "trials[0].arm",
         "found 'C'; allowed: an arm of tiny: A, B"),
    Case("entry-where", "poor", "bad", 3, "trials[0].where.differentiation",
         "found 'bad'; allowed: well, poor, unknown"),
    Case("range-of-whom", "id: tiny", "id: tiny, ranges: [{n: [1, 9], source: x}]", 3, "trials[0].ranges[0]",
         "found no condition; allowed: at least one"),
    Case("range-turned", "id: tiny", "id: tiny, ranges: [{differentiation: well, n: [9, 1], source: x}]",
         3, "trials[0].ranges[0].n", "found 9 to 1; allowed: two of 0 to"),
    Case("range-below-0", "id: tiny", "id: tiny, ranges: [{differentiation: well, n: [-1, 1], source: x}]",
         3, "trials[0].ranges[0].n", "found -1 to 1; allowed: two of 0 to"),
    Case("range-ends", "id: tiny", "id: tiny, ranges: [{differentiation: well, n: [1], source: x}]",
         3, "trials[0].ranges[0].n", "found a list of 1; allowed: a list of 2, each a whole number"),
    Case("range-factor", "id: tiny", "id: tiny, ranges: [{differentiation: wel, n: [0, 1], source: x}]",
         3, "trials[0].ranges[0].differentiation", "found 'wel'; allowed: well"),
    Case("range-source", "id: tiny", 'id: tiny, ranges: [{differentiation: well, n: [0, 1], source: " "}]',
         3, "trials[0].ranges[0].source", "found nothing; allowed: what the range is known from"),
    Case("range-without-source", "id: tiny", "id: tiny, ranges: [{differentiation: well, n: [0, 1]}]",
         3, "trials[0].ranges[0]", "found no source; allowed: source is required"),
    Case("range-key", "id: tiny", "id: tiny, ranges: [{site: lung, n: [0, 1], m: 1, source: x}]",
         3, "trials[0].ranges[0].m", "found the unknown key 'm'"),
    Case("where", "line: later", "lien: later", 4, "where.lien",
         "found the unknown key 'lien'; allowed: site, differentiation"),
    Case("where-trial", "line: later", "trial: tin", 4, "where.trial",
         "found 'tin'; allowed: the name of a file in trials/"),
    Case("as-of", "2022-04", "2022-4", 5, "reports.as-of",
         "found '2022-4'; allowed: a date such as 2019"),
    Case("as-of-underscore", "as-of: 2022-04", "as-of: 2022-04, as_of: 2022-04", 5, "reports.as_of",
         "found the unknown key 'as_of'; allowed: as-of"),
    Case("reports", "{as-of: 2022-04}", "newest", 5, "reports",
         "found 'newest'; allowed: 'latest' or a mapping with as-of"),
    Case("exclude-everybody", "{site: lung}", "{}", 6, "exclude[0]",
         "found no condition; allowed: at least one"),
    Case("by", "[region, [", "[country, [", 7, "by[0]",
         "found 'country'; allowed: 'region', 'line'"),
    Case("by-twice", "[region, [", "[region, region, [", 7, "by[1]",
         "found region again; allowed: each grouping once"),
    Case("crossing-with-itself", "[region, site]", "[site, site]", 7, "by[1]",
         "found site again; allowed: each factor once"),
    Case("by-nothing", "[region, [", "[[], [", 7, "by[0]",
         "found an empty list; allowed: at least one factor"),
    Case("site-twice", "[pancreas, other]", "[pancreas, pancreas]", 8, "site_level[1]",
         "found 'pancreas' again; allowed: each site once"),
    Case("site-levels-overlap", "[pancreas, other]", "[gep, pancreas]", 8, "site_level[1]",
         "found pancreas beside gep, which contains it"),
    Case("site-level", "[pancreas, other]", "[pancreas, rest]", 8, "site_level[1]",
         "found 'rest'; allowed: gep"),
    Case("role", "{conventional: {tau2: DL}}", "{conventionel: {tau2: DL}}", 9, "models.conventionel",
         "(did you mean 'conventional'?)"),
    Case("option", "tau2: DL", "tau: DL", 9, "models.conventional.tau",
         "found the unknown key 'tau'"),
    Case("option-value", "tau2: DL", "tau2: dl", 9, "models.conventional.tau2",
         "found 'dl'; allowed: 'REML'"),
    Case("option-range", "tau2: DL", "level: 95", 9, "models.conventional.level",
         "found 95.0; a number between 0 and 1"),
    Case("options-together", "tau2: DL", "tau2: common-effect", 9, "models.conventional.interval",
         "found mhk with tau2: common-effect; Knapp-Hartung"),
    Case("model", "{conventional: {tau2: DL}}", "{primary: {model: bayes-binomal, prior: 3}}",
         9, "models.primary.model", "'bayes-normal' (did you mean 'bayes-binomial'?)"),
    Case("model-shape", "{conventional: {tau2: DL}}", "{primary: {model: [beta-binomial]}}",
         9, "models.primary.model", "found a list of 1; allowed: 'inverse-variance' or"),
    Case("option-of-another", "conventional: {tau2: DL}", "primary: {tau2: DL}", 9, "models.primary.tau2",
         "level (tau2 is an option of model: inverse-variance)"),
    Case("option-misspelt", "conventional: {tau2: DL}", "primary: {priors: x}", 9, "models.primary.priors",
         "found the unknown key 'priors'; allowed: model, prior, mu_prior"),
    Case("option-words", "tau2: DL", "model: binomial-normal, interval: hk",
         9, "models.conventional.interval", "found 'hk'; allowed: 'profile', 'profile-t', 'wald-t', 'wald'"),
    Case("prior", "conventional: {tau2: DL}", 'primary: {prior: "half-normal:-1"}', 9, "models.primary.prior",
         "found scale -1 in half-normal:-1; 0.001 to 1000 is allowed: what is beyond fits no trials"),
    Case("prior-of-mu", "conventional: {tau2: DL}", 'primary: {mu_prior: "normal:0"}',
         9, "models.primary.mu_prior", "found 'normal:0'; normal:mean,sd is allowed"),
    Case("role-shape", "{tau2: DL}", "3", 9, "models.conventional",
         "found 3; allowed: 'none' or a mapping with model ('inverse-variance', "),
    Case("role-word", "{tau2: DL}", "non", 9, "models.conventional", "(did you mean 'none'?)"),
    Case("no-role", "{conventional: {tau2: DL}}", "{primary: none, frequentist: none, conventional: none}",
         9, "models", "found none in every role; allowed: a model in at least one role"),
    Case("threshold", "[0.1, 0.2]", "[0.1, 20]", 10, "thresholds[1]",
         "found 20; allowed: a fraction between 0 and 1"),
    Case("variation-name", "dropped:", "Dropped:", 12, "sensitivity.Dropped",
         "found the name 'Dropped'"),
    Case("variation-base", "dropped:", "base:", 12, "sensitivity.base",
         "and not base"),
    Case("variation-shape", "each-trial", "each", 14, "sensitivity.leave-one-out",
         "found 'each'; allowed: each-trial, each-prior, each-date, or a mapping of changes"),
    Case("variation-key", "unresolved: drop", "unresolvd: drop", 12, "sensitivity.dropped.unresolvd",
         "(did you mean 'unresolved'?)"),
    Case("variation-renames", "unresolved: drop", "name: dropped", 12, "sensitivity.dropped.name",
         "found the key 'name'"),
    Case("variation-nests", "unresolved: drop", "sensitivity: {}", 12, "sensitivity.dropped.sensitivity",
         "found the key 'sensitivity'"),
    Case("splits-at-the-top", "thresholds: [0.1, 0.2]", "unreported: bound", 10, "unreported",
         "found bound; allowed: under sensitivity, as it gives bounds by group in place of every fit"),
    Case("splits-of-nobody", "unresolved: drop", "by: [region, line], unreported: bound",
         12, "sensitivity.dropped.unreported", "found bound without such a grouping; allowed: with a"),
    Case("splits-of-the-excluded", "unresolved: drop", "unresolved: bound, unreported: bound",
         12, "sensitivity.dropped.unreported", "found bound beside unresolved: bound; allowed: one of them"),
    Case("splits-word", "unresolved: drop", "unreported: bounds", 12, "sensitivity.dropped.unreported",
         "found 'bounds'; allowed: 'drop', 'bound' (did you mean 'bound'?)"),
    Case("variation-exclude", "differentiation: well", "differentiation: wel",
         12, "sensitivity.dropped.exclude[0].differentiation",
         "found 'wel'; allowed: well"),
    Case("variation-option", "interval: hk", "interval: kh",
         13, "sensitivity.hartung.models.conventional.interval",
         "found 'kh'; allowed: 'wald', 'hk', 'mhk'"),
    Case("variation-range", "interval: hk", "level: 2.0",
         13, "sensitivity.hartung.models.conventional.level", "found 2.0"),
    Case("variation-model", "interval: hk", "model: bayes, interval: hk",
         13, "sensitivity.hartung.models.conventional.model", "found 'bayes'; allowed: 'inverse-variance'"),
    Case("variation-unquoted", "unresolved: drop", "unresolved: no", 12, "sensitivity.dropped.unresolved",
         "found no without quotes"),
]  # fmt: skip


@pytest.mark.parametrize("case", WRONG_ANALYSES, ids=lambda case: case.name)
def test_a_wrong_analysis_is_refused_where_it_is_wrong(root, case):
    (root / "analyses" / "all-nen.yaml").write_text(edited(ANALYSIS, case.old, case.new))
    with pytest.raises(RecordError) as raised:
        load_analyses(root)
    assert case.message in str(raised.value.faults[0])
    assert [(fault.file, fault.line, fault.path) for fault in raised.value.faults] == [
        ("analyses/all-nen.yaml", case.line, case.path)
    ]


def test_every_fault_of_an_analysis_is_reported_at_once(root):
    text = ANALYSIS
    for old, new in [
        ("2022-04", "2022-13"),
        ("tau2: DL", "level: 95"),
        ("0.1,", "0.0,"),
        ("unresolved: drop", "unresolved: maybe"),
        ("interval: hk", "groups: none"),
        ("each-trial", "3"),
    ]:
        text = edited(text, old, new)
    (root / "analyses" / "all-nen.yaml").write_text(text)
    with pytest.raises(RecordError) as raised:
        load_analyses(root)
    assert [fault.line for fault in raised.value.faults] == [5, 9, 10, 12, 13, 14]


def test_what_is_wrong_with_the_base_is_not_repeated_for_its_variations(root):
    text = edited(edited(ANALYSIS, "[0.1, 0.2]", "[0.1, 20.0]"), "unresolved: drop", "thresholds: [20.0]")
    (root / "analyses" / "all-nen.yaml").write_text(text)
    with pytest.raises(RecordError) as raised:
        load_analyses(root)
    assert [(fault.line, fault.path) for fault in raised.value.faults] == [
        (10, "thresholds[1]"),
        (12, "sensitivity.dropped.thresholds[0]"),  # its own; hartung merely inherits the base's
    ]


def models_of(root, models, extra=""):
    """The models that an analysis with this line, and further ones, is fitted with."""
    text = edited(ANALYSIS.partition("sensitivity:")[0], "{conventional: {tau2: DL}}", models)
    (root / "analyses" / "all-nen.yaml").write_text(text + extra)
    return load_analyses(root)["all-nen"].fitted()


def test_an_analysis_without_models_has_those_of_the_design(root):
    text = edited(ANALYSIS, "models: {conventional: {tau2: DL}}\n", "")
    (root / "analyses" / "all-nen.yaml").write_text(text)
    assert load_analyses(root)["all-nen"].fitted() == {
        "primary": BayesBinomial(prior="half-normal:1.25", mu_prior="normal:-2,2", thresholds=(0.1, 0.2)),
        "frequentist": BinomialNormal(interval="profile"),
        "conventional": InverseVariance(scale="logit", tau2="REML", interval="mhk", prediction="hts"),
    }


def test_roles_that_are_named_lie_over_the_defaults(root):
    named = models_of(root, "{conventional: {model: inverse-variance, scale: arcsine}, frequentist: none}")
    assert named == {
        "primary": BayesBinomial(thresholds=(0.1, 0.2)),
        "conventional": InverseVariance(scale="arcsine"),
    }


def test_another_model_in_a_role_starts_from_its_own_defaults(root):
    named = models_of(root, "{conventional: {model: beta-binomial, level: 0.9}}")
    assert named["conventional"] == BetaBinomial(level=0.9)  # not the mhk of the inverse-variance model
    named = models_of(root, '{primary: {model: bayes-normal, scale: log, prior: "half-normal:1"}}')
    assert named["primary"] == BayesNormal(scale="log", prior="half-normal:1", thresholds=(0.1, 0.2))


@pytest.mark.parametrize(
    ("changes", "primary"),
    [
        ("{level: 0.9}", BayesNormal(scale="log", prior="half-normal:1", level=0.9)),
        ("{model: bayes-normal, scale: arcsine}", BayesNormal(scale="arcsine", prior="half-normal:1")),
        ("{model: bayes-binomial, level: 0.9}", BayesBinomial(level=0.9)),
        ("{model: beta-binomial}", BetaBinomial()),
        ("none", None),
    ],
)
def test_a_variation_that_changes_the_model_takes_no_option_along(root, changes, primary):
    text = edited(
        ANALYSIS,
        "{conventional: {tau2: DL}}",
        '{primary: {model: bayes-normal, scale: log, prior: "half-normal:1"}}',
    )
    text = edited(
        edited(text, "thresholds: [0.1, 0.2]\n", ""), "conventional: {interval: hk}", f"primary: {changes}"
    )
    (root / "analyses" / "all-nen.yaml").write_text(text)
    varied = load_analyses(root)["all-nen"].sensitivity["hartung"].fitted()
    assert varied.get("primary") == primary
    assert list(varied) == [role for role in ROLES if primary or role != "primary"]


def test_a_role_that_was_switched_off_can_be_switched_on_again(root):
    text = edited(ANALYSIS, "{conventional: {tau2: DL}}", "{frequentist: none, conventional: {tau2: DL}}")
    text = edited(text, "conventional: {interval: hk}", "frequentist: {interval: wald}")
    (root / "analyses" / "all-nen.yaml").write_text(text)
    base = load_analyses(root)["all-nen"]
    assert list(base.fitted()) == ["primary", "conventional"]
    assert base.sensitivity["hartung"].fitted()["frequentist"] == BinomialNormal(interval="wald")


def test_thresholds_go_to_models_that_have_none_of_their_own(root):
    assert models_of(root, "{primary: {level: 0.9}}")["primary"].thresholds == (0.1, 0.2)
    assert models_of(root, "{primary: {thresholds: [0.3]}}")["primary"].thresholds == (0.3,)


def test_other_outcomes_have_another_prior_of_mu(root):
    other = "outcome: disease-control\n"
    assert models_of(root, "{primary: {level: 0.9}}", other)["primary"].mu_prior == "normal:0,2.5"
    assert models_of(root, "{primary: {model: bayes-normal}}", other)["primary"].mu_prior == "normal:0,2.5"
    own = models_of(root, '{primary: {mu_prior: "normal:-1,1"}}', other)
    assert own["primary"].mu_prior == "normal:-1,1"
    changed = "sensitivity: {control: {outcome: disease-control}}\n"
    models_of(root, "{conventional: {tau2: DL}}", changed)
    assert (
        load_analyses(root)["all-nen"].sensitivity["control"].fitted()["primary"].mu_prior == "normal:0,2.5"
    )


def test_faults_of_models_name_the_line_of_their_option(root):
    models = """
  primary:
    prior: half-normal
    thresholds: [0.1, 2.0]
  frequentist:
    model: beta-binomial
    bootstrap: 5
    level: high
  conventional: {tau: DL}"""
    text = edited(ANALYSIS, " {conventional: {tau2: DL}}", models)
    (root / "analyses" / "all-nen.yaml").write_text(text)
    with pytest.raises(RecordError) as raised:
        load_analyses(root)
    assert [(fault.line, fault.path) for fault in raised.value.faults] == [
        (11, "models.primary.prior"),
        (12, "models.primary.thresholds"),
        (15, "models.frequentist.bootstrap"),
        (16, "models.frequentist.level"),
        (17, "models.conventional.tau"),
    ]
    assert "(bootstrap is an option of model: binomial-normal)" in str(raised.value)


@pytest.mark.parametrize("models", ["{primary: {model: inverse-variance}}", "{primary: none}"])
def test_each_prior_needs_a_prior(root, models):
    text = edited(edited(ANALYSIS, "{conventional: {tau2: DL}}", models), "each-trial", "each-prior")
    (root / "analyses" / "all-nen.yaml").write_text(text)
    with pytest.raises(RecordError) as raised:
        load_analyses(root)
    (fault,) = raised.value.faults
    assert (fault.line, fault.path) == (14, "sensitivity.leave-one-out")
    assert "allowed: with a primary model that has a prior of tau (bayes-binomial, bayes-normal)" in str(
        fault
    )


def test_each_prior_is_a_word(root):
    (root / "analyses" / "all-nen.yaml").write_text(edited(ANALYSIS, "each-trial", "each-prior"))
    assert load_analyses(root)["all-nen"].sensitivity["leave-one-out"] == "each-prior"


def test_sensitivity_must_be_a_mapping(root):
    text = ANALYSIS.partition("sensitivity:")[0] + "sensitivity: [each-trial]\n"
    (root / "analyses" / "all-nen.yaml").write_text(text)
    with pytest.raises(
        RecordError, match=r"all-nen.yaml:11: sensitivity: found a list of 1; allowed: a mapping"
    ):
        load_analyses(root)


def test_arms_of_a_trial_enter_apart_only_where_the_unit_is_the_arm(root):
    two_arms = edited(
        ANALYSIS, "[{id: tiny, where: {differentiation: poor}}]", "[{id: tiny, arm: A}, {id: tiny, arm: B}]"
    )
    path = root / "analyses" / "all-nen.yaml"
    path.write_text(two_arms + "unit: arm\n")
    assert len(load_analyses(root)["all-nen"].trials) == 2
    path.write_text(two_arms)
    with pytest.raises(RecordError, match="found 'tiny' again"):
        load_analyses(root)


def test_a_single_analysis_can_be_read_without_the_trials(root):
    path = root / "analyses" / "all-nen.yaml"
    path.write_text(edited(ANALYSIS, "id: tiny", "id: elsewhere"))
    assert load_analysis(path, root).trials[0].id == "elsewhere"
    with pytest.raises(RecordError, match="found 'elsewhere'"):
        load_analysis(path, root, load_trials(root))


def test_an_unknown_analysis_is_named(root):
    with pytest.raises(RecordError) as raised:
        load(root, ["all-nem"])
    message = "analyses/all-nem.yaml: found no such file; allowed: all-nen (did you mean 'all-nen'?)"
    assert str(raised.value) == message


def test_missing_folders_are_named(tmp_path):
    with pytest.raises(MetaError) as raised:
        load(tmp_path)
    assert [fault.file for fault in raised.value.faults] == ["analyses", "trials"]


def test_misnamed_files_are_named_and_hidden_ones_passed_over(root):
    (root / "trials" / "two.yml").write_text("")
    (root / "trials" / ".tiny.yaml").write_text("an editor's copy")
    (root / "trials" / "README.md").write_text("")
    with pytest.raises(RecordError) as raised:
        load_trials(root)
    assert str(raised.value) == "trials/two.yml: found the ending .yml; allowed: .yaml"


def test_a_folder_called_like_a_record_is_refused(root):
    (root / "trials" / "two.yaml").mkdir()
    with pytest.raises(RecordError, match=r"trials/two\.yaml: cannot be read: Is a directory"):
        load_trials(root)


def test_a_pipe_called_like_a_record_is_not_waited_for(root):
    os.mkfifo(root / "trials" / "two.yaml")
    with pytest.raises(RecordError, match=r"trials/two\.yaml: cannot be read: found a pipe"):
        load_trials(root)


def test_a_device_called_like_a_record_is_refused(root):
    (root / "trials" / "two.yaml").symlink_to("/dev/zero")
    with pytest.raises(RecordError, match=r"trials/two\.yaml: cannot be read: found a pipe, .* a device"):
        load_trials(root)


def test_a_file_elsewhere_is_named_as_it_was_given(root, tmp_path_factory):
    path = tmp_path_factory.mktemp("elsewhere") / "tiny.yaml"
    path.write_text(TRIAL)
    assert load_trial(path, root).file == path.as_posix()


def test_one_protocol_is_not_two_trials(root):
    """The same registry number in two files would let its patients enter a pool twice."""
    text = edited(TRIAL, "line: later", "line: later\nregistry: [NCT00000001]")
    write_trial(root, text)
    (root / "trials" / "twin.yaml").write_text(edited(text, "id: tiny", "id: twin"))
    with pytest.raises(RecordError) as raised:
        load_trials(root)
    assert "found 'NCT00000001', which trials/tiny.yaml has too" in str(raised.value)
    (root / "trials" / "twin.yaml").write_text(
        edited(
            edited(text, "id: tiny", "id: twin"), "line: later", "line: later\nshares_patients_with: [tiny]"
        )
    )
    assert "twin" in load_trials(root)


def test_a_trial_without_results_is_on_record(root):
    """What is missing can be bounded only where it is known to be missing."""
    head = TRIAL[: TRIAL.index("reports:")]
    write_trial(root, f"{head}results: none printed\nreports: []\n")
    assert load_trials(root)["tiny"].trial.results == "none printed"
    (fault,) = faults_of(root, f"{head}reports: []\n")
    assert (fault.found, fault.allowed) == (
        "found no report", "allowed: a report, or results: none printed"
    )  # fmt: skip


def test_rates_ranges_and_p_values_are_read_as_printed(root):
    text = edited(TRIAL, "high: 7.5,", "high: 7.5, limits: range,")
    text += """\
    rates: [{endpoint: PFS, at: 12, percent: 19.50, interval: [10, 30.1], where: Abstract}]
    p_values: [{compares: response by grade, p: 0.004, where: Abstract, via: jia}]
"""
    report = load_trial(write_trial(root, text), root).trial.reports[0]
    assert report.survival[0].text == "4.2 (range: 2 to 7.5) months"
    assert report.rates[0].text == "19.50 % (10 to 30.1)"
    assert report.p_values[0].p == Decimal("0.004")


def test_an_analysis_without_dots_in_its_name(root):
    """Else analysis a.b and variation b of analysis a would share a figure's name."""
    (root / "analyses" / "all.nen.yaml").write_text(edited(ANALYSIS, "name: all-nen", "name: all.nen"))
    with pytest.raises(RecordError) as raised:
        load_analyses(root)
    assert [str(fault) for fault in raised.value.faults] == [
        "analyses/all.nen.yaml:1: name: found 'all.nen'; allowed: a name without dots"
    ]


# The model of sites and regions


def with_sites(root, options, extra=""):
    text = edited(ANALYSIS, "thresholds: [0.1, 0.2]\n", f"sites: {options}\n{extra}")
    (root / "analyses" / "all-nen.yaml").write_text(text)
    return load_analyses(root)["all-nen"]


def test_sites_are_the_options_of_their_model(root):
    options = '{model: site-region, prior: "half-normal:1", variations: [base, leave-one-out]}'
    found = with_sites(root, options)
    assert found.sites == Sites(prior="half-normal:1", variations=("base", "leave-one-out"))
    assert found.sites.options(seed=2) == SiteRegion(prior="half-normal:1", seed=2)
    assert found.sensitivity["dropped"].sites == found.sites
    assert load_analyses_plain(root).sites is None


def load_analyses_plain(root):
    (root / "analyses" / "all-nen.yaml").write_text(ANALYSIS)
    return load_analyses(root)["all-nen"]


def test_changes_of_sites_are_merged(root):
    (root / "analyses" / "all-nen.yaml").write_text(
        edited(ANALYSIS, "thresholds: [0.1, 0.2]", "sites: {seed: 3}").replace(
            "{models: {conventional: {interval: hk}}}", '{sites: {interaction_prior: "half-normal:0.5"}}'
        )
    )
    found = load_analyses(root)["all-nen"].sensitivity["hartung"].sites
    assert found == Sites(seed=3, interaction_prior="half-normal:0.5")


def test_other_outcomes_have_another_prior_of_mu_by_site_too(root):
    other = "outcome: disease-control\n"
    assert with_sites(root, "{}", other).sites.mu_prior == "normal:0,2.5"
    assert with_sites(root, '{mu_prior: "normal:-1,1"}', other).sites.mu_prior == "normal:-1,1"
    assert with_sites(root, "{}").sites.mu_prior == "normal:-2,2"


@pytest.mark.parametrize(
    ("options", "path", "message"),
    [
        ("3", "sites", "found 3; allowed: a mapping with model, groups, contrasts"),
        ("{model: site-regions}", "sites.model", "found 'site-regions'; allowed: 'site-region'"),
        ("{sigma: 1}", "sites.sigma", "found the unknown key 'sigma'"),
        ("{draws: 2}", "sites.draws", "found 2; a whole number from 4 to 1000000"),
        ('{site_prior: "uniform:0,1"}', "sites.site_prior", "half-normal:SCALE is allowed"),
        ("{by: region}", "sites.by", "found 'region'; allowed: 'site', 'differentiation'"),
        ("{contrasts: [regime]}", "sites.contrasts[0]", "(did you mean 'regimen'?)"),
        ("{variations: [base, droped]}", "sites.variations[1]", "(did you mean 'dropped'?)"),
        ("{variations: [base, base]}", "sites.variations", "found base again"),
        ("{target: tinny}", "sites.target", "found 'tinny'; allowed: pooled, the id of a trial"),
        ("{target: {pancreas: 1, lung: 1}}", "sites.target.lung", "found the unknown group 'lung'"),
        ("{target: {pancreas: -1}}", "sites.target", "found"),
    ],
)
def test_faults_of_sites_name_their_line(root, options, path, message):
    with pytest.raises(RecordError) as raised:
        with_sites(root, options)
    assert [(fault.line, fault.path) for fault in raised.value.faults] == [(10, path)]
    assert message in str(raised.value)
