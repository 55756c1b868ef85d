"""Forest plots are tested on what they say and where it stands, not on pixels."""

from __future__ import annotations

import itertools
import math
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
import pytest
from matplotlib.text import Text

from meta.errors import SpecError, StoreError
from meta.models.policy import standing
from meta.records.run import LedgerEntry
from meta.records.storing import files
from meta.report.drawing import canvas
from meta.report.drawing.canvas import save
from meta.report.drawing.palette import WHITE
from meta.report.figures.estimates import several_forest
from meta.report.figures.forest import forest
from meta.results import Fit, NotReported, SiteRegionFit
from tests.unit.report.site_fits import GOOD, TWO, make_site_fit, rate_of, splits_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MakeFit = Callable[..., Fit]
MakeEntry = Callable[..., LedgerEntry]

TRIALS = (
    ("Sintilimab (Jia 2022)", 5, 18),
    ("Toripalimab (Lu 2020)", 6, 32),
    ("Avelumab (Fottner 2019)", 2, 29),
    ("Pembrolizumab (Vijayvergia 2018)", 1, 21),
)
LONG = "A very long trial label that names drug, comparator, cohort and the congress it is from"
HOSTILE = (
    "$x_1^2$ <script>alert('&')</script>",
    "under_score ^caret \\frac{1}{2} {braces}",
    "ניסוי קליני (כהן 2020)",
    "نيفولوماب (الأحمد 2021)",
    "emoji 😀🧪 and 漢字",
    "control \x00\x1b[31m\ud800 \u202e reversed\nbroken\tline",
    "x" * 200,
)
LONG_REASON = (
    "REML did not reach its tolerance within 100 steps and the estimate is not shown, since a number that "
    "depends on where the search was cut off says nothing about the trials"
)


def texts(figure: Figure) -> list[Text]:
    return [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]


def words(figure: Figure) -> str:
    """Everything the figure says, in reading order, line breaks undone."""
    return " ".join(text.get_text() for text in figure.texts)


def marks(figure: Figure, kind: str) -> list[object]:
    found = [artist for artist in figure.axes[0].get_children() if artist.get_gid() == kind]
    return sorted(found, key=lambda artist: artist.get_window_extent().y0, reverse=True)


def diamonds(figure: Figure) -> list[tuple[list[float], bool]]:
    """Left, middle and right of each diamond in percent, and whether it is filled."""
    shapes = []
    for patch in marks(figure, "diamond"):
        xs = sorted({round(float(x), 9) for x, _ in patch.get_xy()})
        shapes.append((xs, patch.get_facecolor()[:3] != (1, 1, 1)))
    return shapes


def percents(fit: Fit) -> list[float]:
    found = fit.proportion
    return [round(100 * x, 9) for x in (found.low, found.value, found.high)]


def many(k: int) -> list[tuple[str, int, int]]:
    return [(f"Trial {i} (Author {1990 + i})", i % 7, 8 + 3 * i) for i in range(k)]


def six_groups(fit_of: MakeFit, site: Fit) -> Fit:
    parts = [
        replace(fit_of(many(3)), label=f"site {i}", not_reported=site.groups[0].not_reported)
        for i in range(6)
    ]
    return replace(site, groups=tuple(parts))


def boundary(fit_of: MakeFit) -> Fit:
    return fit_of(TRIALS, tau2=0.0, notes=("Continuity correction: 0.5 was added to both cells of one arm.",))


@dataclass(frozen=True)
class Made:
    """What a case is made from."""

    fit_of: MakeFit
    region: Fit
    site: Fit


