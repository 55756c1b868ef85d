"""Every option out of range is named in one error, with what was found and what is allowed."""

from __future__ import annotations

import pytest

from meta.errors import SpecError
from meta.models import BayesBinomial, BayesNormal, BetaBinomial, BinomialNormal, InverseVariance

LEVEL = "level: found 2; a number between 0 and 1 is allowed"
SEED = "seed: found -3; a whole number from 0 is allowed"
THRESHOLDS = "thresholds: found 0, 1.5; ORRs between 0 and 1 are allowed"
CONTINUITY = "continuity: found 2; none, or a number above 0 up to 1, is allowed"
PRIORS = [
    "mu_prior: found 'normal:a,2'; family:number,number is allowed",
    "prior: found scale -1 in half-normal:-1; 0.001 to 1000 is allowed: what is beyond fits no trials",
]
PRIOR_OPTIONS = {"prior": "half-normal:-1", "mu_prior": "normal:a,2", "level": 2, "thresholds": (0, 0.1, 1.5)}
CASES = {
    "bayes-binomial": (
        BayesBinomial,
        {**PRIOR_OPTIONS, "new_trial": 0, "draws": 0, "tune": 1_000_001, "seed": -3},
        [
            "draws: found 0; a whole number from 1 to 1000000 is allowed",
            LEVEL,
            PRIORS[0],
            "new_trial: found 0; 1 to 10000 patients are allowed",
            PRIORS[1],
            SEED,
            THRESHOLDS,
            "tune: found 1000001; a whole number from 1 to 1000000 is allowed",
        ],
    ),
    "bayes-normal": (
        BayesNormal, {**PRIOR_OPTIONS, "continuity": 2}, [CONTINUITY, LEVEL, *PRIORS, THRESHOLDS]
    ),
    "binomial-normal": (
        BinomialNormal,
        {"level": 2, "seed": -3, "bootstrap": -1},
        ["bootstrap: found -1; 0 to 1000000 data sets are allowed", LEVEL, SEED],
    ),
    "beta-binomial": (BetaBinomial, {"level": 2}, [LEVEL]),
    "inverse-variance": (
        InverseVariance,
        {"level": 2, "continuity": 2, "tau2": "common-effect", "tau2_interval": "profile-likelihood"},
        [
            CONTINUITY,
            "interval: found mhk with tau2: common-effect; Knapp-Hartung allows for an estimated tau2, so "
            "that only interval: wald is allowed there",
            LEVEL,
            "tau2_interval: found profile-likelihood with tau2: common-effect; it is an interval of a "
            "likelihood, so that only tau2: REML and ML are allowed there",
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_every_option_at_fault_is_named_at_once(name):
    kind, options, lines = CASES[name]
    with pytest.raises(SpecError) as error:
        kind(**options)
    assert str(error.value).splitlines() == lines
    assert [fault.path for fault in error.value.faults] == [line.partition(":")[0] for line in lines]


@pytest.mark.parametrize("name", CASES)
def test_one_fault_alone_is_one_line(name):
    kind, _, _ = CASES[name]
    with pytest.raises(SpecError) as error:
        kind(level=2)
    assert str(error.value) == LEVEL
