"""Tables for a paper: whose numbers they have, and that cells are text in every format."""

from __future__ import annotations

import csv
import io
import re

import pytest

from meta.format import percent
from meta.records.analysis import Analysis
from meta.records.run import Run
from meta.report.tables.publication import FORMATS, comma_separated, estimates, latex, markdown
from meta.results import name_of

HOSTILE = ("<script>", "a|b", "[link](x)", "`code`", "*a* _b_", "\\|", "two\nlines", "\x1b[31m", "\u202egnol")


@pytest.mark.parametrize("text", HOSTILE)
def test_cells_are_text(text):
    for table in (markdown(["", text], [["x", "y"]]), markdown(["", "h"], [["x", text]])):
        lines = table.splitlines()
        assert len(lines) == 3
        assert {len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in lines} == {3}
        assert not re.search(r"(?<!\\)(?:\\\\)*[<>\[\]`*_]", table)
        assert not re.search("[\x00-\x09\x1b\u202e]", table)


@pytest.mark.parametrize(
    "text", ["100 % & more", "a_b", "$x^2$", "#1", "\\input{secret}", "{x}", "~", "two\nlines"]
)
def test_cells_are_text_in_latex(text):
    table = latex(["", "h"], [["x", text]])
    (row,) = (line for line in table.splitlines() if line.startswith("x & "))
    cell = row.removeprefix("x & ").removesuffix(r" \\")
    plain = re.sub(r"\\(?:textasciitilde|textasciicircum|textbackslash)(?: |\{\})?|\\[&%$#_{}]", "", cell)
    assert not re.search(r"[&%$#_{}~^\\]", plain), cell
    assert len(table.splitlines()) == 7  # begin, end, three rules, head and row


def run_of(*fits):
    return Run(
        name="q", question="?", variation="base", ledger=(), printed=(), acknowledged=(), fits=fits,
        analysis=Analysis(name="q", question="?", trials="all"),
    )  # fmt: skip


def test_estimates_are_those_of_the_fits(roles_of):
    fits = roles_of([5, 6, 2, 1], [18, 32, 29, 21])
    header, rows = estimates(run_of(*fits))
    assert {len(row) for row in rows} == {len(header)}
    answers = [row for row in rows if row[4] == name_of(fits[0].proportion.estimand, fits[0].outcome)]
    assert answers[0][5].startswith(percent(fits[0].proportion.value))
    assert {row[2] for row in rows} == {"14/100"}
    assert len({row[3] for row in rows}) == 3


def test_one_trial_shows_its_own_interval_and_a_star(roles_of):
    fit = roles_of([2], [9])[0]
    _, rows = estimates(run_of(fit))
    (row,) = rows
    assert row[1] == "1*"
    assert row[5].startswith(percent(2 / 9))


def test_every_format_has_every_row():
    header, rows = ["", "h"], [["x", "1"], ["y", "2"]]
    assert list(csv.reader(io.StringIO(comma_separated(header, rows)))) == [header, *rows]
    for write in FORMATS.values():
        text = write(header, rows)
        assert all(re.search(rf"{name}.*{number}", text) for name, number in rows)
