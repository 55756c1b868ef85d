"""Calls in further processes: results in their places, errors as they are, none where it is not worth it."""

from functools import partial
from math import comb
from operator import floordiv

import pytest

from meta.models import BayesBinomial, InverseVariance
from meta.records.trial import Row
from meta.workflow.expand import expand
from meta.workflow.running.workers import spread, wanted

CALLS = [partial(comb, 40, i) for i in range(6)]


@pytest.mark.parametrize("processes", [1, 2])
def test_every_call_gives_what_it_gives_here(processes):
    assert dict(spread(CALLS, processes)) == {i: comb(40, i) for i in range(6)}


@pytest.mark.parametrize("processes", [1, 2])
def test_an_error_comes_out(processes):
    with pytest.raises(ZeroDivisionError):
        list(spread([*CALLS, partial(floordiv, 1, 0)], processes))


@pytest.mark.parametrize(
    ("model", "several"),
    [(InverseVariance(), False), (BayesBinomial(engine="pymc", draws=60, tune=60), True)],
)
def test_processes_are_for_what_takes_long(model, several, make_trial, analysis, monkeypatch):
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "2")
    trials = {name: make_trial(name, [Row(n=20, responders=3)]) for name in ("a", "b", "c")}
    asked = analysis(*trials, models={"primary": model}, sensitivity={"loo": "each-trial"})
    planned = expand(trials, asked)
    assert len(planned) == 4
    assert (wanted(planned) > 1) is several
    assert wanted(planned[:1]) == 1
