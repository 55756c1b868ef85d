"""Excluded patients as a group of their own: which rows enter, what is not known, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from meta.errors import DataError, MetaError
from meta.models.sites import site_region
from meta.records.analysis import Range, TrialEntry, Where
from meta.records.audit.analysis_rules import analysis_complaints
from meta.records.reading.load import load
from meta.records.trial import Row
from meta.workflow.expand import Variation, expand
from meta.workflow.running import execute, sampled
from meta.workflow.selection.select import select

ROOT = Path(__file__).parents[3] / "data" / "root"
LINE = "no-well-differentiated-latent"
WELL = Where(differentiation="well")
KNOWN = [
    Row(n=24, responders=5),
    Row(differentiation="well", n=6, responders=0),
    Row(differentiation="poor", n=18, responders=5),
]


@pytest.fixture(scope="module")
def frozen():
    trials, analyses = load(ROOT)
    return {
        name: next(one for one in expand(trials, analysis) if one.name == LINE)
        for name, analysis in analyses.items()
    }


@pytest.fixture
def chosen(make_trial, analysis):
    """Select trials a, b …, given as rows, without the well-differentiated; of a only the poor are asked."""

    def choose(*tables, ranges=(), exclude=(WELL,), **changes):
        names = "abcdef"[: len(tables)]
        trials = {name: make_trial(name, list(rows)) for name, rows in zip(names, tables, strict=True)}
        entries = tuple(
            TrialEntry(id=name, where=Where(differentiation="poor") if name == "a" else Where(),
                       ranges=tuple(ranges) if name == "b" else ())
            for name in names
        )  # fmt: skip
        return select(trials, analysis(trials=entries, exclude=exclude, unresolved="latent", **changes))

    return choose


def rows(data):
    """Responders, patients by group and patients in pools, row by row."""
    sizes = data.sizes().tolist()
    pools = [sum(pool.n for pool in data.pools if pool.row == r) for r in range(len(sizes))]
    return list(zip(data.responders.tolist(), map(tuple, sizes), pools, strict=True))


def test_the_frozen_analyses_draw_on_what_is_printed_of_the_excluded(frozen):
    known = [(5, (18, 0), 0), (0, (0, 6), 0), (6, (32, 0), 0), (2, (0, 8), 0)]
    latest, table1 = (frozen[name].selection.latent for name in ("g3-nen", "jia-2022-table1"))
    assert latest.data.groups == table1.data.groups == ("poor", "well")
    assert rows(latest.data) == [*known, (3, (38, 22), 0), (1, (19, 9), 1)]
    assert rows(table1.data) == [*known, (2, (19, 10), 0), (1, (12, 1), 8)]  # 1 to 9 of 21: declared
    for one in (latest, table1):  # Table 1 of Jia 2022, and what the analyses ask for, have no well patients
        assert rows(one.own) == [row for row in rows(one.data) if row[1][0]]


def test_the_ledger_says_which_split_is_latent(frozen):
    ledger = frozen["jia-2022-table1"].selection.ledger
    said = {entry.trial: entry.reason for entry in ledger if entry.action == "latent"}
    assert set(said) == {"avelumab-avenec", "pembrolizumab-nct02939651"}
    assert (
        "10 of 29 patients are well differentiated; their responders are not reported"
        in said["avelumab-avenec"]
    )
    assert all("latent in the likelihood (unresolved: latent)" in reason for reason in said.values())
    (range_,) = (e for e in ledger if e.action == "by group" and e.trial == "pembrolizumab-nct02939651")
    assert "declared of differentiation well: 1 to 9 (Vijayvergia 2020" in range_.reason
    used = {(e.label, e.group, e.responders, e.n) for e in ledger if e.action == "used" and e.group == "well"}
    assert used == {("Sintilimab (Jia 2022)", "well", 0, 6), ("Toripalimab (Lu 2020)", "well", 2, 8)}


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ([Row(n=21, responders=1)], [(1, (0, 0), 21)]),
        ([Row(n=21, responders=1), Row(differentiation="well", n=8)], [(1, (0, 8), 13)]),
        (
            [Row(n=21, responders=1), Row(differentiation="well", n=8), Row(differentiation="poor", n=13)],
            [(1, (13, 8), 0)],
        ),
        (
            [Row(n=21, responders=4), Row(differentiation="well", n=6), Row(differentiation="poor", n=10),
             Row(differentiation="unknown", n=5, responders=2)],
            [(2, (0, 0), 5), (2, (10, 6), 0)],
        ),
    ],
)  # fmt: skip
def test_patients_of_whom_no_one_knows_may_be_either(chosen, table, expected):
    assert rows(chosen(KNOWN, table).latent.data)[2:] == expected


@pytest.mark.parametrize(
    ("declared", "expected", "said"),
    [
        (Range(differentiation="well", n=(1, 9), source="S 2021"), (12, 1, 8), "1 to 9 (S 2021)"),
        (Range(differentiation="poor", n=(12, 20), source="S 2021"), (12, 1, 8), "12 to 20 (S 2021)"),
        (Range(differentiation={"not": ("well",)}, n=(20, 30), source="S"), (20, 0, 1), "20 to 30 (S)"),
        (Range(differentiation="well", n=(4, 4), source="S"), (17, 4, 0), "4 to 4 (S)"),
        (
            Range(differentiation="well", n=(30, 40), source="S"),
            (0, 0, 21),
            "not used: the rows contradict it",
        ),
        (Range(site="pancreas", n=(1, 2), source="S"), (0, 0, 21), "not used: other patients"),
    ],
)
def test_a_declared_range_is_respected(chosen, declared, expected, said):
    selection = chosen(KNOWN, [Row(n=21, responders=1)], ranges=[declared])
    poor, well, either = expected
    assert rows(selection.latent.data)[2:] == [(1, (poor, well), either)]
    assert any(said in e.reason for e in selection.ledger if e.action == "by group" and e.trial == "b")


def test_rows_of_others_that_contradict_leave_those_asked_for_as_they_are(chosen):
    """Seven of six well-differentiated patients would respond, were the total right."""
    wrong = [Row(n=24, responders=12), *KNOWN[2:]]
    assert rows(chosen(wrong, [Row(n=21, responders=1)]).latent.data)[0] == (5, (18, 0), 0)


def test_a_trial_may_be_excluded_besides(chosen):
    selection = chosen(KNOWN, [Row(n=21, responders=1)], KNOWN, exclude=(WELL, Where(trial="c")))
    assert selection.latent.data.labels == ("A (Smith 2020)", "B (Smith 2020)")
    assert [t.label for t in selection.included] == ["A (Smith 2020)"]


@pytest.mark.parametrize(
    ("exclude", "found"),
    [
        ((), "no patients"),
        ((Where(trial="a"),), "no patients"),
        ((Where(site="pancreas"),), "site pancreas"),
        ((WELL, Where(pdl1="negative")), "differentiation well; pdl1 negative"),
        ((Where(differentiation="well", region="Asia"),), "differentiation well"),
    ],
)
def test_other_exclusions_are_refused(analysis, exclude, found):
    asked = analysis("a", exclude=exclude, unresolved="latent")
    (complaint,) = analysis_complaints(asked, "test", None)
    assert complaint.path == "unresolved"
    assert f"found latent where exclude names {found}" in complaint.found
    assert "differentiation, grade, pdl1" in complaint.allowed


@pytest.mark.parametrize(
    ("exclude", "groups"),
    [
        ((Where(differentiation={"not": ("poor",)}),), ("poor", "well")),
        ((Where(grade=("G1", "G2")),), ("G3", "G1 or G2")),
        ((Where(grade="G1"), Where(grade="G2")), ("G3", "G1 or G2")),
    ],
)
def test_the_groups_are_called_after_their_values(chosen, exclude, groups):
    table = [Row(n=21, responders=1)]
    assert chosen(KNOWN, table, exclude=exclude).latent.data.groups == groups


def test_other_models_record_that_they_did_not_run(chosen, analysis, monkeypatch):
    monkeypatch.setattr(sampled, "latent", _refuse)
    selection = chosen(KNOWN, [Row(n=21, responders=1)])
    asked = analysis("a", "b", exclude=(WELL,), unresolved="latent")
    run = execute.run(Variation("latent", asked, selection))
    assert run.fits == ()
    assert [one.role for one in run.not_run] == ["conventional"]
    assert run.not_run[0].reason.startswith("not run")
    assert [(one.role, one.by, one.reason) for one in run.failures] == [
        ("latent", "differentiation", "nothing to sample")
    ]


def test_where_every_trial_tells_them_apart_other_models_run(chosen, analysis, monkeypatch):
    monkeypatch.setattr(sampled, "latent", _refuse)
    selection = chosen(KNOWN, KNOWN)
    asked = analysis("a", "b", exclude=(WELL,), unresolved="latent")
    run = execute.run(Variation("latent", asked, selection))
    assert (len(run.fits), run.not_run) == (1, ())
    assert run.fits[0].responders == 10


def _refuse(*_, **__):
    raise MetaError("nothing to sample")


def test_what_decides_the_numbers_is_in_the_digest(chosen, analysis):
    asked = analysis("a", "b", exclude=(WELL,), unresolved="latent")
    near = Range(differentiation="well", n=(1, 9), source="S")
    far = Range(differentiation="well", n=(1, 8), source="S")
    digests = {
        execute.digest(
            Variation("latent", asked, chosen(KNOWN, [Row(n=21, responders=1)], ranges=[declared]))
        )
        for declared in (near, far)
    }
    assert len(digests) == 2


def test_the_options_are_those_of_sites(frozen, monkeypatch):
    seen = []

    def remember(options, data, **asked):
        seen.append((options, data, asked))
        raise MetaError("stopped")

    monkeypatch.setattr(sampled, "latent", remember)
    variation = frozen["g3-nen"]
    assert sampled.latent_split(variation)[0] is None
    ((options, data, asked),) = seen
    assert isinstance(options, site_region.SiteRegion)
    assert options == variation.analysis.sites.options()
    assert asked["contrasts"] == ["region"]
    assert data is variation.selection.latent.data
    assert variation.selection.sites is None


def test_without_a_model_of_sites_the_stored_options_are_those_of_the_model_alone(
    make_trial, analysis, monkeypatch
):
    """Where else the analysis runs it is none of its options, and would not be read again."""
    given = []

    def refusing(options, *_, **__):
        given.append(type(options))
        raise DataError("nothing")

    monkeypatch.setattr(sampled, "latent", refusing)
    trials = {"a": make_trial("a", KNOWN), "b": make_trial("b", KNOWN)}
    asked = analysis("a", "b", exclude=(WELL,), unresolved="latent")
    sampled.latent_split(expand(trials, asked)[0])
    assert given == [site_region.SiteRegion]
