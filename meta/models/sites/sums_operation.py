"""The likelihood of sums over groups as one operation of a PyTensor graph, with its gradient.

What :mod:`meta.stats.unreported.sums` computes for arrays of draws stands here once more, as loops for numba:
of a graph of array operations, compiling takes ten times as long as sampling from it. The whole predictor is
part of the operation, a design matrix times scaled standard normals, and all data are one vector, so that one
graph serves every set of trials, groups, contrasts and random effects: a process compiles it once.

The functions below are Python. Those that call one of the others take it as an argument, so that numba
compiles them all and tests can run them as they are.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from meta.models.sites.softplus import prior_with, softplus

if TYPE_CHECKING:
    from meta.stats.normal.scales import FloatArray

TINY = float(np.finfo(float).tiny)


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


def multiply(poly: FloatArray, p: float) -> None:
    """From the complete homogeneous polynomials of some factors to those with the factor 1 - p + p z too.

    `poly[k, t]` is the coefficient of z^t at degree k: h_k becomes h_k + (1 - p + p z) h_(k - 1).
    """
    for k in range(1, poly.shape[0]):
        poly[k, 0] += (1 - p) * poly[k - 1, 0]
        for t in range(1, poly.shape[1]):
            poly[k, t] += (1 - p) * poly[k - 1, t] + p * poly[k - 1, t - 1]


def mixed_with(multiply: Callable[..., None]) -> Callable[..., None]:
    """Make the function of patients in an unknown mix from :func:`multiply`."""

    def mixed(eta: FloatArray, n: int, weight: FloatArray, slope: FloatArray) -> None:
        """Log probabilities of 0, 1 … responders of n patients of groups in an unknown mix, and their slopes.

        With a uniform prior of the mix every division of the patients among the groups is equally probable,
        and the probabilities are coefficients of the complete homogeneous symmetric polynomial of degree n
        in 1 - p + p z. `weight` has shape (L,); `slope`, shape (groups, L), gets derivatives by `eta`.
        """
        groups, length = slope.shape
        p, ways = np.empty(groups), 0.0
        poly = np.zeros((n + 1, length))
        poly[0, 0] = 1.0
        for g in range(groups):
            small = np.exp(-abs(eta[g]))
            p[g] = (1.0 if eta[g] > 0 else small) / (1 + small)
            ways += np.log1p(n / max(g, 1)) if g else 0.0
            multiply(poly, p[g])
        for t in range(length):
            weight[t] = np.log(poly[n, t]) - ways if poly[n, t] > 0 else -np.inf
        for g in range(groups):  # the derivative by one factor repeats that factor, at degree n - 1
            more = poly.copy()
            multiply(more, p[g])
            for t in range(length):
                difference = (more[n - 1, t - 1] if t else 0.0) - more[n - 1, t]
                slope[g, t] = p[g] * (1 - p[g]) * difference / max(poly[n, t], TINY)

    return mixed


def row_with(convolve: Callable[..., None]) -> Callable[..., float]:
    """Make the function of one row of several cells from :func:`convolve`."""

    def row(terms: FloatArray, chance: FloatArray) -> float:
        """The row's log weight; `chance` gets the probabilities of each cell's responders given the sum.

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
            for j in range(length):
                chance[c, j] = np.exp(terms[c, j] + rest[length - 1 - j] - value)
        return float(value)

    return row


def cell_with(mixed: Callable[..., None]) -> Callable[..., None]:
    """Make the function of one cell from that of patients in an unknown mix."""

    def cell(eta: FloatArray, n: int, choose: FloatArray, weight: FloatArray, slope: FloatArray) -> None:
        """Log probabilities of a cell's responders, shape (L,), and their slopes by its log odds."""
        if len(eta) > 1:
            mixed(eta, n, weight, slope)
            return
        small = np.exp(-abs(eta[0]))
        p = (1.0 if eta[0] > 0 else small) / (1 + small)
        for j in range(len(weight)):
            weight[j] = choose[j] + j * eta[0] - n * (max(eta[0], 0.0) + np.log1p(small))
            slope[0, j] = j - n * p

    return cell


def rows_with(cell: Callable[..., None], row: Callable[..., float]) -> Callable[..., float]:
    """Make the function of all rows from those of a cell and of one row."""

    def rows(eta: FloatArray, gradient: FloatArray, *data: Any) -> float:
        """Log-likelihood at the lines' log odds, shape (lines,); `gradient` gets its derivatives."""
        start, member, size, total, choose = data
        value = 0.0
        for r in range(len(total)):
            first, last, x = start[r], start[r + 1], total[r]
            origin = member[first]
            terms, chance = np.empty((last - first, x + 1)), np.zeros((last - first, x + 1))
            slopes = np.empty((member[last] - origin, x + 1))
            for c in range(first, last):
                low, high = member[c], member[c + 1]
                cell(
                    eta[low:high], size[c], choose[c], terms[c - first], slopes[low - origin : high - origin]
                )
            if last - first == 1:
                value += terms[0, x]
                chance[0, x] = 1.0
            else:
                value += row(terms, chance)
            for c in range(first, last):
                for i in range(member[c], member[c + 1]):
                    gradient[i] = 0.0
                    for j in range(x + 1):
                        gradient[i] += chance[c - first, j] * slopes[i - origin, j]
        return value

    return rows


