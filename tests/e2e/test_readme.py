"""The numbers that README.md prints are those of the runs."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from meta.records.storing import store

pytestmark = pytest.mark.slow

README = Path(__file__).parents[2] / "README.md"
SECTION = re.compile(r"^## What the four trials say\n(.*?)^## ", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"-?(?:\d+\.?\d*|\.\d+)")
# Half a unit of the last digit, and a hundredth of a point: quadrature is that exact on any machine.
EXACT = 0.05 + 0.01


@pytest.fixture(scope="module")
def section():
    found = SECTION.search(README.read_text(encoding="utf-8"))
    assert found is not None
    return found[1]


@pytest.fixture(scope="module")
def lines(section):
    """The five answers, by their numbers."""
    return {int(number): text for number, text in re.findall(r"^(\d)\. (.*)$", section, re.MULTILINE)}


@pytest.fixture(scope="module")
def base(pooled):
    return store.load_run(pooled.out / "results" / "jia-2022-table1" / "base.json")


@pytest.fixture(scope="module")
def bound(pooled):
    path = pooled.out / "results" / "jia-2022-table1" / "no-well-differentiated-bound.json"
    return store.load_run(path)


@pytest.fixture(scope="module")
def latent(pooled):
    path = pooled.out / "results" / "jia-2022-table1" / "no-well-differentiated-latent.json"
    return store.load_run(path).latent


class WithinChance:
    """What equals an estimate and its limits but for rounding to tenths and for the sampler's chance.

    Elsewhere the same seed may give other draws. The standard error of a median is that of a mean times
    sqrt(pi/2), of a limit sqrt(p (1 - p) / draws) over the density there, both of a normal as wide as the
    interval. Two runs: three of these, times sqrt(2).
    """

    def __init__(self, expected, drawn):
        _, low, high = self.expected = expected
        sd = (high - low) / (2 * 1.96)
        density = math.exp(-(1.96**2) / 2) / math.sqrt(2 * math.pi) / sd
        limit = math.sqrt(0.025 * 0.975 / drawn.ess_tail) / density
        errors = (sd * math.sqrt(math.pi / 2 / drawn.ess_bulk), limit, limit)
        self.tolerance = [0.05 + 3 * math.sqrt(2) * error for error in errors]

    def __eq__(self, found):
        pairs = zip(found, self.expected, self.tolerance, strict=True)
        return all(abs(one - other) <= most for one, other, most in pairs)

    def __repr__(self):
        return f"{self.expected} ± {self.tolerance}"

    __hash__ = None


def numbers(line):
    """What a line prints, in its order; a dash between numbers is no sign, a minus is."""
    return [float(text) for text in NUMBER.findall(line.replace("–", " to ").replace("−", "-"))]


def fit_by(run, by, role):
    return next(fit for fit in run.fits if (fit.by, fit.role) == (by, role))


def percent(*values):
    return [100 * value for value in values]


def test_there_are_five_answers(lines):
    assert sorted(lines) == [1, 2, 3, 4, 5]


def test_the_counts_are_those_of_the_regions(section, base):
    counts = {name: (int(x), int(n)) for name, x, n in re.findall(r"(\w+) (\d+)/(\d+)", section)}
    groups = {group.label: group for group in fit_by(base, "region", "primary").groups}
    assert counts == {name: (group.responders, group.n) for name, group in groups.items()}
    assert "two trials against two" in section
    assert "no group of two trials is a headline" in section
    assert {(group.k, group.standing.status) for group in groups.values()} == {(2, "two trials")}
    assert "`jia-2022-table1`" in section


def test_by_region(lines, base):
    fit = fit_by(base, "region", "primary")
    asia, west = (next(g for g in fit.groups if g.label == name).estimands.mean for name in ("Asia", "West"))
    (contrast,) = fit.between.contrasts
    less = contrast.mean
    assert (contrast.group, contrast.reference) == ("West", "Asia")
    expected = percent(
        asia.value, asia.level, asia.low, asia.high, west.value, west.low, west.high,
        -less.value, less.low, less.high,
    )  # fmt: skip
    assert numbers(lines[1]) == pytest.approx(expected, abs=EXACT)


def test_at_one_mix_of_sites(lines, base):
    gap = next(
        one for one in base.sites.differences if (one.population, one.estimand) == ("new-trials", "mean")
    )
    assert (gap.level, gap.reference) == ("West", "Asia")
    printed = numbers(lines[2])
    assert len(printed) == 6
    for three, found, drawn in (
        (printed[:3], gap.standardised, base.sites.sampling),
        (printed[3:], gap.without_groups, base.sites.sampling_without_groups),
    ):
        assert three == WithinChance(percent(-found.value, found.low, found.high), drawn)


def test_without_the_well_differentiated(lines, base, bound, latent):
    ends = []
    for name in ("West", "Asia"):
        found = next(
            one
            for one in bound.bounds
            if (one.role, one.by, one.group, one.estimand) == ("primary", "region", name, "mean")
        )
        ends += [found.ignorance.low, found.ignorance.high, found.uncertainty.low, found.uncertainty.high]
    printed = numbers(lines[3])
    assert printed[: len(ends)] == pytest.approx(percent(*ends), abs=EXACT)
    with_them = fit_by(base, None, "primary").estimands.mean
    expected = percent(with_them.value, with_them.low, with_them.high)
    assert printed[-3:] == pytest.approx(expected, abs=EXACT)
    (whole, *_) = latent.fits
    without = next(one.mean for one in whole.standardised if one.population == "new-trials")
    assert without.estimand.startswith("mean")
    assert printed[len(ends) : -3] == WithinChance(
        percent(without.value, without.low, without.high), whole.sampling
    )


def test_by_chance(lines, base):
    """Of 1,000 simulated data sets one may change sides by rounding, where it ties with the observed one."""
    fit = fit_by(base, "region", "frequentist")
    tests = [test for test in fit.between.tests if "parametric bootstrap" in test.method]
    at = [float(re.search(r"tau = [a-z ]*([\d.]+)$", test.method)[1]) for test in tests]
    printed = numbers(lines[4])
    assert printed[:3] == pytest.approx([test.p for test in tests], abs=0.0005 + 1 / 1001)
    assert printed[3:] == at == [0, pytest.approx(fit.tau.value, abs=0.005), 1]


def test_what_cannot_be_known(lines, base):
    fit = fit_by(base, "site", "primary")
    reported = {trial.label: 0 for group in fit.groups for trial in group.trials}
    for group in fit.groups:
        for trial in group.trials:
            reported[trial.label] += trial.n
    asian = next(g for g in fit_by(base, "region", "primary").groups if g.label == "Asia")
    assert set(reported) == {trial.label for trial in asian.trials}
    assert numbers(lines[5]) == [sum(reported.values())]
