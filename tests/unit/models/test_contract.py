"""What every registered model promises: a new one is in here as soon as it is in the registry."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError, fields, replace
from string import Formatter

import numpy as np
import pytest
from matplotlib.text import Text

from meta.data import Completions, Counts, GroupedCounts
from meta.errors import SpecError
from meta.models import MODELS
from meta.models.batch import each_choice
from meta.models.bounds import bounds
from meta.models.contract import MEAN, MEDIAN, PREDICTIVE, PoolingModel
from meta.records.analysis import Analysis
from meta.records.roles import model_of
from meta.records.run import Provenance, Run
from meta.records.storing import store
from meta.report.figures.forest import forest
from meta.report.language import exact, wording
from meta.report.page.html import page
from meta.report.page.references import FILTERS
from meta.report.terminal.text import lines
from meta.results import Status

DATA = {
    "four trials": Counts.of([5, 6, 2, 1], [18, 32, 29, 21]),
    "no trial": Counts.of([], []),
    "one trial": Counts.of([5], [18]),
    "no responder": Counts.of([0, 0, 0], [18, 32, 29]),
    "only responders": Counts.of([18, 32, 29], [18, 32, 29]),
    "groups": GroupedCounts.of([5, 6, 2, 1, 3], [18, 32, 29, 21, 9], ["Asia", "Asia", "West", "West", "one"]),
}
SOME = DATA["four trials"]
COMPLETIONS = Completions(
    ("a", "b", "c"),
    (np.array([[[5, 18]]]), np.array([[[6, 32]]]), np.array([[[x, 19]] for x in range(3)])),
    ((0,),) * 3,
)
BOUNDED = {MEAN: "mean", MEDIAN: "median", PREDICTIVE: "predictive"}


@pytest.fixture(params=list(MODELS))
def model(request):
    """Each registered model with its defaults, but without what takes long."""
    kind = MODELS[request.param]
    return kind(bootstrap=50) if kind.has("bootstrap") else kind()


def answer(fit, estimand):
    return getattr(fit.estimands, BOUNDED[estimand]) if fit.estimands else fit.proportion


def run_of(model, fit):
    analysis = Analysis(name="quick", question="?", trials="all", by=("region",), models={"primary": model})
    return Run(
        name="quick", question="?", variation="base", analysis=analysis, ledger=(), printed=(),
        acknowledged=(), fits=(replace(fit, role="primary"),), provenance=Provenance(digest="0"),
    )  # fmt: skip


def legible(text):
    """Nothing of Python, and no gap, has come through."""
    assert not re.search(r"\bNone\b|\bnan\b|[{}]", text), text
    return text


def test_it_is_a_frozen_dataclass_that_is_stored_and_read(model):
    assert isinstance(model, PoolingModel)
    read, misfits, refused = model_of(store.plain(model))
    assert (read, misfits, refused) == (model, [], [])
    with pytest.raises(FrozenInstanceError):
        model.level = 0.5
    for option in fields(model):
        assert model.has(option.name)
    assert not model.has("no such option")
    assert model.with_options(level=0.9).level == 0.9


def test_its_words_are_there(model):
    for text in (model.NAME, model.method, model.in_words()):
        assert legible(text).strip()
    assert model.seconds >= 0
    assert (model.prior is not None) is type(model).has("prior")
    named = [(field, how) for _, field, how, _ in Formatter().parse(model.methods()) if field is not None]
    assert named
    for field, how in named:
        if field == "cite":
            assert model.REFERENCES[how].endswith((".", "x")) or "doi:" in model.REFERENCES[how]
        else:
            assert model.has(field), f"methods() names {field}, which is no option of {model.model}"
            assert how in FILTERS, f"methods() writes {field} as {how}, which the page does not know"
    assert {how for field, how in named if field == "cite"} <= model.REFERENCES.keys()


@pytest.mark.parametrize("data", DATA)
def test_it_fits_whatever_there_is(model, data):
    fit = model.fit(DATA[data])
    assert fit.model == model
    counts = DATA[data].totals() if data == "groups" else DATA[data]
    assert (fit.k, fit.responders) == (counts.k, int(counts.responders.sum()))
    assert [trial.label for trial in fit.trials] == list(counts.labels)
    assert (fit.proportion.value is None) is bool(fit.proportion.reason) or fit.k == 1
    if data == "four trials":
        assert fit.proportion.estimand == model.estimands[0]
        for estimand in model.estimands:
            found = answer(fit, estimand)
            assert found.estimand == estimand
            assert 0 < found.low < found.value < found.high < 1
        allowed = Status.HEADLINE if model.BAYESIAN else Status.BAYESIAN_HEADLINE_ONLY
        assert fit.standing.status is allowed
        assert (fit.heterogeneity.Q is not None) is model.GIVES_Q
    if data == "no trial":
        assert (fit.standing.status, fit.proportion.value) == (Status.NO_ESTIMATE, None)
    if data == "one trial":
        assert fit.standing.status is Status.EXACT_INTERVAL_ONLY
        assert fit.proportion.value == 5 / 18
        assert fit.estimands is None
    if data in {"no responder", "only responders"}:
        assert fit.standing.status is Status.DRAWN_NOT_HEADLINE
    if data == "groups":
        assert [(group.label, group.k) for group in fit.groups] == [("Asia", 2), ("West", 2), ("one", 1)]
        assert fit.between is not None
        assert fit.groups[2].proportion.value == 3 / 9


@pytest.mark.parametrize("data", DATA)
def test_what_is_said_and_drawn_of_it_is_legible(model, data):
    fit = model.fit(DATA[data])
    fit = replace(fit, by="region" if data == "groups" else None)
    said = legible("\n".join(lines(fit)))
    assert exact.short_name(fit) == model.NAME
    legible(exact.model_name(fit))
    legible(wording.method(fit))
    legible(wording.heterogeneity(fit, intervals=True))
    drawn = legible(" ".join(text.get_text() for text in forest(fit).findobj(Text)))
    for label in {trial.label for trial in fit.trials}:
        assert label in said
        assert label in drawn


def test_the_page_has_its_methods(model):
    fit = model.fit(DATA["groups"])
    html = page(
        [
            run_of(model, replace(fit, by="region")),
        ]
    )
    (section,) = re.findall(r'<section class="methods".*?</section>', html, re.DOTALL)
    text = legible(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", section)))
    assert "Primary model." in text
    first = next(literal for literal, *_ in Formatter().parse(model.methods()))
    assert first.strip() in text
    for how in {how for _, field, how, _ in Formatter().parse(model.methods()) if field == "cite"}:
        assert model.REFERENCES[how] in section.replace("&amp;", "&")


def test_many_at_once_or_why_not(model):
    members = np.array([[True, True, True, True], [True, False, True, True], [True, False, False, False]])
    if model.unbatched:
        for refused in (lambda: bounds(model, COMPLETIONS), lambda: each_choice(model, SOME, members)):
            with pytest.raises(SpecError, match=re.escape(model.unbatched)):
                refused()
        return
    found = bounds(model, COMPLETIONS)
    assert [one.estimand for one in found] == list(model.estimands)
    assert {one.method for one in found} == {model.method}
    for one in found:
        ends = [answer(model.fit(Counts.of([5, 6, x], [18, 32, 19])), one.estimand).value for x in range(3)]
        # the nodes of a batch's posteriors are placed together: tests/unit/models/test_bounds.py
        assert one.ignorance.low == pytest.approx(min(ends), abs=5e-4)
        assert one.ignorance.high == pytest.approx(max(ends), abs=5e-4)
    part = each_choice(model, SOME, members)
    assert set(model.estimands) <= set(filter(None, part.names))
    assert part.values.shape == (4, 3, 3)
    assert all(
        why
        for row, gone in zip(part.why, np.isnan(part.values).any(1), strict=True)
        for why, missing in zip(row, gone, strict=True)
        if missing
    )
