"""The latent model as figure, table and text; nothing is sampled."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from meta.data import Completions
from meta.models import BayesBinomial
from meta.models.bounds import bounds
from meta.models.policy import standing
from meta.records.analysis import Where
from meta.records.run import Failure, Provenance
from meta.records.storing import store
from meta.report.figures.bounds import bounds_figure
from meta.report.figures.registry import figures
from meta.report.language import latent_words as words
from meta.report.language.bound_words import compared
from meta.report.page.html import page
from meta.report.tables.fit_tables import summary
from meta.report.tables.site_tables import latent
from meta.report.terminal import text
from meta.report.terminal.latent_text import latent_lines
from meta.results import Estimand, Latent, LatentSplit
from tests.unit.report.site_fits import GOOD, make_site_fit, parameter_of

EXCLUDED = {"exclude": (Where(differentiation="well"),)}
GROUPS = ("poor", "well")


def fits_of(groups=GROUPS, regions=("Asia", "West")):
    judged = standing(4, 12, 60, bayesian=True)
    overall = make_site_fit(groups, ("all",))
    overall = replace(
        overall,
        contrast=None,
        standardised=tuple(replace(one, standing=judged) for one in overall.standardised),
        standing=judged,
    )
    by_region = make_site_fit(groups, regions)
    two = standing(2, 3, 60, bayesian=True)
    return overall, replace(
        by_region, standardised=tuple(replace(one, standing=two) for one in by_region.standardised)
    )


def latent_of(groups=GROUPS, regions=("Asia", "West"), trial="Avelumab (Fottner 2019)", **changes):
    splits = (
        LatentSplit(trial=trial, n=21, responders=1, leaving=(1, 9), expected_leaving=5.1, expected=0.81,
                    low=0, high=1, level=0.95),
        LatentSplit(trial="Other", n=29, responders=2, leaving=(10, 10), expected_leaving=10.0, expected=1.44,
                    low=0, high=2, level=0.95),
    )  # fmt: skip
    whole = Latent(
        factor="differentiation", stays=groups[0], leaves=groups[1], fits=fits_of(groups, regions),
        contrast=parameter_of(Estimand.LOG_ODDS_RATIO, 1.0, 0.64, groups[1], groups[0]),
        alone=parameter_of(Estimand.LOG_ODDS_RATIO, 1.0, 0.97, groups[1], groups[0]),
        sampling_alone=GOOD, splits=splits, notes=("A note.",),
    )  # fmt: skip
    return replace(whole, **changes)


def failed(found):
    bad = replace(GOOD, passed=False, faults=("R-hat 1.4",))
    return replace(found, fits=(replace(found.fits[0], sampling=bad), *found.fits[1:]))


@pytest.fixture
def run_of(run_with):
    def make(found, **changes):
        skipped = (Failure(role="primary", by=None, reason="not run: it takes counts"),)
        settings = {
            "variation": "latent", "analysis": {**EXCLUDED, "unresolved": "latent"}, "latent": found,
            "not_run": skipped, "provenance": Provenance(digest="latent"), **changes,
        }  # fmt: skip
        return run_with(**settings)

    return make


@pytest.fixture
def runs(run_with, table1, table1_by_region, run_of):
    options = (np.array([[[5, 18]]]), np.array([[[0, 19]], [[2, 19]]]))
    data = Completions(("a", "b"), options, ((0,), (0,)))
    found = tuple(replace(one, role="primary") for one in bounds(BayesBinomial(), data))
    way = {"analysis": {**EXCLUDED, "unresolved": "bound"}, "provenance": Provenance(digest="bound")}
    return [
        run_with(*table1, *table1_by_region, analysis={}),
        run_with(variation="bound", bounds=found, **way),
        run_of(latent_of()),
    ]


def said(figure):
    return " ".join(piece.get_text() for piece in figure.texts)


def test_the_figure_of_bounds_has_a_diamond_of_the_latent_model(runs, nothing_collides):
    figure = bounds_figure(compared(runs, runs[0], runs[1]), title="Bounds", subtitle="How many?")
    nothing_collides(figure)
    assert said(figure).count("latent split") == 1  # the bounds here are by no group
    assert "posterior sd 0.64 (64.0 %)" in said(figure)
    assert "Avelumab (Fottner 2019): of 1/21, 0.8 (0 to 1) responders" in said(figure)
    without = bounds_figure(compared(runs[:2], runs[0], runs[1]), title="Bounds")
    assert "latent" not in said(without)


STUB = '<svg width="1pt" height="1pt" viewBox="0 0 1 1"><g/></svg>'


def on_page(runs):
    return page(runs, drawn=lambda _: STUB)


def test_the_page_has_its_rates_its_contrast_and_its_splits(runs):
    text = on_page(runs)
    assert "Without patients who are well differentiated: unreported splits estimated with the rest" in text
    for fit in (0, 1):
        assert f'data-ref="quick/latent#/latent/fits/{fit}/standardised/0/mean/value"' in text
    assert 'data-ref="quick/latent#/latent/contrast/prior_sd" data-as="num2">1.00<' in text
    assert 'data-ref="quick/latent#/latent/splits/0/expected" data-as="num1">0.8<' in text
    assert "FAILED" not in text


def test_the_page_says_that_its_sampler_failed(runs, run_of):
    assert "FAILED: the sampler broke its limits" in on_page([*runs[:2], run_of(failed(latent_of()))])


def test_long_names_and_a_failed_sampler_collide_with_nothing(runs, run_of, nothing_collides):
    found = failed(latent_of(("<b>$x$</b> poor " * 4, "well\n" * 2), trial="Very long name " * 8))
    shown = compared([*runs[:2], run_of(found)], runs[0], runs[1])
    figure = bounds_figure(shown, title="Bounds")
    nothing_collides(figure)
    assert "FAILED" in said(figure)


def test_the_figure_is_drawn_anew_where_the_latent_run_changes(runs):
    def digest(shown):
        return next(plan.digest for plan in figures(shown) if plan.name.endswith("bounds"))

    other = replace(runs[2], provenance=Provenance(digest="new"))
    assert len({digest(runs), digest([*runs[:2], other]), digest(runs[:2])}) == 3


def test_an_answer_is_given_overall_and_by_level():
    found = latent_of()
    whole, west = words.answer(found), words.answer(found, "region", "West")
    assert whole[1] == found.fits[0].standardised[0]
    assert (west[1].level, west[1].population) == ("West", "new-trials")
    assert words.answer(found, "site", "pancreas") is None
    assert words.answer(found, "region", "nowhere") is None
    assert (words.star(found, whole[1]), words.star(found, west[1])) == ("", "*")
    assert words.star(failed(found), whole[1]) == "*"


def test_lines_say_what_is_known_and_what_did_not_run(run_of):
    lines = list(latent_lines(run_of(latent_of())))
    assert lines[0].startswith("quick, latent: differentiation poor, % (95 % credible interval)")
    joined = "\n".join(lines)
    assert "  overall, " in joined
    assert "  region West*, " in joined
    assert "without what reports print of well outside the population: prior sd 1.00" in joined
    assert "primary: not run: it takes counts" in joined
    assert joined.count("Sampler") == 3
    assert "Note: A note." in joined
    assert list(latent_lines(run_of(None))) == []
    assert next(latent_lines(run_of(failed(latent_of())))).startswith("[FAILED: diagnostics]")


def test_an_answer_that_rests_on_one_trial_is_withheld(run_of):
    found = latent_of()
    one = standing(1, 3, 60, bayesian=True)
    few = replace(
        found.fits[1], standardised=tuple(replace(r, standing=one) for r in found.fits[1].standardised)
    )
    lines = list(latent_lines(run_of(replace(found, fits=(found.fits[0], few)))))
    assert "  region West*: one trial: exact interval only" in lines


@pytest.mark.parametrize(
    ("sd", "verdict"),
    [(0.95, "next to nothing"), (0.85, "mostly its prior"), (0.64, "informed by the data")],
)
def test_how_far_a_contrast_has_moved(sd, verdict):
    assert verdict in words.moved(parameter_of(Estimand.LOG_ODDS_RATIO, 1.0, sd))
    assert f"posterior sd {sd:.2f}" in words.moved(parameter_of(Estimand.LOG_ODDS_RATIO, 1.0, sd))
    far = replace(parameter_of(Estimand.LOG_ODDS_RATIO, 1.0, 0.95), expectation=-1.0)
    assert "mostly its prior" in words.moved(far)


def test_the_terminal_has_a_row_of_those_who_stay(runs):
    *_, row = text.answers(runs)
    assert (row[0], row[1]) == ("latent", str(runs[2].latent.fits[0].k))
    assert row[3] == text.orr(runs[2].latent.fits[0].standardised[0].mean)
    *_, wide = text.answers(runs, median=True)
    assert len(wide) == len(row) + 1
    *_, bad = text.answers([*runs[:2], replace(runs[2], latent=failed(runs[2].latent))])
    assert bad[1].endswith("*")
    assert bad[3].startswith("[FAILED: diagnostics]")


def test_the_table_has_rates_contrasts_and_splits(runs):
    table = latent(runs)
    assert list(table.kind_of_row.unique()) == ["rate", "contrast", "contrast, own population alone", "split"]
    rates = table[table.kind_of_row == "rate"]
    assert list(rates.group.dropna().unique()) == ["Asia", "West"]
    assert set(rates[rates.by.notna()].standing) == {"drawn-not-headline"}
    assert list(table[table.kind_of_row == "contrast"].sd_ratio) == [0.64]
    assert list(table[table.kind_of_row == "split"].value) == [0.81, 1.44]
    broken = replace(runs[2], latent=failed(runs[2].latent))
    assert set(latent([broken]).standing) == {"FAILED: diagnostics"}
    assert latent(runs[:2]).empty
    assert list(summary(runs).reason)[-2:] == ["bounds: tables/bounds.csv", "latent split: tables/latent.csv"]


def test_a_run_with_it_is_stored_and_read_again(runs):
    assert store.from_json(store.to_json(runs[2])) == runs[2]
