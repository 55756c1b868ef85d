"""The aliasing map: every cell says what was reported of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from matplotlib.text import Text

from meta.errors import DataError
from meta.records.coverage import Coverage, CoverageCell, CoverageFactor, CoverageTrial
from meta.report.drawing import canvas
from meta.report.figures.alias_map import alias_map
from meta.report.figures.registry import figures
from meta.report.language.aliasing import nested, same_trials

SITES = ("pancreas", "gastroesophageal", "other")
FACTORS = (
    CoverageFactor(name="primary site", levels=SITES),
    CoverageFactor(name="differentiation", levels=("well", "poor")),
    CoverageFactor(name="region", levels=("Asia", "West")),
    CoverageFactor(name="criteria", levels=("RECIST 1.1", "irRECIST")),
    CoverageFactor(name="year", levels=("2018", "2019", "2022")),
)


def trial(label, n, responders, sites, region, criteria, year, **more):
    whole = CoverageCell(n=n, responders=responders)
    cells = {"primary site": dict(zip(SITES, sites, strict=True)), "region": {region: whole}}
    cells |= {"criteria": {criteria: whole}, "year": {year: whole}, **more}
    return CoverageTrial(label=label, n=n, responders=responders, cells=cells)


def cell(n, responders=None):
    return CoverageCell(n=n, responders=responders)


MAP = Coverage(
    factors=FACTORS,
    trials=(
        trial("Sintilimab", 18, 5, (cell(3, 0), cell(6, 2), cell(9, 3)), "Asia", "RECIST 1.1", "2022",
              differentiation={"poor": cell(18, 5)}),
        trial("Avelumab", 29, 2, (cell(13), cell(4), cell(12)), "West", "irRECIST", "2019",
              differentiation={"well": cell(10), "poor": cell(19)}),
        trial("Pembrolizumab", 21, 1, (cell(6), cell(None, 1), cell(0)), "West", "RECIST 1.1", "2018"),
    ),
)  # fmt: skip


def texts(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def boxes(figure, gid):
    return [patch for patch in figure.artists + figure.patches if patch.get_gid() == gid]


def many(count):
    label = "Pembrolizumab and <script>$x$</script> of a very long name"
    trials = (replace(MAP.trials[i % 3], label=f"{label} {i}") for i in range(count))
    return replace(MAP, trials=tuple(trials))


def test_cells_tell_reported_counts_from_patients_and_from_nothing():
    figure = alias_map(MAP, title="Map")
    shown = texts(figure)
    for text in ("0/3", "2/6", "?/13", "?/10", "1/?"):
        assert text in shown
    assert shown.count("?") == 2  # differentiation of the last trial
    assert len(boxes(figure, "unreported")) == 6
    assert len(boxes(figure, "reported")) == 16


def test_sums_are_of_what_was_reported():
    shown = texts(alias_map(MAP, title="Map"))
    assert "8/68" in shown  # all patients
    assert "0/3 of 22" in shown  # pancreas
    assert "?/10" in shown  # well differentiated


def test_bars_are_shares_of_the_trials_patients():
    figure = alias_map(MAP, title="Map")
    widths = [bar.get_width() for bar in boxes(figure, "share")]
    whole = max(widths)
    assert widths[3] == pytest.approx(whole * 3 / 18)  # the first three are of all patients


def test_levels_of_the_same_trials_are_named():
    same = (("criteria", "irRECIST"), ("year", "2019"))
    assert same in same_trials(MAP)
    assert (("region", "Asia"), ("year", "2022")) in same_trials(MAP)
    assert all(("differentiation", "poor") not in found for found in same_trials(MAP))
    assert "criteria irRECIST = year 2019" in " ".join(texts(alias_map(MAP, title="Map")))


def test_factors_that_never_cross_are_named():
    assert set(nested(MAP)) == {("year", "region"), ("year", "criteria")}
    said = " ".join(texts(alias_map(MAP, title="Map")))
    assert "No level of year has trials at two levels of region." in said


@pytest.mark.parametrize("count", [0, 1, 3, 6, 7, 12, 13, 20])
def test_nothing_collides(nothing_collides, count):
    figure = alias_map(many(count), title="Many $x$ <b>" * 9, subtitle="Said")
    nothing_collides(figure)
    assert canvas.render(figure, "png")


def test_odd_names(nothing_collides):
    levels = ("בלוטת הלבלב", "a\nb", "$\\frac{1", "<script>" + "x" * 90)
    factors = (CoverageFactor(name="$\\broken{ " * 8, levels=levels),)
    cells = {factors[0].name: {level: cell(123456, 12345) for level in levels}}
    one = CoverageTrial(label="\u202eבלוטת " * 9, n=10**6, responders=10**5, cells=cells)
    figure = alias_map(Coverage(factors=factors, trials=(one,) * 9), title="Odd")
    nothing_collides(figure)
    assert "<script" not in canvas.render(figure, "svg").decode()


def test_unlisted_levels_are_refused():
    strange = replace(MAP.trials[0], cells={"region": {"Mars": cell(18)}})
    with pytest.raises(DataError, match="Sintilimab: found region 'Mars'; only listed levels are allowed"):
        replace(MAP, trials=(strange,))


def test_more_responders_than_patients_are_refused():
    strange = replace(MAP.trials[0], cells={"region": {"Asia": cell(3, 4)}})
    with pytest.raises(DataError, match="found 4 responders of 3 patients"):
        replace(MAP, trials=(strange,))


def test_the_base_alone_has_a_map(run_with):
    base, other = run_with(coverage=MAP), run_with(coverage=MAP, variation="else")
    plans = {plan.name: plan for plan in figures([base, other])}
    assert list(plans) == ["quick.aliasing"]
    assert "Sintilimab" in texts(plans["quick.aliasing"].draw())
    assert not list(figures([run_with(), other]))
    assert not list(figures([run_with(coverage=replace(MAP, trials=()))]))