def kernel_with(
    softplus: Callable[..., tuple[float, float]], prior: Callable[..., float], rows: Callable[..., float]
) -> Callable[..., tuple[Any, FloatArray]]:
    """Make the function of the parameters from those of scales, the prior and the cells' log odds."""

    def kernel(q: FloatArray, *data: Any) -> tuple[Any, FloatArray]:
        """Log posterior density of `q` given the arrays of `SumsData`, and its gradient."""
        offset, design, sd, block, start, member, size, total, choose = data
        effects = len(sd)
        gradient, factor, slope = np.empty(len(q)), np.empty(effects), np.empty(effects)
        eta, by_eta = np.empty(len(offset)), np.empty(len(offset))
        for p in range(effects):
            scale, by_parameter = softplus(q[effects + block[p]]) if block[p] >= 0 else (1.0, 0.0)
            factor[p], slope[p] = sd[p] * scale, sd[p] * by_parameter
        for i in range(len(eta)):
            eta[i] = offset[i]
            for p in range(effects):
                eta[i] += design[i, p] * factor[p] * q[p]
        value = prior(q, effects, gradient) + rows(eta, by_eta, start, member, size, total, choose)
        for p in range(effects):
            by_effect = 0.0
            for i in range(len(eta)):
                by_effect += design[i, p] * by_eta[i]
            gradient[p] += by_effect * factor[p]
            if block[p] >= 0:
                gradient[effects + block[p]] += by_effect * slope[p] * q[p]
        return np.asarray(value), gradient

    return kernel


def unpacked_with(kernel: Callable[..., tuple[Any, FloatArray]]) -> Callable[..., tuple[Any, FloatArray]]:
    """Make the function of the parameters and one vector from that of the arrays in it."""

    def density(q: FloatArray, data: FloatArray) -> tuple[Any, FloatArray]:
        """Log posterior density of `q` given `SumsData.vector()`, and its gradient."""
        lines, effects, rows, cells, length = (
            int(data[0]), int(data[1]), int(data[2]), int(data[3]), int(data[4])
        )  # fmt: skip
        a = 5
        b = a + lines
        c = b + lines * effects
        d = c + effects
        e = d + effects
        f = e + rows + 1
        g = f + cells + 1
        h = g + cells
        i = h + rows
        return kernel(
            q,
            data[a:b],
            data[b:c].reshape((lines, effects)),
            data[c:d],
            data[d:e].astype(np.int64),
            data[e:f].astype(np.int64),
            data[f:g].astype(np.int64),
            data[g:h].astype(np.int64),
            data[h:i].astype(np.int64),
            data[i:].reshape((cells, length)),
        )

    return density


def density_with(jit: Callable[[Any], Any]) -> Any:
    """Put the functions above together, each through `jit`.

    Parameters
    ----------
    jit : callable
        numba's, or one that gives back what it takes.
    """
    cell, row = jit(cell_with(jit(mixed_with(jit(multiply))))), jit(row_with(jit(convolve)))
    scale = jit(softplus)
    kernel = jit(kernel_with(scale, jit(prior_with(scale)), jit(rows_with(cell, row))))
    return jit(unpacked_with(kernel))


@cache
def operation() -> Any:
    """The operation (q, SumsData.vector()) -> (log density, its gradient).

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
    # In strict order: numba may else add up otherwise where it inlines otherwise, as it does between the
    # process that compiles and those that read the cache, and the same seed would give other draws.
    compiled = density_with(lambda function: basic.numba_njit(function, fastmath=False))
    here = Path(__file__)
    code = here.read_bytes() + here.with_name("softplus.py").read_bytes()
    version = zlib.crc32(code)  # PyTensor's cache on disk outlives this code

    class Sums(Op):
        __props__ = ()

        def make_node(self, *inputs: Any) -> Any:
            return Apply(self, list(map(pt.as_tensor_variable, inputs)), [pt.dscalar(), pt.dvector()])

        def perform(self, node: Any, inputs: Any, outputs: Any) -> None:  # noqa: ARG002
            for storage, value in zip(outputs, compiled(*inputs), strict=True):
                storage[0] = value

        def connection_pattern(self, node: Any) -> list[list[bool]]:  # noqa: ARG002
            return [[True, False], [False, False]]

        def L_op(self, inputs: Any, outputs: Any, grads: Any) -> list[Any]:  # noqa: ARG002
            return [grads[0] * outputs[1], disconnected_type()]

    register(Sums)(lambda op, **_: (compiled, version))  # noqa: ARG005
    return Sums()
