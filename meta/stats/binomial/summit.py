"""Highest peaks of the likelihood of a flat batch of data sets, and what there is where it has none."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from meta.stats.binomial.newton import Summit, climb, nowhere
from meta.stats.binomial.sets import TABLE_V, Sets, Table, TermsFunction, ceiling, coarse, tally
from meta.stats.numeric.codes import Code, CodeArray

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from meta.stats.normal.scales import FloatArray

_CELLS = 1_000_000  # of the coarse table held at once
_RIVAL = 3.0  # nats below the highest node of the table from which a second peak is climbed as well


class Located(NamedTuple):
    """A flat batch with its maxima, their codes, and the table that they were started from.

    `shape` is that of the leading axes before they were made one.
    """

    sets: Sets
    shape: tuple[int, ...]
    peak: Summit
    code: CodeArray
    table: Table


def locate(
    terms: TermsFunction,
    x: ArrayLike,
    n: ArrayLike,
    include: ArrayLike = True,
    *,
    groups: ArrayLike | None = None,
) -> Located:
    """Find the maxima once: for the estimates, and for the intervals that start from there.

    Parameters
    ----------
    terms, x, n, include, groups
        As of :func:`meta.stats.binomial.likelihood.maximise`.

    Returns
    -------
    Located
    """
    s, shape = tally(x, n, include, groups)
    return Located(s, shape, *summit(terms, s))


def summit(terms: TermsFunction, s: Sets) -> tuple[Summit, CodeArray, Table]:
    """Maxima of a flat batch, their codes, and the table that they were started from.

    Rows without a maximum, and one-sided groups, have NaN second derivatives; the table leaves one-sided
    groups out and is NaN in rows where nothing is left.
    """
    count, many = s.k.shape
    one_sided = s.one_sided
    inner = s.only(~one_sided)
    rising = ~inner.interior & (inner.n > 1).any(-1)
    go = np.flatnonzero((inner.n > 0).any(-1) & ~rising)
    peak = nowhere(count, many)
    table = Table(
        *np.full((3, count, len(TABLE_V)), np.nan), *np.full((2, count, len(TABLE_V), many), np.nan)
    )
    block = max(1, _CELLS // (s.n.shape[-1] * len(TABLE_V)))
    for start in range(0, len(go), block):
        rows = go[start : start + block]
        top, nodes = _highest(terms, inner.rows(rows))
        for whole, part in zip((*peak, *table), (*top, *nodes), strict=True):
            whole[rows] = part
    filled = s.k > 0
    rising_mu = np.where(s.by_group(s.x) > 0, np.inf, -np.inf)
    peak.mu[~filled] = np.nan
    peak.mu[one_sided] = rising_mu[one_sided]
    alone = filled.any(-1) & ~(inner.n > 0).any(-1)  # one-sided groups and no other
    peak.v[alone], peak.value[alone], peak.converged[alone] = 0.0, 0.0, True
    peak.v[rising], peak.value[rising] = np.inf, ceiling(s).sum(-1)[rising]
    code = np.where(one_sided.any(-1), Code.INFINITE_MU, Code.OK)
    code = np.where(peak.converged, code, Code.NOT_CONVERGED)
    code = np.where(rising, Code.NO_MAXIMUM, np.where(filled.any(-1), code, Code.NO_TRIALS))
    return peak, code.astype(np.int8), table


def _highest(terms: TermsFunction, s: Sets) -> tuple[Summit, Table]:
    """The highest peak of each row: from the best node of the table, and from a rival."""
    table = coarse(terms, s)
    hold = s.n.max(-1, initial=0) <= 1  # v is not identified
    best = np.where(hold, 0, table.value.argmax(-1))
    rows = np.arange(len(best))
    padded = np.pad(table.value, ((0, 0), (1, 1)), constant_values=-np.inf)
    local = (table.value > padded[:, :-2]) & (table.value >= padded[:, 2:])
    local &= (table.value > table.value[rows, best, None] - _RIVAL) & ~hold[:, None]
    local[rows, best] = False
    second = np.where(local, table.value, -np.inf).argmax(-1)
    rivals = np.flatnonzero(local.any(-1))
    every, nodes = np.concatenate([rows, rivals]), np.concatenate([best, second[rivals]])
    top = climb(terms, s.rows(every), *_between(table, every, nodes), hold[every])
    if not rivals.size:
        return top, table
    first, other = top.rows(rows), top.rows(np.arange(len(rows), len(every)))
    higher = other.converged & ~(other.value <= first.value[rivals])
    chosen = rows.copy()
    chosen[rivals[higher]] = len(rows) + np.flatnonzero(higher)
    return top.rows(chosen), table


def _between(table: Table, rows: NDArray[np.intp], node: NDArray[np.intp]) -> tuple[FloatArray, FloatArray]:
    """Start beside a node: where the slope, linear between it and its uphill neighbour, is zero."""
    slope = table.slope[rows, node]
    other = np.clip(node + np.where(slope > 0, 1, -1), 0, len(TABLE_V) - 1)
    beyond = table.slope[rows, other]
    turns = np.sign(slope) * np.sign(beyond) < 0
    share = np.where(turns, slope / np.where(turns, slope - beyond, 1.0), 0.0)
    v = (1 - share) * TABLE_V[node] + share * TABLE_V[other]
    mu = (1 - share)[:, None] * table.mu[rows, node] + share[:, None] * table.mu[rows, other]
    return mu, v
