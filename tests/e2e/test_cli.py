"""The other commands: help, list, show, check, schema, new, forest, diff; and odd places to run them in."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from meta.records.run import SCHEMA
from meta.records.storing import store
from tests.e2e.lines import assert_shown
from tests.unit.report.site_fits import make_site_fit

COMMANDS = ("pool", "check", "list", "show", "forest", "diff", "new", "fit", "schema")


# Help and usage


def test_help_lists_the_commands(spawn):
    result = spawn("--help")
    assert (result.code, result.err) == (0, "")
    assert all(re.search(rf"^\W*{name} ", result.out, re.MULTILINE) for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command(command, cli):
    result = cli(command, "--help")
    assert result.code == 0
    assert f"{command} " in result.out


def test_no_command_shows_the_help(cli):
    result = cli()
    assert result.code == 2
    assert all(name in result.out + result.err for name in COMMANDS)


@pytest.mark.parametrize(
    "arguments",
    [
        ("pol",),
        ("show",),
        ("pool", "--rot", "."),
        ("forest",),
        ("fit", "a.csv", "--level", "high"),
        ("schema",),
    ],
    ids=" ".join,
)
def test_what_is_no_command(arguments, cli):
    result = cli(*arguments)
    assert (result.code, result.out) == (2, "")
    assert "Usage" in result.err


# Looking at records


def test_list(records, cli):
    result = cli("list", "--root", records)
    assert (result.code, result.err) == (0, "")
    assert re.search(r"^ *avelumab-avenec +West +monotherapy +3 *$", result.out, re.MULTILINE)
    assert "g3-nen: Objective response" in result.out
    assert (
        "  variations: base, no-well-differentiated-dropped, no-well-differentiated-kept, "
        "no-well-differentiated-bound, no-well-differentiated-latent, site-splits-bound, leave-one-out"
        in result.out
    )


def test_list_is_readable_on_a_narrow_terminal(records, spawn):
    result = spawn("list", "--root", records, env={"COLUMNS": "80"})
    for path in (records / "trials").glob("*.yaml"):
        assert re.search(rf"^ *{path.stem} ", result.out, re.MULTILINE)


def test_show_leads_every_number_to_its_line(records, cli):
    result = cli("show", "sintilimab-nct02937116", "--root", records)
    assert (result.code, result.err) == (0, "")
    found = assert_shown(records / "trials" / "sintilimab-nct02937116.yaml", result.out)
    assert len(found) > 30
    assert "differentiation poor: 5/18 = 27.8 % (printed 27.8 %)  [Primary assessment: NECs]" in result.out
    assert re.search(r"site not pancreas .*: 2/6 = 33.3 % \[our arithmetic\]  \[Table 1\]", result.out)


def test_show_says_what_is_not_reported(records, cli):
    said = cli("show", "avelumab-avenec", "--root", records).out
    assert "site pancreas: n 13, not reported  [Table 1, via jia-2022]" in said
    assert re.search(r"acknowledged, trials/avelumab-avenec\.yaml:\d+: rows-disagree in fottner-2019, ", said)


def test_show_of_an_unknown_trial(records, cli):
    result = cli("show", "avelumab", "--root", records)
    assert (result.code, result.out) == (2, "")
    assert "found 'avelumab'; avelumab-avenec, pembrolizumab-nct02939651" in result.err


def test_figures_of_stored_runs_in_one_format(quick_pooled, cli, tree, tmp_path):
    drawn = sorted(path.stem for path in (quick_pooled / "out" / "figures").glob("*.svg"))
    before = tree(quick_pooled)
    for kind, begins in (("pdf", b"%PDF-"), ("png", b"\x89PNG")):
        result = cli("figures", "--format", kind, "--root", quick_pooled, "-o", tmp_path / kind)
        assert (result.code, result.out) == (0, f"{len(drawn)} figures drawn in {tmp_path / kind}\n")
        found = sorted((tmp_path / kind).iterdir())
        assert [path.name for path in found] == [f"{name}.{kind}" for name in drawn]
        assert all(path.read_bytes().startswith(begins) for path in found)
    for path in sorted((tmp_path / "png").iterdir()):  # the same as those that pooling draws
        assert path.read_bytes() == (quick_pooled / "out" / "figures" / path.name).read_bytes()
    result = cli("figures", "--width", "170", "--root", quick_pooled, "-o", tmp_path / "narrow")
    assert result.code == 0
    for path in (tmp_path / "narrow").iterdir():
        page = re.search(rb"/MediaBox \[ 0 0 ([0-9.]+) ", path.read_bytes())
        assert float(page[1]) == pytest.approx(170 / 25.4 * 72, abs=0.01)  # points
    assert tree(quick_pooled) == before


def test_figures_name_every_fault(quick_pooled, cli, tmp_path):
    wrong = ("--format", "gif", "--width", "88")
    asked = ("figures", "nobody", *wrong, "--root", quick_pooled, "-o", tmp_path / "none")
    result = cli(*asked)
    assert result.code == 2
    assert "analysis: found 'nobody'; quick are stored" in result.err
    assert "--format: found 'gif'; png, svg, pdf are allowed" in result.err
    assert "--width: found 88; 150 to 210 mm are allowed" in result.err
    assert not (tmp_path / "none").exists()


def test_check(records, cli):
    result = cli("check", "--root", records)
    assert (result.code, result.err) == (0, "")
    assert "4 trials, 2 analyses, 36 runs: no fault." in result.out
    assert not (records / "out").exists()


@pytest.mark.parametrize("command", ["check", "list", "pool", "diff"])
def test_a_root_without_records(command, cli, tmp_path):
    result = cli(command, "--root", tmp_path)
    assert (result.code, result.out) == (2, "")
    for folder in ("trials", "analyses"):
        assert f"{folder}: found no readable folder" in result.err


def test_an_analysis_that_is_not_there(records, cli):
    result = cli("pool", "g3-nne", "--root", records)
    assert (result.code, result.out) == (2, "")
    assert "analyses/g3-nne.yaml: found no such file" in result.err
    assert "did you mean 'g3-nen'?" in result.err
    assert not (records / "out").exists()


MODELS_AT_FAULT = """\
models:
  primary:
    prior: "half-normal:-1"
    mu_prior: "normal:a,2"
    draws: many
  frequentist: {level: 2.0, seed: -1}
  conventional:
    tau2: common-effect
    continuity: 3.0
