"""Figures at other widths: the same picture, larger or smaller."""

from __future__ import annotations

import io

import matplotlib.image
import numpy as np
import pytest

from meta.errors import SpecError
from meta.report.drawing.canvas import pinned_settings, render
from meta.report.drawing.widths import ALLOWED, resized
from meta.report.figures.forest import forest
from meta.report.figures.specification import Specification, specification

POINTS_A_MM = 72 / 25.4


def raster(figure, dpi):
    content = io.BytesIO()
    with pinned_settings():
        figure.savefig(content, format="png", dpi=dpi)
    content.seek(0)
    return matplotlib.image.imread(content)


@pytest.fixture(params=["forest", "specification"])
def drawn(request, table1):
    """A function that draws the same figure again."""
    if request.param == "forest":
        return lambda: forest(table1[0], companions=table1[1:], title="All trials")
    return lambda: specification([Specification("all trials", fit, base=True) for fit in table1])


@pytest.mark.parametrize("width", [150.0, 170.0, 210.0])
def test_everything_is_in_proportion(drawn, width):
    """With as many pixels the picture is the same, but for pixels on the edge of a line."""
    as_drawn, other = raster(drawn(), width), raster(resized(drawn(), width), 180.0)
    assert as_drawn.shape == other.shape
    assert (np.abs(as_drawn - other).max(-1) > 0.25).mean() < 1e-3


def test_the_page_has_the_width(drawn):
    for width in ALLOWED:
        figure = resized(drawn(), width)
        assert figure.get_size_inches()[0] * 72 == pytest.approx(width * POINTS_A_MM)
        assert render(figure, "pdf").startswith(b"%PDF")


def test_text_is_five_points_at_least_and_narrower_is_refused(drawn):
    figure = resized(drawn(), ALLOWED[0])
    assert min(text.get_fontsize() for text in figure.texts) >= 5
    for width in (np.nextafter(ALLOWED[0], 0), np.nextafter(ALLOWED[1], 999), -1.0, np.nan):
        with pytest.raises(SpecError, match="150 to 210 mm are allowed"):
            resized(drawn(), width)


def test_none_leaves_it_as_it_is(drawn):
    figure = drawn()
    before = figure.get_size_inches().tolist()
    assert resized(figure, None).get_size_inches().tolist() == before
    assert resized(figure, 180.0).get_size_inches().tolist() == before
