"""`calibrate`, and `fit --calibrate`: what is stored, what is not done again, and what is refused."""

from __future__ import annotations

import io
import json

import pandas as pd
import pytest

SETS = ("--sets", 60)


@pytest.fixture
def calibrated(quick, cli):
    return cli("calibrate", "quick", "--root", quick, *SETS)


def blocks(root):
    return sorted((root / "out" / "calibration" / "quick").glob("*.json"))


def test_a_short_answer_and_every_truth_on_request(calibrated, quick, cli):
    assert calibrated.code == 0
    assert "Coverage of 95 % intervals: 3 trials (20, 31, 12), 60 sets a truth" in calibrated.out
    assert "median ORR" in calibrated.out
    stored = json.loads((quick / "out" / "calibration" / "quick.json").read_text())
    assert stored["n"] == [20, 31, 12]
    long = cli("calibrate", "quick", "--root", quick, *SETS, "--verbose")
    table = pd.read_csv(io.StringIO(long.out))
    assert len(table) == len(stored["cells"]) + len(stored["worst"])
    assert table.coverage[0] == stored["cells"][0]["tally"]["held"] / 60


def test_blocks_that_are_finished_are_not_simulated_again(calibrated, quick, cli):  # noqa: ARG001
    """As after an interruption: one block is missing, and only that is done; the numbers are the same."""
    result = quick / "out" / "calibration" / "quick.json"
    before, first = result.read_bytes(), blocks(quick)
    result.unlink()
    first[0].unlink()
    first[1].write_text("{")  # half a file
    times = {path: path.stat().st_mtime_ns for path in first[2:]}
    assert cli("calibrate", "quick", "--root", quick, *SETS).code == 0
    assert result.read_bytes() == before
    assert blocks(quick) == first
    assert {path: path.stat().st_mtime_ns for path in first[2:]} == times


def test_other_counts_are_simulated_anew(calibrated, quick, cli, add_trial):  # noqa: ARG001
    first = blocks(quick)
    add_trial(quick, "alpha", "Asia", 4, 20)
    assert cli("calibrate", "quick", "--root", quick, *SETS).code == 0
    assert len(blocks(quick)) == 2 * len(first)


def test_pooling_keeps_it(calibrated, quick, cli):  # noqa: ARG001
    assert cli("pool", "--root", quick).code == 0
    assert (quick / "out" / "calibration" / "quick.json").exists()


def test_truths_of_ones_own_and_their_faults(quick, cli):
    found = cli("calibrate", "quick", "--root", quick, *SETS, "--truth", "beta:0.33,0.4", "-v")
    assert (pd.read_csv(io.StringIO(found.out)).rate == 0.33).any()
    wrong = cli("calibrate", "quick", "--root", quick, "--truth", "beta:0.33", "--truth", "cauchy:0.1,1")
    assert wrong.code == 2
    assert "'beta:0.33'" in wrong.err
    assert "'cauchy:0.1,1'" in wrong.err
    assert cli("calibrate", "nothing", "--root", quick).code == 2
    assert "sets" in cli("calibrate", "quick", "--root", quick, "--sets", 0).err


def test_a_table_of_ones_own(fit):
    table = "trial,responders,n\na,1,20\nb,4,30\nc,2,15\n"
    found = fit(table, "--label", "trial", "--model", "inverse-variance", "--calibrate", 50)
    assert found.code == 0
    assert "Coverage of 95 % intervals: 3 trials (20, 30, 15), 50 sets a truth" in found.out
    refused = fit(table, "--format", "json", "--calibrate", 50)
    assert refused.code == 2
    assert "--calibrate: found beside --format json; --format text is allowed" in refused.err
    assert fit("responders,n\n1,20\n", "--calibrate", 50).code == 2  # of one trial the interval is exact
