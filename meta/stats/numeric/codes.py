"""Why a cell of a batch could not be estimated: integers in arrays, sentences where results are built."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

CodeArray = NDArray[np.int8]


class Code(IntEnum):
    """Reason codes; 0 means estimated."""

    OK = 0
    FEW_TRIALS = 1
    NOT_CONVERGED = 2
    INFINITE_EFFECT = 3
    EMPTY_INTERVAL = 4
    ZERO_VARIANCE = 5
    NO_DF = 6
    NO_VARIATION = 7
    INFINITE_MU = 9
    NO_MAXIMUM = 10
    NO_TRIALS = 11
    ONE_GROUP = 12


SENTENCES: dict[Code, str] = {
    Code.OK: "",
    Code.FEW_TRIALS: "fewer than two trials",
    Code.NOT_CONVERGED: "the root search did not converge",
    Code.INFINITE_EFFECT: (
        "an arm with no responder or only responders has an infinite effect or no sampling variance on "
        "this scale; allow a continuity correction or choose an arcsine scale"
    ),
    Code.EMPTY_INTERVAL: (
        "Q lies below its lower quantile even at tau2 = 0, so that no value of tau2 is compatible with Q at "
        "this level; this is no evidence that the trials agree"
    ),
    Code.ZERO_VARIANCE: "the trials' effects are identical, so the Knapp-Hartung variance is zero",
    Code.NO_DF: "the reference t distribution would have no degree of freedom",
    Code.NO_VARIATION: (
        "no trial has a responder, or none a patient who did not respond: given that total no other counts "
        "are possible, and p is 1"
    ),
    Code.INFINITE_MU: (
        "no patient responded, or every one did, so that the likelihood is highest for an infinite mean log "
        "odds"
    ),
    Code.NO_MAXIMUM: (
        "in every trial either nobody or everybody responded, so that the likelihood keeps rising with the "
        "heterogeneity and has no maximum"
    ),
    Code.NO_TRIALS: "no trial",
    Code.ONE_GROUP: "fewer than two groups have trials",
}