sensitivity:
  another-prior: {models: {primary: {prior: "half-t:0", mu_prior: "normal:0,-1"}}}
"""


@pytest.mark.parametrize("command", ["check", "pool"])
def test_every_option_at_fault_of_every_model_has_its_line(command, quick, cli):
    analysis = quick / "analyses" / "quick.yaml"
    text = analysis.read_text()
    first = text.count("\n", 0, text.index("models:")) + 1
    analysis.write_text(text.replace("models: {primary: none, frequentist: none}\n", MODELS_AT_FAULT))
    result = cli(command, "--root", quick)
    assert (result.code, result.out) == (2, "")
    expected = [
        (
            2,
            "models.primary.prior: found scale -1 in half-normal:-1; "
            "0.001 to 1000 is allowed: what is beyond fits no trials",
        ),
        (3, "models.primary.mu_prior: found 'normal:a,2'; family:number,number is allowed"),
        (4, "models.primary.draws: found 'many'; allowed: a whole number"),
        (5, "models.frequentist.level: found 2.0; a number between 0 and 1 is allowed"),
        (5, "models.frequentist.seed: found -1; a whole number from 0 is allowed"),
        (6, "models.conventional.interval: found mhk with tau2: common-effect; "),
        (8, "models.conventional.continuity: found 3.0; none, or a number above 0 up to 1, is allowed"),
        (10, "sensitivity.another-prior.models.primary.mu_prior: found sd -1 in normal:0,-1; 0.001 to 100"),
        (10, "sensitivity.another-prior.models.primary.prior: found half-t:0; half-t:df,scale with finite"),
    ]
    lines = result.err.splitlines()
    assert len(lines) == len(expected), result.err
    for line, (after, words) in zip(lines, expected, strict=True):
        assert line.startswith(f"analyses/quick.yaml:{first + after}: {words}")


@pytest.mark.parametrize("record", ["run", "analysis", "trial"])
def test_schema(record, cli):
    result = cli("schema", record)
    assert result.code == 0
    assert result.out == store.schema(record)
    assert json.loads(result.out)["title"] == f"nen-meta {record}"


def test_schema_of_nothing(cli):
    result = cli("schema", "runs")
    assert (result.code, result.out) == (2, "")
    assert "run, analysis, trial are allowed" in result.err


# A new trial


def test_new_starts_a_record_that_check_knows_is_not_finished(quick, cli):
    result = cli("new", "delta-2024", "--root", quick)
    assert result.code == 0
    path = quick / "trials" / "delta-2024.yaml"
    assert str(path) in result.out
    text = path.read_text(encoding="utf-8")
    checked = cli("check", "--root", quick)
    assert checked.code == 2
    marked = [i for i, line in enumerate(text.splitlines(), 1) if "TODO" in line and not line.startswith("#")]
    assert len(marked) == 9
    for line in marked:
        assert f"trials/delta-2024.yaml:{line}: " in checked.err, line
    assert {said.split(":")[0] for said in checked.err.splitlines()} == {"trials/delta-2024.yaml"}


def test_new_does_not_overwrite(quick, cli):
    path = quick / "trials" / "alpha.yaml"
    before = path.read_bytes()
    result = cli("new", "alpha", "--root", quick)
    assert (result.code, result.out) == (2, "")
    assert "exists already" in result.err
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["", "../alpha", "Alpha", "a b", "-", "a/b", "ä", ".hidden", "a\n"])
def test_new_takes_no_other_names(name, quick, cli):
    before = sorted((quick / "trials").iterdir())
    result = cli("new", "--root", quick, "--", name)
    assert (result.code, result.out) == (2, "")
    assert "lower-case letters, digits, hyphens and dots are allowed" in result.err
    assert sorted((quick / "trials").iterdir()) == before


# Drawing again


@pytest.mark.slow
@pytest.mark.parametrize("by", [None, "region", "site"])
def test_forest_draws_what_pool_drew(by, pooled, cli, tmp_path):
    path, stored = tmp_path / "plot.svg", pooled.out / "results" / "jia-2022-table1" / "base.json"
    result = cli("forest", stored, "-o", path, *(["--by", by] if by else []))
    assert (result.code, result.err) == (0, "")
    assert str(path) in result.out
    assert (
        path.read_bytes() == (pooled.out / "figures" / f"jia-2022-table1.{by or 'overall'}.svg").read_bytes()
    )


@pytest.mark.slow
def test_forest_in_a_process_of_its_own_as_png(pooled, spawn, tmp_path):
    stored = pooled.out / "results" / "jia-2022-table1" / "base.json"
    result = spawn("forest", stored, "-o", "my plot.PNG", cwd=tmp_path)
    assert result.code == 0
    ours = (tmp_path / "my plot.PNG").read_bytes()
    assert ours == (pooled.out / "figures" / "jia-2022-table1.overall.png").read_bytes()


def test_forest_of_a_run_with_a_trial_left_out(quick, cli, tmp_path, monkeypatch):
    monkeypatch.setattr("meta.report.drawing.canvas.render", lambda *_: b"<svg/>")
    analysis = quick / "analyses" / "quick.yaml"
    analysis.write_text(analysis.read_text() + "sensitivity: {leave-one-out: each-trial}\n")
    assert cli("pool", "--root", quick).code == 0
    monkeypatch.undo()
    stored = quick / "out" / "results" / "quick" / "leave-one-out.alpha.json"
    assert cli("forest", stored, "-o", tmp_path / "plot.svg").code == 0
    said = "".join(ET.parse(tmp_path / "plot.svg").getroot().itertext())
    assert "leave-one-out.alpha" in said
    assert "Beta (Smith 2020)" in said
    assert "Alpha (Smith 2020)" not in said


def test_forest_by_what_is_not_there(quick_pooled, cli, tmp_path):
    stored = quick_pooled / "out" / "results" / "quick" / "base.json"
    result = cli("forest", stored, "--by", "site", "-o", tmp_path / "plot.svg")
    assert (result.code, result.out) == (2, "")
    assert "--by: found 'site'; this run has (none), region" in result.err
    assert not (tmp_path / "plot.svg").exists()


@pytest.mark.parametrize("name", ["plot.eps", "plot"])
def test_forest_in_another_format(name, quick_pooled, cli, tmp_path):
    result = cli("forest", quick_pooled / "out" / "results" / "quick" / "base.json", "-o", tmp_path / name)
    assert (result.code, result.out) == (2, "")
    assert "png, svg, pdf are allowed" in result.err
    assert not (tmp_path / name).exists()


FOREIGN = {
    "nothing": (b"", ":1: not JSON"),
    "text": (b"k = 4", ":1: not JSON"),
    "a list": (b"[1, 2]", f"schema: found None; {SCHEMA} is allowed"),
    "a number": (b"1", "schema: found None"),
    "another JSON": (b'{"name": "x"}', "schema: found None"),
    "another schema": (b'{"schema": 99}', f"schema: found 99; {SCHEMA} is allowed"),
    "an older schema": (b'{"schema": 1}', f"schema: found 1; {SCHEMA} is allowed (run `make pool` again)"),
    "half a run": (b'{"schema": %d, "name": "x"}' % SCHEMA, "a run as `make pool` stores it is allowed"),
    "cut off": (b'{"schema": 1,\n "name": "x', ":2: not JSON"),
    "endless nesting": (b"[" * 100_000, "not read"),
    "endless digits": (b'{"schema": 1' + b"1" * 5000 + b"}", "not read"),
    "another encoding": (b'{"name": "\xff"}', "cannot be read"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_forest_of_something_else(name, cli, tmp_path):
    content, message = FOREIGN[name]
    path = tmp_path / "run.json"
    path.write_bytes(content)
    result = cli("forest", path, "-o", tmp_path / "plot.svg")
    assert (result.code, result.out) == (2, "")
    assert str(path) in result.err
    assert message in result.err


def test_forest_of_no_file(cli, tmp_path):
    for path in (tmp_path / "none.json", tmp_path):
        result = cli("forest", path)
        assert (result.code, result.out) == (2, "")
        assert "cannot be read" in result.err


# Before and after


@pytest.fixture
def git(monkeypatch):
    """Run git, away from the settings of whoever runs the tests."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    for name in [key for key in os.environ if key.startswith("GIT_")]:
        monkeypatch.delenv(name)
    for key, value in {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@b",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@b",
    }.items():
        monkeypatch.setenv(key, value)
    return lambda folder, *words: subprocess.run(
        ["git", "-C", folder, *words], check=True, capture_output=True
    )