CASES: dict[str, Callable[[Made], Fit]] = {
    "overall": lambda made: made.fit_of(TRIALS),
    "region": lambda made: made.region,
    "site": lambda made: made.site,
    "k1": lambda made: made.fit_of(TRIALS[:1]),
    "k0": lambda made: made.fit_of([]),
    "k30": lambda made: made.fit_of(many(30)),
    "six-groups": lambda made: six_groups(made.fit_of, made.site),
    "long": lambda made: made.fit_of([(f"{LONG} {i}", x, n) for i, (_, x, n) in enumerate(TRIALS)]),
    "hostile": lambda made: made.fit_of([(label, 1, 9) for label in HOSTILE]),
    "no-estimate": lambda made: made.fit_of(TRIALS, reason=LONG_REASON),
    "no-group-estimate": lambda made: replace(
        made.region,
        groups=(replace(made.fit_of(TRIALS[:2], reason=LONG_REASON), label="Asia"), made.region.groups[1]),
    ),
    "all-zero": lambda made: made.fit_of([(f"t{i}", 0, 10 + i) for i in range(4)], mu=-3.5),
    "all-n": lambda made: made.fit_of([(f"t{i}", 10 + i, 10 + i) for i in range(4)], mu=3.5),
    "tiny": lambda made: made.fit_of([("t0", 1, 90_000), ("t1", 2, 80_000)], mu=-10, se=0.1, tau2=1e-4),
    "no-interval": lambda made: made.fit_of(
        TRIALS, proportion=replace(made.region.proportion, low=None, high=None, reason=LONG_REASON)
    ),
    "boundary": lambda made: boundary(made.fit_of),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, fit_of: MakeFit, region: Fit, site: Fit) -> Fit:
    return CASES[request.param](Made(fit_of, region, site))


def assert_no_text_on_marks(figure: Figure) -> None:
    shapes = [
        artist.get_window_extent()
        for kind in ("square", "interval", "diamond", "bar", "reference")
        for artist in marks(figure, kind)
    ]
    with canvas.pinned_settings():
        areas = [(text.get_text(), text.get_window_extent()) for text in texts(figure)]
    for (text, area), box in itertools.product(areas, shapes):
        apart = area.x1 <= box.x0 or box.x1 <= area.x0 or area.y1 <= box.y0 or box.y1 <= area.y0
        assert apart, f"{text!r} runs across a mark"


def test_no_text_runs_into_another(case: Fit, nothing_collides: Callable[[Figure], None]) -> None:
    figure = forest(case, title="A title", subtitle="and what it is about")
    nothing_collides(figure)
    assert_no_text_on_marks(figure)


def test_is_as_wide_as_a_double_column_and_grows_with_its_rows(fit_of: MakeFit) -> None:
    small, large = forest(fit_of(TRIALS)), forest(fit_of(many(30)))
    assert small.get_figwidth() * 25.4 == pytest.approx(180)
    assert large.get_figwidth() == small.get_figwidth()
    assert large.get_figheight() > small.get_figheight() + 26 * 7 / 72
    assert min(text.get_fontsize() for text in texts(large)) >= 7


def test_axis_starts_at_zero_and_ticks_fit_it(case: Fit) -> None:
    axes = forest(case).axes[0]
    low, high = axes.get_xlim()
    ticks = list(axes.get_xticks())
    assert low == 0
    assert ticks[0] == 0
    assert ticks[-1] == high <= 100
    assert len(ticks) <= 7


def test_shows_every_trial_with_its_numbers(region: Fit) -> None:
    said = words(forest(region))
    for label, responders, n in TRIALS:
        assert label in said
        assert f"{responders}/{n}" in said
    for value in ("27.8", "18.8", "6.9", "4.8"):
        assert value in said
    assert "exact (Clopper-Pearson)" in said
    assert "36.0" in said  # the weight of 18 among 50


def test_names_estimand_method_and_counts_of_the_pooled_rows(region: Fit) -> None:
    said = words(forest(region))
    assert "Pooled median ORR (k = 2)" in said
    assert "All trials: median ORR (k = 4)" in said
    assert "14/100" in said
    assert "11/50" in said
    assert "inverse variance, logit scale, REML, Knapp-Hartung, floored" in said


def test_heterogeneity_names_its_methods(region: Fit) -> None:
    said = words(forest(region))
    assert "Q = 5.31, df = 3, p = 0.150" in said
    assert "τ² = 0.307 (REML), 95 % CI 0.000–12.075 (Q-profile)" in said
    assert "I² (from τ²) = 43.9 %" in said
    assert "τ² / (τ² + typical sampling variance)" in said


