"""Integrals and interpolation of smooth functions given at equally spaced points."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import sici

if TYPE_CHECKING:
    from collections.abc import Callable

    from meta.stats.normal.scales import FloatArray

_FINE = 512  # rows of the table of the sinc function's antiderivative, per step
_NEAR = 64  # from there on the antiderivative's series in 1/u is right to 1e-12
# Running integrals have so many points for one. Where the function varies over two points or more, as all do
# that the grids resolve, the error of cubic interpolation is then below 1e-7.
_RUNNING = 16


@lru_cache(maxsize=8)
def _antiderivative(reach: int) -> tuple[FloatArray, FloatArray]:
    """The sinc function's antiderivative, and itself: row r, column m holds the value at m + r/_FINE."""
    whole, rest = np.arange(-reach, reach + 1), np.arange(_FINE + 1)[:, None] / _FINE
    near = slice(max(reach - _NEAR, 0), reach + _NEAR + 1)
    u = whole + rest
    u[:, near] = 1.0  # in the middle both functions are evaluated, outside of it the series in 1/u
    x, sign = np.pi * u, np.where(whole % 2, -1.0, 1.0) / np.pi
    slope = np.sin(np.pi * rest) * sign / u
    value = (u > 0) - np.cos(np.pi * rest) * sign / x * (1 - 2 / x**2 + 24 / x**4)
    value -= np.sin(np.pi * rest) * sign / x**2 * (1 - 6 / x**2)
    middle = whole[near] + rest
    value[:, near], slope[:, near] = 0.5 + sici(np.pi * middle)[0] / np.pi, np.sinc(middle)
    return value, slope


def below(s: FloatArray, first: FloatArray, step: FloatArray, size: int) -> FloatArray:
    """Weights of equally spaced points in the integral up to `s`.

    Parameters
    ----------
    s : ndarray, shape (L, T)
        Ends of the integrals, in each slice its own.
    first, step : ndarray, shape (T,)
        Lowest point and distance of the points.
    size : int
        How many points.

    Returns
    -------
    ndarray, shape (L, T, size)
        A function with values f at the points has the integral sum of f times this times `step` up to
        `s`: 0 before the first point, 1 after the last, where such functions have vanished.
    """
    values, slopes = _antiderivative(int(2 ** np.ceil(np.log2(size + 1))))
    u = np.clip((s - first) / step, 0.0, size - 1.0)
    whole = np.floor(u).astype(np.intp)
    row = np.rint((u - whole) * _FINE).astype(np.intp)
    rest = (u - whole) - row / _FINE
    columns = values.shape[1]
    place = (row * columns + whole + columns // 2)[..., None] - np.arange(size)
    # To first order from the nearest of 512 points between two: an error below 7e-7 of one point's weight
    result: FloatArray = values.ravel()[place] + rest[..., None] * slopes.ravel()[place]
    result[(s <= first)] = 0.0
    result[(s >= first + step * (size - 1))] = 1.0
    return result


def running(weight: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Running integrals of functions given at equally spaced points, at more points for `interpolate`.

    Parameters
    ----------
    weight : ndarray, shape (..., N)
        Values of each function at the points times their distance.

    Returns
    -------
    places : ndarray, shape (L,)
        From 0, the first point, to N - 1, the last one.
    integral : ndarray, shape (..., L)
        What lies before them.
    """
    size = weight.shape[-1]
    integral = _between(weight, lambda u: 0.5 + sici(np.pi * u)[0] / np.pi, _RUNNING)
    integral[..., 0], integral[..., -1] = 0.0, weight.sum(-1)
    return np.arange(_RUNNING * (size - 1) + 1) / _RUNNING, integral


def finer(weight: FloatArray, per: int) -> FloatArray:
    """Functions given at equally spaced points, at `per` points for one, from the first to the last.

    Parameters
    ----------
    weight : ndarray, shape (..., N)
        Values of functions that vanish at both ends.

    Returns
    -------
    ndarray, shape (..., per (N - 1) + 1)
    """
    return _between(weight, np.sinc, per)


def _between(weight: FloatArray, kernel: Callable[[FloatArray], FloatArray], per: int) -> FloatArray:
    """Convolve with a kernel of the distance in points; shape (..., per (N - 1) + 1)."""
    size = weight.shape[-1]
    length = 3 * size
    spectrum = np.fft.rfft(weight, length)
    result = np.empty((*weight.shape, per))
    for part in range(per):
        response = np.fft.rfft(kernel(np.arange(1 - size, size) + part / per), length)
        result[..., part] = np.fft.irfft(spectrum * response, length)[..., size - 1 : 2 * size - 1]
    return result.reshape(*weight.shape[:-1], -1)[..., : per * (size - 1) + 1]


def interpolate(x: FloatArray, y: FloatArray, at: FloatArray, *, monotone: bool = False) -> FloatArray:
    """Cubic interpolation through the four nearest points; beyond the ends, the line through the last two.

    Parameters
    ----------
    x : ndarray, shape (..., L)
        Increasing along the last axis.
    y : ndarray, shape (..., L)
    at : ndarray, shape (..., Q)
        The leading axes of all three broadcast.
    monotone : bool
        Whether y is: then nothing between two points may lie outside of their values.

    Returns
    -------
    ndarray, shape (..., Q)
    """
    lead = np.broadcast_shapes(x.shape[:-1], y.shape[:-1], at.shape[:-1])
    x, y = (np.broadcast_to(z, (*lead, z.shape[-1])) for z in (x, y))
    size = x.shape[-1]
    if lead:
        before = (x[..., None, :] < at[..., :, None]).sum(-1)
    else:
        before = np.searchsorted(x, at)
    rows = np.clip(before - 2, 0, size - 4)[..., None] + np.arange(4)
    nodes, values = (
        np.take_along_axis(z, rows.reshape(*lead, -1), axis=-1).reshape(rows.shape) for z in (x, y)
    )
    (a, b, c, d), (p, q, r, s) = (np.moveaxis(z, -1, 0) for z in (nodes, values))
    ta, tb, tc, td = at - a, at - b, at - c, at - d
    inside = (
        p * tb * tc * td / ((a - b) * (a - c) * (a - d))
        + q * ta * tc * td / ((b - a) * (b - c) * (b - d))
        + r * ta * tb * td / ((c - a) * (c - b) * (c - d))
        + s * ta * tb * tc / ((d - a) * (d - b) * (d - c))
    )
    if monotone:
        ends = np.take_along_axis(y, np.clip(before, 1, size - 1).reshape(*lead, -1), axis=-1)
        starts = np.take_along_axis(y, np.clip(before, 1, size - 1).reshape(*lead, -1) - 1, axis=-1)
        inside = np.clip(inside, np.minimum(starts, ends), np.maximum(starts, ends))
    lowest, highest = p + ta * (q - p) / (b - a), s + td * (s - r) / (d - c)
    return np.asarray(np.where(before == 0, lowest, np.where(before == size, highest, inside)))
