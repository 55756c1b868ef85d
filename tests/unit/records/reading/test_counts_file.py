"""A user's table read: what comes out, and every fault at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meta.data import Counts, GroupedCounts
from meta.data.counts import MOST
from meta.errors import DataError, Fault
from meta.records.reading.counts_file import Columns, read_counts

PLAIN = Columns(responders="x", n="n")
FULL = Columns(responders="x", n="n", label="trial", by="g")


@pytest.fixture
def table(tmp_path):
    def write(text):
        path = tmp_path / "t.csv"
        path.write_bytes(text.encode())
        return path

    return write


def faults(path, columns, **options):
    with pytest.raises(DataError) as caught:
        read_counts(path, columns, **options)
    return [(fault.line, fault.path) for fault in caught.value.faults]


def test_without_names(table):
    counts = read_counts(table("n,x\n18,5\n\n32,6\n"), PLAIN)
    assert isinstance(counts, Counts)
    assert (counts.labels, counts.responders.tolist(), counts.n.tolist()) == (
        ("line 2", "line 4"),
        [5, 6],
        [18, 32],
    )


def test_with_names_and_groups(table):
    counts = read_counts(table("trial,g,x,n\na,West,5,18\nb,Asia,6,32\na,Asia,1,9\n"), FULL)
    assert isinstance(counts, GroupedCounts)
    assert counts.labels == ("a", "b", "a")
    assert counts.names == ("West", "Asia")  # as they come
    assert counts.group.tolist() == [0, 1, 1]


def test_lines_are_counted_as_an_editor_counts_them(table):
    """A quoted line break and blank lines move what follows; the line named is where the record ends."""
    assert faults(table('trial,g,x,n\n"a\nb",1,5,18\n\nc,1,x,18\n'), FULL) == [(5, "x")]


def test_every_fault_at_once(table):
    path = table("trial,g,x,n\na,,-1,0\nb,1,9,8\nb,1\nc,2,1,9\nc,2,1,9\n")
    assert faults(path, FULL) == [(2, "g"), (2, "n"), (2, "x"), (3, "x"), (4, ""), (6, "")]


def test_every_missing_column_at_once(table):
    assert faults(table("a,b\n1,2\n"), FULL) == [(1, "g"), (1, "n"), (1, "trial"), (1, "x")]


def test_semicolons_are_named(table):
    with pytest.raises(DataError, match=r"t\.csv:1: found semicolons between the cells; commas"):
        read_counts(table("x;n\n5;18\n"), PLAIN)


def test_a_column_whose_name_has_a_semicolon(table):
    counts = read_counts(table("x;y,n\n5,18\n"), Columns(responders="x;y", n="n"))
    assert counts.responders.tolist() == [5]


@pytest.mark.parametrize("n", [1, MOST])
def test_the_smallest_and_the_largest(n, table):
    assert read_counts(table(f"x,n\n{n},{n}\n"), PLAIN).n.tolist() == [n]


@pytest.mark.parametrize("n", [0, MOST + 1, 10**30])
def test_beyond_them(n, table):
    assert faults(table(f"x,n\n0,{n}\n"), PLAIN) == [(2, "n")]


def test_leading_zeros(table):
    assert read_counts(table("x,n\n005,018\n"), PLAIN).n.tolist() == [18]


def test_arms(table):
    path = table("trial,g,x,n\na,1,5,18\na,1,6,32\nb,1,1,9\n")
    assert faults(path, FULL) == [(3, "")]
    assert read_counts(path, FULL, unit="arm").labels == ("a (line 2)", "a (line 3)", "b")


@given(st.text(), st.booleans())
def test_any_text_is_counts_or_faults(tmp_path_factory, text, as_table):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes((f"x,n\n{text}" if as_table else text).encode(errors="surrogatepass"))
    faults: tuple[Fault, ...] = ()
    counts = None
    try:
        counts = read_counts(path, PLAIN)
    except DataError as error:
        faults = error.faults
    assert (counts is None) is bool(faults)
    assert all(fault.file == str(path) and fault.found and fault.allowed for fault in faults)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "t.csv")
    with pytest.raises(DataError, match="found a pipe"):
        read_counts(tmp_path / "t.csv", PLAIN)


def test_a_device_without_an_end_is_refused():
    with pytest.raises(DataError, match="a device"):
        read_counts(Path("/dev/zero"), PLAIN)


def test_a_name_longer_than_any_is_refused_and_not_repeated(table):
    with pytest.raises(DataError, match="found a name of 100000 characters") as caught:
        read_counts(table(f"trial,x,n,g\n{'a' * 100_000},5,18,one\n"), FULL)
    assert len(str(caught.value)) < 300