def test_difference_between_groups_comes_with_its_caveat(region: Fit) -> None:
    said = words(forest(region))
    assert "between groups by region: χ² = 3.64, df = 1, p < 0.001" in said
    assert "p is unreliable below k = 10" in said


def test_difference_that_cannot_be_given_says_why(region: Fit) -> None:
    between = replace(region.between, statistic=None, p=None, reason="fewer than two groups with trials")
    assert "not given: fewer than two groups with trials" in words(forest(replace(region, between=between)))


def test_diamonds_stand_at_the_estimates(region: Fit) -> None:
    drawn = diamonds(forest(region))
    fits = (*region.groups, region)
    assert [xs for xs, _ in drawn] == [pytest.approx(percents(fit)) for fit in fits]


def test_only_a_headline_is_filled(region: Fit) -> None:
    assert [filled for _, filled in diamonds(forest(region))] == [False, False, True]
    doubted = replace(region, standing=standing(6, 4, 60))
    figure = forest(doubted)
    assert [filled for _, filled in diamonds(figure)] == [False, False, False]
    assert "fewer than five responders" in words(figure)


def test_prediction_interval_is_a_bar_at_its_limits(region: Fit) -> None:
    (bar,) = marks(forest(region), "bar")
    found = region.prediction.proportion
    assert bar.get_x() == pytest.approx(100 * found.low)
    assert bar.get_x() + bar.get_width() == pytest.approx(100 * found.high)


def test_reference_line_stands_at_the_overall_estimate(region: Fit) -> None:
    lines = marks(forest(region), "reference")
    assert {round(x, 9) for line in lines for x in line.get_xdata()} == {percents(region)[1]}


def test_missing_estimates_print_their_reason(fit_of: MakeFit) -> None:
    figure = forest(fit_of(TRIALS, reason=LONG_REASON))
    assert diamonds(figure) == []
    assert marks(figure, "bar") == []
    assert marks(figure, "reference") == []
    assert words(figure).count(f"not given: {LONG_REASON}") == 3  # estimate, prediction, heterogeneity


def test_estimate_without_an_interval_is_a_dot_with_the_reason_beside_it(fit_of: MakeFit) -> None:
    found = replace(fit_of(TRIALS).proportion, low=None, high=None, reason="df = 0")
    figure = forest(fit_of(TRIALS, proportion=found))
    (dot,) = marks(figure, "dot")
    assert float(dot.get_xdata()[0]) == pytest.approx(100 * found.value)
    assert "14.8 interval not given: df = 0" in words(figure)


def test_a_reason_is_said_once_in_a_row(region: Fit, fit_of: MakeFit) -> None:
    asia = replace(fit_of(TRIALS[:2], reason=LONG_REASON), label="Asia")
    assert words(forest(replace(region, groups=(asia, region.groups[1])))).count(LONG_REASON) == 1
    lost = replace(region.groups[0], tau2=asia.tau2, heterogeneity=asia.heterogeneity)
    said = words(forest(replace(region, groups=(lost, region.groups[1]))))
    assert f"heterogeneity: not given: {LONG_REASON}" in said


def test_credible_intervals_are_called_so(fit_of: MakeFit) -> None:
    found = replace(fit_of(TRIALS).proportion, kind="credible", level=0.9)
    said = words(forest(fit_of(TRIALS, proportion=found)))
    assert "ORR % [90 % interval]" in said  # the trials' own are confidence intervals
    assert "exact (Clopper-Pearson) 95 % CI" in said
    assert "posterior medians with 90 % CrI" in said
    assert "ORR % [95 % CI]" in words(forest(fit_of(TRIALS)))
    base = fit_of(TRIALS, proportion=found)
    assert "Median ORR % [90 % CrI]" in words(several_forest(base, [("a", base)]))


def test_patients_without_reported_responders_are_listed(site: Fit, fit_of: MakeFit) -> None:
    said = words(forest(site))
    assert said.count("Avelumab (Fottner 2019) ?/13 13 patients, responders not reported") == 4
    assert "?/n: only the number of patients was reported; no diamond contains them." in said
    unknown = NotReported(label="Nivolumab", n=None, reason="responders not reported (no table by site)")
    overall = words(forest(fit_of(TRIALS, not_reported=(unknown,))))
    assert "Nivolumab: number of patients not reported, responders not reported (no table by site)" in overall


