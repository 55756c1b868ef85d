"""Safeguarded Newton iterations on the likelihood of a flat batch: to its peaks and to a given level.

Steps in v are steps in ln(v + scale), on which likelihoods are far closer to parabolas. Iterations end with
a step of less than _LAST standard errors, which is taken without another look: the error left is its square.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from meta.stats.binomial.terms import Sets, TermsFunction, concave, in_log, sums

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from meta.stats.binomial.terms import Terms
    from meta.stats.normal.scales import BoolArray, FloatArray

_STEPS = 200  # at most; 3 to 6 are usual
_LAST = 1e-6  # standard errors
_LEAP = 1.5  # of ln(v + scale) at most a step
_NOISE = 1e-11  # relative rounding error of a log-likelihood, with room


class Peaks(NamedTuple):
    """Highest peaks of a flat batch: `mu`, `d_mumu`, `d_muv` (B, G); the rest (B,).

    `bend` is the second derivative in v of the profile over the means. The second derivatives are those
    within _LAST standard errors of the peak.
    """

    mu: FloatArray
    v: FloatArray
    value: FloatArray
    d_mumu: FloatArray
    d_muv: FloatArray
    bend: FloatArray
    converged: BoolArray

    def rows(self, rows: NDArray[np.intp]) -> Peaks:
        """Some rows."""
        return Peaks(*(z[rows] for z in self))  # type: ignore[arg-type]  # in order


class Ridge(NamedTuple):
    """Peaks in the means at given v: `mu`, `value` and `d_mumu` of each group (B, G); converged (B,)."""

    mu: FloatArray
    value: FloatArray
    d_mumu: FloatArray
    converged: BoolArray


def no_peaks(count: int, many: int) -> Peaks:
    """A batch of `count` data sets with `many` groups, shapes (B,) and (B, G), before any peak is found."""
    mu, d_mumu, d_muv = np.full((3, count, many), np.nan)
    v, value, bend = np.full((3, count), np.nan)
    return Peaks(mu, v, value, d_mumu, d_muv, bend, np.zeros(count, dtype=bool))


class _Climber(NamedTuple):
    """Rows still iterating: the current point, the best point so far (`base`), and the step from there."""

    mu: FloatArray
    v: FloatArray
    base_mu: FloatArray
    base_v: FloatArray
    height: FloatArray
    step: FloatArray
    leap: FloatArray
    scale: FloatArray
    reach: FloatArray
    bound: FloatArray  # of the leap: a failed one shows how far the parabola holds
    hold: BoolArray

    def moved(
        self, rose: BoolArray, value: FloatArray, new_step: FloatArray, new_leap: FloatArray
    ) -> _Climber:
        """Next point: by a new step if this one was uphill, else by a quarter of the last from the base."""
        base_mu = np.where(rose[:, None], self.mu, self.base_mu)
        base_v = np.where(rose, self.v, self.base_v)
        step = np.where(rose[:, None], new_step, self.step / 4)
        leap = np.where(rose, new_leap, self.leap / 4)
        return self._replace(
            mu=base_mu + step,
            v=leapt(base_v, self.scale, leap),
            base_mu=base_mu,
            base_v=base_v,
            height=np.where(rose, value, self.height),
            step=step,
            leap=leap,
            bound=np.where(rose, np.minimum(2 * self.bound, _LEAP), np.abs(leap)),
        )

    def rows(self, rows: BoolArray) -> _Climber:
        """Some rows."""
        return _Climber(*(z[rows] for z in self))  # type: ignore[arg-type]  # in order


def climb(terms: TermsFunction, s: Sets, mu: FloatArray, v: FloatArray, hold: BoolArray) -> Peaks:
    """Climb from a start to a peak over (mu, v >= 0); rows of `hold` keep their v.

    Parameters
    ----------
    terms, s
        No group may be one-sided.
    mu, v : ndarray, shapes (B, G) and (B,)
        Starts.
    hold : ndarray of bool, shape (B,)
    """
    nothing = np.full(len(v), -np.inf)
    still, furthest = np.zeros_like(v), np.full(len(v), _LEAP)
    c = _Climber(mu, v, mu, v, nothing, np.zeros_like(mu), still, s.scale, mu, furthest, hold)
    out = no_peaks(*mu.shape)
    rows = np.arange(len(v))
    for attempt in range(_STEPS):
        t = sums(terms, s, c.mu, c.v)
        if not attempt:
            c = c._replace(reach=step_limit(t.d_mumu))
        value = t.value.sum(-1)
        rose = value >= c.height - _NOISE * (1 + np.abs(c.height))
        step, leap, size, gain = _uphill(t, c)
        done = rose & (size < _LAST)
        if done.any():
            bend = (t.d_vv - t.d_muv**2 / concave(t.d_mumu)).sum(-1)
            last = (c.mu + step, leapt(c.v, c.scale, leap), value + gain, t.d_mumu, t.d_muv, bend, done)
            for field, of in zip(out, last, strict=True):
                field[rows[done]] = of[done]
            if done.all():
                break
        c = c.moved(rose, value, step, leap)
        if done.any():
            s, c, rows = s.rows(np.flatnonzero(~done)), c.rows(~done), rows[~done]
    return out


def leapt(v: FloatArray, scale: FloatArray, leap: FloatArray) -> FloatArray:
    """Heterogeneity v, shape (B,), after a step in ln(v + scale); exactly 0 from `lowest` down."""
    return np.where(leap <= lowest(v, scale), 0.0, np.maximum(v + (v + scale) * np.expm1(leap), 0.0))


def lowest(v: FloatArray, scale: FloatArray) -> FloatArray:
    """The step in ln(v + scale) that ends at v = 0, shape (B,)."""
    return np.asarray(-np.log1p(v / scale))


def step_limit(d_mumu: FloatArray) -> FloatArray:
    """Longest step in mu, shape (B, G), from the curvature at the start: Newton's is too long in a tail."""
    return np.asarray(1 + 3 / np.sqrt(-concave(d_mumu)))


