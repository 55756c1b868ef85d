"""Tests of whether the trials' response rates are equal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from meta.models import describe
from meta.results import NamedTest, Procedure
from meta.stats.binomial.conditional import conditional_test, likelihood_ratio
from meta.stats.binomial.large_tables import ABSOLUTE, RELATIVE, SMALLEST

if TYPE_CHECKING:
    from meta.data import Counts


def homogeneity(data: Counts) -> tuple[NamedTest, ...]:
    """Tests of equal rates: the conditional one given the total, and the likelihood ratio."""
    exact, ratio = conditional_test(data.responders, data.n), likelihood_ratio(data.responders, data.n)
    named = "exact conditional test of homogeneity given the total of responders"
    caveat = None
    if not exact.exact and np.isfinite(exact.p):
        named = "conditional test of homogeneity given the total of responders, saddlepoint approximation"
        caveat = (
            f"too large for the exact distribution: p is within {ABSOLUTE:g} of it, and within "
            f"{RELATIVE:.0%} of it where that is between {SMALLEST:g} and 0.1"
        )
    return (
        NamedTest(
            procedure=Procedure.CONDITIONAL,
            statistic=describe.number(exact.statistic),
            df=None,
            p=describe.number(exact.p),
            method=named,
            caveat=caveat,
            reason=describe.sentence(int(exact.code)),
        ),
        NamedTest(
            procedure=Procedure.LIKELIHOOD_RATIO,
            statistic=describe.number(ratio.statistic),
            df=int(ratio.df) if np.isfinite(ratio.df) else None,
            p=describe.number(ratio.p),
            method="likelihood ratio of homogeneity, chi2",
            caveat="small counts make the chi2 approximation unreliable",
            reason=describe.sentence(int(ratio.code)),
        ),
    )
