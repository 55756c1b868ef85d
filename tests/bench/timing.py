"""Two programs side by side: the same numbers first, then their times in turns."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable
from dataclasses import dataclass
from time import process_time
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Numbers = dict[str, Any]  # what a program found: name -> float or array
Clock = Callable[[int], float]  # so many runs -> seconds a run

SETTLE = 0.05  # seconds that one measurement lasts at least


class Missing(Exception):
    """A peer is not installed, or a part of this project not built yet; the message goes into the table."""


@dataclass(frozen=True, slots=True)
class Side:
    """One program at one task: `run` does it once; `clock` times it where that is done elsewhere (in R)."""

    name: str
    run: Callable[[], Numbers]
    clock: Clock | None = None
    fits: int = 1  # done by one run: times are given per fit

    def seconds(self, runs: int) -> float:
        """Seconds a fit, the mean of so many runs in a row."""
        return (self.clock or clock_of(self.run))(runs) / self.fits


class Agreement(NamedTuple):
    """Whether two programs found the same, the largest absolute difference, and what to say of it."""

    same: bool
    difference: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One row of the table: a task, our side, the peer's, and what makes their numbers the same.

    The sides are functions, since making one may raise :class:`Missing`.
    """

    key: str
    task: str
    ours: Callable[[], Side]
    peer: Callable[[], Side] | None = None
    peer_name: str = "none"  # shown when the peer is missing
    agree: Callable[[Numbers, Numbers], Agreement] | None = None
    ratio: float | None = None  # how many times faster we mean to be
    limit: float | None = None  # seconds that one of our runs may take, and
    memory: float | None = None  # megabytes, where it reports its `peak_mb`
    rounds: int = 15


class Times(NamedTuple):
    """Seconds a fit, one entry a round."""

    ours: FloatArray
    peer: FloatArray


class Outcome(NamedTuple):
    """What became of a comparison; `times` is None where nothing was timed."""

    comparison: Comparison
    ours: str
    peer: str
    times: Times | None = None
    agreement: Agreement | None = None
    numbers: Numbers | None = None


def clock_of(run: Callable[[], object]) -> Clock:
    """Processor time of a function of this process, without garbage collection in between."""

    def clock(runs: int) -> float:
        collecting = gc.isenabled()
        gc.disable()
        try:
            start = process_time()
            for _ in range(runs):
                run()
            return (process_time() - start) / runs
        finally:
            if collecting:
                gc.enable()

    return clock


def interleave(ours: Side, peer: Side | None, rounds: int, settle: float = SETTLE) -> Times:
    """Measure both in every round, alternating who is first, each long enough to be read off a clock."""
    sides = [side for side in (ours, peer) if side is not None]
    runs = [_runs(side, settle) for side in sides]
    seconds = np.full((2, rounds), np.nan)
    for r in range(rounds):
        for i in range(len(sides))[:: 1 if r % 2 == 0 else -1]:
            seconds[i, r] = sides[i].seconds(runs[i])
    return Times(seconds[0], seconds[1])


def _runs(side: Side, settle: float) -> int:
    once = side.seconds(1) * side.fits  # the first run warms up
    if once < settle:
        once = side.seconds(1) * side.fits
    return max(1, math.ceil(settle / max(once, 1e-9)))


def largest_difference(tolerance: float) -> Callable[[Numbers, Numbers], Agreement]:
    """Compare the numbers that both sides give; those of one side alone are named."""

    def agree(ours: Numbers, peer: Numbers) -> Agreement:
        common = [name for name in ours if name in peer]
        apart = [float(np.max(np.abs(np.asarray(ours[name]) - np.asarray(peer[name])))) for name in common]
        worst = max(apart) if apart and not np.isnan(apart).any() else math.nan
        absent = [name for name in ours if name not in peer]
        note = f"without {', '.join(absent)}" if absent else ""
        return Agreement(bool(worst <= tolerance), worst, note)

    return agree


def compare(comparison: Comparison, settle: float = SETTLE) -> Outcome:
    """Carry out a comparison: same numbers, then times; no times where the numbers differ."""
    c = comparison
    try:
        ours = c.ours()
    except Missing as missing:
        return Outcome(c, str(missing), c.peer_name)
    peer, peer_name = None, c.peer_name
    try:
        peer = c.peer() if c.peer else None
        peer_name = peer.name if peer else peer_name
    except Missing as missing:
        peer_name = f"{peer_name}: {missing}"
    found = ours.run()
    agreement = c.agree(found, peer.run()) if peer and c.agree else None
    if agreement and not agreement.same:
        return Outcome(c, ours.name, peer_name, None, agreement, found)
    times = interleave(ours, peer, c.rounds, settle)
    return Outcome(c, ours.name, peer_name, times, agreement, found)
