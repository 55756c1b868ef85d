"""CSV that a spreadsheet opens without carrying out what stands in a cell."""

from __future__ import annotations

import csv
import io

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meta.records.reading.counts_file import Columns, read_counts
from meta.spreadsheet import comma_separated, guarded, to_csv, unguarded

FORMULAS = ["=cmd|' /C calc'!A0", "+SUM(A1)", "-2+3", "@SUM(A1)", "\tx", "\rx", "\nx", "'=1", "''=1"]


@pytest.mark.parametrize("text", FORMULAS)
def test_text_that_is_a_formula_has_an_apostrophe_and_is_read_back_without(text):
    assert guarded(text) == f"'{text}"
    assert unguarded(guarded(text)) == text


@pytest.mark.parametrize("cell", ["-2.5", "+3", "-1e-7", "lung", "", "a=b", "'quoted'", -2.5, 0, None, "– "])
def test_numbers_and_other_text_stay_as_they_are(cell):
    assert guarded(cell) is cell


@given(st.text())
def test_any_text_is_read_back_as_it_was(text):
    assert unguarded(guarded(text)) == text


def test_a_frame_has_its_text_guarded_and_its_numbers_as_they_were():
    frame = pd.DataFrame({"who": ["=1+1", None, "b"], "n": [1, -2, 3], "x": [-2.5, None, 0.1]})
    frame["k"] = pd.Series([3, None, 4], dtype=object)
    plain = frame.to_csv(index=False)
    assert to_csv(frame) == plain.replace("=1+1", "'=1+1")
    assert frame["who"][0] == "=1+1"


def test_a_table_of_a_paper_is_guarded():
    (header, row) = csv.reader(io.StringIO(comma_separated(["Group", "k"], [["@SUM(A1)", "4"]])))
    assert (header, row) == (["Group", "k"], ["'@SUM(A1)", "4"])


def test_our_own_table_is_imported_with_the_names_it_had(tmp_path):
    names = ["=1+1", "-2+3", "@x", "'=1"]
    path = tmp_path / "t.csv"
    path.write_text(comma_separated(["trial", "x", "n"], [[name, "1", "9"] for name in names]))
    assert read_counts(path, Columns(responders="x", n="n", label="trial")).labels == tuple(names)
