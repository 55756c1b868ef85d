"""A factor is one row of the table: added to a copy of the package, it works wherever factors do."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[3] / "meta"
ROW = """
    msi: FactorValue | None = field(
        default=None,
        metadata=_of(
            Factor(
                noun="microsatellite instability",
                description="Microsatellite instability",
                levels=("high", "stable", UNKNOWN),
                phrase="microsatellite {}",
                phrases={"high": "of high microsatellite instability", UNKNOWN: "of unknown MSI"},
                site_model=True,
                latent=True,
                mapped=True,
            )
        ),
    )
"""
TRIAL = """
id: a
drugs: [{name: nivolumab}]
regimen: monotherapy
region: West
reports:
  - id: smith-2020
    citation: Smith 2020
    kind: full-paper
    published: "2020"
    tables:
      - outcome: response
        where: Table 1
        rows:
          - {n: 30, responders: 6}
          - {msi: high, n: 4, responders: 3}
          - {msi: stable, n: 20, responders: 2}
          - {msi: unknown, n: 6, responders: 1}
"""
ANALYSIS = """
name: q
question: Does it matter?
trials: all
by: [msi, [region, msi]]
sites: {by: msi}
sensitivity:
  without: {exclude: [{msi: high}]}
  latent: {exclude: [{msi: high}], unresolved: latent}
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A root with a copy of the package in which the table has one more row."""
    root = tmp_path_factory.mktemp("root")
    shutil.copytree(PACKAGE, root / "meta", ignore=shutil.ignore_patterns("__pycache__"))
    table = root / "meta" / "records" / "factors.py"
    text = table.read_text()
    before, place, after = text.partition("\n    def given(self)")
    table.write_text(before + ROW + place + after)
    for folder, name, record in (("trials", "a", TRIAL), ("analyses", "q", ANALYSIS)):
        (root / folder).mkdir()
        (root / folder / f"{name}.yaml").write_text(record)
    return root


def run(root, *command):
    return subprocess.run(
        [sys.executable, *command],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_records_and_analyses_with_it_are_checked(root):
    done = run(root, "-m", "meta", "check")
    assert done.returncode == 0, done.stdout + done.stderr
    trial = root / "trials" / "a.yaml"
    plain = trial.read_text()
    trial.write_text(plain.replace("msi: high", "msi: low"))
    done = run(root, "-m", "meta", "check")
    trial.write_text(plain)
    assert done.returncode == 2
    assert "allowed: high, stable, unknown" in done.stdout + done.stderr


def test_the_schemas_know_it(root):
    for record in ("trial", "analysis"):
        done = run(root, "-m", "meta", "schema", record)
        assert '"msi"' in json.dumps(json.loads(done.stdout))


SELECT = """
from pathlib import Path
from meta.workflow.pool import plan
from meta.workflow.selection.coverage import coverage

by_name = {one.name: one for one in plan(Path("."))}
base, without = by_name["base"].selection, by_name["without"].selection
(grouping, crossed) = base.groupings
print(grouping.counts.names, grouping.counts.responders.tolist(), grouping.counts.n.tolist())
print(crossed.counts.names)
print(without.counts.responders.tolist(), without.counts.n.tolist())
print([entry.reason for entry in without.ledger if entry.action == "excluded"])
print(base.sites.groups, by_name["latent"].selection.latent.factor)
print([factor.name for factor in coverage(base.included, by_name["base"].analysis).factors][:2])
"""


def test_selections_group_and_exclude_by_it(root):
    done = run(root, "-c", SELECT)
    assert done.stdout.splitlines() == [
        "('high', 'stable', 'unknown') [3, 2, 1] [4, 20, 6]",
        "('West, high', 'West, stable', 'West, unknown')",
        "[3] [26]",
        "['4 of 30 patients are of high microsatellite instability; excluded']",
        "('high', 'stable', 'unknown') msi",
        "['msi', 'region']",
    ], done.stderr