def _uphill(t: Terms, c: _Climber) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Newton's step in the means and in ln(v + scale), its size in standard errors, and what it gains."""
    u = in_log(t, (c.v + c.scale)[:, None])
    curvature = concave(u.d_mumu)
    ratio = u.d_muv / curvature
    slope = u.d_v.sum(-1) - (ratio * u.d_mu).sum(-1)
    bend = u.d_vv.sum(-1) - (ratio * u.d_muv).sum(-1)
    downward = np.where(bend < 0, bend, -np.abs(slope))  # where it bends up, one unit uphill
    downward = np.where(downward < 0, downward, -1.0)
    leap = np.clip(-slope / downward, np.maximum(lowest(c.v, c.scale), -c.bound), c.bound)
    leap = np.where(c.hold, 0.0, leap)
    step = np.clip(-(u.d_mu + u.d_muv * leap[:, None]) / curvature, -c.reach, c.reach)
    size = np.maximum((np.abs(step) * np.sqrt(-curvature)).max(-1), np.abs(leap) * np.sqrt(-downward))
    gain = (step * (u.d_mu + u.d_muv * leap[:, None] + u.d_mumu * step / 2)).sum(-1)
    gain += leap * (u.d_v.sum(-1) + u.d_vv.sum(-1) * leap / 2)
    return step, leap, size, gain


def settle(terms: TermsFunction, s: Sets, mu: FloatArray, v: FloatArray) -> Ridge:
    """Maximise over the means at given v, by Newton's method between brackets.

    Parameters
    ----------
    terms, s
        No group may be one-sided; one without arms keeps its mu, and value 0.
    mu, v : ndarray, shapes (B, G) and (B,)
    """
    out = Ridge(mu.copy(), np.full(mu.shape, np.nan), np.full(mu.shape, np.nan), np.zeros(len(v), dtype=bool))
    low, high, rows = np.full(mu.shape, -np.inf), np.full(mu.shape, np.inf), np.arange(len(v))
    limit = high
    for attempt in range(_STEPS):
        t = sums(terms, s, mu, v)
        limit = limit if attempt else step_limit(t.d_mumu)
        low, high = np.where(t.d_mu > 0, mu, low), np.where(t.d_mu < 0, mu, high)
        curvature = concave(t.d_mumu)
        step = -t.d_mu / curvature
        done = (np.abs(step) * np.sqrt(-curvature) < _LAST).all(-1)
        if done.any():
            at = rows[done]
            out.mu[at], out.d_mumu[at], out.converged[at] = (mu + step)[done], t.d_mumu[done], True
            out.value[at] = (t.value - step * curvature * step / 2)[done]
            if done.all():
                break
        mu = _bracketed(mu, step, low, high, limit)
        if done.any():
            go = ~done
            s, rows = s.rows(np.flatnonzero(go)), rows[go]
            mu, v, low, high, limit = (z[go] for z in (mu, v, low, high, limit))
    return out


def _bracketed(
    mu: FloatArray, step: FloatArray, low: FloatArray, high: FloatArray, limit: FloatArray
) -> FloatArray:
    """Next mu, shape of `mu`: a step of at most `limit`, or the middle where that leaves the bracket."""
    new = mu + np.clip(step, -limit, limit)
    closed = np.isfinite(low) & np.isfinite(high)
    middle = np.where(closed, low, new) / 2 + np.where(closed, high, new) / 2
    return np.where((new > low) & (new < high), new, middle)


def cross(
    terms: TermsFunction, s: Sets, start: FloatArray, inner: FloatArray, v: FloatArray, drop_to: FloatArray
) -> tuple[FloatArray, BoolArray]:
    """Find the mu at which a single group's log-likelihood at given v has fallen to a level.

    Parameters
    ----------
    terms, s
        Of one group, shape (B, k).
    start, inner : ndarray, shape (B,)
        A first guess, and a mu (perhaps infinite) where the log-likelihood is above the level; the crossing
        on the guess's side of it is found.
    v, drop_to : ndarray, shape (B,)
        Heterogeneity and level.

    Returns
    -------
    mu : ndarray, shape (B,)
    converged : ndarray of bool, shape (B,)
    """
    out, converged, rows = start.copy(), np.zeros(len(v), dtype=bool), np.arange(len(v))
    side = np.sign(start - inner)
    mu, outer, limit = start, side * np.inf, start
    for attempt in range(_STEPS):
        t = sums(terms, s, mu[:, None], v)
        value, slope, curvature = (z[:, 0] for z in (t.value, t.d_mu, t.d_mumu))
        limit = limit if attempt else step_limit(curvature)
        excess = value - drop_to
        inner, outer = np.where(excess > 0, mu, inner), np.where(excess <= 0, mu, outer)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            step = np.where(slope * side < 0, -excess / slope, side * np.inf)
        done = np.abs(step) * np.sqrt(np.abs(curvature) + slope**2) < _LAST
        done |= excess == 0
        out[rows[done]] = (mu + np.where(np.isfinite(step), step, 0.0))[done]
        converged[rows[done]] = True
        if done.all():
            break
        mu = _bracketed(mu, step, np.minimum(inner, outer), np.maximum(inner, outer), limit)
        if done.any():
            go = ~done
            s, rows = s.rows(np.flatnonzero(go)), rows[go]
            mu, v, drop_to, inner, outer, side, limit = (
                z[go] for z in (mu, v, drop_to, inner, outer, side, limit)
            )
    return out, converged
