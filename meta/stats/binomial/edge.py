"""Extremes of a function of (mu, v) over the region where the log-likelihood is above a floor.

Newton's method on the region's edge for a whole batch of extremes. What it cannot do is left to
:mod:`meta.stats.binomial.search`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from meta.stats.binomial.newton import leapt, lowest, reach
from meta.stats.binomial.sets import Sets, TermsFunction, concave, in_log
from meta.stats.binomial.terms import Terms
from meta.stats.normal.scales import FloatArray

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from meta.stats.normal.scales import BoolArray

Quantity = Literal["mu", "v", "mean"] | Callable[[FloatArray, FloatArray], Terms]

_STEPS = 40  # at most; 4 to 7 are usual
_LAST = 1e-6  # standard errors, and of ln(v + scale): a step this small is the last
_LEAP = 1.0  # of ln(v + scale) at most a step
_FAR_LEAP = 5.0  # the same towards a limit of v itself, where the profile is nearly a straight line


class Tasks(NamedTuple):
    """Extremes to find, one a row.

    `s` holds the counts; `group` (T,) the group whose mean the quantity is of, -1 for v; `side` 1.0 for the
    largest and -1.0 for the smallest value; `floor` the log-likelihood that remains; `kind` the index of the
    quantity.
    """

    s: Sets
    group: NDArray[np.intp]
    side: FloatArray
    floor: FloatArray
    kind: NDArray[np.intp]

    def rows(self, rows: NDArray[np.intp]) -> Tasks:
        """Some rows."""
        return Tasks(self.s.rows(rows), *(z[rows] for z in self[1:]))  # type: ignore[arg-type]

    @property
    def target(self) -> BoolArray:
        """One-hot group of the quantity, shape (T, G)."""
        return np.asarray(self.group[:, None] == np.arange(self.s.member.shape[0]))


def quantities(
    of: tuple[Quantity, ...], kind: NDArray[np.intp], mu: FloatArray, v: FloatArray, mean: FloatArray
) -> Terms:
    """Values and derivatives of each row's quantity; `mean` those of ln E[rate], shape (6, T)."""
    out = np.zeros((6, len(v)))
    for i, quantity in enumerate(of):
        rows = kind == i
        if callable(quantity):
            if rows.any():
                out[:, rows] = np.stack(quantity(mu[rows], v[rows]))
        elif quantity == "mean":
            out[:, rows] = mean[:, rows]
        else:
            out[0, rows], out[1, rows] = (mu if quantity == "mu" else v)[rows], 1.0
    return Terms(*out)


def evaluated(
    terms: TermsFunction, of: tuple[Quantity, ...], t: Tasks, mu: FloatArray, v: FloatArray
) -> tuple[Terms, Terms]:
    """Log-likelihood by group (T, G) and quantity (T,), from one call of `terms`."""
    target = t.target
    own = np.where(target, mu, 0.0).sum(-1)
    one = np.array([quantity == "mean" for quantity in of])[t.kind].astype(float)[:, None]
    x, n = (np.concatenate([z, one], axis=1) for z in (t.s.x, t.s.n))
    at = np.stack(terms(x, n, np.concatenate([mu[:, t.s.group], own[:, None]], axis=1), v[:, None]))
    return Terms(*t.s.by_group(at[..., :-1])), quantities(of, t.kind, own, v, at[..., -1])


class _Slope(NamedTuple):
    """The log-likelihood with the means other than the target's profiled out, each (T,).

    Derivatives by w = ln(v + scale) and the target's mu; `curvature` and `ratio` (T, G) belong to the
    other means.
    """

    value: FloatArray
    d_mu: FloatArray
    d_w: FloatArray
    d_mumu: FloatArray
    d_muw: FloatArray
    d_ww: FloatArray


def _profiled(u: Terms, target: BoolArray) -> _Slope:
    curvature = concave(u.d_mumu)
    ratio = np.where(target, 0.0, u.d_muv / curvature)
    gain = np.where(target, 0.0, u.d_mu**2 / curvature)
    own = (np.where(target, z, 0.0).sum(-1) for z in (u.d_mu, u.d_mumu, u.d_muv))
    d_mu, d_mumu, d_muw = own
    return _Slope(
        u.value.sum(-1) - gain.sum(-1) / 2,
        d_mu,
        (u.d_v - ratio * u.d_mu).sum(-1),
        d_mumu,
        d_muw,
        (u.d_vv - ratio * u.d_muv).sum(-1),
    )