def test_group_without_trials_is_a_heading_and_a_sentence(site: Fit) -> None:
    figure = forest(site)
    said = words(figure)
    assert "Site: other no trial reported responders Avelumab" in said
    assert "one trial: exact interval only" in said
    assert "based on two trials; interpret with caution" in said
    assert len(diamonds(figure)) == 3  # two sites with two trials, and overall


def test_groups_that_hide_trials_of_the_overall_estimate_are_followed_by_them(site: Fit, region: Fit) -> None:
    assert "All groups together" in words(forest(site))
    assert "All groups together" not in words(forest(region))


def test_zero_between_trial_variance_is_not_agreement(fit_of: MakeFit) -> None:
    zero = fit_of(TRIALS, tau2=0.0)  # a model's own notes say so; those of a companion are not shown
    said = words(forest(fit_of(TRIALS), companions=[zero]))
    assert "does not show that they agree" in said
    assert "homogen" not in said
    assert "does not show" not in words(forest(zero))


def test_notes_of_groups_name_their_group(region: Fit) -> None:
    asia, west = (replace(group, notes=("0.5 was added",)) for group in region.groups)
    assert "Asia, West: 0.5 was added" in words(
        forest(replace(region, groups=(asia, west), notes=("Mind this.",)))
    )


def test_sources_number_the_rows(region: Fit, entry_of: MakeEntry) -> None:
    ledger = [
        entry_of(TRIALS[1][0], by="region", group="Asia", line=7),
        entry_of(TRIALS[0][0], by="region", group="Asia", via=None),
        entry_of(TRIALS[2][0], by="region", group="West", action="unused"),
        entry_of(TRIALS[3][0], by="region", group="Asia"),
        entry_of(TRIALS[3][0]),
    ]
    said = words(forest(region, ledger=ledger))
    assert "¹ Sintilimab (Jia 2022): Table 1, trials/t.yaml:21; " in said
    assert "² Toripalimab (Lu 2020): Table 1 (via Jia 2022, Table 1), trials/t.yaml:7." in said
    assert "³" not in said  # passed over, of another group, of the overall estimate
    assert "Sintilimab (Jia 2022) ¹" in said


def test_sources_of_an_overall_fit_are_those_without_a_group(fit_of: MakeFit, entry_of: MakeEntry) -> None:
    ledger = [entry_of(TRIALS[0][0]), entry_of(TRIALS[1][0], by="region", group="Asia")]
    said = words(forest(fit_of(TRIALS), ledger=ledger))
    assert "Sources: ¹ Sintilimab" in said
    assert "²" not in said.replace("τ²", "").replace("I²", "")


def test_long_interval_of_one_trial_among_many_ends_in_an_arrow(fit_of: MakeFit) -> None:
    rows = [(f"t{i}", 10, 200) for i in range(20)]
    figure = forest(fit_of([*rows, ("tiny", 0, 1)], mu=-3.0, se=0.1, tau2=0.01))
    assert figure.axes[0].get_xlim()[1] < 50
    assert len(marks(figure, "arrow")) == 1
    assert marks(forest(fit_of([*rows[:3], ("tiny", 0, 1)], mu=-3.0, se=0.1, tau2=0.01)), "arrow") == []


def test_squares_grow_with_weight(fit_of: MakeFit) -> None:
    sides = [
        square.get_markersize() for square in marks(forest(fit_of([("a", 1, 10), ("b", 4, 40)])), "square")
    ]
    assert sides[1] == pytest.approx(sides[0] * math.sqrt(40 / 10))


def leave_one_out(fit_of: MakeFit) -> tuple[Fit, list[tuple[str, Fit]]]:
    base = fit_of(TRIALS)
    fits = [
        (label, fit_of([row for row in TRIALS if row[0] != label], mu=-1.7 - 0.1 * i, tau2=0.1 * i))
        for i, (label, _, _) in enumerate(TRIALS)
    ]
    return base, [*fits, (LONG, fit_of(TRIALS[:3], reason=LONG_REASON))]


