"""The conventional model against metafor and meta (R): every number of every case of metafor.json.

README.md beside this file says how the reference was made, what agrees, and what is not compared.
"""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import chi2, norm

from meta import models
from meta.data import counts as data
from meta.stats.binomial.proportions import proportion_interval
from meta.stats.normal import heterogeneity, pooling, weights
from meta.stats.normal.influence import influence
from meta.stats.normal.regression import indicators, regress
from meta.stats.normal.scales import SCALES
from meta.stats.normal.tau2 import estimate, q_profile

pytestmark = pytest.mark.reference

REFERENCE = json.loads((Path(__file__).parent / "metafor.json").read_text(encoding="utf-8"))

SETS = ("table1", "table1_zero", "pritz1997")
# R's names on the left, ours on the right
SCALE = {"PR": "identity", "PLO": "logit", "PLN": "log", "PAS": "arcsine", "PFT": "double-arcsine"}
PROFILED = ("DL", "PM", "REML")
ESTIMATED = ("DL", "EB", "HE", "HS", "ML", "PM", "PMM", "REML", "SJ")
METHOD = {"EE": "common-effect"} | {name: name for name in ESTIMATED}
DIAGNOSTICS = ("rstudent", "dffits", "cook", "hat")
PREDICTION = {"pi_z": ("normal", "wald"), "pi_riley": ("hts", "wald"), "pi_hk": ("hk", "hk")}

# The file holds 12 significant digits and nothing was iterated: half a unit of the last is at most 5e-12.
PRINTED = 6e-12
# metafor stops its PM and REML iterations when a step is below threshold = 1e-12, absolute in tau2; the steps
# shrink geometrically, so that what remains is a few times that (5.3e-12 is the largest difference found).
TAU2 = 1e-11
# What follows from tau2 moves, relatively, by about TAU2 / (2 v); v is 0.002 at its smallest (identity).
FROM_TAU2 = 2e-9
# Residuals and DFFITS are differences of two means over a standard error, and of order 1; each mean moves by
# FROM_TAU2 (3.0e-10 is the largest difference found).
INFLUENCE = 2 * FROM_TAU2
# R2 in percent moves by 100 TAU2 (1/without + with/without^2): 2.6e-7 at without = 0.0039, with = 0.
R2_PERCENT = 3e-7
# I2 in percent moves by 100 TAU2 typical / (tau2 + typical)^2: 4e-7 at tau2 = 0, typical = 0.0026 (smallest).
I2_PERCENT = 4e-7
# confint() was left at its default control: uniroot stops within .Machine$double.eps^0.25 of the root.
UNIROOT = 1.3e-4
# meta's REML ran at metafor's default threshold, 1e-5 absolute in the step of tau2.
META_DEFAULT = 1e-6

CASES = [pytest.param(*case, id="-".join(case)) for case in product(SETS, SCALE, METHOD)]
QPROFILE = [pytest.param(*case, id="-".join(case)) for case in product(SETS, SCALE, PROFILED)]
RANDOM = [pytest.param(*case, id="-".join(case)) for case in product(SETS, SCALE, ESTIMATED)]
BY_SCALE = [pytest.param(*case, id="-".join(case)) for case in product(SETS, SCALE)]


def counts(name):
    rows = REFERENCE[name]["data"]
    return data.Counts.of([row["x"] for row in rows], [row["n"] for row in rows])


def grouped(name):
    rows = REFERENCE[name]["data"]
    return data.GroupedCounts.of(
        [row["x"] for row in rows], [row["n"] for row in rows], [row["mod"] for row in rows]
    )


def effects(name, measure):
    arms = counts(name)
    return SCALES[SCALE[measure]].effects(arms.responders, arms.n)


def model(measure, method, **options):
    return models.InverseVariance(
        scale=SCALE[measure], tau2=METHOD[method], **{"interval": "wald", "prediction": "none"} | options
    )


def agrees(ours, theirs, *, rel=PRINTED, abs=0.0):
    __tracebackhide__ = True
    np.testing.assert_allclose(np.asarray(ours, float), np.asarray(theirs, float), rtol=rel, atol=abs)


