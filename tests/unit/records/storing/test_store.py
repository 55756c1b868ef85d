"""Runs to JSON and back, and what is refused on the way."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from decimal import Decimal

import pytest
from jsonschema import Draft202012Validator

from meta.data import Counts, GroupedCounts
from meta.errors import StoreError
from meta.models import InverseVariance
from meta.records.analysis import Analysis, AsOf, TrialEntry, Where
from meta.records.run import SCHEMA, Failure, LedgerEntry, Printed, Run
from meta.records.sites import Sites
from meta.records.storing import store

LABELS = ("Ärzte <b>", "zwei\nZeilen", "🙂", "d")


ANALYSIS = Analysis(
    name="q", question="?", trials=("a", TrialEntry(id="b")), reports=AsOf(as_of="2022"),
    exclude=(Where(site={"not": ("lung",)}),),
    models={"primary": InverseVariance(level=0.9), "frequentist": "none"},
    sites=Sites(target={"lung": 1.0}),
)  # fmt: skip


def a_run(**changes):
    entry = LedgerEntry(
        trial="t",
        label=LABELS[0],
        action="used",
        reason="",
        n=18,
        responders=5,
        file="trials/t.yaml",
        line=3,
        path="x",
    )
    counts = Counts.of([5, 6, 2, 1], [18, 32, 29, 21], LABELS)
    grouped = GroupedCounts.of([5, 6, 2, 0], [18, 32, 29, 21], ["a", "a", "b", "c"], LABELS)
    settings = {
        "name": "q",
        "question": "?",
        "variation": "base",
        "analysis": ANALYSIS,
        "ledger": (entry,),
        "printed": (),
        "acknowledged": (),
        "fits": (InverseVariance().fit(counts), InverseVariance().fit(grouped)),
        "failures": (Failure(role="primary", by=None, reason="no"),),
    }
    return Run(**{**settings, **changes})


def test_round_trip():
    run = a_run()
    text = store.to_json(run)
    assert store.from_json(text) == run
    assert store.to_json(store.from_json(text)) == text
    assert text.endswith("}\n")


def test_numbers_keep_every_digit():
    fit = a_run().fits[0]
    stored = store.from_json(store.to_json(a_run())).fits[0]
    assert stored.mu.value.hex() == fit.mu.value.hex()
    assert stored.mu.low.hex() == fit.mu.low.hex()


@pytest.mark.parametrize("text", ["20.0", "20", "16.70"])
def test_a_printed_percentage_keeps_its_decimals(text):
    row = Printed(
        trial="t", label="T", report="r", outcome="response", patients="all", percent=Decimal(text),
        percent_of_total=Decimal(text), file="t.yaml", line=1,
    )  # fmt: skip
    run = a_run(printed=(row,))
    (stored,) = store.from_json(store.to_json(run)).printed
    assert (str(stored.percent), str(stored.percent_of_total)) == (text, text)
    Draft202012Validator(json.loads(store.schema("run"))).validate(json.loads(store.to_json(run)))


def test_runs_fit_the_schema():
    schema = json.loads(store.schema("run"))
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(json.loads(store.to_json(a_run())))


@pytest.mark.parametrize("record", store.RECORDS)
def test_schemas_name_their_dialect_and_record(record):
    schema = json.loads(store.schema(record))
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["title"] == f"nen-meta {record}"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_not_stored(value):
    with pytest.raises(ValueError, match="JSON"):
        store.to_json({"x": value})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"^here:1: not JSON: .*; a stored run is allowed$"),
        ('{"schema": 1,\n\n', r"^here:3: not JSON"),
        ("null", rf"^here: schema: found None; {SCHEMA} is allowed"),
        ('{"schema": "1"}', r"^here: schema: found '1'; "),
        ("[" * 100_000, r"^here: not read: .*; a stored run is allowed$"),
        ("1" * 5000, r"^here: not read: "),
        (f'{{"schema": {SCHEMA - 1}}}', rf"^here: schema: found {SCHEMA - 1}; {SCHEMA} is allowed \(run"),
        (f'{{"schema": {SCHEMA}}}', r"^here: name: .*; a run as `make pool` stores it is allowed$"),
    ],
    ids=["nothing", "cut off", "null", "text for a number", "nesting", "digits", "an older schema", "no run"],
)
def test_text_that_is_no_run(text, message):
    with pytest.raises(StoreError, match=message):
        store.from_json(text, "here")


def test_a_run_with_a_wrong_value_names_its_place():
    data = json.loads(store.to_json(a_run()))
    data["fits"][1]["groups"][0]["k"] = "two"
    with pytest.raises(StoreError, match=r"here: fits\.1\.groups\.0\.k: "):
        store.from_json(json.dumps(data), "here")


def test_files_that_cannot_be_read(tmp_path):
    (tmp_path / "latin.json").write_bytes(b"\xff")
    for path in (tmp_path, tmp_path / "none.json", tmp_path / "latin.json"):
        with pytest.raises(StoreError, match="cannot be read"):
            store.load_run(path)


def test_curves_are_no_part_of_the_json():
    fit = replace(a_run().fits[0], grids={"tau.x": (0.0, 1.0)})
    grouped = replace(a_run().fits[1], groups=(replace(fit, label="a"),))
    run = a_run(fits=(fit, grouped))
    assert "grids" not in store.to_json(run)
    assert store.from_json(store.to_json(run)).fits[0] == replace(fit, grids={})
    assert '"grids"' not in store.schema("run")
    assert "grids" not in store.plain(fit)


def test_an_editor_knows_that_a_role_may_be_none():
    schema = json.loads(store.schema("analysis"))
    record = {"name": "a", "question": "?", "trials": "all", "models": {"frequentist": "none"}}
    Draft202012Validator(schema).validate(record)
    assert not Draft202012Validator(schema).is_valid({**record, "models": {"frequentist": "non"}})


def test_plain_is_what_json_would_be():
    assert store.plain(InverseVariance())["scale"] == "logit"
    assert store.plain(a_run())["fits"][0]["trials"][1]["label"] == LABELS[1]