def test_leave_one_out_has_a_row_a_trial(fit_of: MakeFit, nothing_collides: Callable[[Figure], None]) -> None:
    base, fits = leave_one_out(fit_of)
    figure = several_forest(base, [(f"without {label}", fit) for label, fit in fits], title="Leave one out")
    nothing_collides(figure)
    said = words(figure)
    for label, fit in fits[:-1]:
        assert f"without {label}" in said
        assert f"{fit.responders}/{fit.n}" in said
    assert "0.307" in said
    assert f"not given: {LONG_REASON}" in said
    assert "does not show that they agree" in said  # the first of them has tau2 = 0
    assert [xs for xs, _ in diamonds(figure)] == [pytest.approx(percents(base))]
    dots = [float(dot.get_xdata()[0]) for dot in marks(figure, "dot")]
    assert dots == pytest.approx([percents(fit)[1] for _, fit in fits[:-1]])


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_same_figure_same_bytes(tmp_path: Path, region: Fit, ending: str) -> None:
    for name in ("a", "b"):
        save(forest(region, title="A title"), tmp_path / "new" / f"{name}.{ending}")
    files = sorted((tmp_path / "new").iterdir())
    assert [file.name for file in files] == [f"a.{ending}", f"b.{ending}"]  # nothing left beside them
    assert files[0].read_bytes() == files[1].read_bytes()