def q(y, v, tau2):
    """Generalised Q, written apart from the package."""
    w = 1 / (v + tau2)
    return np.sum(w * (y - np.sum(w * y) / np.sum(w)) ** 2)


def test_the_whole_grid_is_there():
    """No case is skipped because the reference lacks it."""
    everywhere = {"mu", "se", "ci", "tau2", "I2", "H2", "Q", "Q_p"}
    random = everywhere | {"hk", "pi_z", "pi_riley", "pi_hk"}
    profiled = random | {"tau2_ci_qp", "I2_ci_qp"}  # the same for every estimator, printed for three
    needed = dict.fromkeys(ESTIMATED, random) | dict.fromkeys(PROFILED, profiled)
    needed |= {"EE": everywhere, "REML": profiled | {"mod", "leave1out", "influence"}}
    assert len(CASES) == 3 * 5 * 10
    for name, measure, method in product(SETS, SCALE, METHOD):
        case = REFERENCE[name]["rma"][measure][method]
        assert {key for key in needed[method] if case.get(key) is not None} == needed[method]
        numbers = np.hstack([np.hstack(list(part.values())) if isinstance(part, dict) else part
                             for part in (case[key] for key in sorted(needed[method]))])  # fmt: skip
        assert np.isfinite(numbers.astype(float)).all()
        k = len(REFERENCE[name]["data"])
        assert len(REFERENCE[name]["effects"][measure]["yi"]) == k == len(REFERENCE[name]["clopper"])
        if method == "REML":
            assert {len(case["leave1out"][key]) for key in ("mu", "se", "tau2", "I2")} == {k}
            assert {"b", "se", "tau2", "QM", "QM_p", "QE", "R2"} <= case["mod"].keys()
            assert {len(case["influence"][key]) for key in DIAGNOSTICS} == {k}
    assert {"n_harmonic", "p_random", "te"} <= set.intersection(
        *(set(REFERENCE[s]["metaprop_pft"]) for s in SETS)
    )


def test_the_versions_are_recorded():
    assert {"R", "metafor", "meta"} <= REFERENCE["versions"].keys()


@pytest.mark.parametrize(("name", "measure"), BY_SCALE)
def test_effects(name, measure):
    ours, theirs = effects(name, measure), REFERENCE[name]["effects"][measure]
    agrees(ours.y, theirs["yi"])
    agrees(ours.v, theirs["vi"])


@pytest.mark.parametrize(("name", "measure", "method"), CASES)
def test_pooled_effect(name, measure, method):
    fit = model(measure, method).fit(counts(name))
    theirs = REFERENCE[name]["rma"][measure][method]
    agrees(fit.tau2.value, theirs["tau2"], abs=TAU2)
    agrees(fit.mu.value, theirs["mu"], rel=FROM_TAU2)
    agrees(fit.mu.se, theirs["se"], rel=FROM_TAU2)
    # a limit may be close to zero: its error is that of mu and se
    agrees([fit.mu.low, fit.mu.high], theirs["ci"], rel=0, abs=FROM_TAU2 * abs(theirs["mu"]))


@pytest.mark.parametrize(("name", "measure", "method"), CASES)
def test_heterogeneity(name, measure, method):
    ours, theirs = (
        model(measure, method).fit(counts(name)).heterogeneity,
        REFERENCE[name]["rma"][measure][method],
    )
    agrees(ours.Q, theirs["Q"])
    agrees(ours.p, theirs["Q_p"])
    assert ours.df == len(REFERENCE[name]["data"]) - 1
    if method == "EE":  # metafor falls back on the definitions from Q, where tau2 is not estimated
        agrees(100 * ours.I2_Q.value, theirs["I2"])
        agrees(ours.H2_Q.value, theirs["H2"])
    else:
        agrees(100 * ours.I2.value, theirs["I2"], abs=I2_PERCENT)
        agrees(ours.H2.value, theirs["H2"], rel=FROM_TAU2)


