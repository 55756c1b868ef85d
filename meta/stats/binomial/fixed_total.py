"""Exact distribution of an integer statistic that is a sum over trials, given the total of responders.

Counts of trials with one common rate are, given their total, multivariate hypergeometric. A convolution
over trials of the states (responders so far, statistic so far), weighted with binomial probabilities,
gives the distribution of any statistic sum score_i(x_i) with convex integer scores. States that are certain
to reach the value of interest leave the convolution at once, as in Mehta & Patel's network algorithm (1983,
J Am Stat Assoc 78:427-434), and take with them the probability of all that may follow. Only positive terms
are added, so that small tail probabilities keep their digits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meta.stats.normal.scales import FloatArray

IntArray = NDArray[np.int64]

_NOWHERE = 2**60  # floor of the statistic where a number of responders cannot be reached
_WORK = 1e8  # nanoseconds, by the estimates below, that an exact distribution may take
_PER_STATE, _PER_PAIR, _PER_CELL = 150.0, 4000.0, 2.0  # of sparse states; of pairs of rows and their cells
_PRODUCTS, _ENTRIES = 2e7, 1e6  # that the table may take to prepare


class Table(NamedTuple):
    """What the convolution needs, whatever the observed statistic: lists of trials in order of processing.

    `scores` and `chance` are the scores and binomial probabilities of 0, 1 … responders; `rest[j][s]` is
    the probability that trials j, j+1 … have the total - s responders; `before[j][s]` and `after[j][s]` are
    the least statistics of the trials before j with s and of those from j on with total - s responders.
    """

    total: int
    scores: list[IntArray]
    chance: list[FloatArray]
    rest: list[FloatArray]
    before: list[IntArray]
    after: list[IntArray]


class _Level(NamedTuple):
    """One trial's step: x = first, first + 1 …; `limit` and `rest` of the states after it, by responders.

    `beyond` is, by responders before, the probability of all x whose score alone reaches the cut.
    """

    first: int
    score: IntArray
    chance: FloatArray
    limit: IntArray
    rest: FloatArray
    beyond: FloatArray


class _Run(NamedTuple):
    """Distribution below the cut (values in rising order), probability of the cut and more, and their sum."""

    t: IntArray
    w: FloatArray
    beyond: float
    total: float


class _States(NamedTuple):
    """Responders so far, statistic so far, probability: each shape (m,)."""

    s: IntArray
    t: IntArray
    w: FloatArray


_Rows = dict[int, "FloatArray"]  # responders so far -> probability of each value of the statistic so far


def preparable(size: IntArray, total: int) -> bool:
    """Whether a table is small enough to be prepared, so that its integers are below 2^63.

    Parameters
    ----------
    size : ndarray of int, shape (k,)
    """
    products, entries = int(np.minimum(size, total).sum()) * total, len(size) * total
    return products <= _PRODUCTS and entries <= _ENTRIES and total**2 * int(size.sum()) < 2**61


def table(size: IntArray, total: int, scores: list[IntArray]) -> Table:
    """Prepare the distribution of sum score_i(x_i) given sum x_i.

    Parameters
    ----------
    size : ndarray of int, shape (k,)
        Patients, at least 1, in the order of processing: largest last is quickest.
    total : int
        Responders, between 1 and sum(size) - 1.
    scores : list of ndarray of int
        For each trial the score at 0, 1 … min(size, total) responders: convex, not negative.
    """
    rate = total / int(size.sum())
    later = int(size.sum()) - np.concatenate([[0], np.cumsum(size)])
    rest = []
    for m in later.tolist():
        reached = _binomial(m, rate)[: total + 1]
        rest.append(np.concatenate([np.zeros(total + 1 - len(reached)), reached[::-1]]))
    chance = [np.zeros(len(score)) for score in scores]
    for own, n in zip(chance, size.tolist(), strict=True):
        reached = _binomial(n, rate)[: len(own)]
        own[: len(reached)] = reached
    after = [least[::-1] for least in _least(scores[::-1], total)[::-1]]
    return Table(total, scores, chance, rest, _least(scores, total), after)


def tail(table: Table, levels: IntArray) -> FloatArray:
    """Pr(statistic >= level | total).

    Parameters
    ----------
    levels : ndarray of int, shape (m,)
        Attainable values of the statistic.

    Returns
    -------
    ndarray, shape (m, 2)
        The probability with the level's own counted wholly and by half. NaN where it would take too long,
        which depends on the table and the level alone.
    """
    distinct, where = np.unique(levels, return_inverse=True)
    p = _exact(table, distinct)
    if p is None:
        gone = np.full((1, 2), np.nan)
        each = [_exact(table, distinct[[i]]) if len(distinct) > 1 else None for i in range(len(distinct))]
        p = np.concatenate([gone if one is None else one for one in each])
    return p[where]


def _exact(table: Table, levels: IntArray) -> FloatArray | None:
    run = _convolve(table, int(levels.max()) + 1)
    if run is None:
        return None
    p, above = _upper(run, levels), _upper(run, levels + 1)
    return np.stack([p, (p + above) / 2], -1)


def _upper(run: _Run, levels: IntArray) -> FloatArray:
    suffix = np.append(np.cumsum(run.w[::-1])[::-1], 0.0) + run.beyond
    return np.minimum(suffix[np.searchsorted(run.t, levels)] / run.total, 1.0)


def _binomial(n: int, p: float) -> FloatArray:
    """Probabilities of 0 … n, by ratios from the mode outwards: good to a few units in the last place."""
    mode = int((n + 1) * p)
    last = min(n, mode + 100 + int(40 * (n * p) ** 0.5))  # beyond is nothing that a float can hold
    up, down = np.arange(mode, last), np.arange(mode, 0, -1)
    above = np.cumprod((n - up) / (up + 1) * (p / (1 - p)))
    below = np.cumprod(down / (n - down + 1) * ((1 - p) / p))
    relative = np.concatenate([below[::-1], [1.0], above])
    probability: FloatArray = relative / relative.sum()
    return probability


def _least(scores: Sequence[IntArray], total: int) -> list[IntArray]:
    """Least sum of the first j convex scores at each number of responders 0 … total, for every j."""
    start, steps, found = 0, np.zeros(0, dtype=np.int64), []
    for score in (np.zeros(1, dtype=np.int64), *scores):
        start += int(score[0])
        steps = np.sort(np.concatenate([steps, np.diff(score)]), kind="stable")[:total]
        least = np.full(total + 1, _NOWHERE)
        least[: len(steps) + 1] = start + np.concatenate([[0], np.cumsum(steps)])
        found.append(least)
    return found


def _limit(table: Table, j: int, cut: int) -> IntArray:
    """By responders in the first j trials, the statistic from which on the cut is certain to be reached.

    0 where no state is below that.
    """
    before, after = table.before[j], table.after[j]
    return np.where(before < cut - after, cut - after, 0)


def _level(table: Table, j: int, cut: int) -> _Level:
    score, chance = table.scores[j], table.chance[j]
    inside = np.flatnonzero(score < cut)
    first, last = (int(inside[0]), int(inside[-1]) + 1) if len(inside) else (0, 0)
    padding = np.zeros(last, dtype=np.int64)
    outside = np.concatenate([chance[:first], np.zeros(last - first), chance[last:]])
    beyond = np.convolve(outside, table.rest[j + 1][::-1])[table.total :: -1]
    return _Level(
        first,
        score[first:last],
        chance[first:last],
        np.concatenate([_limit(table, j + 1, cut), padding]),
        np.concatenate([table.rest[j + 1], padding]),
        beyond,
    )


def _work(level: _Level, here: IntArray) -> float:
    """Nanoseconds that the dense step takes, from rows of these lengths."""
    s = np.flatnonzero(here)
    if len(s) * len(level.score) * _PER_PAIR > 100 * _WORK:
        return np.inf
    after = s[:, None] + np.arange(level.first, level.first + len(level.score))
    room = np.minimum(level.limit[after] - level.score, here[s, None])
    return float(np.maximum(room, 0).sum()) * _PER_CELL + float((room > 0).sum()) * _PER_PAIR


def _plan(levels: list[_Level], here: IntArray) -> int | None:
    """How many steps are taken sparsely, as states are few at first; None if that takes too long.

    States are at most all combinations of counts, or all cells.
    """
    states, spent, sparse = 1.0, 0.0, 0
    for j, level in enumerate(levels):
        dense = _work(level, here)
        few = min(states, float(here.sum())) * len(level.score) * _PER_STATE if sparse == j else np.inf
        spent += min(few, dense)
        if spent > _WORK:
            return None
        sparse += few <= dense
        states *= len(level.score)
        here = level.limit[: len(here)]
    return sparse


def _convolve(table: Table, cut: int) -> _Run | None:
    """Convolve trial by trial; None where that takes too long."""
    zero = np.zeros(1, dtype=np.int64)
    levels = [_level(table, j, cut) for j in range(len(table.scores))]
    here = _limit(table, 0, cut)
    sparse = _plan(levels, here)
    if sparse is None:
        return None
    states, rows, beyond = _States(zero, zero, np.ones(1)), None, 0.0
    for j, level in enumerate(levels):
        if j < sparse:
            states, absorbed = _sparse_step(states, level, cut)
        else:
            rows, absorbed = _dense_step(_dense(states, here) if rows is None else rows, level)
        beyond += absorbed
        here = level.limit[: table.total + 1]
    if rows is None:
        return _Run(states.t, states.w, beyond, float(table.rest[0][0]))
    last = rows.get(table.total, np.zeros(0))
    return _Run(np.arange(len(last)), last, beyond, float(table.rest[0][0]))


def _sparse_step(states: _States, level: _Level, cut: int) -> tuple[_States, float]:
    s = states.s[:, None] + np.arange(level.first, level.first + len(level.score))
    t = states.t[:, None] + level.score
    w = states.w[:, None] * level.chance
    keep = t < level.limit[s]
    absorbed = float((w * level.rest[s])[~keep].sum() + states.w @ level.beyond[states.s])
    key, where = np.unique(s[keep] * cut + t[keep], return_inverse=True)
    merged: FloatArray = np.bincount(where, w[keep], len(key)).astype(float)
    return _States(key // cut, key % cut, merged), absorbed


def _dense(states: _States, here: IntArray) -> _Rows:
    rows: _Rows = {int(s): np.zeros(here[s]) for s in np.unique(states.s)}
    for s, row in rows.items():
        row[states.t[states.s == s]] = states.w[states.s == s]
    return rows


def _dense_step(rows: _Rows, level: _Level) -> tuple[_Rows, float]:
    after: _Rows = {int(s): np.zeros(level.limit[s]) for s in np.flatnonzero(level.limit)}
    absorbed, x = 0.0, range(level.first, level.first + len(level.score))
    starts, chances = level.score.tolist(), level.chance.tolist()
    buffer = np.empty(max(map(len, rows.values()), default=0))
    for s, row in rows.items():
        suffix = np.append(np.cumsum(row[::-1])[::-1], 0.0)
        reach = slice(s + x.start, s + x.stop)
        room = np.clip(level.limit[reach] - level.score, 0, len(row))
        absorbed += float(suffix[room] @ (level.chance * level.rest[reach]) + suffix[0] * level.beyond[s])
        for z, m, start, chance in zip(x, room.tolist(), starts, chances, strict=True):
            if m:
                np.multiply(row[:m], chance, out=buffer[:m])
                after[s + z][start : start + m] += buffer[:m]
    return after, absorbed
