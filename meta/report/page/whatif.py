"""The reader's own choice of trials: a stored table, rounded as it is shown and packed for the page."""

from __future__ import annotations

import base64
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from meta.errors import StoreError
from meta.format import number, percent
from meta.models.policy import words
from meta.records.run import BASE
from meta.records.storing.subsets import ESTIMANDS, FILE, load
from meta.results import name_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from meta.records.run import Run
    from meta.records.storing.subsets import Choice, Subsets

NONE = 65535  # in place of a number that is not given
_TAU = ESTIMANDS.index("tau")


@dataclass(frozen=True, slots=True)
class Panel:
    """What the template shows of an analysis; `data` is what its script reads."""

    analysis: str
    digest: str
    data: dict[str, Any]
    full: tuple[str, ...]


def stored_panels(runs: Sequence[Run], out: Path) -> list[Panel]:
    """The panels of all analyses that have a table which belongs to their stored base.

    Parameters
    ----------
    out : Path
        The folder with ``results/``.
    """
    panels = []
    for run in runs:
        if run.variation == BASE:
            with suppress(StoreError):  # without a table the page has no such section
                table = load(out / "results" / run.name / FILE)
                if table.run == run.provenance.digest and table.choices:
                    panels.append(panel(table))
    return panels


def panel(table: Subsets) -> Panel:
    """Pack a table.

    Returns
    -------
    Panel
        Proportions are whole tenths of a percent, tau whole hundredths: the digits that are shown.
    """
    data: dict[str, Any] = {
        "analysis": table.analysis,
        "complete": table.complete,
        "estimands": ESTIMANDS,
        "rate": table.outcome.rate,
        "trials": [
            {
                **asdict(one),
                "observed": percent(one.responders / one.n),
                "shown": f"{percent(one.low)} to {percent(one.high)}",
            }
            for one in table.trials
        ],
        "choices": [{**asdict(one), "estimands": _names(table, one)} for one in table.choices],
        "named": table.named,
        "skipped": table.skipped,
        "words": table.words,
        "rows": len(table.members),
        "values": _base64(shown(table.values)),
        "reasons": _base64(table.reasons),
        "called": [{"headline": one.headline, "words": words(one)} for one in table.called],
        "standings": _base64(table.standings),
    }
    if not table.complete:
        data["members"] = ["".join("01"[there] for there in row) for row in table.members.tolist()]
    everything = int(table.members.all(-1).argmax())
    full = tuple(_full(table, i, choice, everything) for i, choice in enumerate(table.choices))
    return Panel(table.analysis, table.digest, data, full)


def shown(values: NDArray[np.float64]) -> NDArray[np.uint16]:
    """The digits that stand on the page, as whole numbers; NONE for NaN.

    Parameters
    ----------
    values : ndarray, shape (choices, 4, 3, B)
    """
    digits = np.full(values.shape, NONE, dtype="<u2")
    for place in range(len(ESTIMANDS)):
        part = values[:, place]
        there = np.isfinite(part)
        text = [number(z, 2) if place == _TAU else percent(z) for z in part[there].tolist()]
        scale = 100 if place == _TAU else 10
        digits[:, place][there] = [min(round(scale * float(z)), NONE - 1) for z in text]
    return digits


def _base64(array: NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def _names(table: Subsets, choice: Choice) -> list[str | None]:
    return [None if one is None else name_of(one, table.outcome) for one in choice.estimands]


def _full(table: Subsets, index: int, choice: Choice, row: int) -> str:
    """All trials under one choice, in words, for a page without scripts."""
    parts = []
    for place, name in enumerate(_names(table, choice)[:_TAU]):
        value, low, high = table.values[index, place, :, row]
        if name and np.isfinite([value, low, high]).all():
            parts.append(f"{name} {percent(value)} % ({percent(low)} to {percent(high)})")
    prior = f", tau ~ {choice.prior}" if choice.prior else ""
    return f"{choice.role}, {choice.model}{prior}: {'; '.join(parts) or 'not given'}"
