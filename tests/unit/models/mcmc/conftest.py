"""Draws that several tests look at, made once."""

from __future__ import annotations

import pytest

from meta.data import Counts
from meta.models.bayes import graph as binomial
from meta.stats.posterior.priors import MuPrior, TauPrior


def few_draws() -> binomial.BinomialDraws:
    """Draw too few to pass, from trials of which one has no responders and one only responders."""
    data = Counts.of([0, 1, 5, 12], [18, 32, 29, 12], ["none", "one", "Jia 2022", "all"])
    priors = {"mu_prior": MuPrior(-2, 2), "tau_prior": TauPrior.parse("half-normal:1.25")}
    return binomial.draw(data, **priors, seed=7, draws=40, tune=60)


@pytest.fixture(scope="session")
def few() -> binomial.BinomialDraws:
    return few_draws()


@pytest.fixture(scope="session")
def few_again() -> binomial.BinomialDraws:
    return few_draws()
