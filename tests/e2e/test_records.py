"""The records in trials/ and analyses/, however many there are, and what README.md prints of them.

No other test reads these records: a new one must not break what is counted elsewhere.
"""

from __future__ import annotations

import json
import math
import re
import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from meta.records.reading.load import load, load_trial
from meta.records.storing import store
from meta.workflow.expand import expand
from meta.workflow.pool import variations
from tests.e2e.lines import assert_followed, assert_shown
from tests.e2e.test_evidence_coverage import SAID, rows_about

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = {"trial": ROOT / "trials", "analysis": ROOT / "analyses"}
RECORDS = {kind: sorted(folder.glob("*.yaml")) for kind, folder in FOLDERS.items()}
EVIDENCE = {  # names in tests/reference/counts.csv
    "sintilimab_NCT02937116": "sintilimab-nct02937116",
    "toripalimab_NCT03167853": "toripalimab-nct03167853",
    "avenec_NCT03352934": "avelumab-avenec",
    "pembro_vijayvergia_NCT02939651": "pembrolizumab-nct02939651",
}
KNOWN = {key: path for key, name in EVIDENCE.items() if (path := ROOT / "trials" / f"{name}.yaml").exists()}

README = ROOT / "README.md"
SECTION = re.compile(r"^## What the four trials say\n(.*?)^## ", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"-?(?:\d+\.?\d*|\.\d+)")
# Half a unit of the last digit, and a hundredth of a point: quadrature is that exact on any machine.
EXACT = 0.05 + 0.01


@pytest.fixture(scope="module")
def real(pooled, cli, tmp_path_factory):
    """The records, pooled; those of their runs that the frozen records have too are not fitted again.

    Of the sensitivity analyses, most of the work, only those are run of which README.md prints a number:
    `make pool` runs them all.
    """
    root = tmp_path_factory.mktemp("real") / "root"
    for folder in FOLDERS.values():
        shutil.copytree(folder, root / folder.name)
    shutil.copytree(pooled.out, root / "out")
    for path in (root / "analyses").glob("*.yaml"):
        head, _, variations = path.read_text(encoding="utf-8").partition("\nsensitivity:\n")
        head = head.replace(", no-well-differentiated-dropped, leave-one-out]", "]")  # of the model of sites
        quoted = [
            line
            for line in variations.splitlines()
            if line.startswith("  no-well-differentiated-") and "\nreproduces:" in head
        ]
        path.write_text(
            "\n".join([head, *(["sensitivity:", *quoted] if quoted else []), ""]), encoding="utf-8"
        )
    result = cli("pool", "--root", root)
    assert result.code == 0, result.out + result.err
    return replace(pooled, root=root, result=result)


@pytest.fixture(scope="module")
def runs(real):
    return [store.load_run(path) for path in sorted((real.out / "results").glob("*/*.json"))]


@cache
def loaded(path):
    return load_trial(path, ROOT).trial


# The records


def test_the_records_have_no_fault(cli):
    result = cli("check", "--root", ROOT)
    assert (result.code, result.err) == (0, "")
    trials, analyses = len(RECORDS["trial"]), len(RECORDS["analysis"])
    runs = len(variations(*load(ROOT)))
    assert f"{trials} trials, {analyses} analyses, {runs} runs: no fault." in result.out


def test_every_record_is_listed(cli):
    said = cli("list", "--root", ROOT).out
    for path in RECORDS["trial"]:
        assert re.search(rf"^ *{re.escape(path.stem)} ", said, re.MULTILINE), path
    for path in RECORDS["analysis"]:
        assert f"\n{path.stem}: " in said


@pytest.mark.parametrize("path", RECORDS["trial"], ids=lambda path: path.stem)
def test_show_leads_every_number_to_its_line(path, cli):
    result = cli("show", path.stem, "--root", ROOT)
    assert (result.code, result.err) == (0, "")
    assert assert_shown(path, result.out) or loaded(path).results


@pytest.mark.parametrize("kind", RECORDS)
def test_records_on_disk_fit_their_published_schema(kind):
    """An editor that checks YAML against the schema must not complain of ours."""
    schema = Draft202012Validator(json.loads(store.schema(kind)))
    for path in RECORDS[kind]:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        data.pop("sensitivity", None)  # changes, merged into the analysis before it is one
        assert not [error.message for error in schema.iter_errors(data)], path


@pytest.mark.parametrize(
    "count", [count for count in SAID if count.trial in KNOWN], ids=lambda count: count.name
)
def test_a_number_of_our_trials_is_on_record(count):
    found = rows_about(loaded(KNOWN[count.trial]), count)
    assert [(row.n, row.responders) for row in found] == [(count.n, count.responders)]
    assert not count.unverified or found[0].status == "unverified" or found[0].back_calculated


LEVELS = ("unverified", "recovered", "printed")


