"""What a change of the package's own code does to stored runs and figures: a scratch copy of it is edited."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

import meta

pytestmark = pytest.mark.slow


@pytest.fixture
def package(tmp_path):
    """A copy of the package that may be edited."""
    folder = tmp_path / "package"
    shutil.copytree(Path(meta.__file__).parent, folder / "meta", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture
def pool(package, quick, spawn):
    """Pool the quick root with that copy: how many runs were fitted, and figures drawn."""

    def run():
        done = spawn("pool", "--root", quick, cwd=package, env={"PYTHONPATH": str(package)})
        assert done.code == 0, done.err
        fitted, drawn = re.search(r"\((\d+) fitted.*?(\d+) figures drawn", done.out).groups()
        return int(fitted), int(drawn)

    return run


def add(package, module, text):
    with (package / "meta" / module).open("a") as file:
        file.write(text)


def test_only_code_that_decides_numbers_makes_a_stored_run_stale(package, pool):
    runs, figures = pool()
    assert runs == 1
    assert figures > 0
    assert pool() == (0, 0)

    add(package, "report/drawing/marks.py", "\n# a comment\n")
    assert pool() == (0, figures)
    assert pool() == (0, 0)

    add(package, "stats/normal/pooling.py", "\n\ndef unused() -> int:\n    return 1\n")
    assert pool() == (1, figures)
    pooling = package / "meta" / "stats" / "normal" / "pooling.py"
    pooling.write_text(
        pooling.read_text().replace(
            "int:\n    return 1", 'int:\n    """Of no use."""\n\n    return  1  # one'
        )
    )
    assert pool() == (0, 0)

    pooling.write_text(pooling.read_text().replace("return  1", "return  2"))
    assert pool() == (1, figures)
