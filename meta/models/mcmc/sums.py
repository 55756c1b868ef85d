"""The likelihood of sums over groups as one operation of a PyTensor graph, with its gradient.

What :mod:`meta.stats.partial` computes for arrays of draws stands here once more, as loops for numba: of a
graph of array operations, compiling takes ten times as long as sampling from it. The whole predictor is
part of the operation, a design matrix times scaled standard normals, so that one graph serves every set of
trials, groups, contrasts and random effects, and what is compiled for one serves the others.

The functions below are Python. Those that call one of the others take it as an argument, so that numba
compiles them all and tests can run them as they are.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from meta.data import IntArray
from meta.stats.scales import FloatArray

LOG_2, LOG_ROOT_2_PI = float(np.log(2)), float(np.log(2 * np.pi) / 2)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SumsData:
    """What the operation takes beside the parameters; a cell is a group of a row.

    Attributes
    ----------
    offset : ndarray, shape (cells,)
        Part of each cell's log odds that no parameter moves.
    design : ndarray, shape (cells, P)
        What each effect adds to a cell's log odds.
    sd : ndarray, shape (P,)
        Prior standard deviation of an effect or, where it has a scale, that scale's prior scale.
    block : ndarray of int, shape (P,)
        The scale that multiplies the effect, -1 where none does.
    start : ndarray of int, shape (rows + 1,)
        The cells of row r are start[r] … start[r + 1] - 1; one at least.
    size : ndarray of int, shape (cells,)
        Patients, at least 1.
    total : ndarray of int, shape (rows,)
        Responders of all cells of a row.
    choose : ndarray, shape (cells, max(total) + 1)
        Logarithms of the binomial coefficients of `size`, -inf above it.
    """

    offset: FloatArray
    design: FloatArray
    sd: FloatArray
    block: IntArray
    start: IntArray
    size: IntArray
    total: IntArray
    choose: FloatArray

    def named(self) -> dict[str, Any]:
        """The arrays in the order in which the operation takes them."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def convolve(a: FloatArray, b: FloatArray, out: FloatArray) -> None:
    """Write log sum_j exp(a[t - j] + b[j]) to out[t]."""
    for t in range(len(out)):
        peak = -np.inf
        for j in range(t + 1):
            peak = max(peak, a[t - j] + b[j])
        out[t] = peak
        if peak > -np.inf:
            whole = 0.0
            for j in range(t + 1):
                whole += np.exp(a[t - j] + b[j] - peak)
            out[t] = peak + np.log(whole)


def row_with(convolve: Callable[..., None]) -> Callable[..., float]:
    """Make the function of one row of several cells from :func:`convolve`."""

    def row(terms: FloatArray, expected: FloatArray) -> float:
        """The row's log weight; `expected`, shape (C,), gets the responders expected of each cell.

        `terms`, shape (C, x + 1), are the log weights of 0 … x responders of each cell.
        """
        cells, length = terms.shape
        before, after = np.empty((cells + 1, length)), np.empty((cells + 1, length))
        for j in range(length):
            before[0, j] = after[cells, j] = 0.0 if j == 0 else -np.inf
        for c in range(cells):
            convolve(before[c], terms[c], before[c + 1])
        for c in range(cells - 1, -1, -1):
            convolve(after[c + 1], terms[c], after[c])
        value = before[cells, length - 1]
        rest = np.empty(length)
        for c in range(cells):
            convolve(before[c], after[c + 1], rest)
            expected[c] = 0.0
            for j in range(1, length):
                expected[c] += j * np.exp(terms[c, j] + rest[length - 1 - j] - value)
        return float(value)

    return row


