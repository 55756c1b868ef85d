"""Likelihood, score and Q of y_i ~ N(mu_g, v_i + tau2) as functions of tau2, for whole batches of data sets.

Here trials lie along the first axis and data sets along the last: a sum over trials then adds up whole rows,
which is several times as fast as summing thousands of short ones. Groups have nothing in common but tau2, so
that everything is a sum over groups of what one mean gives.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from math import ceil, log
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from meta.stats.numeric.roots import newton_root

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from meta.stats.normal.scales import BoolArray, FloatArray
    from meta.stats.normal.weights import Arms
    from meta.stats.numeric.roots import Slope, Sloping

_STEP = 1 / 3  # between nodes in log(tau2 + smallest v); see highest_peak
_FEWEST, _ENOUGH = 8, 64  # nodes of a data set in a large batch, and in a small one
_CHUNK = 32_768  # numbers held in an array at once: 256 kB, of which the processor's cache holds several
_FACTORS = 16  # multiplied before a logarithm is taken, or fewer where
_LARGEST = 690  # may be exceeded by that logarithm or its negative: exp(709) overflows
_EPS = float(np.finfo(float).eps)
_TINY = float(np.finfo(float).tiny)
_product = np.multiply.reduce
_sum = np.add.reduce  # over trials; the method says the same, more slowly


class Columns(NamedTuple):
    """Effects and variances, shape (k, B), the trials of each group side by side: `parts` are the groups.

    Effects are centred on their group's mean at tau2 = 0, so that sums of squares lose no digits. A trial
    left out has effect 0 and infinite variance, which makes its weight exactly 0 at every tau2; `gaps` says
    whether there are any.
    """

    y: FloatArray
    v: FloatArray
    parts: tuple[slice, ...]
    gaps: bool

    @classmethod
    def of(cls, a: Arms) -> Columns:
        """Transpose a flat batch."""
        y, v = a.at_zero.residual.T, np.where(a.include, a.v, np.inf).T
        gaps = not a.include.all()
        if len(a.groups) == 1:
            return cls(np.ascontiguousarray(y), np.ascontiguousarray(v), (slice(None),), gaps)
        order = np.argsort(a.groups.argmax(0), kind="stable")
        ends = np.cumsum(a.groups.sum(1), dtype=np.intp)
        parts = tuple(slice(i, j) for i, j in zip([0, *ends[:-1]], ends, strict=True) if i < j)
        return cls(y[order], v[order], parts, gaps)

    def take(self, rows: NDArray[np.intp]) -> Columns:
        """Some of the data sets; [:, rows] would give them with the trials along the last axis in memory."""
        return self._replace(y=self.y.take(rows, -1), v=self.v.take(rows, -1))


def loglik(c: Columns, tau2: FloatArray, *, restricted: bool) -> FloatArray:
    """(Restricted) log-likelihood of tau2 with the means profiled out, up to a constant of the data set.

    Parameters
    ----------
    c : Columns
        B data sets.
    tau2 : ndarray, shape (B, M)
        Values for each of them.
    restricted : bool
        Whether it is the likelihood of the residuals, as REML maximises it.

    Returns
    -------
    ndarray, shape (B, M)
    """
    variance = c.v[..., None] + tau2
    w = 1 / variance
    if c.gaps:
        variance[np.isinf(c.v)] = 1.0  # a factor that changes nothing
    block = _block(c, float(tau2.max(initial=0.0)))
    twice = -_log_product(variance, block)
    totals = []
    for part in c.parts:
        weighted, y = w[part], c.y[part, :, None]
        total = _sum(weighted)
        if c.gaps:
            total[total == 0] = 1.0
        totals.append(total)
        weighted *= y  # in place: what is fetched from memory anew takes longer than the arithmetic
        twice += _sum(weighted) ** 2 / total
        weighted *= y
        twice -= _sum(weighted)
    if restricted:
        twice -= _log_product(totals, block)
    twice *= 0.5
    return twice


def _block(c: Columns, tau2: float) -> int:
    """How many variances, or sums of weights, at up to `tau2` can be multiplied."""
    low, high = c.v.min(), c.v.max(initial=1.0, where=np.isfinite(c.v)) if c.gaps else c.v.max()
    largest = max(abs(log(low)), abs(log(high + tau2))) + log(len(c.v))
    return int(min(max(_LARGEST // largest, 1), _FACTORS))


def _log_product(factors: FloatArray | list[FloatArray], block: int) -> FloatArray:
    """Logarithm of a product, so many factors at a time: a logarithm costs far more than a product."""
    parts = [np.log(_product(factors[i : i + block])) for i in range(0, len(factors), block)]
    return np.asarray(sum(parts[1:], parts[0]))


def _score(
    y: FloatArray, v: FloatArray, tau2: FloatArray, *, parts: tuple[slice, ...], restricted: bool
) -> Slope:
    """Derivative of the (restricted) log-likelihood over sum(w^2)/2, its slope and its rounding error.

    The score bends like 1/(v + tau2)^2. Over sum(w^2) it is a straight line where variances are equal, and
    nearly one elsewhere, so that Newton's steps hardly miss.
    """
    weights = 1 / (v + tau2)
    of_groups = [_score_of_group(y[part], weights[part], restricted=restricted) for part in parts]
    score, slope, s1, s2, s3 = of_groups[0] if len(of_groups) == 1 else np.sum(of_groups, axis=0)
    value = score / s2
    return value, (slope + 2 * value * s3) / s2, _EPS * len(y) * s1 / s2


def _score_of_group(y: FloatArray, w: FloatArray, *, restricted: bool) -> tuple[FloatArray, ...]:
    """Twice the score and its derivative in tau2, and the sums of w, w^2 and w^3."""
    square = w * w
    s1, s2, s3 = _sum(w), _sum(square), _sum(square * w)
    variance = 1 / np.maximum(s1, _TINY)  # a group may be empty
    residual = y - _sum(w * y) * variance
    pull = square * residual
    residual *= pull
    score = _sum(residual) - s1
    residual *= w
    slope = s2 + 2 * (_sum(pull) ** 2 * variance - _sum(residual))
    if restricted:
        share = s2 * variance
        score += share
        slope += share * share - 2 * s3 * variance
    return score, slope, s1, s2, s3


def _excess(
    y: FloatArray, v: FloatArray, target: FloatArray, tau2: FloatArray, *, parts: tuple[slice, ...]
) -> Slope:
    """1 - target/Q(tau2). As 1/Q is concave, Newton's steps from the left stay there and never turn back."""
    weights = 1 / (v + tau2)
    of_groups = [_q_of_group(y[part], weights[part]) for part in parts]
    q, fall = of_groups[0] if len(of_groups) == 1 else np.sum(of_groups, axis=0)
    ratio = target / q
    return 1 - ratio, -ratio * fall / q, np.full(len(q), _EPS * len(y))


