"""Variations become runs; runs are kept while nothing changes."""

from dataclasses import replace

import pytest

from meta.errors import SpecError
from meta.models import BayesBinomial, InverseVariance
from meta.records.analysis import Where
from meta.records.run import SCHEMA
from meta.records.storing import store
from meta.records.trial import Row, Table
from meta.results import Diagnostics, Reason, name_of
from meta.workflow.expand import expand
from meta.workflow.pool import files_of
from meta.workflow.running import execute as module
from meta.workflow.running.execute import execute, run


@pytest.fixture
def trials(make_trial):
    return {
        "a": make_trial("a", [Row(n=18, responders=5), Row(site="pancreas", n=3, responders=0)]),
        "b": make_trial("b", [Row(n=32, responders=6)]),
        "c": make_trial("c", [Row(n=29, responders=2), Row(site="pancreas", n=13)], region="West"),
    }


@pytest.fixture
def variation(trials, analysis):
    return expand(trials, analysis("a", "b", "c", by=("region", "site"), site_level=("pancreas", "other")))[0]


def test_expand_makes_complete_analyses(trials, analysis):
    base = analysis("a", "b", "c")
    changed = replace(base, models={"conventional": InverseVariance(tau2="DL")})
    planned = expand(trials, replace(base, sensitivity={"dl": changed, "loo": "each-trial"}))
    assert [v.name for v in planned] == ["base", "dl", "loo.a", "loo.b", "loo.c"]
    assert [v.selection.counts.k for v in planned] == [3, 3, 2, 2, 2]
    assert all(not v.analysis.sensitivity for v in planned)


def test_expand_reports_the_faults_of_all_variations(trials, analysis):
    base = analysis("a", "b", "c")
    strict = replace(base, exclude=(Where(differentiation="well"),))
    with pytest.raises(SpecError) as caught:
        expand(trials, replace(base, sensitivity={"strict": strict}))
    assert {fault.file for fault in caught.value.faults} == {f"trials/{name}.yaml" for name in "abc"}


def test_a_run_holds_every_grouping_and_what_is_missing(variation):
    found = run(variation)
    assert [(fit.role, fit.by, fit.k) for fit in found.fits] == [
        ("conventional", None, 3),
        ("conventional", "region", 3),
        ("conventional", "site", 1),
    ]
    site = found.fits[2]
    assert [(e.label, e.n) for e in site.groups[0].not_reported] == [("C (Smith 2020)", 13)]
    assert {(e.label, e.n) for e in site.not_reported} == {("B (Smith 2020)", 32)}
    assert not found.failures


def test_the_k_policy_can_be_waived_and_says_so(trials, analysis):
    (two,) = expand(trials, analysis("a", "b", k_policy="off"))
    assert Reason.POLICY_OFF in run(two).fits[0].standing.reasons


def test_a_stored_run_is_read_back_whole(variation):
    found = run(variation)
    assert store.from_json(store.to_json(found)) == store.from_json(
        store.to_json(store.from_json(store.to_json(found)))
    )


class Drawn(BayesBinomial):
    """A model with everything that is stored beside a run, fitted in no time."""

    passed = True
    faults = ()

    def detailed_fit(self, data):
        sampling = Diagnostics(
            rhat=1.0, ess_bulk=900.0, ess_tail=900.0, bfmi=0.9, divergences=0, draws=1, chains=4,
            target_accept=0.9, retried=False, passed=self.passed, seed=1, backend="none", faults=self.faults,
        )  # fmt: skip
        fit = InverseVariance().fit(data)
        groups = tuple(replace(part, sampling=sampling) for part in fit.groups)
        return replace(fit, model=self, groups=groups, sampling=sampling, grids={"tau.x": (0.0, 1 / 3)})


class Broken(Drawn):
    passed = False
    faults = ("R-hat 1.03 is above 1.01", "12 divergences")


@pytest.fixture
def drawn(trials, analysis):
    """A variation of a model with curves."""
    return expand(trials, analysis("a", "b", "c", by=("region",), models={"primary": Drawn()}))[0]


def test_curves_lie_beside_the_run_and_come_back(drawn, tmp_path):
    path = tmp_path / "base.json"
    first, fitted = execute(drawn, path)
    assert fitted
    assert sorted(file.name for file in tmp_path.iterdir()) == ["base.json", "base.npz"]
    assert list(first.beside) == ["base.npz"]
    again, fitted = execute(drawn, path)
    assert not fitted
    assert again.fits[0].grids == {"tau.x": (0.0, 1 / 3)}
    assert again == store.load_run(path)