def test_svg_is_well_formed_and_keeps_labels_as_text(tmp_path: Path, fit_of: MakeFit) -> None:
    target = tmp_path / "hostile.svg"
    save(forest(fit_of([(label, 1, 9) for label in HOSTILE]), title=HOSTILE[0]), target)
    written = target.read_text(encoding="utf-8")
    assert "<script" not in written
    assert "<dc:date>" not in written
    root = ET.fromstring(written)
    said = " ".join("".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text"))
    for part in ("$x_1^2$", "<script>alert('&')</script>", "under_score ^caret", "ניסוי", "😀🧪", "漢字"):
        assert part in said
    assert said.count("$x_1^2$") == 2  # in the title and in the row: neither is mathematics


def test_save_refuses_other_endings_and_leaves_no_file(tmp_path: Path, region: Fit) -> None:
    with pytest.raises(SpecError, match="png, svg, pdf are allowed"):
        save(forest(region), tmp_path / "forest.jpg")
    assert list(tmp_path.iterdir()) == []


def test_failed_write_keeps_the_old_file(
    tmp_path: Path, region: Fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "forest.svg"
    target.write_text("old")

    def refuse(*_: object) -> None:
        raise OSError(28, "disk full")

    monkeypatch.setattr(files.os, "replace", refuse)
    with pytest.raises(StoreError, match="disk full"):
        save(forest(region), target)
    assert [file.name for file in tmp_path.iterdir()] == ["forest.svg"]
    assert target.read_text() == "old"


def test_settings_of_the_user_neither_matter_nor_change(tmp_path: Path, region: Fit) -> None:
    save(forest(region), tmp_path / "before.svg")
    own = {"font.size": 30.0, "svg.fonttype": "path", "axes.spines.bottom": False, "savefig.bbox": "tight"}
    with mpl.rc_context(own):
        save(forest(region), tmp_path / "after.svg")
        assert {key: mpl.rcParams[key] for key in own} == own
    assert (tmp_path / "after.svg").read_bytes() == (tmp_path / "before.svg").read_bytes()


def test_lines_do_not_break_within_an_expression() -> None:
    text = "p = 0.15 or 43.9 % or 95 % CI 0.1–0.2; or ¹ Source"
    parts = ["p = 0.15", "or", "43.9 %", "or", "95 % CI 0.1–0.2;", "or", "¹ Source"]
    assert canvas.wrap(text, canvas.PLAIN, max(map(canvas.text_width, parts))) == [
        "p = 0.15 or", "43.9 % or", "95 % CI 0.1–0.2;", "or ¹ Source",
    ]  # fmt: skip
    text = "one two three four five"
    wide = canvas.wrap(text, canvas.PLAIN, 60.0, 20.0)
    assert wide[0] == "one"
    assert " ".join(wide) == text
    assert all(canvas.text_width(line) <= 60.01 for line in wide)


def order_of(figure: Figure, parts: Sequence[str]) -> list[int]:
    said = words(figure)
    return [said.index(part) for part in parts]


def test_reads_from_groups_to_overall_to_notes(region: Fit) -> None:
    parts = [
        "Region: Asia",
        "Region: West",
        "All trials: median ORR",
        "prediction interval",
        "Heterogeneity",
        "Trials: observed",
    ]
    places = order_of(forest(region), parts)
    assert places == sorted(places)


def model_of_sites(**changes: object) -> SiteRegionFit:
    """The model of the same sites, with the split of one trial's total."""
    sizes = {"pancreas": 13, "gastroesophageal": 4, "intestine": 3, "other": 9}
    splits = splits_of("Avelumab (Fottner 2019)", 2, sizes)
    return make_site_fit(splits=splits, **changes)


def test_what_a_total_says_of_a_site_is_drawn_apart_from_what_was_reported(
    site: Fit, nothing_collides: Callable[[Figure], None]
) -> None:
    sites = model_of_sites()
    figure = forest(site, sites=sites)
    nothing_collides(figure)
    said = words(figure)
    assert "13 patients, responders not reported; expected 0.45, 0 to 2" in said
    assert (
        "?/6 6 patients, responders not reported Mean ORR over new trials" in said
    )  # its split is not known
    (mark,) = marks(figure, "expected")  # the other sites' patients are not those of the split
    assert float(mark.get_xdata()[0]) == pytest.approx(100 * sites.splits[0].expected / 13)
    assert mark.get_markerfacecolor() == WHITE
    assert diamonds(figure) == diamonds(forest(site))  # nothing of it is in a pooled estimate
    assert "Hollow squares on dashed lines: responders expected" in said
    assert "posterior mean and 95 % interval of their number; not an observation" in said


def test_the_rate_of_the_model_of_sites_stands_below_each_group(site: Fit) -> None:
    sites = model_of_sites()
    figure = forest(site, sites=sites)
    alone = [rate for rate in sites.rates if rate.level is None]
    drawn = [float(mark.get_xdata()[0]) for mark in marks(figure, "model")]
    assert drawn == pytest.approx([100 * rate.mean.value for rate in alone])
    assert "at the average of the regions" in words(figure)
    assert {mark.get_markerfacecolor() for mark in marks(figure, "model")} == {"#009E73"}
    two = replace(sites, rates=tuple(replace(rate, standing=TWO) for rate in sites.rates))
    hollow = marks(forest(site, sites=two), "model")
    assert {mark.get_markerfacecolor() for mark in hollow} == {WHITE}


def test_a_failed_model_of_sites_reconstructs_nothing(site: Fit) -> None:
    sites = model_of_sites(sampling=replace(GOOD, passed=False))
    figure = forest(site, sites=sites)
    assert marks(figure, "expected") == []
    assert words(figure).count("[FAILED: diagnostics] Mean ORR over new trials, model of sites") == 4
    assert {mark.get_markerfacecolor() for mark in marks(figure, "model")} == {WHITE}


def test_a_rate_that_the_model_cannot_give_says_why(site: Fit) -> None:
    sites = model_of_sites()
    gone = tuple(replace(rate, mean=rate_of(None)) for rate in sites.rates)
    figure = forest(site, sites=replace(sites, rates=gone))
    assert marks(figure, "model") == []
    assert words(figure).count("not given: not enough draws") == 4


def test_many_trials_with_long_names_without_responders(
    site: Fit, nothing_collides: Callable[[Figure], None]
) -> None:
    labels = [f"{HOSTILE[i % len(HOSTILE)]} of an extraordinarily long name {i}" for i in range(12)]
    absent = tuple(NotReported(label=label, n=1, reason="responders not reported") for label in labels)
    groups = tuple(replace(group, not_reported=absent) for group in site.groups)
    splits = tuple(part for label in labels for part in splits_of(label, 1, {"pancreas": 1, "other": 1}))
    figure = forest(replace(site, groups=groups), sites=make_site_fit(splits=splits, half=0.9))
    nothing_collides(figure)
    assert len(marks(figure, "expected")) == 24