@pytest.fixture
def committed(quick, git):
    git(quick, "init", "-q")
    commit(git, quick)
    return quick


def commit(git, root):
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "records")


def test_diff_without_a_change(committed, cli):
    result = cli("diff", "--root", committed)
    assert (result.code, result.out) == (0, "No pooled answer differs from HEAD.\n")
    path = committed / "trials" / "alpha.yaml"
    path.write_text(path.read_text() + "# a comment\n")
    assert cli("diff", "--root", committed).out == result.out
    assert not (committed / "out").exists()


def test_diff_of_a_changed_count(committed, cli):
    path = committed / "trials" / "alpha.yaml"
    path.write_text(path.read_text().replace("responders: 3", "responders: 9"))
    result = cli("diff", "--root", committed)
    assert result.code == 0
    rows = dict(line.strip().split(": ", 1) for line in result.out.splitlines() if line.startswith("  "))
    assert set(rows) == {"overall / all", "region / Asia", "region / West"}
    assert "\nquick / base / conventional (median ORR)\n" in result.out
    assert rows["overall / all"].index("8/63, k 3") < rows["overall / all"].index("-> 14/63, k 3")
    assert rows["region / Asia"].count("3/20, k 1: 15.0") == 1
    # with a common tau2, a change in Asia moves West's interval, not its counts
    assert rows["region / West"].count("5/43, k 2") == 2


