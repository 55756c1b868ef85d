"""`pool` stopped half-way: what has its final name is whole, and the next run finishes."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from jsonschema import Draft202012Validator

from meta.records.storing import store
from meta.report.tables.writing import FILES as TABLES

pytestmark = pytest.mark.slow

# One run and two figures: a result and the table of choices, summary, groups, ledger and the long tables, the
# estimates in three formats, three schemas, four pictures, the report and the manifest.
FILES = 2 + len(TABLES) + 3 + 3 + 4 + 1 + 1
JITTER = random.Random(2022)


@pytest.fixture
def single(quick):
    analysis = quick / "analyses" / "quick.yaml"
    analysis.write_text(analysis.read_text().replace("by: [region]\n", ""))
    return quick


def finished(out):
    """Files under a final name, that is all but those still being written."""
    return [path for path in out.rglob("*") if path.is_file() and not path.name.endswith(".part")]


def wait_for(process, out, number):
    deadline = time.monotonic() + 60
    while len(finished(out)) < number and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.002)


def assert_whole(path):
    content = path.read_bytes()
    if path.suffix == ".png":
        assert content.endswith(b"IEND\xaeB`\x82"), path
    elif path.suffix == ".svg":
        ET.fromstring(content)
    elif path.suffix == ".csv":
        assert len(pd.read_csv(path).columns) > 1, path
        assert content.endswith(b"\n"), path
    elif path.suffix == ".npz":
        with np.load(path) as arrays:
            assert arrays.files, path
    elif path.suffix in {".md", ".tex", ".html"}:
        assert content.rstrip().endswith((b"|", b"\\end{tabular}", b"</html>")), path
    elif path.parent.parent.name == "results":
        Draft202012Validator(json.loads(store.schema("run"))).validate(json.loads(content))
        store.from_json(content.decode())
    else:
        assert path.suffix == ".json", path
        json.loads(content)


def assert_finishes(root, cli):
    out = root / "out"
    assert cli("pool", "--root", root).code == 0
    assert len(finished(out)) == FILES
    for path in finished(out):
        assert_whole(path)


# Killed when so many files are there, and a moment later; 0 is somewhere in the first second, before any.
@pytest.mark.parametrize("number", [0, 1, 3, 7, 8, 9])
def test_killed(number, single, start, cli):
    out = single / "out"
    process = start("pool", "--root", single)
    wait_for(process, out, number)
    time.sleep(JITTER.uniform(0, 0.8 if number == 0 else 0.02))
    process.kill()
    process.communicate()
    assert process.returncode in {-signal.SIGKILL, 0}  # 0 where it was quicker than the moment
    for path in finished(out):
        assert_whole(path)
    half = list(out.rglob("*.part"))
    assert len(half) <= 1  # for a day: it might be another run's
    assert_finishes(single, cli)
    assert list(out.rglob("*.part")) == half


def test_what_a_killed_writer_left_is_cleared_away(quick_pooled, cli, digests):
    """A half-written file lies beside its target under another name; a run on another day takes it away."""
    out = quick_pooled / "out"
    before = digests(out)
    left = out / "figures" / ".quick.overall.svg.4711abcd.part"
    left.write_text("<svg")
    os.utime(left, (0, 0))
    (out / "notes.part").write_text("mine")
    assert cli("pool", "--root", quick_pooled).code == 0
    assert not left.exists()
    assert digests(out).keys() - before.keys() == {"notes.part"}


@pytest.mark.parametrize("number", [1, 7])
def test_interrupted_from_the_keyboard(number, single, start):
    out = single / "out"
    process = start("pool", "--root", single)
    wait_for(process, out, number)
    process.send_signal(signal.SIGINT)
    said, complained = process.communicate(timeout=60)
    assert b"Traceback" not in said + complained
    if process.returncode:  # else it was quicker than the signal, as it can be on a busy machine
        assert process.returncode == 130
        assert b"Interrupted" in complained
    for path in finished(out):
        assert_whole(path)


SWALLOWED = """
import os, signal, sys
import meta.workflow.pool
plan = meta.workflow.pool.plan

def interrupted(*arguments):
    try:
        {interrupt}
    except KeyboardInterrupt:
        pass
    return plan(*arguments)

meta.workflow.pool.plan = interrupted
from meta.cli.app import main
sys.argv = ["nen-meta", "pool", "--root", sys.argv[1]]
main()
"""


# The second: Python ends itself by SIGINT where a plain KeyboardInterrupt left an `exec`, whoever caught it.
@pytest.mark.parametrize("interrupt", ["{}", "exec({!r})"])
def test_an_interruption_that_a_library_swallows(interrupt, single):
    interrupt = interrupt.format("os.kill(os.getpid(), signal.SIGINT)")
    done = subprocess.run(
        [sys.executable, "-c", SWALLOWED.format(interrupt=interrupt), single],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 130
    assert done.stderr.strip() == b"Interrupted: what was finished is kept."
    assert not finished(single / "out")
