"""Files that are whole or not there, and the memory of what was written."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from meta.errors import StoreError
from meta.records.storing.files import write
from meta.records.storing.outputs import MANIFEST, Outputs


def listed(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def pooled(tmp_path):
    """A folder after a complete run that wrote two files and claims a third."""
    outputs = Outputs(tmp_path)
    outputs.write("a.csv", "1", "a\n")
    outputs.write("figures/b.svg", "2", b"<svg/>")
    (tmp_path / "c.json").write_text("{}")
    outputs.close(["c.json"], complete=True)
    return tmp_path


# Whole files


def test_write_makes_folders_and_replaces(tmp_path):
    path = tmp_path / "a" / "b.txt"
    write(path, "ä")
    write(path, b"\xff")
    assert path.read_bytes() == b"\xff"
    assert listed(tmp_path) == ["a/b.txt"]


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), KeyboardInterrupt(), MemoryError()]
)
def test_a_write_that_fails_leaves_the_old_file_and_no_other(error, tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    write(path, "old")

    def failing(*_):
        raise error

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises((StoreError, KeyboardInterrupt, MemoryError)) as caught:
        write(path, "new")
    if isinstance(error, OSError):
        assert str(caught.value) == f"{path}: cannot be written: No space left on device"
    else:
        assert caught.value is error
    assert path.read_text() == "old"
    assert listed(tmp_path) == ["a.txt"]


def test_a_place_below_a_file(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(StoreError, match="cannot be written"):
        write(tmp_path / "file" / "a" / "b.txt", "x")


def test_a_name_that_is_too_long(tmp_path):
    with pytest.raises(StoreError, match="cannot be written"):
        write(tmp_path / ("a" * 300), "x")
    assert listed(tmp_path) == []


# Memory


def test_what_was_written_is_current(pooled):
    outputs = Outputs(pooled)
    assert outputs.is_current("a.csv", "1")
    assert outputs.is_current("figures/b.svg", "2")


def test_another_digest_is_not_current(pooled):
    assert not Outputs(pooled).is_current("a.csv", "2")
    assert not Outputs(pooled).is_current("unknown.csv", "1")


def test_a_file_that_is_gone_or_changed_is_not_current(pooled):
    (pooled / "a.csv").unlink()
    (pooled / "figures" / "b.svg").write_text("<svg>mine</svg>")
    assert not Outputs(pooled).is_current("a.csv", "1")
    assert not Outputs(pooled).is_current("figures/b.svg", "2")


def test_a_run_that_was_stopped_is_not_mistaken_for_the_one_before(pooled):
    """Data changed, the run was stopped before it could remember, and the change was taken back."""
    Outputs(pooled).write("a.csv", "changed", "b\n")
    assert not Outputs(pooled).is_current("a.csv", "1")


def test_what_nobody_claims_any_more_goes(pooled):
    (pooled / "figures" / "mine.svg").write_text("mine")
    outputs = Outputs(pooled)
    assert outputs.is_current("a.csv", "1")
    outputs.close(complete=True)
    assert listed(pooled) == [MANIFEST, "a.csv", "figures/mine.svg"]


def test_what_is_claimed_stays_even_if_it_is_not_current(pooled):
    outputs = Outputs(pooled)
    outputs.is_current("a.csv", "other")
    outputs.close(["figures/b.svg", "c.json"], complete=True)
    assert listed(pooled) == [MANIFEST, "a.csv", "c.json", "figures/b.svg"]


def test_a_run_over_some_analyses_takes_nothing_away(pooled):
    outputs = Outputs(pooled)
    outputs.write("d.csv", "4", "d")
    outputs.close(complete=False)
    assert listed(pooled) == [MANIFEST, "a.csv", "c.json", "d.csv", "figures/b.svg"]
    assert Outputs(pooled).is_current("a.csv", "1")
    assert set(json.loads((pooled / MANIFEST).read_text())) == {"a.csv", "figures/b.svg", "c.json", "d.csv"}


def half_written(path, monkeypatch):
    """What a run that is killed while it writes `path` leaves behind."""
    before = set(path.parent.iterdir())
    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", killed)
        patched.setattr(Path, "unlink", lambda *_, **__: None)
        with pytest.raises(KeyboardInterrupt):
            write(path, "<sv")
    (part,) = set(path.parent.iterdir()) - before
    return part


def killed(*_):
    raise KeyboardInterrupt


def make_older(path, hours):
    then = time.time() - hours * 3600
    os.utime(path, (then, then))


def test_half_files_of_a_killed_run_go_after_a_day(pooled, monkeypatch):
    part = half_written(pooled / "figures" / "b.svg", monkeypatch)
    for own in ("own.part", ".own.part"):
        (pooled / "figures" / own).write_text("mine")
        make_older(pooled / "figures" / own, 1000)
    make_older(part, 23)
    Outputs(pooled).close(complete=True)
    assert part.exists()
    make_older(part, 25)
    Outputs(pooled).close(complete=True)
    assert not part.exists()
    assert {path.name for path in (pooled / "figures").iterdir()} >= {"own.part", ".own.part"}


def test_two_runs_in_one_folder_leave_each_other_the_half_files(pooled, monkeypatch):
    """The other run has just begun the same file, and ends as if this one had not been there."""
    target, replace = pooled / "figures" / "b.svg", os.replace
    begun = []

    def meanwhile(part, path):
        if not begun:
            begun.append(part)
            other = Outputs(pooled)
            other.write("figures/b.svg", "3", "other's")
            other.close(complete=True)
            assert Path(part).read_text() == "ours"
        replace(part, path)

    monkeypatch.setattr(os, "replace", meanwhile)
    write(target, "ours")
    assert begun
    assert target.read_text() == "ours"
    assert not list(pooled.rglob("*.part"))


@pytest.mark.parametrize("text", ["", "[]", "7", "{", '{"a.csv": 7}', "[" * 100_000, "1" * 5000])
def test_a_memory_that_makes_no_sense_is_forgotten(text, pooled):
    (pooled / MANIFEST).write_text(text)
    outputs = Outputs(pooled)
    assert not outputs.is_current("a.csv", "1")
    outputs.close(complete=True)
    assert "a.csv" in listed(pooled)


def test_nothing_outside_the_folder_is_removed(tmp_path):
    own = tmp_path / "own.txt"
    own.write_text("mine")
    out = tmp_path / "out"
    out.mkdir()
    (out / MANIFEST).write_text(json.dumps({"../own.txt": "", str(own): "", "a/../../own.txt": ""}))
    Outputs(out).close(complete=True)
    assert own.exists()
