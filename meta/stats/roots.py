"""A bracketed root finder for whole batches of equations at once.

scipy.optimize.elementwise.find_root solves the same problem; measured on one equation it takes 4 ms
against 0.3 ms here, and a fit solves four of them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from meta.stats.scales import BoolArray, FloatArray

Equation = Callable[[FloatArray, NDArray[np.intp]], FloatArray]


def bracketed_root(
    equation: Equation, low: FloatArray, high: FloatArray, *, maxiter: int = 200
) -> tuple[FloatArray, BoolArray]:
    """Solve ``equation(t, rows) = 0`` between `low` and `high`, one equation a row.

    Parameters
    ----------
    equation : callable (t, rows) -> ndarray, shape (m,)
        Values at `t` of the equations whose indices are `rows`; both of shape (m,). Positive at
        `low` and not positive at `high` (an end that is itself the root is found).
    low, high : ndarray, shape (B,)
        Finite ends of the brackets, low <= high.

    Returns
    -------
    root : ndarray, shape (B,)
        To about four units in the last place of the larger bracket end.
    converged : ndarray of bool, shape (B,)

    Notes
    -----
    Chandrupatla's method [1]_: inverse quadratic interpolation where it is safe, else bisection.

    References
    ----------
    .. [1] Chandrupatla (1997), Adv Eng Softw 28:145-149, doi:10.1016/S0965-9978(96)00051-8
    """
    rows = np.arange(len(low))
    root, converged = low.copy(), np.zeros(len(low), dtype=bool)
    a, b = high.copy(), low.copy()
    fa, fb = equation(a, rows), equation(b, rows)
    c, fc, step = a, fa, np.full(len(low), 0.5)
    for _ in range(maxiter):
        t = a + step * (b - a)
        ft = equation(t, rows)
        same = np.sign(ft) == np.sign(fa)
        c, fc = np.where(same, a, b), np.where(same, fa, fb)
        b, fb = np.where(same, b, a), np.where(same, fb, fa)
        a, fa = t, ft
        best = np.where(np.abs(fa) < np.abs(fb), a, b)
        tolerance = 2 * np.finfo(float).eps * np.abs(best) + np.finfo(float).tiny
        limit = tolerance / np.maximum(np.abs(b - a), np.finfo(float).tiny)
        done = (limit > 0.5) | (fa == 0) | (fb == 0)
        exact = np.where(fa == 0, a, np.where(fb == 0, b, best))
        root[rows[done]], converged[rows[done]] = exact[done], True
        go = ~done
        if not go.any():
            return root, converged
        step = np.clip(_interpolated((a, b, c), (fa, fb, fc)), limit, 1 - limit)[go]
        rows, a, b, c, fa, fb, fc = (z[go] for z in (rows, a, b, c, fa, fb, fc))
    root[rows] = a
    return root, converged


def _interpolated(points: tuple[FloatArray, ...], values: tuple[FloatArray, ...]) -> FloatArray:
    """Fraction of the way from a to b: interpolated where Chandrupatla's criterion allows, else half."""
    (a, b, c), (fa, fb, fc) = points, values
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        xi, phi = (a - b) / (c - b), (fa - fb) / (fc - fb)
        safe = (phi**2 < xi) & ((1 - phi) ** 2 < 1 - xi)
        step = fa / (fb - fa) * fc / (fb - fc) + (c - a) / (b - a) * fa / (fc - fa) * fb / (fc - fb)
    return np.where(safe & np.isfinite(step), step, 0.5)
