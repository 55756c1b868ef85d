"""Exact arithmetic on printed numbers: derived counts, and percentages as they are rounded."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from math import floor

MAX_EXPRESSION = 200

_EXPRESSION = re.compile(rf"[0-9+\-*/() ]{{1,{MAX_EXPRESSION}}}")
_SHARE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?) ?% of ([0-9]{1,9})")
_OPERATORS: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def evaluate(expression: str) -> Fraction:
    """Work out whole numbers joined by + - * / and parentheses; division is exact.

    Raises
    ------
    ValueError
        If it is anything else, or divides by zero.

    Examples
    --------
    >>> evaluate("5 - 2 - 1 - 0")
    Fraction(2, 1)
    """
    if not _EXPRESSION.fullmatch(expression):
        raise ValueError(f"only whole numbers, + - * / and parentheses, at most {MAX_EXPRESSION} characters")
    try:
        return _worked_out(ast.parse(expression.strip(), mode="eval").body)
    except (SyntaxError, MemoryError, RecursionError):  # the latter two for very deep parentheses
        raise ValueError("not well-formed arithmetic") from None
    except ZeroDivisionError:
        raise ValueError("division by zero") from None


def _worked_out(node: ast.expr) -> Fraction:
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return Fraction(node.value)
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _OPERATORS[type(node.op)](_worked_out(node.left), _worked_out(node.right))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_worked_out(node.operand)
    raise ValueError("only whole numbers, + - * / and parentheses")


def share(text: str) -> tuple[Decimal, int] | None:
    """Read ``53.3 % of 30``; None if it is not of that form.

    Examples
    --------
    >>> share("53.3 % of 30")
    (Decimal('53.3'), 30)
    """
    match = _SHARE.fullmatch(text)
    return (Decimal(match[1]), int(match[2])) if match else None


def unit(printed: Decimal) -> Fraction:
    """One unit of the last printed digit."""
    exponent = printed.as_tuple().exponent
    return Fraction(10) ** int(exponent)


def roundings(percent: Fraction, step: Fraction) -> set[Fraction]:
    """Round to multiples of `step`; two values at an exact tie, as conventions differ there.

    Examples
    --------
    >>> [float(x) for x in sorted(roundings(Fraction(1875, 100), Fraction(1, 10)))]
    [18.8]
    """
    steps = percent / step
    below = floor(steps)
    rest = steps - below
    if rest == Fraction(1, 2):  # half up, and half to even
        return {(below + 1) * step, (below + below % 2) * step}
    return {(below + (rest > Fraction(1, 2))) * step}


def percent_of(count: int, total: int) -> Fraction:
    """Return an exact percentage; `total` is at least 1."""
    return Fraction(100 * count, total)