@pytest.mark.parametrize(("name", "measure", "method"), RANDOM)
def test_knapp_hartung(name, measure, method):
    mu = model(measure, method, interval="hk").fit(counts(name)).mu
    theirs = REFERENCE[name]["rma"][measure][method]
    agrees(mu.interval_se, theirs["hk"]["se"], rel=FROM_TAU2)
    agrees(mu.se, theirs["se"], rel=FROM_TAU2)  # the model's own stays what it is
    agrees([mu.low, mu.high], theirs["hk"]["ci"], rel=0, abs=FROM_TAU2 * abs(theirs["mu"]))
    assert mu.df == theirs["hk"]["df"]


@pytest.mark.parametrize(("name", "measure", "method"), RANDOM)
@pytest.mark.parametrize("kind", PREDICTION)
def test_prediction_interval(name, measure, method, kind):
    theirs = REFERENCE[name]["rma"][measure][method]
    prediction, interval = PREDICTION[kind]
    fit = model(measure, method, interval=interval, prediction=prediction).fit(counts(name))
    ours = fit.prediction.effect
    if theirs["tau2"] < TAU2:  # metafor's stopping rule leaves 4e-13 where the estimate is 0
        assert ours.low is None
        assert "tau2 is estimated as 0" in ours.reason
        return
    # half widths reach ten times mu
    agrees([ours.low, ours.high], theirs[kind], rel=FROM_TAU2, abs=FROM_TAU2 * abs(theirs["mu"]))


@pytest.mark.parametrize(("name", "measure", "method"), QPROFILE)
def test_q_profile(name, measure, method):
    """Within uniroot's tolerance of metafor's limits, and exact where those are not."""
    theirs = REFERENCE[name]["rma"][measure][method]["tau2_ci_qp"]
    fit = model(measure, method).fit(counts(name))
    ours = [fit.tau2.low, fit.tau2.high]
    agrees(ours, theirs, abs=UNIROOT)
    e = effects(name, measure)
    for limit, quantile in zip(ours, chi2.isf([0.025, 0.975], len(e.y) - 1), strict=True):
        reached = q(e.y, e.v, limit)
        if limit == 0:
            assert reached <= quantile
        else:
            assert reached == pytest.approx(quantile, rel=1e-12)


def test_q_profile_differs_because_uniroot_stopped_early():
    """Put back into Q, metafor's own limits miss the quantile where they differ from ours."""
    ours, theirs = [], []
    for name, measure in product(SETS, SCALE):
        e = effects(name, measure)
        quantile = chi2.isf([0.025, 0.975], len(e.y) - 1)
        limits = np.array(REFERENCE[name]["rma"][measure]["REML"]["tau2_ci_qp"])
        mine = q_profile(e.y, e.v)
        for i in np.flatnonzero(limits > 0):
            theirs.append(abs(q(e.y, e.v, limits[i]) / quantile[i] - 1))
            ours.append(abs(q(e.y, e.v, mine[i]) / quantile[i] - 1))
    assert max(ours) < 1e-12
    assert max(theirs) > 1e-3
    assert np.median(theirs) > 1e-8  # twelve printed digits would be at 1e-12


@pytest.mark.parametrize(("name", "measure", "method"), QPROFILE)
def test_i2_interval(name, measure, method):
    """Our conversion of metafor's own limits, and ours within what uniroot's tolerance implies."""
    theirs = REFERENCE[name]["rma"][measure][method]
    found = effects(name, measure)
    typical = heterogeneity.typical_variance(weights.arms(found.y, found.v))
    limits = np.array(theirs["tau2_ci_qp"])
    # tau2 is printed to 12 digits: as relative error of 1 - I2 that is below 1e-11
    agrees(100 * heterogeneity.i2_from_tau2(limits, typical), theirs["I2_ci_qp"], abs=1e-9)
    interval = model(measure, method).fit(counts(name)).heterogeneity.I2
    slope = 100 * typical / (np.maximum(limits - UNIROOT, 0) + typical) ** 2
    assert (
        np.abs(100 * np.array([interval.low, interval.high]) - theirs["I2_ci_qp"]) <= UNIROOT * slope
    ).all()


