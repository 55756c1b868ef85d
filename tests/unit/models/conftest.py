"""What the tests of both likelihood models share: direct likelihoods, and checks of any Fit."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from meta.data import Counts, GroupedCounts

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