@pytest.mark.parametrize("damage", [None, b"", b"half"], ids=["gone", "empty", "half"])
def test_a_run_without_its_curves_is_fitted_anew(drawn, tmp_path, damage):
    path, grids = tmp_path / "base.json", tmp_path / "base.npz"
    execute(drawn, path)
    before = grids.read_bytes()
    grids.unlink() if damage is None else grids.write_bytes(damage)
    assert execute(drawn, path)[1]
    assert grids.read_bytes() == before


def test_a_run_of_an_older_schema_is_fitted_anew(drawn, tmp_path):
    path = tmp_path / "base.json"
    execute(drawn, path)
    old = path.read_text().replace(f'"schema": {SCHEMA}', f'"schema": {SCHEMA - 1}')
    path.write_text(old)
    assert execute(drawn, path)[1]
    assert path.read_text() != old
    assert not execute(drawn, path)[1]


def test_draws_lie_beside_the_run(drawn, tmp_path, monkeypatch):
    """The place where a sampler's draws come in."""
    monkeypatch.setattr(module, "_fit", lambda model, data: (model.detailed_fit(data), b"netCDF"))
    path = tmp_path / "base.json"
    found, _ = execute(drawn, path)
    names = ["base.npz", "base.primary.overall.nc", "base.primary.region.nc"]
    assert list(found.beside) == names
    assert files_of(drawn, found) == ["results/test/base.json", *(f"results/test/{name}" for name in names)]
    assert not execute(drawn, path)[1]
    (tmp_path / names[2]).write_bytes(b"another")
    assert execute(drawn, path)[1]


def test_a_sampler_that_broke_its_limits_is_a_failure_and_its_fit_is_there(trials, analysis):
    (variation,) = expand(trials, analysis("a", "b", "c", by=("region",), models={"primary": Broken()}))
    found = run(variation)
    assert [fit.by for fit in found.fits] == [None, "region"]
    reason = "the sampler broke its limits: R-hat 1.03 is above 1.01; 12 divergences"
    assert [(f.role, f.by, f.reason) for f in found.failures] == [
        ("primary", None, reason),
        ("primary", "region", reason),  # once, not once a group
    ]
    assert store.from_json(store.to_json(found)).failures == found.failures


def test_thresholds_of_the_analysis_reach_the_models(trials, analysis):
    models = {"primary": Drawn(), "frequentist": Drawn(thresholds=(0.3,)), "conventional": InverseVariance()}
    (variation,) = expand(trials, analysis("a", "b", models=models, thresholds=(0.1, 0.2)))
    found = run(variation)
    given = [fit.model.thresholds for fit in found.fits]
    assert given == [(0.1, 0.2), (0.3,), ()]
    assert found.analysis.models["primary"].thresholds == (0.1, 0.2)


def test_an_analysis_without_models_has_the_defaults(analysis):
    asked = analysis("a", "b", models={}, thresholds=(0.1,))
    assert list(asked.fitted()) == ["primary", "frequentist", "conventional"]
    assert asked.fitted()["primary"] == BayesBinomial(thresholds=(0.1,))
    control = analysis("a", "b", models={}, outcome="disease-control").fitted()
    assert control["primary"].mu_prior == "normal:0,2.5"


def test_a_role_that_is_off_is_not_fitted(trials, analysis):
    asked = analysis("a", "b", models={"primary": "none", "conventional": InverseVariance()})
    (variation,) = expand(trials, asked)
    found = run(variation)
    assert [fit.role for fit in found.fits] == list(found.analysis.models) == ["conventional"]


def test_each_prior_is_the_primary_model_alone_under_five_priors(trials, analysis):
    models = {"primary": BayesBinomial(level=0.9), "conventional": InverseVariance()}
    base = analysis("a", "b", "c", by=("region",), models=models, sensitivity={"priors": "each-prior"})
    first, *planned = expand(trials, base)
    assert (first.family, first.expansion) == (None, None)
    assert {v.name: v.analysis.fitted()["primary"].prior for v in planned} == {
        "priors.half-normal-0.5": "half-normal:0.5",
        "priors.half-normal-1": "half-normal:1",
        "priors.half-normal-1.25": "half-normal:1.25",
        "priors.half-cauchy-0.5": "half-cauchy:0.5",
        "priors.uniform-0-4": "uniform:0,4",
    }
    for variation in planned:
        assert (variation.family, variation.expansion) == ("priors", "each-prior")
        assert list(variation.analysis.fitted()) == ["primary"]
        assert variation.analysis.fitted()["primary"].level == 0.9
        assert variation.selection.groupings == ()
        assert variation.selection.counts.labels == first.selection.counts.labels


def test_a_run_says_which_family_it_belongs_to(trials, analysis):
    base = analysis("a", "b", "c", sensitivity={"loo": "each-trial"})
    found = [run(variation) for variation in expand(trials, base)]
    assert [(r.family, r.expansion) for r in found] == [(None, None), *[("loo", "each-trial")] * 3]
    assert [(r.item.id, r.item.name) for r in found[1:]] == [
        ("a", "A (Smith 2020)"),
        ("b", "B (Smith 2020)"),
        ("c", "C (Smith 2020)"),
    ]
    assert store.from_json(store.to_json(found[1])).item == found[1].item


