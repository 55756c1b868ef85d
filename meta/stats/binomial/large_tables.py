"""Tail probability of the conditional statistic where a table is too large for its exact distribution.

The statistic is sum (x_i - n_i S/N)^2 given S responders among N patients. Its first three cumulants are
exact: they follow from factorial moments, E[prod x_i^(a_i)] = prod n_i^(a_i) S^(a) / N^(a) with a = sum a_i,
where z^(a) is a falling factorial. Its shape is that of its limit for large trials, a weighted sum of squared
normal variables, and the tail comes from the saddlepoint formula [1]_.

References
----------
.. [1] Lugannani & Rice (1980), Adv Appl Probab 12:475-490
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtr

from meta.stats.numeric.roots import bracketed_root

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from meta.stats.binomial.fixed_total import IntArray
    from meta.stats.normal.scales import FloatArray

ABSOLUTE, RELATIVE, SMALLEST = 0.03, 0.1, 1e-4  # error of p; relative to itself from this p to 0.1
_SIZES = 500  # different numbers of patients; if there are more, they are rounded to two digits for the shape
_NEAR = 1e-3  # the formula cancels nearer to the mean than this many standard deviations
_SYMMETRIC = 1e-3  # a skewness too small to matter
# x^j in falling factorials of x: Stirling numbers of the second kind
_STIRLING = (
    (1,),
    (0, 1),
    (0, 1, 1),
    (0, 1, 3, 1),
    (0, 1, 7, 6, 1),
    (0, 1, 15, 25, 10, 1),
    (0, 1, 31, 90, 65, 15, 1),
)


def approximate_tail(size: IntArray, total: int, observed: IntArray) -> FloatArray:
    """Pr(statistic >= observed | total) within `ABSOLUTE`; of p from `SMALLEST` to 0.1 within `RELATIVE`.

    Parameters
    ----------
    size : ndarray of int, shape (k,)
        Patients, two trials or more.
    total : int
        Responders, between 1 and sum(size) - 1.
    observed : ndarray of int, shape (m, k)
        Counts with that total.

    Returns
    -------
    ndarray, shape (m,)
        The probability of the observed value itself counted by half, as far as it matters.

    Notes
    -----
    Of 183 random tables of 3 to 20 trials, each too large for the exact distribution by its usual limit, the
    largest error was 0.018, and between `SMALLEST` and 0.1 6.8 % of p; below 1e-6 p is of the right order of
    magnitude only.
    """
    mean, variance, third = _cumulants(size, total)
    if variance == 0:  # the statistic can have one value only
        return np.full(len(observed), 0.5)
    patients, sd = int(size.sum()), float(variance) ** 0.5
    skewness = float(third) / sd**3
    values = (
        sum(x * (patients * x - 2 * total * n) for x, n in zip(row, size.tolist(), strict=True))
        for row in observed.tolist()
    )
    z = np.array([float(value - mean) for value in values]) / sd
    p = _tail(_weights(size), z if skewness > 0 else -z, max(abs(skewness), _SYMMETRIC))
    return p if skewness > 0 else 1 - p


def _cumulants(size: IntArray, total: int) -> tuple[Fraction, Fraction, Fraction]:
    """Mean, variance and third cumulant of sum N x^2 - 2 S n x: N times the statistic but for a constant.

    With z^a standing for S^(a)/N^(a), each trial is a polynomial in z, and the mean of products of functions
    of different trials is the product of their polynomials.
    """
    patients = int(size.sum())
    n, times = (z.astype(object) for z in np.unique(size, return_counts=True))  # whole numbers of any length
    score = [0 * n, -2 * total * n, patients + 0 * n]
    square = _product(score, score)
    first, second, third = (_in_z(power, n) for power in (score, square, _product(square, score)))
    first_squared = _product(first, first)
    one, two, three, squares, cubes, mixed = (
        [int((times * c).sum()) for c in polynomial]
        for polynomial in (
            first, second, third, first_squared, _product(first_squared, first), _product(first, second)
        )
    )  # fmt: skip
    falling = [Fraction(1)]
    for a in range(6):
        falling.append(falling[-1] * Fraction(total - a, max(patients - a, 1)))

    def mean(polynomial: list[int]) -> Fraction:
        return sum((c * f for c, f in zip(polynomial, falling, strict=False)), Fraction(0))

    both = _product(one, one)
    m1, m2 = mean(one), mean(both) - mean(squares) + mean(two)
    m3 = mean(_product(both, one)) - 3 * mean(_product(one, squares)) + 2 * mean(cubes)
    m3 += 3 * (mean(_product(one, two)) - mean(mixed)) + mean(three)
    return m1, m2 - m1**2, m3 - 3 * m1 * m2 + 2 * m1**3


def _product(left: list[Any], right: list[Any]) -> list[Any]:
    """Of two polynomials, or of many at once, by their coefficients from the lowest."""
    out = [0 * left[0]] * (len(left) + len(right) - 1)
    for i, a in enumerate(left):
        for j, b in enumerate(right):
            out[i + j] = out[i + j] + a * b
    return out


def _in_z(polynomial: list[Any], n: Any) -> list[Any]:
    """A polynomial in x as one in z, where x^(a), the falling factorial, becomes n^(a) z^a."""
    out, falling = [0 * n] * len(polynomial), [1 + 0 * n]
    for a in range(len(out) - 1):
        falling.append(falling[-1] * (n - a))
    for c, row in zip(polynomial, _STIRLING, strict=False):
        for a, number in enumerate(row):
            out[a] = out[a] + c * number * falling[a]
    return out


def _weights(size: IntArray) -> FloatArray:
    """Variances of independent normal variables whose squares add up to the limit of the statistic.

    They are the eigenvalues of diag(n) - n n'/N, up to a factor: of equal n all but one are that n.
    """
    if len(np.unique(size)) > _SIZES:
        digits = 10.0 ** (np.floor(np.log10(size)) - 1)
        size = (np.round(size / digits) * digits).astype(np.int64)
    n, times = np.unique(size, return_counts=True)
    root = n * np.sqrt(times / size.sum())
    others: NDArray[np.float64] = np.linalg.eigvalsh(np.diag(n.astype(float)) - np.outer(root, root))[1:]
    weights = np.concatenate([others, np.repeat(n, times - 1)])
    return np.asarray(weights / weights.max())


def _tail(weights: FloatArray, z: FloatArray, skewness: float) -> FloatArray:
    """Upper tail at standardised values z of a sum of squares with these weights and this skewness.

    The sum is taken `times` times, which need not be a whole number, to have that skewness.
    """
    variance, third = 2 * (weights**2).sum(), 8 * (weights**3).sum()
    times = third**2 / variance**3 / skewness**2
    sd = np.sqrt(times * variance)
    q = times * weights.sum() + z * sd
    inside = np.flatnonzero(q > 0)  # else below all values

    def short(t: FloatArray, rows: NDArray[np.intp]) -> FloatArray:
        return np.asarray(q[inside[rows]] - times * (weights / (1 - t[:, None] * weights)).sum(-1))

    low = -times * len(weights) / q[inside] - 1
    t, _ = bracketed_root(short, low, np.full(len(inside), 1 - 1e-13))
    shrunk = 1 - t[:, None] * weights
    height = (t * q[inside] + times * np.log(shrunk).sum(-1)) / 2
    w = np.sign(t) * np.sqrt(np.maximum(2 * height, 0.0))
    u = t * np.sqrt(times * ((weights / shrunk) ** 2).sum(-1) / 2)
    near = np.abs(w) < _NEAR
    inverse = np.where(near, -skewness / 6, 1 / np.where(near, 1.0, u) - 1 / np.where(near, 1.0, w))
    p = np.ones(len(z))
    p[inside] = np.clip(ndtr(-w) + np.exp(-(w**2) / 2) / np.sqrt(2 * np.pi) * inverse, 0.0, 1.0)
    return p
