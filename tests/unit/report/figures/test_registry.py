"""Which figures there are, and that each has its place: whatever variations and groupings are called."""

from __future__ import annotations

from dataclasses import replace

import pytest

from meta.models import BayesBinomial
from meta.records.analysis import Analysis
from meta.records.run import Provenance
from meta.records.storing.store import plain
from meta.report.figures.registry import figures
from meta.report.page.html import page

STUB = '<svg width="1pt" height="1pt" viewBox="0 0 1 1"><g id="a"/></svg>'
ANALYSIS = plain(Analysis(name="quick", question="?", trials="all", thresholds=(0.1,)))


@pytest.fixture
def runs(run_with, roles_of, table1, entry_of):
    """A base by differentiation, and all three expansions under names that nobody would expect."""
    labels = [trial.label for trial in table1[0].trials]
    ledger = tuple(replace(entry_of(label), trial=label[:3].lower()) for label in labels)
    grouped = roles_of([5, 6, 2, 1], [18, 32, 29, 21], ["well", "well", "poor", "poor"], by="differentiation")

    def run(variation, *fits, **changes):
        settings = {"analysis": ANALYSIS, "ledger": ledger, "provenance": Provenance(digest=variation)}
        return run_with(*fits, variation=variation, **{**settings, **changes})

    fewer = roles_of([5, 6, 2], [18, 32, 29], labels=labels[:3])
    early = roles_of([5, 6], [18, 32], labels=labels[:2])
    priors = [roles_under(table1[0], prior) for prior in ("half-normal:0.5", "uniform:0,4")]
    left_out = {**ANALYSIS, "exclude": [{"trial": ledger[3].trial}]}
    return [
        run("base", *table1, *grouped),
        run(f"jack.{ledger[3].trial}", *fewer, family="jack", expansion="each-trial", analysis=left_out),
        run("history.2020", *early[:1], family="history", expansion="each-date"),
        *(run(f"tau.{i}", fit, family="tau", expansion="each-prior") for i, fit in enumerate(priors)),
    ]


def roles_under(fit, prior):
    from meta.data import Counts

    data = Counts.of([5, 6, 2, 1], [18, 32, 29, 21], labels=[trial.label for trial in fit.trials])
    return replace(BayesBinomial(prior=prior, thresholds=(0.1, 0.2)).fit(data), role="primary")


def shown(runs):
    text = page(runs, drawn=lambda _: STUB)
    return {plan.name for plan in figures(runs) if f'data-name="{plan.name}"' in text}


def test_every_figure_is_on_the_page_whatever_variations_and_groupings_are_called(runs):
    names = {plan.name for plan in figures(runs)}
    assert {"quick.jack", "quick.history", "quick.tau", "quick.differentiation"} <= names
    assert shown(runs) == names
