"""Extremes of functions over all combinations of finite choices: all evaluated, or found by a search."""

from __future__ import annotations

from itertools import product
from math import prod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from meta.stats.normal.scales import BoolArray, FloatArray

    Choice = NDArray[np.int64]

MOST = 100_000  # combinations that are enumerated
_CHUNK = 20_000  # evaluated at once
_CORNERS = 8  # choices whose first and last option are combined at the start of a search
_SPREAD = 512  # combinations spread evenly over all of them, at the start of a search
_ROUNDS = 50  # of a search; 2 to 5 are usual


class Extremes(NamedTuple):
    """Extremes of Q functions.

    `low` and `high` have shape (Q,), `low_at` and `high_at` shape (Q, T): which option of each choice, the
    first combination that attains it. `missing` counts the evaluated combinations at which a function has no
    value, shape (Q,); where it has none at all, the extremes are NaN. `evaluated` combinations were looked
    at: all of them if `complete`, else the extremes are what a search has found, and may lie further out.
    """

    low: FloatArray
    high: FloatArray
    low_at: Choice
    high_at: Choice
    missing: NDArray[np.int64]
    evaluated: int
    complete: bool


def extremes(sizes: Sequence[int], evaluate: Callable[[Choice], FloatArray], *, most: int = MOST) -> Extremes:
    """Find the extremes of several functions of T choices.

    Parameters
    ----------
    sizes : sequence of int, length T
        Options of each choice, at least 1.
    evaluate : callable
        From combinations, shape (B, T), to values, shape (B, Q); NaN where a function has none.
    most : int
        Combinations up to which all are evaluated. Above, a search without randomness: from corners and
        evenly spread combinations, every extreme found so far tries all options of one choice at a time,
        until no extreme moves or `most` have been evaluated.

    Examples
    --------
    >>> best = extremes([3, 4], lambda c: (c[:, :1] - 1.0) * c[:, 1:])
    >>> best.low.tolist(), best.high.tolist(), best.high_at.tolist(), best.complete
    ([-3.0], [3.0], [[2, 3]], True)
    """
    many = prod(int(size) for size in sizes)
    if many <= most:
        each = np.indices(tuple(sizes)).reshape(len(sizes), many).T if sizes else np.zeros((1, 0), dtype=int)
        best = _Best()
        best.add(each.astype(np.int64), evaluate)
        return best.extremes(complete=True)
    return _searched(np.array(sizes), evaluate, most)


class _Best:
    """The extremes so far."""

    def __init__(self) -> None:
        self.rows: list[Choice] = []
        self.values: list[FloatArray] = []

    def add(self, rows: Choice, evaluate: Callable[[Choice], FloatArray]) -> None:
        for part in np.array_split(rows, -(-len(rows) // _CHUNK) or 1):
            self.rows.append(part)
            self.values.append(evaluate(part))

    def extremes(self, *, complete: bool) -> Extremes:
        rows, values = np.concatenate(self.rows), np.concatenate(self.values)
        gone: BoolArray = np.isnan(values)
        low_at = np.where(gone, np.inf, values).argmin(0)
        high_at = np.where(gone, -np.inf, values).argmax(0)
        each = np.arange(values.shape[1])
        return Extremes(
            values[low_at, each],
            values[high_at, each],
            rows[low_at],
            rows[high_at],
            gone.sum(0),
            len(rows),
            complete,
        )


def _searched(sizes: Choice, evaluate: Callable[[Choice], FloatArray], most: int) -> Extremes:
    best, seen = _Best(), set[tuple[int, ...]]()
    front = _starts(sizes)
    for _ in range(_ROUNDS):
        new = [row for row in map(tuple, front.tolist()) if row not in seen]
        new = list(dict.fromkeys(new))[: most - len(seen)]
        if not new:
            break
        seen.update(new)
        best.add(np.array(new, dtype=np.int64), evaluate)
        now = best.extremes(complete=False)
        front = _around(np.unique(np.concatenate([now.low_at, now.high_at]), axis=0), sizes)
    return best.extremes(complete=False)


def _starts(sizes: Choice) -> Choice:
    """Corners, and combinations spread evenly: multiples of square roots of primes, modulo 1."""
    widest = np.argsort(-sizes, kind="stable")[:_CORNERS]
    ends = np.array(list(product((0, 1), repeat=len(widest))), dtype=np.int64)
    corners = np.zeros((2 * len(ends), len(sizes)), dtype=np.int64)
    corners[len(ends) :] = sizes - 1  # the narrower choices all at one end, then at the other
    corners[:, widest] = np.tile(ends, (2, 1)) * (sizes[widest] - 1)
    steps = np.sqrt(_primes(len(sizes)))
    spread = np.floor(np.outer(np.arange(1, _SPREAD + 1), steps) % 1 * sizes).astype(np.int64)
    return np.concatenate([corners, spread])


def _primes(many: int) -> FloatArray:
    primes: list[int] = []
    candidate = 2
    while len(primes) < many:
        if all(candidate % prime for prime in primes):
            primes.append(candidate)
        candidate += 1
    return np.array(primes, dtype=float)


def _around(rows: Choice, sizes: Choice) -> Choice:
    """Every row with every option of one of its choices."""
    parts = []
    for place, size in enumerate(sizes.tolist()):
        moved = np.repeat(rows, size, axis=0)
        moved[:, place] = np.tile(np.arange(size), len(rows))
        parts.append(moved)
    return np.concatenate(parts)
