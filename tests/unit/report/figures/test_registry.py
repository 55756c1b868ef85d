"""Which figures there are, and that each has its place: whatever variations and groupings are called."""

from __future__ import annotations

from dataclasses import replace

import pytest

from meta.data import Counts
from meta.errors import MetaError
from meta.models import BayesBinomial
from meta.records.run import Provenance
from meta.records.sensitivity_words import Item
from meta.report.figures import registry
from meta.report.figures.registry import Figure, Plan, Section, figures, registered
from meta.report.language.variations import identical, repeats
from meta.report.page import html
from meta.report.page.html import page

STUB = '<svg width="1pt" height="1pt" viewBox="0 0 1 1"><g id="a"/></svg>'
ANALYSIS = {"thresholds": (0.1,)}


@pytest.fixture(scope="module")
def runs(run_with, roles_of, table1, entry_of):
    """A base by differentiation, and all three expansions under names that nobody would expect."""
    labels = [trial.label for trial in table1[0].trials]
    ledger = tuple(replace(entry_of(label), trial=label[:3].lower()) for label in labels)
    grouped = roles_of([5, 6, 2, 1], [18, 32, 29, 21], ["well", "well", "poor", "poor"], by="differentiation")

    def run(variation, *fits, **changes):
        settings = {"analysis": ANALYSIS, "ledger": ledger, "provenance": Provenance(digest=variation)}
        return run_with(*fits, variation=variation, **{**settings, **changes})

    def of_word(name, word, id, *fits):
        return run(f"{name}.{id}", *fits, family=name, expansion=word, item=Item(id=id, name=id.upper()))

    fewer = roles_of([5, 6, 2], [18, 32, 29], labels=labels[:3])
    early = roles_of([5, 6], [18, 32], labels=labels[:2])
    priors = ("half-normal:0.5", "uniform:0,4")
    return [
        run("base", *table1, *grouped),
        of_word("jack", "each-trial", "pem", *fewer),
        of_word("history", "each-date", "2020", *early[:1]),
        *(of_word("tau", "each-prior", prior, roles_under(table1[0], prior)) for prior in priors),
    ]


def roles_under(fit, prior):
    data = Counts.of([5, 6, 2, 1], [18, 32, 29, 21], labels=[trial.label for trial in fit.trials])
    return replace(BayesBinomial(prior=prior, thresholds=(0.1, 0.2)).detailed_fit(data), role="primary")


def shown(runs):
    text = page(runs, drawn=lambda _: STUB)
    return {plan.name for plan in figures(runs) if f'data-name="{plan.name}"' in text}


def test_every_figure_is_on_the_page_whatever_variations_and_groupings_are_called(runs):
    names = {plan.name for plan in figures(runs)}
    assert {"quick.jack", "quick.history", "quick.tau", "quick.differentiation"} <= names
    assert shown(runs) == names


def test_a_figure_of_one_variation_is_a_file_only(runs, table1):
    named = replace(runs[0], variation="less", fits=tuple(table1))
    sections = {plan.name: plan.section for plan in figures([*runs, named])}
    assert sections["quick.less.overall"] is Section.FILE_ONLY
    assert sections["quick.overall"] is Section.FOREST
    assert shown([*runs, named]) == set(sections) - {"quick.less.overall"}


def test_a_variation_that_is_called_as_a_figure_is_hides_neither(runs):
    called = [
        replace(run, family="posterior", variation=run.variation.replace("history", "posterior"))
        if run.family == "history"
        else run
        for run in runs
    ]
    names = [plan.name for plan in figures(called)]
    assert len(names) == len(set(names)) == len(list(figures(runs)))
    assert {"quick.posterior", "quick.posterior.posterior"} <= set(names)
    assert shown(called) == set(names)


# Forgotten places


def test_a_module_without_a_figure_is_an_error_that_says_so(monkeypatch):
    registered.cache_clear()
    monkeypatch.delattr("meta.report.figures.sweep.FIGURE")
    with pytest.raises(MetaError, match=r"sweep\.py: found no FIGURE; each module of this folder"):
        registered()


def test_a_figure_without_a_section_cannot_be_made(runs):
    with pytest.raises(TypeError, match="section"):
        Plan(name="quick.new", shows=tuple(runs), title="New", caption="New.", draw=lambda: None)


def test_a_figure_is_on_the_page_once_its_file_is_there(runs, monkeypatch):
    """One file adds a figure: nothing else names it."""

    def plans(analysed):
        yield Plan(
            name=f"{analysed.base.name}.new", shows=(analysed.base,), section=Section.DATA, title="A new one",
            caption="New.", draw=lambda: None,
        )  # fmt: skip

    monkeypatch.setattr(registry, "registered", lambda: {"new": Figure(order=35, plans=plans)})
    assert shown(runs) == {"quick.new"}


def test_a_section_that_leaves_its_figures_out_is_an_error(runs, monkeypatch):
    text = html._template

    def without_figures(name):
        return text(name).replace('m.figures(part, "priors")', '""') if "priors" in name else text(name)

    monkeypatch.setattr(html, "_template", without_figures)
    with pytest.raises(MetaError, match=r"the figure quick\.prior-predictive is not on the page"):
        page(runs, drawn=lambda _: STUB)


# Answers that are the base's own


def test_an_answer_from_the_same_counts_model_and_options_is_the_bases_own(runs, table1, roles_of):
    base = runs[0]
    same = replace(base, variation="nobody-excluded")
    assert all(repeats(base, same, fit) for fit in same.fits)
    assert not any(repeats(base, base, fit) for fit in base.fits)
    (half, uniform) = (run for run in runs if run.family == "tau")
    assert not repeats(base, half, half.fits[0])
    own = replace(
        half, fits=(replace(table1[0]), *table1[1:])
    )  # an expansion that left two models as they were
    assert [repeats(base, own, fit) for fit in own.fits] == [True, True, True]
    other = roles_of([5, 6, 2, 2], [18, 32, 29, 21], labels=[trial.label for trial in table1[0].trials])
    assert not any(repeats(base, same, fit) for fit in other)
    assert identical(base, runs) is None
    assert identical(base, [*runs, same, own]) == (
        "6 (same counts, model and options; not shown: nobody-excluded, τ ~ HALF-NORMAL:0.5)"
    )
    assert uniform.fits


def test_identical_answers_are_counted_and_not_shown_as_evidence(runs):
    several = [*runs, replace(runs[0], variation="nobody-excluded")]
    figure = next(plan for plan in figures(several) if plan.name == "quick.specification").draw()
    rows = [text.get_text() for text in figure.texts]
    assert "nobody-excluded" not in rows
    assert rows.count("all trials") == 3
    assert "Identical to the base analysis:" in rows
    assert any("3 (same counts, model and options; not shown: nobody-excluded)" in text for text in rows)
    html_ = page(several, drawn=lambda _: STUB)
    table = html_[html_.index("-specifications") :]
    assert "nobody-excluded" not in table[: table.index("</table>")]
    assert "Identical to the base analysis: " in html_
    assert "Identical to the base analysis" not in page(runs, drawn=lambda _: STUB)
