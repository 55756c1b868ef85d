"""Permutation test of a meta-regression: moderators are permuted over trials, tau2 is estimated anew."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from math import comb, prod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from meta.errors import DataError
from meta.stats.normal.regression import regress
from meta.stats.normal.weights import arms
from meta.stats.numeric.codes import Code, CodeArray

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from meta.stats.normal.scales import BoolArray, FloatArray
    from meta.stats.normal.tau2 import Tau2Method

MOST = 2000  # assignments; the p-value's Monte-Carlo standard error is then 0.005 at 0.05
_SAME = 1e-8  # relative (absolute below 1): equal statistics differ by rounding and by where tau2's root ends
_CHUNK = 2_000_000


class Permutation(NamedTuple):
    """Permutation test of QM, each shape (...).

    `p` is the share of `assignments` whose QM is at least the observed one, `smallest` the same for the
    largest QM of all, the smallest p attainable with these trials. `exhaustive` says whether the
    assignments are all that differ.
    """

    statistic: FloatArray
    p: FloatArray
    smallest: FloatArray
    assignments: NDArray[np.int64]
    exhaustive: BoolArray
    code: CodeArray


def permutation_test(
    y: ArrayLike,
    v: ArrayLike,
    x: ArrayLike,
    include: ArrayLike = True,
    *,
    method: Tau2Method = "REML",
    most: int = MOST,
    seed: int = 1,
) -> Permutation:
    """Test moderators by permuting the rows of the design over the included trials.

    A trial keeps its effect and variance together. Permutations that differ only among trials with equal
    rows (of the same group) count once.

    Parameters
    ----------
    y, v, x, include, method
        As in :func:`meta.stats.normal.regression.regress`.
    most : int, default 2000
        All distinct assignments where they are no more than this; else this many, one of them the observed
        one and the others drawn at random.
    seed : int, default 1
        Of the random ones.

    Returns
    -------
    Permutation
        NaN with a :class:`~meta.stats.numeric.codes.Code` where QM cannot be estimated.

    Raises
    ------
    DataError
        As :func:`~meta.stats.normal.regression.regress` does, or if `most` is below 1.

    Notes
    -----
    Exact if moderators are independent of effects and variances. An assignment whose QM cannot be estimated
    counts as at least as large as the observed one.

    References
    ----------
    .. [1] Higgins & Thompson (2004), Stat Med 23:1663-1682, doi:10.1002/sim.1752; Follmann & Proschan
       (1999), Biometrics 55:732-737
    """
    if most < 1:
        raise DataError(f"most: found {most}; 1 or more is allowed")
    a = arms(y, v, include)
    observed = regress(y, v, x, include, method=method)
    shape, flat, design = a.y.shape[:-1], a.flat(), np.asarray(x, dtype=float)
    code, statistic = observed.code.reshape(-1), observed.qm.reshape(-1)
    p, smallest = np.full(len(code), np.nan), np.full(len(code), np.nan)
    count, exhaustive = np.zeros(len(code), dtype=np.int64), np.zeros(len(code), dtype=bool)
    for row in np.flatnonzero((code == Code.OK) & np.isfinite(statistic)):
        used = np.flatnonzero(flat.include[row])
        label = np.unique(design[used], axis=0, return_inverse=True)[1].reshape(-1)
        order = np.argsort(label, kind="stable")
        used = used[order]
        permutations, exhaustive[row] = _permutations(np.bincount(label), most, seed)
        all_qm = _statistics(flat.y[row, used], flat.v[row, used], design[used], permutations, method)
        p[row], smallest[row] = _share(all_qm, all_qm[0]), _share(all_qm, all_qm.max())
        count[row] = len(permutations)
    parts = (statistic, p, smallest, count, exhaustive, code)
    return Permutation(*(z.reshape(shape) for z in parts))  # type: ignore[arg-type]  # in order


def _statistics(
    y: FloatArray, v: FloatArray, x: FloatArray, permutations: NDArray[np.intp], method: Tau2Method
) -> FloatArray:
    """QM of every permutation, infinite where it cannot be estimated."""
    size = max(1, _CHUNK // x.size)
    parts = [
        regress(y[some], v[some], x, method=method).qm
        for some in (permutations[start : start + size] for start in range(0, len(permutations), size))
    ]
    qm = np.concatenate(parts)
    return np.where(np.isfinite(qm), qm, np.inf)


def _share(statistics: FloatArray, reached: float) -> float:
    """Share of the statistics that reach a value, but for rounding."""
    slack = _SAME * max(1.0, reached) if np.isfinite(reached) else 0.0
    return float(np.mean(statistics >= reached - slack))


def _permutations(sizes: NDArray[np.intp], most: int, seed: int) -> tuple[NDArray[np.intp], bool]:
    """Permutations of trials over the sorted rows of the design, the observed one first, shape (P, k)."""
    k, each = int(sizes.sum()), tuple(int(size) for size in sizes)
    if prod(comb(sum(each[i:]), size) for i, size in enumerate(each)) <= most:
        return np.array(list(_every(tuple(range(k)), each)), dtype=np.intp), True
    permutations = np.tile(np.arange(k), (most, 1))
    permutations[1:] = np.random.default_rng(seed).permuted(permutations[1:], axis=1)
    return permutations, False


def _every(trials: tuple[int, ...], sizes: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Every way to assign trials to groups of these sizes; the first keeps their order."""
    if not sizes:
        yield ()
        return
    for chosen in combinations(trials, sizes[0]):
        rest = tuple(i for i in trials if i not in set(chosen))
        for others in _every(rest, sizes[1:]):
            yield chosen + others
