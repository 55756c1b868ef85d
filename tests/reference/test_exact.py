"""Maximum likelihood of the binomial-normal model against brute-force integration and lme4's quadrature.

README.md beside this file says where exact.json comes from.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

from meta.stats.binomial.likelihood import maximise
from meta.stats.binomial.marginal import log_marginal, marginal_terms
from meta.stats.numeric.codes import Code

pytestmark = pytest.mark.reference

HERE = Path(__file__).parent
EXACT = json.loads((HERE / "exact.json").read_text(encoding="utf-8"))["sets"]
METAFOR = json.loads((HERE / "metafor.json").read_text(encoding="utf-8"))
SETS = ("table1", "table1_zero", "pritz1997")
# What exact.json says of itself
POSITION, HEIGHT = 1e-6, 1e-9
# lme4's optimiser works on tau and stops at steps of about 1e-7 of it; 2e-8 is the largest difference found.
AGQ50 = 5e-8
# 50 points are exact to more digits than the file holds (12).
LME4_LOGLIK = 1e-10


def counts(name):
    rows = METAFOR[name]["data"]
    return np.array([row["x"] for row in rows]), np.array([row["n"] for row in rows])


@pytest.mark.parametrize("name", SETS)
def test_brute_force_integration(name):
    theirs = EXACT[name]["ml"]
    ours = maximise(marginal_terms, *counts(name))
    assert ours.code == Code.OK
    assert ours.mu[0] == pytest.approx(theirs["mu"], abs=POSITION)
    assert ours.v == pytest.approx(theirs["tau2"], abs=POSITION)
    assert ours.loglik == pytest.approx(theirs["loglik"], abs=HEIGHT)


@pytest.mark.parametrize("name", SETS)
def test_where_we_differ_ours_is_higher(name):
    """Of two claims to be the maximum the higher is the better one."""
    x, n = counts(name)
    ours = maximise(marginal_terms, x, n)
    for theirs in (EXACT[name]["ml"], METAFOR[name]["glmm_agq50"]):
        there = log_marginal(x, n, theirs["mu"], np.sqrt(theirs["tau2"])).sum()
        # at a distance of 1e-7 standard errors the difference is 1e-14; sums of 14 terms round to 1e-14 each
        assert ours.loglik >= there - 1e-12


@pytest.mark.parametrize("name", SETS)
def test_lme4(name):
    """glmer, 50 adaptive quadrature points; its log-likelihood is relative to the saturated model's."""
    theirs = METAFOR[name]["glmm_agq50"]
    x, n = counts(name)
    ours = maximise(marginal_terms, x, n)
    assert ours.mu[0] == pytest.approx(theirs["mu"], abs=AGQ50)
    assert ours.v == pytest.approx(theirs["tau2"], abs=AGQ50)
    saturated = binom.logpmf(x, n, x / n).sum()
    assert ours.loglik - saturated == pytest.approx(theirs["loglik"], abs=LME4_LOGLIK)