def test_diff_of_a_new_trial_and_a_new_analysis(committed, cli, add_trial):
    add_trial(committed, "delta", "International", 4, 25)
    analysis = committed / "analyses" / "quick.yaml"
    (committed / "analyses" / "two.yaml").write_text(analysis.read_text().replace("name: quick", "name: two"))
    said = cli("diff", "--root", committed).out
    quick, two = said.split("two / base / conventional", 1)
    assert re.search(
        r"quick / base / conventional \(median ORR\)\n  overall / all: 8/63, k 3: .* -> 12/88, k 4: ", quick
    )
    assert re.search(r"region / International: – -> 4/25, k 1: ", quick)
    assert re.search(r"overall / all: – -> 12/88, k 4: ", two)


def test_diff_reads_role_by_role(committed, cli, git, add_trial):
    """Each role under one heading that names its estimand, what is new among what was there."""
    analysis = committed / "analyses" / "quick.yaml"
    text = analysis.read_text()
    analysis.write_text(text.replace("models: {primary: none, frequentist: none}\n", ""))
    commit(git, committed)
    add_trial(committed, "delta", "International", 4, 25)
    said = cli("diff", "--root", committed).out
    headings = [line for line in said.splitlines() if line.startswith("quick / ")]
    assert headings == [
        "quick / base / primary (mean ORR)",
        "quick / base / frequentist (mean ORR)",
        "quick / base / conventional (median ORR)",
    ]
    for part in said.split("quick / base / ")[1:]:
        groups = [line.split(":")[0].strip() for line in part.splitlines() if line.startswith("  ")]
        # Asia has one trial, whose exact interval does not hang on the others
        assert groups == ["overall / all", "region / International", "region / West"]