@pytest.mark.parametrize(("name", "measure"), BY_SCALE)
def test_moderator(name, measure):
    """Two groups under a common tau2 are a meta-regression on their indicator."""
    theirs = REFERENCE[name]["rma"][measure]["REML"]["mod"]
    arms = grouped(name)
    fit = model(measure, "REML").fit(arms)
    first, second = (group.mu for group in fit.groups)
    assert [group.label for group in fit.groups] == sorted(group.label for group in fit.groups)  # R's levels
    for group in fit.groups:
        agrees(group.tau2.value, theirs["tau2"], abs=TAU2)
    size = abs(theirs["b"][0])
    agrees([first.value, second.value], np.cumsum(theirs["b"]), rel=0, abs=FROM_TAU2 * size)
    # intercept and difference: independent means add their variances
    agrees([first.se, np.hypot(first.se, second.se)], theirs["se"], rel=FROM_TAU2)
    agrees(fit.between.statistic, theirs["QM"], rel=FROM_TAU2)
    # d log p / d log QM = -QM/2 or so, and QM is below 20
    agrees(fit.between.p, theirs["QM_p"], rel=10 * FROM_TAU2)
    e = effects(name, measure)
    agrees(heterogeneity.q_test(e.y, e.v, groups=arms.group).q, theirs["QE"], rel=2 * PRINTED)


@pytest.mark.parametrize(("name", "measure"), BY_SCALE)
def test_what_the_moderator_accounts_for(name, measure):
    theirs = REFERENCE[name]["rma"][measure]["REML"]["mod"]
    between = model(measure, "REML").fit(grouped(name)).between
    agrees(100 * between.r2.value, theirs["R2"], abs=R2_PERCENT)
    (contrast,) = between.contrasts
    size = FROM_TAU2 * abs(theirs["b"][0])
    agrees(contrast.mu.value, theirs["b"][1], rel=0, abs=size)
    half = norm.ppf(0.975) * theirs["se"][1]
    agrees([contrast.mu.low, contrast.mu.high], theirs["b"][1] + np.array([-half, half]), rel=0, abs=size)


@pytest.mark.parametrize(("name", "measure"), BY_SCALE)
def test_meta_regression(name, measure):
    """The same from a design matrix, as rma(mods = ~mod) has it."""
    theirs = REFERENCE[name]["rma"][measure]["REML"]["mod"]
    e = effects(name, measure)
    ours = regress(e.y, e.v, indicators(grouped(name).group))
    agrees(ours.tau2, theirs["tau2"], abs=TAU2)
    agrees(ours.b, theirs["b"], rel=0, abs=FROM_TAU2 * abs(theirs["b"][0]))
    agrees(ours.se, theirs["se"], rel=FROM_TAU2)
    agrees(ours.qm, theirs["QM"], rel=FROM_TAU2)
    agrees(ours.qm_p, theirs["QM_p"], rel=10 * FROM_TAU2)
    agrees(ours.qe, theirs["QE"], rel=2 * PRINTED)


@pytest.mark.parametrize(("name", "measure"), BY_SCALE)
def test_influence(name, measure):
    """metafor hands its tightened control on to these refits too."""
    theirs = REFERENCE[name]["rma"][measure]["REML"]["influence"]
    e = effects(name, measure)
    ours = influence(e.y, e.v)
    agrees(ours.rstudent, theirs["rstudent"], rel=0, abs=INFLUENCE)
    agrees(ours.dffits, theirs["dffits"], rel=0, abs=INFLUENCE)
    # a square: it moves by twice its root
    agrees(ours.cook, theirs["cook"], rel=0, abs=2 * INFLUENCE * max(1, np.sqrt(max(theirs["cook"]))))
    agrees(ours.hat, theirs["hat"], rel=FROM_TAU2)
    shown = model(measure, "REML").detailed_fit(counts(name)).influence
    for key in DIAGNOSTICS:
        assert [case.measures[key] for case in shown] == getattr(ours, key).tolist()


@pytest.mark.parametrize(("name", "measure"), BY_SCALE)
def test_leave_one_out(name, measure):
    """All k subsets in one batch; metafor hands its tightened control on to the refits."""
    theirs = REFERENCE[name]["rma"][measure]["REML"]["leave1out"]
    e = effects(name, measure)
    include = ~np.eye(len(e.y), dtype=bool)
    tau2, _ = estimate(e.y, e.v, include, method="REML")
    pooled = pooling.pool(e.y, e.v, include, tau2=tau2)
    typical = heterogeneity.typical_variance(weights.arms(e.y, e.v, include))
    agrees(tau2, theirs["tau2"], abs=TAU2)
    agrees(pooled.mu[:, 0], theirs["mu"], rel=FROM_TAU2)
    agrees(pooled.se[:, 0], theirs["se"], rel=FROM_TAU2)
    agrees(100 * heterogeneity.i2_from_tau2(tau2, typical), theirs["I2"], abs=I2_PERCENT)


