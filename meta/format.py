"""How a number is written, once, for figures, tables and the terminal."""

from __future__ import annotations

import math
import re
import unicodedata
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MINUS = "\N{MINUS SIGN}"
DASH = "\N{EN DASH}"
TO = " to "
SMALLEST_P = 0.001
_BIDI_CONTROLS = dict.fromkeys([0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])
_SYMBOLS = {"tau": "τ", "chi": "χ", "I": "I", "H": "H"}


def number(value: float, decimals: int = 3) -> str:
    """Write with fixed decimals, halves rounded up as papers do, a true minus, and no minus zero.

    Examples
    --------
    >>> number(-1.752336), number(0.0625, 3), number(-0.0001), number(math.inf)
    ('−1.752', '0.063', '0.000', '∞')
    """
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    # through repr, so that 0.145 is the decimal that was meant and not the binary just below it
    rounded = Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    return f"{abs(rounded) if rounded == 0 else rounded:f}".replace("-", MINUS)


def percent(fraction: float) -> str:
    """Write a fraction in percent with one decimal and no sign: the unit stands in the column's head.

    Examples
    --------
    >>> percent(6 / 32), percent(1 / 16)
    ('18.8', '6.3')
    """
    return number(float(Decimal(repr(float(fraction))).scaleb(2)), 1)


def level(fraction: float) -> str:
    """Write a confidence level, e.g. ``95 %``."""
    return f"{float(Decimal(repr(float(fraction))).scaleb(2)):g} %"


def distribution(text: str) -> str:
    """Write ``half-t:3,1`` as papers do.

    Examples
    --------
    >>> distribution("half-t:3,1"), distribution("normal:-2,2"), distribution("flat")
    ('half-t(3, 1)', 'normal(−2, 2)', 'flat')
    """
    name, colon, numbers = text.partition(":")
    return f"{name}({numbers.replace(',', ', ').replace('-', '−')})" if colon else name


def p_value(p: float) -> str:
    """Write a p-value with its letter.

    Examples
    --------
    >>> p_value(0.1504), p_value(0.0004)
    ('p = 0.150', 'p < 0.001')
    """
    return f"p < {SMALLEST_P}" if p < SMALLEST_P else f"p = {number(p)}"


def interval(low: float, high: float, write: Callable[[float], str] = number) -> str:
    """Write both ends; joined by a dash, or by ``to`` where a minus sign could be read into the dash.

    Examples
    --------
    >>> interval(0.0721, 0.3644, percent), interval(-2.5, 0.1)
    ('7.2–36.4', '−2.500 to 0.100')
    """
    ends = write(low), write(high)
    return (TO if MINUS in "".join(ends) else DASH).join(ends)


def counts(responders: int, n: int) -> str:
    """Write responders among patients, e.g. ``5/18``."""
    return f"{responders}/{n}"


def symbols(text: str) -> str:
    """Set ``tau2``, ``I2``, ``H2`` and ``chi2`` in words of ours as τ², I², H² and χ².

    Examples
    --------
    >>> symbols("from tau2; I2 of tau, a-tau2x")
    'from τ²; I² of τ, a-tau2x'
    """
    squared = re.sub(r"\b(tau|chi|I|H)(?:\^?2|²)(?!\w)", lambda found: _SYMBOLS[found[1]] + "²", text)
    return re.sub(r"\btau\b", "τ", squared)


def clean(text: str) -> str:
    """Make any string fit for one line of a figure, a terminal and XML.

    White space becomes single spaces; control characters and halves of surrogate pairs become
    U+FFFD; marks that would reverse the text of neighbours are taken out.
    """
    flat = " ".join(text.translate(_BIDI_CONTROLS).split())
    return "".join("\N{REPLACEMENT CHARACTER}" if _unprintable(c) else c for c in flat)


def _unprintable(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cs"} or ord(character) & 0xFFFE == 0xFFFE
