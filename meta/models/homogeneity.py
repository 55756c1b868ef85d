"""Tests of whether the trials' response rates are equal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from meta.models import describe
from meta.results import NamedTest, Procedure
from meta.stats.binomial.conditional import conditional_test, likelihood_ratio

if TYPE_CHECKING:
    from meta.data import Counts


def homogeneity(data: Counts) -> tuple[NamedTest, ...]:
    """Tests of equal rates: the exact conditional one and the likelihood ratio."""
    exact, ratio = conditional_test(data.responders, data.n), likelihood_ratio(data.responders, data.n)
    fine = exact.p_low == exact.p
    caveat = (
        None if fine or np.isnan(exact.p) else f"the true p lies between {float(exact.p_low):.3g} and this"
    )
    return (
        NamedTest(
            procedure=Procedure.CONDITIONAL,
            statistic=describe.number(exact.statistic),
            df=None,
            p=describe.number(exact.p),
            method="exact conditional test of homogeneity given the total of responders",
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
