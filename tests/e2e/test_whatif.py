"""The reader's own choice of trials: what the page shows is the stored table, and the command agrees."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from meta.format import number, percent
from meta.models.policy import words
from meta.records.storing.store import load_run
from meta.records.storing.subsets import ESTIMANDS, FILE, load
from meta.report.page.html import REPORT
from meta.report.page.html import page as html
from meta.report.page.whatif import panel
from meta.results import Estimand, Outcome, Standing, Status, name_of
from meta.workflow import whatif
from meta.workflow.pool import plan

ANALYSIS = """\
name: tried
question: How many respond?
trials: all
by: []
sensitivity: {leave-one-out: each-trial}
"""
ARMS = (("alpha", "Asia", 5, 18), ("beta", "West", 6, 32), ("gamma", "West", 0, 29), ("delta", "Asia", 1, 21))
HOSTILE = "<img src=x onerror=alert(1)>"
# A batch places the nodes of all its posteriors together: answers agree to what quadrature leaves
QUADRATURE = 1e-5


@pytest.fixture(scope="module")
def root(tmp_path_factory, cli, add_trial):
    root = tmp_path_factory.mktemp("tried")
    for name, region, responders, n in ARMS:
        path = add_trial(root, name, region, responders, n, "Hostile" if name == "alpha" else None)
        text = path.read_text(encoding="utf-8").replace("name: Hostile", f"name: {HOSTILE!r}")
        path.write_text(text, encoding="utf-8")
    (root / "analyses").mkdir()
    (root / "analyses" / "tried.yaml").write_text(ANALYSIS, encoding="utf-8")
    result = cli("pool", "--root", root)
    assert result.code == 0, result.err
    return root


@pytest.fixture(scope="module")
def table(root):
    return load(root / "out" / "results" / "tried" / FILE)


def answers_of(fit):
    if fit.estimands is None:
        return {}
    found = {
        "mean": fit.estimands.mean,
        "median": fit.estimands.median,
        "predictive": fit.estimands.predictive,
    }
    return {**found, "tau": fit.tau}


@pytest.mark.parametrize("out", [None, *(arm[0] for arm in ARMS)])
def test_a_choice_is_the_stored_run_of_the_same_trials(root, table, out):
    variation = f"leave-one-out.{out}" if out else "base"
    run = load_run(root / "out" / "results" / "tried" / f"{variation}.json")
    row = int((table.members == [trial.id != out for trial in table.trials]).all(-1).argmax())
    compared = 0
    for fit in run.fits:
        index = next(i for i, one in enumerate(table.choices) if one.role == fit.role)
        for name, one in answers_of(fit).items():
            for end, expected in enumerate((one.value, one.low, one.high)):
                found = table.values[index, ESTIMANDS.index(name), end, row]
                compared += 1
                if expected is None:
                    assert np.isnan(found)
                else:
                    assert found == pytest.approx(expected, abs=QUADRATURE if fit.role == "primary" else 1e-9)
        called = table.called[table.standings[index, row]]
        assert called == fit.standing
    assert compared == 24  # two models with four quantities


def test_every_choice_has_a_row(table):
    assert table.complete
    assert len({tuple(row) for row in table.members.tolist()}) == 2 ** len(ARMS) - 1
    assert {one.role for one in table.choices} == {"primary", "frequentist", "conventional"}
    assert len([one for one in table.choices if one.role == "primary"]) == 5


def test_what_is_not_given_has_a_reason(table):
    missing = np.isnan(table.values).any(2)
    assert missing.any()
    assert (table.reasons[missing] > 0).all()
    assert (table.reasons[~missing] == 0).all()


def test_the_table_is_made_once(root, cli):
    path = root / "out" / "results" / "tried" / FILE
    before = path.stat().st_mtime_ns
    assert cli("pool", "--root", root).code == 0
    assert path.stat().st_mtime_ns == before


@pytest.mark.parametrize("role", ["frequentist", "conventional", "primary"])
def test_the_command_gives_the_same(root, cli, table, role):
    prior = ["--prior", "half-normal:0.5"] if role == "primary" else []
    asked = (
        "subset",
        "tried",
        "--without",
        "beta",
        "--model",
        role,
        *prior,
        "--format",
        "json",
        "--root",
        root,
    )
    result = cli(*asked)
    assert result.code == 0, result.err
    fit = json.loads(result.out)
    wanted = "half-normal:0.5" if prior else None
    index = next(i for i, one in enumerate(table.choices) if one.role == role and one.prior == wanted)
    row = int((table.members == [trial.id != "beta" for trial in table.trials]).all(-1).argmax())
    place = 1 if role == "conventional" else 0
    one = fit["proportion"]
    assert one["estimand"] == table.choices[index].estimands[place]
    for end, name in enumerate(("value", "low", "high")):
        assert one[name] == pytest.approx(table.values[index, place, end, row], abs=QUADRATURE)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--without", "nobody"], "--without: found 'nobody'"),
        (["--model", "other"], "--model: found 'other'"),
        (["--model", "conventional", "--prior", "half-normal:1"], "--prior: found"),
        ([part for arm in ARMS for part in ("--without", arm[0])], "found every trial"),
    ],
)
def test_a_command_that_cannot_be(root, cli, options, said):
    result = cli("subset", "tried", *options, "--root", root)
    assert result.code == 2
    assert said in result.err


@pytest.fixture(scope="module")
def sampled(root):
    """The table of the same analysis where the primary model is sampled, one choice at a time."""
    base, *others = plan(root, ["tried"])
    models = {**base.analysis.models, "primary": base.analysis.models["primary"].with_options(engine="pymc")}
    return whatif.table(replace(base, analysis=replace(base.analysis, models=models)), others)


def test_a_model_without_batches_is_named_once(sampled):
    assert {one.role for one in sampled.choices} == {"frequentist", "conventional"}
    ((role, reason),) = sampled.skipped
    assert (role, "engine: found pymc" in reason, "quadrature" in reason) == ("primary", True, True)


def test_without_scripts_all_trials_are_read(browser, root, table, sampled, tmp_path):
    """Of each model, and which are not offered."""
    run = load_run(root / "out" / "results" / "tried" / "base.json")
    address = tmp_path / "page.html"
    context = browser.new_context(java_script_enabled=False)
    opened = context.new_page()
    for one in (table, sampled):
        address.write_text(html([run], whatif=[panel(one)]), encoding="utf-8")
        opened.goto(address.as_uri())
        read = opened.locator(".whatif li").all_inner_texts()
        assert opened.locator(".whatif .try").is_hidden()
        assert len(read) == len(one.choices) + len(one.skipped)
        for i, choice in enumerate(one.choices):
            assert read[i].startswith(f"{choice.role}, {choice.model}")
            value = expected(one, i, ESTIMANDS.index("mean"), -1) if choice.estimands[0] else ""
            assert value in read[i]
    assert "Not offered: primary: engine: found pymc" in read[-1]
    context.close()


def test_with_scripts_it_says_what_is_not_offered(browser, root, sampled, tmp_path):
    run = load_run(root / "out" / "results" / "tried" / "base.json")
    (tmp_path / "page.html").write_text(html([run], whatif=[panel(sampled)]), encoding="utf-8")
    opened = browser.new_page()
    opened.goto((tmp_path / "page.html").as_uri())
    assert opened.get_by_text("Not offered: primary: engine: found pymc").count() == 1
    assert opened.locator(".whatif .model option").count() == 2
    opened.close()


@pytest.fixture
def page(browser, root):
    opened = browser.new_page()
    faults, asked = [], []
    opened.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("request", lambda request: asked.append(request.url))
    url = (root / "out" / REPORT).as_uri()
    opened.goto(url)
    yield opened
    opened.close()
    assert not faults
    assert {address.split("#")[0] for address in asked} == {url}


def expected(table, choice, place, row, *, interval=False):
    """What is to be read, from the table and not from what is embedded; of an interval its ends alone."""
    values = table.values[choice, place, :, row]
    tau = ESTIMANDS[place] == "tau"
    middle, low, high = (None if np.isnan(z) else number(z, 2) if tau else percent(z) for z in values)
    reason, unit = table.words[table.reasons[choice, place, row]], "" if tau else " %"
    if middle is None:
        return f"{low} to {high}{unit}" if low and high else f"not given: {reason}"
    if interval and low and high:
        return f"{low} to {high}{unit}"
    if low and high:
        return f"{middle}{unit} ({low} to {high})"
    return f"{middle}{unit}, no interval: {reason}"


SEEN = """([rows, k]) => {
  const found = [], $ = (s) => document.querySelector(".whatif " + s);
  const pick = (select, value) => { select.value = value; select.dispatchEvent(new Event("change")); };
  const boxes = [...document.querySelectorAll(".whatif .trials input")];
  for (const row of rows) {
    boxes.forEach((box, i) => { box.checked = Boolean((row + 1) >> i & 1); });
    for (const role of [...$(".model").options].map((o) => o.value)) {
      pick($(".model"), role);
      const priors = [...$(".prior").options].map((o) => o.value);
      for (const prior of priors.length ? priors : [""]) {
        if (prior) pick($(".prior"), prior);
        for (const estimand of [...$(".estimand").options].map((o) => o.value)) {
          pick($(".estimand"), estimand);
          const facts = {};
          const terms = document.querySelectorAll(".whatif dt");
          terms.forEach((dt) => { facts[dt.textContent] = dt.nextSibling.textContent; });
          found.push([row, role, prior, estimand, $(".answer-text").textContent, facts]);
        }
      }
    }
  }
  return found;
}"""


def test_every_choice_shows_the_stored_numbers(page, table):
    seen = page.evaluate(SEEN, [list(range(len(table.members))), len(ARMS)])
    names = {(one.role, one.prior or ""): i for i, one in enumerate(table.choices)}
    asked = {
        (row, *key, name)
        for (key, i), row in product(names.items(), range(len(table.members)))
        for name, given in zip(ESTIMANDS[:3], table.choices[i].estimands, strict=False)
        if given
    }
    assert {tuple(one[:4]) for one in seen} == asked
    for row, role, prior, estimand, text, facts in seen:
        i, place = names[role, prior], ESTIMANDS.index(estimand)
        own = [arm for arm, there in zip(table.trials, table.members[row], strict=True) if there]
        if len(own) == 1:  # of one trial nothing is an answer but its own rate
            ends = f"{percent(own[0].low)} to {percent(own[0].high)}"
            rate = f"{percent(own[0].responders / own[0].n)} % ({ends})"
            assert text == f"observed ORR: {rate}, exact interval of one trial"
            assert "Tau" not in facts
            assert "Prediction interval" not in facts
        else:
            name = name_of(table.choices[i].estimands[place], table.outcome)
            assert text == f"{name}: {expected(table, i, place, row)}"
            assert facts["Tau"] == expected(table, i, 3, row)
            assert facts["Prediction interval"] == expected(table, i, 2, row, interval=True)
        assert facts["Headline?"] == words(table.called[table.standings[i, row]])
        assert facts["Responders/patients"] == f"{sum(t.responders for t in own)}/{sum(t.n for t in own)}"


def test_a_link_restores_its_state(page, browser):
    page.locator(".whatif .trials input[value=gamma]").uncheck()
    page.locator(".whatif .model").select_option("primary")
    page.locator(".whatif .prior").select_option("half-cauchy:0.5")
    page.locator(".whatif .estimand").select_option("median")
    said, link = page.locator(".answer-text").text_content(), page.url
    command = page.locator(".whatif .command").text_content()
    assert command == "nen-meta subset tried --without gamma --model primary --prior half-cauchy:0.5"
    other = browser.new_page()
    other.goto(link)
    assert other.locator(".answer-text").text_content() == said
    assert not other.locator(".whatif .trials input[value=gamma]").is_checked()
    other.evaluate("location.hash = '#whatif=tried;without=nobody,beta;model=nothing;%E0=%E0;estimand=<b>'")
    other.wait_for_function("!document.querySelector('.whatif input[value=beta]').checked")
    assert other.locator(".whatif .trials input[value=gamma]").is_checked()
    other.close()


def test_nobody_chosen_and_named_choices(page):
    for box in page.locator(".whatif .trials input").all():
        box.uncheck()
    assert page.locator(".answer-text").text_content() == "No trial is chosen."
    assert page.locator(".copy-command").is_hidden()
    page.get_by_role("button", name="Asia only").click()
    assert page.locator(".whatif .trials input:checked").count() == 2


def test_a_model_without_the_estimand_does_not_take_it_away(page):
    page.locator(".whatif .model").select_option("conventional")
    assert page.locator(".whatif .estimand").input_value() == "median"
    page.locator(".whatif .model").select_option("primary")
    assert page.locator(".whatif .estimand").input_value() == "mean"


def test_only_a_headline_is_filled(page, table):
    pooled = page.locator(".try-forest .pooled")
    for model in ("primary", "frequentist"):
        page.locator(".whatif .model").select_option(model)
        first = table.called[table.standings[[one.role for one in table.choices].index(model), -1]]
        assert ("hollow" in pooled.get_attribute("class")) == (not first.headline)
    page.get_by_role("button", name="Asia only").click()
    assert "hollow" in pooled.get_attribute("class")
    page.locator(".whatif .trials input[value=alpha]").uncheck()
    assert pooled.count() == 0


def test_names_are_text(page):
    assert page.locator(".whatif .trials bdi").first.text_content().startswith(HOSTILE)
    assert page.locator(".whatif img").count() == 0


@pytest.mark.parametrize("width", [375, 768, 1440])
def test_it_fits(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    all_of = "[...document.querySelectorAll('.whatif *')]"
    assert page.evaluate(f"{all_of}.every((e) => e.getBoundingClientRect().right <= innerWidth + 1)")


def test_the_largest_table_is_small():
    from meta.records.storing.subsets import Choice, Subsets, Tried

    k, random = 12, np.random.default_rng(1)
    members = (np.arange(1, 2**k)[:, None] >> np.arange(k)) & 1 > 0
    given = Choice(
        role="primary", model="m", prior="p", level=0.95, estimands=tuple(map(Estimand, ESTIMANDS))
    )
    size = len(members)
    trials = [Tried(id=f"t{i}", label="t", region="", responders=1, n=2, low=0, high=1) for i in range(k)]
    several = Subsets(
        analysis="a", digest="", run="", outcome=Outcome.RESPONSE, complete=True, choices=(given,) * 7,
        named=(), skipped=(),
        words=("",), trials=tuple(trials), members=members, values=random.random((7, 4, 3, size)),
        reasons=np.zeros((7, 4, size), dtype=np.uint8), called=(Standing(status=Status.HEADLINE),),
        standings=np.zeros((7, size), dtype=np.uint8),
    )  # fmt: skip
    assert len(json.dumps(panel(several).data)) < 3_000_000


def test_beyond_twelve_trials_all_all_but_one_or_two_and_named():
    ids = [f"t{i}" for i in range(13)]
    members = whatif._members(ids, [("Asia only", tuple(ids[:4]))])
    assert len(members) == 1 + 13 + 13 * 12 // 2 + 1
    assert len(np.unique(members, axis=0)) == len(members)
    assert sorted(set(members.sum(-1).tolist())) == [4, 11, 12, 13]


@pytest.fixture(scope="module")
def thirteen(tmp_path_factory, cli, add_trial):
    """The page of more trials than every choice is computed for."""
    root = tmp_path_factory.mktemp("thirteen")
    for i in range(13):
        add_trial(root, f"trial-{i:02d}", "West" if i > 3 else "Asia", i % 5, 12 + i)
    (root / "analyses").mkdir()
    models = "models: {primary: {model: inverse-variance}, frequentist: none, conventional: none}\n"
    text = ANALYSIS.partition("sensitivity")[0] + models
    (root / "analyses" / "tried.yaml").write_text(text, encoding="utf-8")
    result = cli("pool", "--root", root)
    assert result.code == 0, result.err
    return root


def test_beyond_twelve_trials_what_is_stored_is_shown_and_the_rest_is_not_made_up(thirteen, browser):
    stored = load(thirteen / "out" / "results" / "tried" / FILE)
    opened = browser.new_page()
    opened.goto((thirteen / "out" / REPORT).as_uri())
    opened.locator(".whatif .estimand").select_option("median")
    said, place = opened.locator(".whatif .answer-text"), ESTIMANDS.index("median")
    name = name_of(stored.choices[0].estimands[place], stored.outcome)
    out = []
    for trial in (2, 7):
        opened.locator(f".whatif .trials input[value=trial-{trial:02d}]").uncheck()
        out.append(trial)
        row = int((stored.members == ~np.isin(np.arange(13), out)).all(-1).argmax())
        assert row > 0
        assert said.text_content() == f"{name}: {expected(stored, 0, place, row)}"
    opened.locator(".whatif .trials input[value=trial-09]").uncheck()
    assert "%" not in said.text_content()
    assert "computed" in said.text_content()
    opened.get_by_role("button", name="Asia only").click()
    row = int((stored.members == (np.arange(13) < 4)).all(-1).argmax())
    assert said.text_content() == f"{name}: {expected(stored, 0, place, row)}"
    opened.close()
