"""The engine of tables with plots: axes that hold every mark, and lines that no text crosses."""

from __future__ import annotations

import pytest

from meta.report.drawing.marks import Mark, axis, point
from meta.report.drawing.table import Column, Plot, Row, Table, draw


def bar(low, high, kind="dot"):
    return Mark(kind=kind, low=low, value=(low + high) / 2, high=high)


@pytest.mark.parametrize(
    ("marks", "unit", "labels"),
    [
        ([bar(0.1, 0.47)], 100, ["0", "10", "20", "30", "40", "50"]),
        ([bar(-0.34, 0.06)], 100, ["−40", "−30", "−20", "−10", "0", "10"]),
        ([bar(-0.3, -0.2)], 100, ["−30", "−25", "−20", "−15", "−10", "−5", "0"]),
        ([point("prior", 2.0)], 1, ["0.0", "0.5", "1.0", "1.5", "2.0"]),
        ([point("dot", 0.0)], 100, ["0", "20", "40", "60", "80", "100"]),
        ([], 1, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        ([bar(0.0, 1.0)], 100, ["0", "20", "40", "60", "80", "100"]),
    ],
)
def test_an_axis_has_round_ends_and_shows_every_mark(marks, unit, labels):
    chosen = axis(marks, unit, 120.0)
    assert list(chosen.ticks.values()) == labels
    assert all(chosen.low <= unit * mark.low and unit * mark.high <= chosen.high for mark in marks)


def test_a_narrow_axis_has_fewer_ticks():
    assert len(axis([bar(0.1, 0.47)], 100, 60.0).ticks) == 4


def test_a_long_interval_of_one_trial_of_many_is_cut_but_no_pooled_one():
    trials = [bar(0.0, 0.1, "square") for _ in range(10)]
    long = Mark(kind="square", low=0.0, value=0.1, high=0.9)
    assert axis([*trials, long], 100, 120.0).high == 10
    assert axis([*trials, bar(0.0, 0.9, "dot")], 100, 120.0).high == 100


def test_several_plots_and_tables_stand_in_one_figure(nothing_collides):
    columns = (
        Column("label", "Trial", "left"),
        Plot(key="a", heading="First", axis="points"),
        Column("value", "Value"),
        Plot(key="b", heading="Second", axis="nats", unit=1.0, references=(0.5, None), joined=True),
    )
    marks = (
        Mark(kind="dot", low=-0.3, value=-0.2, high=0.1, column="a"),
        Mark(kind="dot", low=0.2, value=0.2, high=0.2, column="b"),
        Mark(kind="prior", low=0.9, value=0.9, high=0.9, column="b"),
    )
    row = Row(label="One (2020)", cells={"value": "−20.0"}, marks=marks)
    note = Row(label="A note that runs across the whole table and every plot in it, as wide as the page is")
    figure = draw([Table(columns, (row, note, row))] * 2, (), "Two tables", None)
    nothing_collides(figure)
    first, second, *others = figure.axes
    assert len(others) == 2
    assert first.get_xlim() == (-30.0, 10.0)
    zero = [line for line in first.lines if line.get_gid() == "zero"]
    assert len(zero) == 2  # the note interrupts it
    assert {float(line.get_xdata()[0]) for line in second.lines if line.get_gid() == "reference"} == {0.5}
    assert any(list(line.get_xdata()) == [0.2, 0.9] for line in second.lines)  # joined