@pytest.mark.parametrize("path", RECORDS["trial"], ids=lambda path: path.stem)
def test_every_count_has_a_place_and_every_derived_one_its_operands(path):
    """A derived count is no better known than the rows that it is worked out from."""
    tables = [table for report in loaded(path).reports for table in report.tables]
    rows = [row for table in tables for row in table.rows]
    assert all(row.where or table.where for table in tables for row in table.rows)
    for row in rows:
        for expression in row.derived.values():
            for operand in {int(text) for text in re.findall(r"\d+", expression)} - {0}:
                stated = [one for one in rows if one is not row and operand in (one.n, one.count)]
                assert stated, (row, operand)
                best = max(LEVELS.index(one.evidence) for one in stated)
                assert LEVELS.index(row.evidence) <= best, (row, operand)


@pytest.mark.parametrize("path", RECORDS["analysis"], ids=lambda path: path.stem)
def test_no_two_pooled_rows_share_patients(path):
    """One protocol is one trial of a pool, and nothing unverified enters."""
    trials, analyses = load(ROOT, [path.stem])
    for variation in expand(trials, analyses[path.stem]):
        selection = variation.selection
        entered = [*selection.included, *selection.mixed, *selection.bounded]
        arms = [(number, t.chosen.arm) for t in entered for number in t.chosen.trial.registry]
        assert len(arms) == len(set(arms)), variation.name
        used = [e for e in selection.ledger if e.action == "used" and e.by is None]
        rows = [(e.trial, e.path) for e in used]
        assert len(rows) == len(set(rows)), variation.name
        for entry in used:
            i, j, k = map(int, re.findall(r"\d+", entry.path))
            row = trials[entry.trial].trial.reports[i].tables[j].rows[k]
            assert variation.analysis.evidence == "all" or row.status == "verified", entry


# Their runs


def test_every_analysis_is_pooled_and_nothing_failed(runs):
    assert {run.name for run in runs if run.variation == "base"} == {p.stem for p in RECORDS["analysis"]}
    assert [run for run in runs if run.failures] == []


def test_every_number_can_be_followed_to_its_line(real, runs):
    for run in runs:
        assert_followed(run, real.root)


def test_every_number_of_the_report_is_the_stored_one(real, runs, assert_as_stored):
    page = assert_as_stored(real.out, (real.out / "report.html").read_text(encoding="utf-8"))
    named = {place.partition("#")[0] for _, place, _, _ in page.numbers}
    assert named >= {f"{run.name}/base" for run in runs}


# README.md