def test_diff_of_another_model(committed, cli):
    analysis = committed / "analyses" / "quick.yaml"
    changed = "models: {primary: none, frequentist: none, conventional: {model: beta-binomial}}"
    analysis.write_text(analysis.read_text().replace("models: {primary: none, frequentist: none}", changed))
    said = cli("diff", "--root", committed).out
    assert "\nquick / base / conventional (median ORR -> mean ORR)\n" in said


def test_diff_fits_only_what_changed(committed, cli, monkeypatch):
    """A variation with the same counts and options on both sides needs no fit."""
    analysis = committed / "analyses" / "quick.yaml"
    analysis.write_text(analysis.read_text() + "sensitivity: {each: each-trial}\n")
    fitted = []
    from meta.workflow import diff
    from meta.workflow.running import execute

    monkeypatch.setattr(
        diff, "run", lambda variation: fitted.append(variation.name) or execute.run(variation)
    )
    assert "quick / each.alpha / conventional" in cli("diff", "--root", committed).out
    assert fitted == ["each.alpha", "each.beta", "each.gamma"]


SPLIT = """\
by: [site]
site_level: [pancreas, other]
models: {primary: none, frequentist: none}
sensitivity: {splits: {unreported: bound}}
"""
BY_SITE = """\
          - {site: pancreas, n: 8}
          - {site: {not: [pancreas]}, n: 12}
"""


def test_diff_of_bounds(committed, cli, git):
    """One responder less in a trial that does not print where they were moves both ends of the bounds."""
    path = committed / "trials" / "alpha.yaml"
    path.write_text(path.read_text() + BY_SITE)
    analysis = committed / "analyses" / "quick.yaml"
    plain = "by: [region]\nmodels: {primary: none, frequentist: none}\n"
    analysis.write_text(analysis.read_text().replace(plain, SPLIT))
    commit(git, committed)
    assert cli("diff", "--root", committed).out == "No pooled answer differs from HEAD.\n"
    path.write_text(path.read_text().replace("responders: 3", "responders: 2"))
    said = cli("diff", "--root", committed).out
    title = "\nquick / splits / conventional, bounds of the ORR of the one trial (ORR of the one trial)\n"
    assert title in said
    rows = said.split(title)[1].splitlines()
    # exact intervals of one trial, by hand: 0/8 to 3/8 before, 0/8 to 2/8 after
    assert rows[0].startswith(
        "  site / pancreas: 0–3/8, k 1: 0.0–37.5 (0.0–75.5) -> 0–2/8, k 1: 0.0–25.0 (0.0–65.1)"
    )
    assert rows[1].startswith("  site / other: 0–3/12, k 1: ")


