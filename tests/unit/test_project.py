"""The files around the code: they must agree with each other and name no machine they were written on."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONSTRAINTS = (ROOT / "constraints.txt").read_text(encoding="utf-8")

# Absolute paths below a home folder, and addresses of package indexes.
MACHINE = re.compile(r"/(?:home|Users|root)/[\w.]|[A-Z]:\\Users\\|pypi\.org|pythonhosted\.org|file:/{3}")


def normal(name: str) -> str:
    """Return a distribution's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def required() -> list[str]:
    extras = PROJECT["optional-dependencies"].values()
    lines = [*PROJECT["dependencies"], *(line for extra in extras for line in extra)]
    names = [re.match(r"[\w.-]+", line)[0] for line in lines]
    return sorted({normal(name) for name in names} - {PROJECT["name"]})


def test_citation_agrees_with_pyproject():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert (citation["title"], citation["version"]) == (PROJECT["name"], PROJECT["version"])
    assert citation["license"] == PROJECT["license"]
    assert all(entry["title"] and entry["authors"] for entry in citation["references"])


@pytest.mark.parametrize("name", required())
def test_constraints_pin_every_direct_dependency_once(name):
    pins = [line for line in CONSTRAINTS.splitlines() if normal(line.partition("==")[0]) == name]
    assert len(pins) == 1
    assert "==" in pins[0]


@pytest.mark.parametrize("forbidden", ["://", "--", "file:", " @ ", "/"])
def test_constraints_name_no_place(forbidden):
    assert forbidden not in CONSTRAINTS


def test_changelog_says_which_numbers_changed():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    unreleased = changelog.partition("\n## [Unreleased]\n")[2].partition("\n## ")[0]
    assert "\n### Numbers that changed\n" in unreleased


def test_no_tracked_file_names_a_machine():
    listing = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    try:
        done = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    found = [
        f"{name}:{number}: {line.strip()[:100]}"
        for name in filter(None, done.stdout.split("\0"))
        for number, line in enumerate(text_of(ROOT / name).splitlines(), 1)
        if MACHINE.search(line)
    ]
    assert not found


def text_of(path: Path) -> str:
    """Return the file's text; nothing for a binary or a deleted file."""
    try:
        return path.read_text(encoding="utf-8")
    except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
        return ""


def test_help_of_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "meta", "--help"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "pool" in done.stdout
