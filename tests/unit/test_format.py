from __future__ import annotations

import math

import pytest

from meta.format import counts, interval, level, number, p_value, percent, symbols


@pytest.mark.parametrize(
    ("value", "decimals", "written"),
    [
        (0.30654, 3, "0.307"),
        (-1.752336, 3, "−1.752"),
        (-0.0004, 3, "0.000"),
        (2.675, 2, "2.68"),  # the decimal that was meant; as a binary number it lies below
        (1e-12, 3, "0.000"),
        (123456.7, 1, "123456.7"),
        (math.inf, 3, "∞"),
        (-math.inf, 3, "−∞"),
    ],
)
def test_number(value: float, decimals: int, written: str) -> None:
    assert number(value, decimals) == written


@pytest.mark.parametrize(
    ("fraction", "written"), [(5 / 18, "27.8"), (6 / 32, "18.8"), (1 / 16, "6.3"), (0, "0.0"), (1, "100.0")]
)
def test_percent(fraction: float, written: str) -> None:
    assert percent(fraction) == written


@pytest.mark.parametrize(
    ("p", "written"),
    [
        (0.1504, "p = 0.150"),
        (0.001, "p = 0.001"),
        (0.000999, "p < 0.001"),
        (0.0, "p < 0.001"),
        (1.0, "p = 1.000"),
    ],
)
def test_p_value(p: float, written: str) -> None:
    assert p_value(p) == written


def test_interval_with_a_minus_is_not_joined_by_a_dash() -> None:
    assert interval(0.0721, 0.3644, percent) == "7.2–36.4"
    assert interval(-2.5, -1.0) == "−2.500 to −1.000"
    assert interval(0.0, math.inf) == "0.000–∞"


def test_levels_and_counts() -> None:
    assert level(0.95) == "95 %"
    assert level(0.975) == "97.5 %"
    assert counts(0, 11) == "0/11"


def test_symbols_are_set_in_whole_words_only() -> None:
    assert symbols("common tau2, I² and H^2 from tau; chi2") == "common τ², I² and H² from τ; χ²"
    assert symbols("tau2-common, CI2, I21, subtau") == "τ²-common, CI2, I21, subtau"