def test_each_prior_needs_a_prior(trials, analysis):
    base = analysis("a", "b", sensitivity={"priors": "each-prior"})
    with pytest.raises(SpecError, match="found each-prior with none as the primary model"):
        expand(trials, base)


def test_each_date_adds_trials_as_they_were_published(make_trial, analysis, report):
    dates = {"a": "2020-03", "b": "unknown", "c": "2018", "d": "2020-03", "e": "2019-12"}
    trials = {
        name: make_trial(name, reports=[report(f"r-{name}", [Row(n=10, responders=2)], published=date)])
        for name, date in dates.items()
    }
    models = {"primary": "none", "conventional": InverseVariance()}
    asked = analysis(*trials, by=("region",), models=models, sensitivity={"cumulative": "each-date"})
    _, *planned = expand(trials, asked)
    assert {one.name: one.selection.counts.k for one in planned} == {
        "cumulative.2018": 1,
        "cumulative.2019-12": 2,
        "cumulative.2020-03": 4,
    }
    for one in planned:
        assert (one.family, one.expansion, list(one.analysis.fitted())) == (
            "cumulative",
            "each-date",
            ["conventional"],
        )
        assert one.selection.groupings == ()


def test_each_date_of_one_date_is_the_base(trials, analysis):
    (only,) = expand(trials, analysis("a", "b", "c", sensitivity={"cumulative": "each-date"}))
    assert only.name == "base"


def test_a_run_is_fitted_once(variation, tmp_path):
    path = tmp_path / "base.json"
    first, fitted = execute(variation, path)
    assert fitted
    again, fitted = execute(variation, path)
    assert not fitted
    assert store.to_json(again) == store.to_json(first)


@pytest.mark.parametrize("damage", [b"", b"{", b'{"schema": 0}', b"\xff\xfe", b"[1]"])
def test_a_damaged_run_is_fitted_anew(variation, tmp_path, damage):
    path = tmp_path / "base.json"
    execute(variation, path)
    path.write_bytes(damage)
    assert execute(variation, path)[1]


def test_data_options_and_versions_each_change_the_digest(trials, analysis, variation, monkeypatch):
    def digest(of):
        return run(of).provenance.digest

    base = digest(variation)
    assert digest(variation) == base
    options = {"conventional": InverseVariance(tau2="DL")}
    asked = analysis("a", "b", "c", by=("region", "site"), site_level=("pancreas", "other"), models=options)
    assert digest(expand(trials, asked)[0]) != base
    again = replace(variation, analysis=replace(variation.analysis, thresholds=(0.1,)))
    assert digest(again) != base
    more = replace(variation, selection=replace(variation.selection, groupings=()))
    assert digest(more) != base
    monkeypatch.setattr(module, "versions", lambda: {"numpy": "0"})
    assert digest(variation) != base


def test_a_run_that_was_edited_is_fitted_anew(variation, tmp_path):
    path = tmp_path / "base.json"
    execute(variation, path)
    path.write_text(path.read_text().replace('"responders": 5', '"responders": 6', 1))
    assert execute(variation, path)[1]


@pytest.mark.parametrize(
    "names", [{"region": "each-trial"}, {"loo": "each-trial", "loo.a": None}, {"base": None}]
)
def test_names_that_would_share_a_file_are_refused(trials, analysis, names):
    base = analysis("a", "b", "c", by=("region",))
    with pytest.raises(SpecError, match="names of their own are allowed"):
        expand(trials, replace(base, sensitivity={name: change or base for name, change in names.items()}))


def test_other_outcomes_have_names_of_their_own(make_trial, analysis, report):
    tables = tuple(
        Table(
            outcome="disease-control",
            where="T",
            timepoint=when,
            criteria=criteria,
            rows=(Row(n=20, events=9),),
        )
        for when, criteria in (("best", "RECIST 1.1"), ("16 weeks", None))
    )
    trials = {
        name: make_trial(name, reports=(report("r-2020", [], tables=(table,)),))
        for name, table in zip("ab", tables, strict=True)
    }
    (variation,) = expand(trials, analysis("a", "b", outcome="disease-control"))
    (fit,) = run(variation).fits
    assert name_of(fit.proportion.estimand, fit.outcome) == "median disease control rate"
    assert name_of(fit.trials[0].proportion.estimand, fit.outcome) == "disease control rate"
    assert "Time points differ between trials: best (1), 16 weeks (1)." in fit.notes
    assert "Response criteria differ between trials: RECIST 1.1 (1), not stated (1)." in fit.notes
