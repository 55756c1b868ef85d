"""The page of an analysis by other factors than region, excluding by others than differentiation."""

import re
from html import unescape

import pytest
from typer.testing import CliRunner

from meta.cli.app import app

TRIAL = """
id: {id}
drugs: [{{name: nivolumab}}]
regimen: monotherapy
region: West
reports:
  - id: {id}-2020
    citation: Smith 2020
    kind: full-paper
    published: "2020"
    tables:
      - outcome: response
        where: Table 1
        rows:
          - {{n: 30, responders: {all}}}
          - {{{factor}: {one}, n: 10, responders: {first}}}
          - {{{factor}: {other}, n: 20, responders: {second}}}
          - {{{excluded}, n: 12, responders: {out}}}
"""
ANALYSIS = """
name: q
question: Does it matter?
trials: all
by: [{factor}]
models:
  frequentist: {{model: binomial-normal, interval: profile}}
  conventional: {{model: inverse-variance}}
sensitivity:
  fewer-drop: {{exclude: [{{{excluded}}}], unresolved: drop}}
"""
COUNTS = (("a", 3, 1), ("b", 1, 4), ("c", 4, 3), ("d", 2, 2), ("e", 5, 4))


@pytest.fixture(
    scope="module",
    params=[
        ("differentiation", "poor", "well", "site: lung", "of primary site lung"),
        ("pdl1", "positive", "negative", "grade: G3", "of grade G3"),
    ],
    ids=["differentiation-lung", "pdl1-g3"],
)
def page(request, tmp_path_factory):
    """The page after one run of pool, and what it is expected to say."""
    factor, one, other, excluded, patients = request.param
    root = tmp_path_factory.mktemp(factor)
    (root / "trials").mkdir()
    (root / "analyses").mkdir()
    for id, first, second in COUNTS:
        record = TRIAL.format(
            id=id, factor=factor, one=one, other=other, excluded=excluded,
            all=first + second, first=first, second=second, out=2,
        )  # fmt: skip
        (root / "trials" / f"{id}.yaml").write_text(record)
    (root / "analyses" / "q.yaml").write_text(ANALYSIS.format(factor=factor, excluded=excluded))
    result = CliRunner().invoke(app, ["pool", "--root", str(root)])
    assert result.exit_code == 0, result.output
    text = next(root.rglob("report.html")).read_text()
    return text, factor, (one, other), patients


def words_of(html):
    body = re.sub(r"(?s)<(script|style)\b.*?</\1>", " ", html)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def test_every_group_and_the_excluded_patients_are_answered(page):
    html, factor, groups, patients = page
    words = words_of(html)
    answer = words_of(html[html.index('id="q-1-answer"') : html.index('id="q-1-forest"')])
    for group in groups:
        assert group in answer.lower()
    assert f'id="q-1-figure-{factor}"' in html
    assert f"patients who are {patients}" in answer
    assert "well-differentiated" not in answer
    assert "None" not in words.split()


def test_no_region_is_spoken_of_in_the_answer(page):
    html = page[0]
    answer = words_of(html[html.index('id="q-1-answer"') : html.index('id="q-1-forest"')])
    assert "region" not in answer.lower()
    assert "these are different trials" not in answer


def test_every_section_says_something(page):
    html = page[0]
    sections = re.findall(r'(?s)<section id="(q-1-[a-z]+)"[^>]*>(.*?)</section>', html)
    assert sections
    for name, inside in sections:
        assert words_of(re.sub(r"(?s)<h3.*?</h3>", "", inside)), name
