"""The outcomes as a Markdown table."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tests.bench.timing import Outcome

HEADER = ("task", "ours, ms", "peer", "peer, ms", "ratio", "target", "agreement")
EXPLAINED = (
    "Milliseconds of processor time a fit: lowest, then median of all rounds. The two programs take turns in "
    "one run, on one core. Ratio: the peer's time over ours, the median of all rounds (10th to 90th "
    "percentile). Agreement: the largest absolute difference between the numbers both give, looked at before "
    "anything is timed."
)


def markdown(outcomes: Iterable[Outcome], notes: Sequence[str], machine: Sequence[str]) -> str:
    """The whole page: title, table, notes, machine."""
    rows = [HEADER, ("---",) * len(HEADER), *(row(outcome) for outcome in outcomes)]
    lines = ["| " + " | ".join(cells) + " |" for cells in rows]
    after = [text for note in (EXPLAINED, *notes, ", ".join(machine) + ".") for text in (note, "")]
    return "\n".join(["# Beside other programs", "", *lines, "", *after])


def row(outcome: Outcome) -> tuple[str, ...]:
    """The cells of one comparison."""
    c, times = outcome.comparison, outcome.times
    if times is None:
        ours, theirs, ratio = (outcome.ours if outcome.agreement is None else "not timed"), "", ""
    else:
        ours, theirs, ratio = milliseconds(times.ours), milliseconds(times.peer), spread(outcome)
    return (c.task, ours, outcome.peer, theirs, ratio, target(outcome), agreement(outcome))


def milliseconds(seconds: np.ndarray) -> str:
    """Lowest and median; empty where nothing was timed."""
    if np.isnan(seconds).any():
        return ""
    return f"{digits(1e3 * seconds.min())}, {digits(1e3 * float(np.median(seconds)))}"


def digits(value: float) -> str:
    """Three significant digits, without an exponent."""
    if value >= 100:
        return f"{value:,.0f}"
    return np.format_float_positional(value, precision=3, unique=False, fractional=False, trim="-")


def ratios(outcome: Outcome) -> np.ndarray:
    """The peer's time over ours, round by round."""
    assert outcome.times is not None
    return outcome.times.peer / outcome.times.ours


def spread(outcome: Outcome) -> str:
    """Median ratio with its 10th and 90th percentile."""
    every = ratios(outcome)
    if np.isnan(every).any():
        return ""
    low, middle, high = np.quantile(every, [0.1, 0.5, 0.9])
    return f"{digits(middle)} ({digits(low)}–{digits(high)})"


def target(outcome: Outcome) -> str:
    """What we aim at, and whether this run got there."""
    c, times = outcome.comparison, outcome.times
    aims = []
    if c.ratio is not None:
        got = None if times is None else float(np.median(ratios(outcome)))
        aims.append((f"≥ {c.ratio:g}", None if got is None or np.isnan(got) else got >= c.ratio))
    if c.limit is not None:
        aims.append((f"< {1e3 * c.limit:,.0f} ms", None if times is None else times.ours.min() < c.limit))
    if c.memory is not None:
        peak = (outcome.numbers or {}).get("peak_mb")
        said = "" if peak is None else f" ({peak:,.0f})"
        aims.append((f"< {c.memory:,.0f} MB{said}", None if peak is None else peak < c.memory))
    words = {True: ": met", False: ": missed", None: ""}
    return "; ".join(aim + words[met] for aim, met in aims)


def agreement(outcome: Outcome) -> str:
    """The largest difference, or that the numbers are not the same."""
    found = outcome.agreement
    if found is None:
        return "not compared"
    size = "none" if found.difference == 0 else f"{found.difference:.1e}"
    return "; ".join(filter(None, [size if found.same else f"DIFFERS by {size}", found.note]))


def machine() -> list[str]:
    """Cores and versions; no name of the machine."""
    found = [f"{os.cpu_count()} cores ({platform.machine()}), one used"]
    found.append(f"Python {platform.python_version()}")
    for package in ("numpy", "scipy"):
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return found