def sites_of(variation):
    """The model of sites and regions, made up: rates are a hundredth of the responders of all trials."""
    fit = make_site_fit()
    rate = sum(variation.selection.sites.responders) / 100
    first = fit.standardised[0]
    moved = replace(first, mean=replace(first.mean, value=rate))
    return replace(fit, standardised=(moved, *fit.standardised[1:]))


def test_diff_of_the_model_of_sites_samples_only_what_it_must(committed, cli, git, monkeypatch):
    from meta.workflow import diff
    from meta.workflow.running import execute

    sampled = []

    def run(variation):
        fitted = execute.run(replace(variation, analysis=replace(variation.analysis, sites=None)))
        if variation.analysis.sites is None:
            return fitted
        sampled.append(variation.name)
        return replace(fitted, sites=sites_of(variation))

    monkeypatch.setattr(diff, "run", run)
    path, analysis = committed / "trials" / "alpha.yaml", committed / "analyses" / "quick.yaml"
    text = analysis.read_text() + "sites: {model: site-region, by: site}\n"
    analysis.write_text(text)
    path.write_text(path.read_text() + BY_SITE)
    commit(git, committed)
    assert cli("diff", "--root", committed).out == "No pooled answer differs from HEAD.\n"
    analysis.write_text(text.replace("frequentist: none", "frequentist: none, conventional: {tau2: DL}"))
    said = cli("diff", "--root", committed).out
    assert "quick / base / conventional" in said
    assert (sampled, "sites, new-trials" in said) == ([], False)  # the same counts: the same draws
    analysis.write_text(text)
    record = path.read_text()
    path.write_text(record.replace("responders: 3", "responders: 4"))
    said = cli("diff", "--root", committed).out
    assert sampled == ["base", "base"]
    title = "quick / base / sites, new-trials (mean ORR over new trials)\n  standardised / Asia: 8.0 ("
    assert title in said
    assert re.search(r"standardised / Asia: 8\.0 \(.*\) -> 9\.0 \(", said)
    assert "difference" not in said  # the made-up model has the same on both sides
    sampled.clear()
    assert "sites, " not in cli("diff", "--root", committed, "--no-sites").out
    assert sampled == []
    analysis.write_text(text + "sensitivity: {new: {sites: {seed: 2}}}\n")
    said = cli("diff", "--root", committed).out
    assert sampled == ["base", "base", "new"]
    assert re.search(r"standardised, |Asia minus|West minus", said)
    assert re.search(r"quick / new / sites, difference, new-trials \(.*percentage points\)", said)


def test_diff_of_a_trial_taken_away(committed, cli):
    (committed / "trials" / "alpha.yaml").unlink()
    said = cli("diff", "--root", committed).out
    assert re.search(r"^  region / Asia: 3/20, k 1: .* -> –$", said, re.MULTILINE)


def test_diff_against_another_revision(committed, cli, git):
    path = committed / "trials" / "alpha.yaml"
    path.write_text(path.read_text().replace("responders: 3", "responders: 9"))
    commit(git, committed)
    assert cli("diff", "--root", committed).out == "No pooled answer differs from HEAD.\n"
    assert "8/63, k 3" in cli("diff", "--root", committed, "--against", "HEAD~1").out
    result = cli("diff", "--root", committed, "--against", "nowhere")
    assert (result.code, result.out) == (2, "")
    assert "git does not have trials/ and analyses/ at nowhere" in result.err


def test_diff_where_head_is_broken(committed, cli, git):
    path = committed / "trials" / "alpha.yaml"
    text = path.read_text()
    path.write_text(text.replace("responders: 3", "responders: 33"))
    commit(git, committed)
    path.write_text(text)
    result = cli("diff", "--root", committed)
    assert (result.code, result.out) == (2, "")
    assert "the records at HEAD cannot be pooled by this version:\ntrials/alpha.yaml:15: " in result.err


def test_diff_where_the_working_tree_is_broken(committed, cli):
    path = committed / "trials" / "alpha.yaml"
    path.write_text(path.read_text().replace("responders: 3", "responders: 33"))
    result = cli("diff", "--root", committed)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("trials/alpha.yaml:15: ")


def test_diff_outside_git(quick, cli, git, monkeypatch):
    assert git
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(quick.parent))
    result = cli("diff", "--root", quick)
    assert (result.code, result.out) == (2, "")
    assert f"{quick}: git does not have trials/ and analyses/ at HEAD" in result.err