def _q_of_group(y: FloatArray, w: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Q of one mean, and how fast it falls in tau2."""
    residual = y - _sum(w * y) / np.maximum(_sum(w), _TINY)
    pull = w * residual
    residual *= pull
    pull *= pull
    return _sum(residual), _sum(pull)


def solve(c: Columns, target: FloatArray, high: FloatArray) -> tuple[FloatArray, BoolArray]:
    """The tau2 in [0, high] at which Q(tau2), which falls, reaches `target`.

    Parameters
    ----------
    c : Columns
        B data sets.
    target, high : ndarray, shape (B,)
        A value below Q(0), and a tau2 at which Q is below it.

    Returns
    -------
    tau2 : ndarray, shape (B,)
    converged : ndarray of bool, shape (B,)

    Notes
    -----
    1/Q is concave: Q = z' (S + tau2 T)^-1 z for contrasts z of the effects, hence 1/Q is the smallest over
    all a with a'z = 1 of a'(S + tau2 T)a, which is linear in tau2.
    """
    start = np.zeros(len(target))
    return _in_chunks(partial(_excess, parts=c.parts), (c.y, c.v, target), start, start, high)


def highest_peak(c: Columns, *, restricted: bool) -> tuple[FloatArray, BoolArray]:
    """The tau2 >= 0 at which the (restricted) likelihood is highest.

    Parameters
    ----------
    c : Columns
        B data sets.

    Returns
    -------
    tau2 : ndarray, shape (B,)
    converged : ndarray of bool, shape (B,)

    Notes
    -----
    The likelihood can have two peaks (one at zero, one far out), so a local search is not enough. All its
    singularities lie at negative tau2 + smallest v: in the logarithm x of that it is analytic within pi of
    the real axis, so that it changes little within a small part of pi, and nodes a third apart show every
    peak. Each is climbed by Newton's method from the vertex of the parabola through three nodes, and the
    highest wins.
    """
    smallest, span = np.minimum.reduce(c.v), np.maximum.reduce(c.y) - np.minimum.reduce(c.y)
    # Residuals are at most (1 - w_i/sum(w)) times the range of their group, so that sum(w^2 r^2) is at most
    # range^2/tau2 times the trace: beyond range^2 the score is negative
    reach = np.log1p(span * span / smallest)
    if len(reach) * len(c.y) * _FEWEST <= _CHUNK:
        return _climb(c, smallest, reach, restricted=restricted)
    order = np.argsort(reach)  # data sets that need as many nodes go together
    tau2, converged = np.empty(len(order)), np.empty(len(order), dtype=bool)
    in_order = c.take(order), smallest[order], reach[order]
    tau2[order], converged[order] = _climb(*in_order, restricted=restricted)
    return tau2, converged


def _climb(
    c: Columns, smallest: FloatArray, reach: FloatArray, *, restricted: bool
) -> tuple[FloatArray, BoolArray]:
    """Climb every peak and take the highest."""
    peaks = _peaks(c, smallest, reach, restricted=restricted)
    equation = partial(_score, parts=c.parts, restricted=restricted)
    single = len(peaks.row) == len(reach)
    at = c if single else c.take(peaks.row)
    peak, converged = _in_chunks(equation, (at.y, at.v), peaks.low, peaks.start, peaks.high)
    if single:
        return peak, converged
    height = loglik(at, peak[:, None], restricted=restricted)[:, 0]
    first = np.searchsorted(peaks.row, np.arange(len(reach)))
    wins = np.flatnonzero(height == np.maximum.reduceat(height, first)[peaks.row])
    value, reached = peak[first], converged[first]
    value[peaks.row[wins]], reached[peaks.row[wins]] = peak[wins], converged[wins]
    return value, reached


class _Peaks(NamedTuple):
    """Peaks on a grid, in the order of their data sets: between which nodes, and where to start the climb."""

    row: NDArray[np.intp]
    low: FloatArray
    start: FloatArray
    high: FloatArray


def _peaks(c: Columns, smallest: FloatArray, reach: FloatArray, *, restricted: bool) -> _Peaks:
    """Every local maximum of the likelihood on nodes evenly spaced in x, over `reach` from tau2 = 0 on."""
    peaks = []
    for rows in _chunks(len(reach), _FEWEST * len(c.y)):
        length, unit = reach[rows], smallest[rows]
        # more where the chunk is not full: there they cost little, and a nearer start saves a Newton step
        spare = min(_CHUNK // (len(c.y) * len(unit)), _ENOUGH)
        last = max(ceil(length.max() / _STEP), spare, _FEWEST)
        width = length / last
        nodes = np.exp(width[:, None] * np.arange(last + 1)) * unit[:, None] - unit[:, None]
        some = c._replace(y=c.y[:, rows], v=c.v[:, rows])
        height = loglik(some, nodes, restricted=restricted)
        rises = height[:, 1:] > height[:, :-1]
        top = np.ones(height.shape, dtype=bool)
        top[:, 1:] = rises
        top[:, :-1] &= ~rises
        row, j = np.nonzero(top)
        before, after = np.maximum(j - 1, 0), np.minimum(j + 1, last)
        low, high = nodes[row, before], nodes[row, after]
        left, right = (height[row, j] - height[row, z] for z in (before, after))
        vertex = j + (left - right) / (2 * np.maximum(left + right, _TINY))
        start = np.expm1(width[row] * vertex) * unit[row]  # outside for a first or last node
        peaks.append((row + rows.start, low, np.minimum(np.maximum(start, low), high), high))
    return _Peaks(*(np.concatenate(z) for z in zip(*peaks, strict=True)))


def _in_chunks(
    equation: Sloping, given: tuple[FloatArray, ...], low: FloatArray, start: FloatArray, high: FloatArray
) -> tuple[FloatArray, BoolArray]:
    """Solve so many equations at once as stay in the cache; the last axis of what is given is the batch."""
    root, converged = np.empty(len(low)), np.empty(len(low), dtype=bool)
    for rows in _chunks(len(low), len(given[0])):
        root[rows], converged[rows] = newton_root(
            equation, tuple(z[..., rows] for z in given), low[rows], start[rows], high[rows]
        )
    return root, converged


def _chunks(count: int, numbers: int) -> Iterator[slice]:
    """Slices of a batch whose arrays hold `numbers` values for each data set."""
    size = max(1, _CHUNK // numbers)
    return (slice(start, start + size) for start in range(0, count, size))