def test_the_table_of_the_broad_analyses(real):
    text = README.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(ici-[a-z]+)`[^|]*\| (\d+) \| (\d+)/(\d+) \| ([^|]+)\| ([^|]+)\|$", text, re.M)
    assert {row[0] for row in rows} == {path.stem for path in RECORDS["analysis"] if path.stem[:4] == "ici-"}
    for name, k, responders, n, mean, prediction in rows:
        fit = fit_by(store.load_run(real.out / "results" / name / "base.json"), None, "primary")
        assert (int(k), int(responders), int(n)) == (fit.k, fit.responders, fit.n)
        one, new = fit.estimands.mean, fit.estimands.predictive
        assert numbers(mean) == pytest.approx(percent(one.value, one.low, one.high), abs=EXACT)
        assert numbers(prediction) == pytest.approx(percent(new.low, new.high), abs=EXACT)


def test_the_readme_counts_the_trials():
    text = README.read_text(encoding="utf-8")
    (counted,) = re.findall(r"^(\d+) trials are on record \(`trials/`\), (\d+) of them without", text, re.M)
    silent = [path for path in RECORDS["trial"] if loaded(path).results]
    assert counted == (str(len(RECORDS["trial"])), str(len(silent)))


@pytest.fixture(scope="module")
def section():
    found = SECTION.search(README.read_text(encoding="utf-8"))
    assert found is not None
    return found[1]


@pytest.fixture(scope="module")
def lines(section):
    """The five answers, by their numbers."""
    return {int(number): text for number, text in re.findall(r"^(\d)\. (.*)$", section, re.MULTILINE)}


@pytest.fixture(scope="module")
def base(real):
    return store.load_run(real.out / "results" / "jia-2022-table1" / "base.json")


@pytest.fixture(scope="module")
def bound(real):
    path = real.out / "results" / "jia-2022-table1" / "no-well-differentiated-bound.json"
    return store.load_run(path)


@pytest.fixture(scope="module")
def latent(real):
    path = real.out / "results" / "jia-2022-table1" / "no-well-differentiated-latent.json"
    return store.load_run(path).latent


class WithinChance:
    """What equals an estimate and its limits but for rounding to tenths and for the sampler's chance.

    Elsewhere the same seed may give other draws. The standard error of a median is that of a mean times
    sqrt(pi/2), of a limit sqrt(p (1 - p) / draws) over the density there, both of a normal as wide as the
    interval. Two runs: three of these, times sqrt(2).
    """

    def __init__(self, expected, drawn):
        _, low, high = self.expected = expected
        sd = (high - low) / (2 * 1.96)
        density = math.exp(-(1.96**2) / 2) / math.sqrt(2 * math.pi) / sd
        limit = math.sqrt(0.025 * 0.975 / drawn.ess_tail) / density
        errors = (sd * math.sqrt(math.pi / 2 / drawn.ess_bulk), limit, limit)
        self.tolerance = [0.05 + 3 * math.sqrt(2) * error for error in errors]

    def __eq__(self, found):
        pairs = zip(found, self.expected, self.tolerance, strict=True)
        return all(abs(one - other) <= most for one, other, most in pairs)

    def __repr__(self):
        return f"{self.expected} ± {self.tolerance}"

    __hash__ = None


def numbers(line):
    """What a line prints, in its order; a dash between numbers is no sign, a minus is."""
    return [float(text) for text in NUMBER.findall(line.replace("–", " to ").replace("−", "-"))]


def fit_by(run, by, role):
    return next(fit for fit in run.fits if (fit.by, fit.role) == (by, role))


def percent(*values):
    return [100 * value for value in values]


def test_there_are_five_answers(lines):
    assert sorted(lines) == [1, 2, 3, 4, 5]


def test_the_counts_are_those_of_the_regions(section, base):
    counts = {name: (int(x), int(n)) for name, x, n in re.findall(r"(\w+) (\d+)/(\d+)", section)}
    groups = {group.label: group for group in fit_by(base, "region", "primary").groups}
    assert counts == {name: (group.responders, group.n) for name, group in groups.items()}
    assert "two trials against two" in section
    assert "groups of two trials should be interpreted with caution" in section
    assert {(group.k, group.standing.status) for group in groups.values()} == {(2, "drawn-not-headline")}
    assert "`jia-2022-table1`" in section


def test_by_region(lines, base):
    fit = fit_by(base, "region", "primary")
    asia, west = (next(g for g in fit.groups if g.label == name).estimands.mean for name in ("Asia", "West"))
    (contrast,) = fit.between.contrasts
    less = contrast.mean
    assert (contrast.group, contrast.reference) == ("West", "Asia")
    expected = percent(
        asia.value, asia.level, asia.low, asia.high, west.value, west.low, west.high,
        -less.value, less.low, less.high,
    )  # fmt: skip
    assert numbers(lines[1]) == pytest.approx(expected, abs=EXACT)


def test_at_one_mix_of_sites(lines, base):
    gap = next(
        one for one in base.sites.differences if (one.population, one.estimand) == ("new-trials", "mean")
    )
    assert (gap.level, gap.reference) == ("West", "Asia")
    printed = numbers(lines[2])
    assert len(printed) == 6
    for three, found, drawn in (
        (printed[:3], gap.standardised, base.sites.sampling),
        (printed[3:], gap.without_groups, base.sites.sampling_without_groups),
    ):
        assert three == WithinChance(percent(-found.value, found.low, found.high), drawn)


def test_without_the_well_differentiated(lines, base, bound, latent):
    ends = []
    for name in ("West", "Asia"):
        found = next(
            one
            for one in bound.bounds
            if (one.role, one.by, one.group, one.estimand) == ("primary", "region", name, "mean")
        )
        ends += [found.ignorance.low, found.ignorance.high, found.uncertainty.low, found.uncertainty.high]
    printed = numbers(lines[3])
    assert printed[: len(ends)] == pytest.approx(percent(*ends), abs=EXACT)
    with_them = fit_by(base, None, "primary").estimands.mean
    expected = percent(with_them.value, with_them.low, with_them.high)
    assert printed[-3:] == pytest.approx(expected, abs=EXACT)
    (whole, *_) = latent.fits
    without = next(one.mean for one in whole.standardised if one.population == "new-trials")
    assert without.estimand.startswith("mean")
    assert printed[len(ends) : -3] == WithinChance(
        percent(without.value, without.low, without.high), whole.sampling
    )


def test_by_chance(lines, base):
    """Of 1,000 simulated data sets one may change sides by rounding, where it ties with the observed one."""
    fit = fit_by(base, "region", "frequentist")
    tests = [test for test in fit.between.tests if test.tau is not None]
    at = [round(test.tau, 2) for test in tests]
    printed = numbers(lines[4])
    assert printed[:3] == pytest.approx([test.p for test in tests], abs=0.0005 + 1 / 1001)
    assert printed[3:] == at == [0, pytest.approx(fit.tau.value, abs=0.005), 1]


def test_what_cannot_be_known(lines, base):
    fit = fit_by(base, "site", "primary")
    reported = {trial.label: 0 for group in fit.groups for trial in group.trials}
    for group in fit.groups:
        for trial in group.trials:
            reported[trial.label] += trial.n
    asian = next(g for g in fit_by(base, "region", "primary").groups if g.label == "Asia")
    assert set(reported) == {trial.label for trial in asian.trials}
    assert numbers(lines[5]) == [sum(reported.values())]
