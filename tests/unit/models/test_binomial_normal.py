"""The binomial-normal model by maximum likelihood: what a Fit of it holds."""

from __future__ import annotations

import pytest

from meta.data import Counts, GroupedCounts
from meta.models import BinomialNormal


@pytest.mark.parametrize("counts", [([5, 5, 5], [20, 20, 20]), ([0, 0, 0], [5, 8, 12])])
def test_no_middle_of_true_rates_where_tau_is_zero(counts):
    fit = BinomialNormal().fit(Counts.of(*counts))
    assert fit.tau2.at_boundary
    for end in fit.dispersion.middle:
        assert (end.value, end.low, end.high) == (None, None, None)
        assert end.reason == "tau is estimated as 0, which does not show that trials agree"


def test_no_middle_of_true_rates_where_mu_is_infinite():
    data = GroupedCounts.of([0, 0, 9, 1, 6], [10, 12, 20, 20, 20], [*"aabbb"])
    nobody, some = BinomialNormal(bootstrap=0).fit(data).groups
    assert nobody.tau.value == some.tau.value > 0
    assert [end.value for end in nobody.dispersion.middle] == [None, None]
    assert all(end.reason.startswith("no patient responded") for end in nobody.dispersion.middle)
    low, high = some.dispersion.middle
    assert low.value < some.estimands.median.value < high.value
