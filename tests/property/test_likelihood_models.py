"""What must hold of the frequentist models whatever the counts: a warning is an error in all tests."""

from __future__ import annotations

from dataclasses import asdict
from math import isfinite
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meta.data import Counts
from meta.models import BetaBinomial, BinomialNormal, InverseVariance
from meta.models.batch import answers
from meta.models.contract import Rows
from meta.models.likelihood.peak import LikelihoodInterval
from meta.stats.normal.scales import SCALES
from meta.stats.normal.tau2 import METHODS

LEVELS = st.sampled_from([0.5, 0.8, 0.95, 0.99])
EPS = 1e-9  # of the estimate: limits and estimate come from searches of their own


@st.composite
def counts(draw, *, most=8, largest=100_000):
    n = draw(st.lists(st.one_of(st.integers(1, 60), st.integers(1, largest)), min_size=1, max_size=most))
    rates = st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0, 1))
    return Counts.of([round(draw(rates) * m) for m in n], n)


@st.composite
def models(draw):
    level = draw(LEVELS)
    limits = draw(st.sampled_from(get_args(LikelihoodInterval)))
    tau2 = draw(st.sampled_from(sorted(METHODS)))
    conventional = InverseVariance(
        scale=draw(st.sampled_from(sorted(SCALES))),
        tau2=tau2,
        interval=draw(st.sampled_from(["mhk", "hk", "wald"])),
        prediction=draw(st.sampled_from(["hts", "hk", "t", "normal", "none"])),
        continuity=draw(st.sampled_from([0.5, 1e-6, 1.0, "none"])),
        level=level,
    )
    exact = BinomialNormal(interval=limits, level=level), BetaBinomial(interval=limits, level=level)
    return draw(st.sampled_from([conventional, *exact]))


def faults(part, path=""):
    """Find what is not finite, outside 0 to 1, out of order, or missing without a reason."""
    if isinstance(part, float) and not isfinite(part):
        yield f"{path} is {part}"
    if isinstance(part, (list, tuple)):
        part = dict(enumerate(part))
    if isinstance(part, dict):
        yield from faults_of_interval(part, path)
        for name, one in part.items():
            yield from faults(one, f"{path}.{name}")


def faults_of_interval(part, path):
    numbers = {name: part[name] for name in ("value", "low", "high") if name in part}
    value, low, high = (numbers.get(name) for name in ("value", "low", "high"))
    if path.endswith("proportion") and not all(0 <= z <= 1 for z in numbers.values() if z is not None):
        yield f"{path}: {numbers} outside 0 to 1"
    if low is not None and high is not None:
        # limits by Q-profile need not hold tau2 by another method, nor what follows from it
        middle = low if value is None or part.get("estimand") in {"tau2", "I2", "H2"} else value
        room = EPS * (1 + abs(middle))
        if not low - room <= middle <= high + room:
            yield f"{path}: {numbers} out of order"
    if None in numbers.values() and part.get("reason", "none needed") is None:
        yield f"{path}: {numbers} without a reason"


@settings(max_examples=150, deadline=None)
@given(counts(), models())
def test_a_fit_is_in_order_or_says_why_not(data, model):
    assert list(faults(asdict(model.detailed_fit(data)))) == []


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 6), models())
def test_many_sets_at_once_have_no_fault(seed, k, model):
    rng = np.random.default_rng(seed)
    n = rng.integers(0, rng.choice([4, 50, 5000]), (60, k))
    x = rng.binomial(n, rng.choice([0.0, 0.02, 0.3, 1.0], (60, k)))
    for one in answers(model, Rows(x, n, np.zeros(k, dtype=np.int64), 1), spread=True):
        assert not np.isinf(one.value).any()
        both = np.isfinite(one.low) & np.isfinite(one.high)
        assert (one.low[both] <= one.high[both]).all()


@pytest.mark.parametrize("model", [BinomialNormal(), BetaBinomial(), InverseVariance()])
def test_a_table_of_many_trials_is_fitted(model):
    """None of them held k x k numbers, or left out one trial after the other."""
    k = 4000
    rng = np.random.default_rng(1)
    n = rng.integers(10, 300, k)
    fit = model.fit(Counts.of(rng.binomial(n, 0.2), n))
    assert fit.proportion.value == pytest.approx(0.2, abs=0.01)  # its standard error is below 0.001