@pytest.mark.parametrize("name", SETS)
def test_clopper_pearson(name):
    arms = counts(name)
    agrees(np.transpose(proportion_interval(arms.responders, arms.n)), REFERENCE[name]["clopper"], abs=1e-15)


@pytest.mark.parametrize("name", SETS)
def test_freeman_tukey_at_the_harmonic_mean(name):
    theirs = REFERENCE[name]["metaprop_pft"]
    arms = counts(name)
    inverse = SCALES["double-arcsine"].inverse
    agrees(
        inverse(np.array(theirs["te"]), np.array(theirs["n_harmonic"])), theirs["p_random"], rel=5 * PRINTED
    )
    agrees(
        inverse(np.array(theirs["te"]), len(arms.n) / np.sum(1 / arms.n)), theirs["p_random"], rel=5 * PRINTED
    )
    fit = model("PFT", "REML").fit(arms)
    agrees(fit.mu.value, theirs["te"], rel=META_DEFAULT)
    agrees(fit.proportion.value, theirs["p_random"], rel=META_DEFAULT)
    assert any(f"{theirs['n_harmonic']:.1f}" in note for note in fit.notes)


def test_table1_as_printed_by_metafor():
    """What a reader types into R: rma(yi, vi, data = escalc("PLO", ...)), Table 1 of Jia et al. (2022)."""
    fit = models.InverseVariance(interval="hk").fit(grouped("table1"))
    assert fit.mu.value == pytest.approx(-1.752336, abs=5e-7)
    assert models.InverseVariance(interval="wald").fit(counts("table1")).mu.se == pytest.approx(
        0.422923, abs=5e-7
    )
    assert fit.tau2.value == pytest.approx(0.306546, abs=5e-7)
    assert 100 * fit.heterogeneity.I2.value == pytest.approx(43.894, abs=5e-4)
    assert fit.heterogeneity.Q == pytest.approx(5.310246, abs=5e-7)
    assert fit.heterogeneity.df == 3
    assert (fit.mu.low, fit.mu.high) == pytest.approx((-3.152129, -0.352543), abs=5e-7)
    assert fit.tau2.low == 0
    assert fit.tau2.high == pytest.approx(12.0751, abs=5e-5 + UNIROOT)
    assert fit.between.p == pytest.approx(0.0307, abs=5e-5)


LIKELIHOOD = [pytest.param(*case, id="-".join(case)) for case in product(SETS, SCALE, ("ML", "REML"))]
# confint() searched by uniroot at its default tolerance, 1.2e-4, on tau2 itself
PROFILE_LIKELIHOOD = 1.3e-4


@pytest.mark.parametrize(("name", "measure", "method"), LIKELIHOOD)
def test_profile_likelihood(name, measure, method):
    """Within uniroot's tolerance of metafor's limits, and at the cut-off where those are not."""
    theirs = REFERENCE[name]["rma"][measure][method]["tau2_ci_pl"]
    fit = model(measure, method, tau2_interval="profile-likelihood").fit(counts(name))
    ours = [fit.tau2.low, fit.tau2.high]
    agrees(ours, theirs, abs=PROFILE_LIKELIHOOD)
    assert fit.tau2.method == "profile likelihood"
    e = effects(name, measure)

    def twice_loglik(tau2):
        w = 1 / (e.v + tau2)
        restricted = np.log(np.sum(w)) if method == "REML" else 0
        return np.sum(np.log(w)) - restricted - q(e.y, e.v, tau2)

    for limit in ours:
        dropped = twice_loglik(fit.tau2.value) - twice_loglik(limit)
        if limit == 0:
            assert dropped <= chi2.isf(0.05, 1)
        else:
            assert dropped == pytest.approx(chi2.isf(0.05, 1), rel=1e-9)
