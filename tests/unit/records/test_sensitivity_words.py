"""Words that stand for several variations: each has all that schema, checks and documents need."""

import json
import re
from pathlib import Path

import pytest

from meta.models import BayesBinomial, InverseVariance
from meta.records.sensitivity_words import WORDS, Entered
from meta.records.storing.store import schema

README = (Path(__file__).parents[3] / "analyses" / "README.md").read_text(encoding="utf-8")
MODELS = {"primary": BayesBinomial(), "conventional": InverseVariance()}
TRIALS = [
    Entered(id=name, label=name.upper(), published=published, attributes={"region": region})
    for name, published, region in (("a", "2019", "Asia"), ("b", "2018-03", "West"), ("c", "2019", "West"))
]


def test_the_schema_has_the_words():
    def found(part):
        if isinstance(part, dict):
            if "each-trial" in part.get("enum", ()):
                yield part["enum"]
            for value in part.values():
                yield from found(value)
        elif isinstance(part, list):
            for value in part:
                yield from found(value)

    enums = list(found(json.loads(schema("analysis"))))
    assert enums
    assert all(enum == list(WORDS) for enum in enums)


def test_the_readme_explains_every_word_and_no_other():
    assert set(re.findall(r"^\| `(each-[a-z-]+)` \|", README, re.MULTILINE)) == set(WORDS)


@pytest.mark.parametrize("word", WORDS)
def test_every_word_makes_variations_with_names_of_their_own(word):
    entry = WORDS[word]
    assert entry.lacks(MODELS) is None
    varied = list(entry.vary(TRIALS, MODELS))
    names = [entry.label.format(one.item.name) for one in varied]
    assert varied
    assert len({one.item.id for one in varied}) == len(set(names)) == len(varied)
    assert all(one.exclude or one.models for one in varied)
    for text in (entry.heading, entry.shows, entry.methods):
        assert text


def test_cohorts_of_one_protocol_are_left_out_together():
    cohorts = [Entered(id=name, label="A", published="2019", attributes={}) for name in ("a", "b")]
    varied = list(WORDS["each-trial"].vary([*cohorts, *TRIALS[2:]], MODELS))
    assert [one.exclude for one in varied] == [({"trial": "a"}, {"trial": "b"}), ({"trial": "c"},)]


def test_a_trial_with_arms_is_left_out_once_and_counts_from_the_date_of_its_last_arm():
    arms = [
        Entered(id="a", label=f"A, arm {arm}", published=published, attributes={})
        for arm, published in (("1", "2018"), ("2", "2020"))
    ]
    other = Entered(id="b", label="B", published="2019", attributes={})
    (first, second) = WORDS["each-trial"].vary([*arms, other], MODELS)
    assert (first.item.name, second.item.name) == ("A, arm 1", "B")
    (dated,) = WORDS["each-date"].vary([*arms, other], MODELS)
    assert (dated.item.id, dated.exclude) == ("2019", ({"trial": "a"},))