def test_diff_without_git(quick, cli, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    result = cli("diff", "--root", quick)
    assert (result.code, result.out) == (2, "")
    assert "git cannot be run" in result.err


def test_diff_in_a_folder_of_a_larger_repository(quick, cli, git):
    larger = quick.parent
    git(larger, "init", "-q")
    commit(git, larger)
    path = quick / "trials" / "alpha.yaml"
    path.write_text(path.read_text().replace("responders: 3", "responders: 4"))
    assert "9/63, k 3" in cli("diff", "--root", quick).out


# Places


@pytest.fixture
def undrawn(monkeypatch):
    """Figures cost a second each; here it matters only where they are put."""
    monkeypatch.setattr("meta.report.figures.forest.forest", lambda *_, **__: None)
    monkeypatch.setattr("meta.report.drawing.canvas.render", lambda *_: b"drawn")


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("name", ["with blanks in it", "ümläut 試験", "[red]", "-dash", "~", "$HOME", "100%"])
def test_odd_folders(name, quick, cli, monkeypatch):
    root = quick.rename(quick.parent / name)
    monkeypatch.chdir(root.parent)
    result = cli("pool", f"--root={name}")
    assert result.code == 0, result.err
    assert f"In {name}/out: report.html, results/" in result.out
    assert (root / "out" / "summary.csv").exists()


@pytest.mark.usefixtures("undrawn")
def test_where_one_stands_is_the_root(quick, cli, monkeypatch):
    monkeypatch.chdir(quick)
    assert cli("pool").code == 0
    assert (quick / "out" / "results" / "quick" / "base.json").exists()


@pytest.mark.usefixtures("undrawn")
def test_results_elsewhere(quick, cli, tmp_path):
    out = tmp_path / "a" / "b"
    assert cli("pool", "--root", quick, "--out", out).code == 0
    assert (out / "summary.csv").exists()
    assert not (quick / "out").exists()


@pytest.mark.usefixtures("undrawn")
def test_a_folder_that_cannot_be_written_to(quick, cli):
    out = quick / "out"
    out.mkdir()
    out.chmod(0o555)
    try:
        result = cli("pool", "--root", quick)
        bound = not os.access(out, os.W_OK)  # the administrator may write everywhere
        assert result.code == (2 if bound else 0)
        assert ("cannot be written" in result.err) is bound
        assert bool(list(out.iterdir())) is not bound
    finally:
        out.chmod(0o755)


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("name", ["results", "summary.csv"])
def test_a_folder_or_file_in_the_way(name, quick, cli):
    """A file where a folder must be, and the other way round."""
    out = quick / "out"
    out.mkdir()
    if name == "results":
        (out / name).write_text("mine")
    else:
        (out / name).mkdir()
    result = cli("pool", "--root", quick)
    assert result.code == 2
    assert f"{out / name}" in result.err
    assert "cannot be written" in result.err
    assert (out / name).exists()


def test_a_root_that_is_a_file(quick, cli):
    result = cli("pool", "--root", quick / "analyses" / "quick.yaml")
    assert (result.code, result.out) == (2, "")
    assert "--root" in result.err


@pytest.mark.usefixtures("undrawn")
def test_a_model_that_cannot_run_is_named(quick, cli, monkeypatch):
    """Exit code 1: the others' results are there, and what failed is said and stored."""
    from meta.errors import ConvergenceError
    from meta.models import InverseVariance

    fit = InverseVariance.detailed_fit

    def failing(self, data):
        if hasattr(data, "names"):
            raise ConvergenceError("tau2: found no root")
        return fit(self, data)

    monkeypatch.setattr(InverseVariance, "detailed_fit", failing)
    result = cli("pool", "--root", quick)
    assert result.code == 1
    assert "FAILED quick/base, conventional by region: tau2: found no root" in result.out
    run = store.load_run(quick / "out" / "results" / "quick" / "base.json")
    assert [(f.role, f.by, f.reason) for f in run.failures] == [
        ("conventional", "region", "tau2: found no root")
    ]
    assert [fit.by for fit in run.fits] == [None]
