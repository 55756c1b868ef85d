"""The beginning of a record: readable, unfinished, and a record once every TODO is filled in."""

from __future__ import annotations

import pytest
import yaml

from meta.errors import RecordError, SpecError
from meta.records.reading.load import load_trial
from meta.records.reading.scaffold import new_trial

FILLED = {
    "  - id: TODO-2024": "  - id: miller-2024",
    "name: TODO": "name: avelumab",
    "regimen: TODO": "regimen: monotherapy",
    "region: TODO": "region: West",
    "citation: TODO": "citation: Smith 2024",
    "kind: TODO": "kind: abstract",
    "published: TODO": "published: 2024-05",
    "where: TODO": "where: Table 2",
    "n: TODO, responders: TODO": "n: 20, responders: 3",
}


def faulty_lines(path):
    with pytest.raises(RecordError) as caught:
        load_trial(path, path.parents[1])
    return {fault.line for fault in caught.value.faults}


def unfinished(text):
    return {i for i, line in enumerate(text.splitlines(), 1) if "TODO" in line and not line.startswith("#")}


def test_every_todo_is_named_with_its_line(tmp_path):
    path = new_trial(tmp_path, "ave-2024")
    assert path == tmp_path / "trials" / "ave-2024.yaml"
    text = path.read_text(encoding="utf-8")
    assert yaml.safe_load(text)["id"] == "ave-2024"
    assert faulty_lines(path) == unfinished(text)


def test_whichever_is_filled_in_first_the_others_are_still_named(tmp_path):
    path = new_trial(tmp_path, "ave-2024")
    text = path.read_text(encoding="utf-8")
    for old, new in reversed(FILLED.items()):
        assert text.count(old) == 1
        path.write_text(text, encoding="utf-8")
        assert faulty_lines(path) == unfinished(text)
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    trial = load_trial(path, tmp_path).trial
    assert (trial.id, trial.reports[0].tables[0].rows[0].responders) == ("ave-2024", 3)


def test_nothing_is_overwritten(tmp_path):
    path = new_trial(tmp_path, "a")
    path.write_text("mine")
    with pytest.raises(SpecError, match="exists already"):
        new_trial(tmp_path, "a")
    assert path.read_text() == "mine"


@pytest.mark.parametrize("name", ["", "A", "a b", "../a", "a/b", "-a", ".a", "a_b", "ä", "a\n", "a" + "\x1b"])
def test_names_that_are_none(name, tmp_path):
    with pytest.raises(SpecError, match="lower-case letters, digits, hyphens and dots are allowed"):
        new_trial(tmp_path, name)
    assert not (tmp_path / "trials").exists()


def test_a_name_too_long_for_a_file(tmp_path):
    with pytest.raises(Exception, match="cannot be written"):
        new_trial(tmp_path, "a" * 300)
