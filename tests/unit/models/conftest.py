"""What the tests of both likelihood models share: direct likelihoods, and checks of any Fit."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from meta.data import Counts, GroupedCounts
from meta.models.bayes import graph
from meta.stats.posterior.priors import MuPrior, TauPrior

X, N = [5, 6, 2, 1], [18, 32, 29, 21]


@pytest.fixture(scope="session")
def table1():
    return Counts.of(X, N)


@pytest.fixture(scope="session")
def regions():
    return GroupedCounts.of(X, N, ["Asia", "Asia", "West", "West"])


@pytest.fixture(scope="session")
def unexplained():
    """Every part of a fit whose value is None and that does not say why."""

    def parts(value):
        if isinstance(value, dict):
            if "reason" in value and value.get("value", 0) is None and not value["reason"]:
                yield value
            for part in value.values():
                yield from parts(part)
        elif isinstance(value, list | tuple):
            for part in value:
                yield from parts(part)

    return lambda fit: list(parts(asdict(fit)))


def few_draws() -> graph.BinomialDraws:
    """Draw too few to pass, from trials of which one has no responders and one only responders."""
    data = Counts.of([0, 1, 5, 12], [18, 32, 29, 12], ["none", "one", "Jia 2022", "all"])
    priors = {"mu_prior": MuPrior(-2, 2), "tau_prior": TauPrior.parse("half-normal:1.25")}
    return graph.draw(data, **priors, seed=7, draws=40, tune=60)


@pytest.fixture(scope="session")
def few() -> graph.BinomialDraws:
    return few_draws()


@pytest.fixture(scope="session")
def few_again() -> graph.BinomialDraws:
    return few_draws()