def rows_with(row: Callable[..., float]) -> Callable[..., float]:
    """Make the function of all rows from that of one."""

    def rows(
        eta: FloatArray, gradient: FloatArray, start: IntArray, size: IntArray, total: IntArray,
        choose: FloatArray,
    ) -> float:  # fmt: skip
        """Log-likelihood at the cells' log odds, shape (cells,); `gradient` gets its derivatives."""
        value = 0.0
        for i in range(len(eta)):
            small = np.exp(-abs(eta[i]))
            value -= size[i] * (max(eta[i], 0.0) + np.log1p(small))
            gradient[i] = -size[i] * (1.0 if eta[i] > 0 else small) / (1 + small)
        for r in range(len(total)):
            first, last, x = start[r], start[r + 1], total[r]
            if last - first == 1:
                value += choose[first, x] + x * eta[first]
                gradient[first] += x
                continue
            terms, expected = np.empty((last - first, x + 1)), np.empty(last - first)
            for c in range(last - first):
                for j in range(x + 1):
                    terms[c, j] = choose[first + c, j] + j * eta[first + c]
            value += row(terms, expected)
            for c in range(last - first):
                gradient[first + c] += expected[c]
        return value

    return rows


def prior(q: FloatArray, effects: int, gradient: FloatArray) -> float:
    """Log density of `effects` standard normals and of logarithms of half-normals, and its gradient."""
    value = 0.0
    for p in range(len(q)):
        if p < effects:
            value -= q[p] ** 2 / 2 + LOG_ROOT_2_PI
            gradient[p] = -q[p]
        else:
            square = np.exp(2 * q[p])
            value += q[p] - square / 2 + LOG_2 - LOG_ROOT_2_PI
            gradient[p] = 1 - square
    return value


def kernel_with(
    prior: Callable[..., float], rows: Callable[..., float]
) -> Callable[..., tuple[Any, FloatArray]]:
    """Make the function of the parameters from those of the prior and of the cells' log odds."""

    def kernel(q: FloatArray, *data: Any) -> tuple[Any, FloatArray]:
        """Log posterior density of `q` given the arrays of `SumsData`, and its gradient."""
        offset, design, sd, block, start, size, total, choose = data
        effects = len(sd)
        gradient, factor = np.empty(len(q)), np.empty(effects)
        eta, by_eta = np.empty(len(offset)), np.empty(len(offset))
        for p in range(effects):
            factor[p] = sd[p] * (np.exp(q[effects + block[p]]) if block[p] >= 0 else 1.0)
        for i in range(len(eta)):
            eta[i] = offset[i]
            for p in range(effects):
                eta[i] += design[i, p] * factor[p] * q[p]
        value = prior(q, effects, gradient) + rows(eta, by_eta, start, size, total, choose)
        for p in range(effects):
            by_z = 0.0
            for i in range(len(eta)):
                by_z += design[i, p] * by_eta[i] * factor[p]
            gradient[p] += by_z
            if block[p] >= 0:
                gradient[effects + block[p]] += by_z * q[p]
        return np.asarray(value), gradient

    return kernel


@cache
def operation() -> Any:
    """The operation (q, *SumsData.named().values()) -> (log density, its gradient).

    Returns
    -------
    pytensor.graph.op.Op
        One a process, compiled by numba and kept in PyTensor's cache on disk.
    """
    import pytensor.tensor as pt
    from pytensor.gradient import disconnected_type
    from pytensor.graph.basic import Apply
    from pytensor.graph.op import Op
    from pytensor.link.numba.dispatch import basic

    register: Any = basic.register_funcify_default_op_cache_key
    jit: Any = basic.numba_njit
    compiled = jit(kernel_with(jit(prior), jit(rows_with(jit(row_with(jit(convolve)))))))
    version = zlib.crc32(Path(__file__).read_bytes())  # PyTensor's cache on disk outlives this code

    class Sums(Op):
        __props__ = ()

        def make_node(self, *inputs: Any) -> Any:
            return Apply(self, list(map(pt.as_tensor_variable, inputs)), [pt.dscalar(), pt.dvector()])

        def perform(self, node: Any, inputs: Any, outputs: Any) -> None:  # noqa: ARG002
            for storage, value in zip(outputs, compiled(*inputs), strict=True):
                storage[0] = value

        def connection_pattern(self, node: Any) -> list[list[bool]]:
            return [[True, False]] + [[False, False]] * (len(node.inputs) - 1)

        def L_op(self, inputs: Any, outputs: Any, grads: Any) -> list[Any]:
            return [grads[0] * outputs[1]] + [disconnected_type() for _ in inputs[1:]]

    register(Sums)(lambda op, **_: (compiled, version))  # noqa: ARG005
    return Sums()