def approach(
    terms: TermsFunction, of: tuple[Quantity, ...], t: Tasks, mu: FloatArray, v: FloatArray
) -> tuple[FloatArray, BoolArray]:
    """Newton's method from a start.

    Parameters
    ----------
    terms, of, t
        No group may be one-sided.
    mu, v : ndarray, shapes (T, G) and (T,)
        Starts.

    Returns
    -------
    extreme : ndarray, shape (T,)
        Logarithms of mean rates; v itself.
    found : ndarray of bool, shape (T,)
        Whether a point on the floor was reached where the quantity is largest (smallest) along the edge.
    """
    out, found, rows = np.full(len(v), np.nan), np.zeros(len(v), dtype=bool), np.arange(len(v))
    scale, limit = t.s.scale, mu
    for attempt in range(_STEPS):
        with np.errstate(all="ignore"):  # a stray step may leave the range of `terms`: not finite, not found
            likelihood, quantity = evaluated(terms, of, t, mu, v)
        factor, target = v + scale, t.target
        u, g = in_log(likelihood, factor[:, None]), in_log(quantity, factor)
        at = _profiled(u, target)
        along, right = _along_edge(at, g, t, v)
        outward, rightly = _outward(at, t.side, t.floor)
        of_v = t.group < 0
        most = np.where(of_v, _FAR_LEAP, _LEAP)
        leap = np.clip(np.where(of_v, outward, along), np.maximum(lowest(v, scale), -most), most)
        own = _across(at, leap, t.side, t.floor)
        limit = limit if attempt else reach(u.d_mumu)
        curvature = concave(u.d_mumu)
        other = -(u.d_mu + u.d_muv * leap[:, None]) / curvature
        step = np.clip(np.where(target, own[:, None], other), -limit, limit)
        own = np.where(target, step, 0.0).sum(-1)
        done = np.maximum((np.abs(step) * np.sqrt(-curvature)).max(-1), np.abs(leap)) < _LAST
        new_v = leapt(v, scale, leap)
        if done.any():
            g_end = g.value + g.d_mu * own + g.d_v * leap  # second order is beyond rounding
            out[rows[done]] = np.where(of_v, new_v, g_end)[done]
            found[rows[done]] = np.where(of_v, rightly, right)[done]
        go = ~done & np.isfinite(step).all(-1) & np.isfinite(leap)
        if not go.any():
            break
        mu, v = mu + step, new_v
        if not go.all():
            t, rows = t.rows(np.flatnonzero(go)), rows[go]
            mu, v, scale, limit = mu[go], v[go], scale[go], limit[go]
    return out, found


def _outward(at: _Slope, side: FloatArray, floor: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Step in w to where the profile over all means is at the floor, and whether it falls outward here."""
    falling = at.d_w * side < 0
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.where(falling, (floor - at.value) / at.d_w, side * _LEAP), falling


def _along_edge(at: _Slope, g: Terms, t: Tasks, v: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Step in w to where the quantity has no slope along the edge, and whether that is the right extreme.

    Along the level line through a point mu moves by s = -l_w/l_mu per unit of w, and the quantity by
    g_w + s g_mu, whose derivative along and across that line makes Newton's step.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        s = -at.d_w / at.d_mu
        slope = g.d_v + s * g.d_mu
        bend = at.d_ww + 2 * s * at.d_muw + s**2 * at.d_mumu
        second = g.d_vv + 2 * s * g.d_muv + s**2 * g.d_mumu - g.d_mu * bend / at.d_mu
        mixed = g.d_muv + s * g.d_mumu - g.d_mu * (at.d_muw + s * at.d_mumu) / at.d_mu
        slope = slope + mixed * (t.floor - at.value) / at.d_mu
        peaked = t.side * second < 0
        leap = np.where(peaked, -slope / second, np.sign(t.side * slope) * _LEAP)
    outside = at.d_mu * t.side < 0
    right = outside & (peaked | ((v == 0) & (t.side * slope <= 0)))
    return np.where(outside & np.isfinite(leap), leap, 0.0), right


def _across(at: _Slope, leap: FloatArray, side: FloatArray, floor: FloatArray) -> FloatArray:
    """Step in mu, for a given step in w, to where the parabola of the log-likelihood is at the floor."""
    slope = at.d_mu + at.d_muw * leap
    excess = at.value + at.d_w * leap + at.d_ww * leap**2 / 2 - floor
    bend = concave(at.d_mumu)
    inside = slope**2 - 2 * bend * excess
    root = np.sqrt(np.maximum(inside, 0.0))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        near = 2 * excess / (side * root - slope)  # the stable form where it falls outward
        far = -(slope + side * root) / bend
    return np.where((side * slope < 0) & (inside > 0), near, far)


def across(likelihood: Terms, t: Tasks) -> FloatArray:
    """Step in mu at the same v to where the parabola of the log-likelihood is at the floor."""
    return _across(_profiled(likelihood, t.target), np.zeros(len(t.side)), t.side, t.floor)


def single(t: Tasks) -> Sets:
    """The arms of each task's own group, as the only group."""
    own = t.s.only(t.target)
    return Sets(own.x, own.n, np.zeros_like(own.group), np.ones((1, len(own.group))))
