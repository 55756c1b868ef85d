"""The specification figure: every choice in one picture."""

from __future__ import annotations

import pytest

from meta.report.figures.specification import Specification, shown, specification


@pytest.fixture
def found(table1, fit_of):
    """The base by three models, a variation that lies above it, and two that have nothing to draw."""
    high = fit_of((("One", 9, 18), ("Two", 12, 31)), mu=0.0, role="conventional")
    alone = fit_of((("One", 9, 18),), role="conventional")
    none = fit_of((), role="conventional")
    return [
        Specification("high", high),
        *(Specification("all trials", fit, base=True) for fit in table1),
        Specification("alone", alone),
        Specification("none", none),
    ]


def test_sorted_without_what_has_no_estimate(found):
    rows = shown(found)
    assert [row.label for row in rows] == ["all trials"] * 3 + ["high"]
    values = [row.marks[0].value for row in rows]
    assert values == sorted(values)


def test_the_figure_has_a_row_each_and_the_base_as_a_line(found, nothing_collides):
    figure = specification(found, title="quick: every sensitivity analysis", subtitle="?")
    nothing_collides(figure)
    texts = [text.get_text() for text in figure.texts]
    assert texts.count("all trials") == 3
    assert texts.count("high") == 1
    line = next(line for line in figure.axes[0].lines if line.get_gid() == "reference")
    assert line.get_xdata()[0] == pytest.approx(100 * found[1].found.proportion.value)  # of the primary model
    bold = {text.get_text() for text in figure.texts if text.get_weight() == "bold"}
    assert "all trials" in bold
    assert "high" not in bold
