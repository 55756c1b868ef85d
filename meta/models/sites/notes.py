"""Notes that belong to every result of the model of sites and regions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from meta.models.describe import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meta.models.sites.question import Question


def notes(asked: Question) -> Iterator[str]:
    """Notes on the data behind the answers."""
    yield from _contrast(asked)
    yield from _groups(asked)
    if asked.data.pools:
        many = sum(pool.n for pool in asked.data.pools)
        yield (
            f"For {counted(many, 'patient')}, no report gives the group: every division of them among the "
            "groups that they may be in is equally probable a priori; a pooled target mix is without them."
        )


def _contrast(asked: Question) -> Iterator[str]:
    """The contrast is between trials: how many there are at each level."""
    names = asked.levels()[0]
    if len(names) < 2:
        if asked.contrast is not None:
            yield f"Every trial is of one {asked.contrast}, {names[0]}: there is none to compare it with."
        return
    parts = []
    for name in names:
        k, responders, _ = asked.behind(name)
        parts.append(f"{name} {counted(k, 'trial')}, {counted(responders, 'responder')}")
    yield (
        f"The contrast of {asked.contrast} is descriptive: it compares trials ({'; '.join(parts)}), which "
        "differ in more than that, and is aliased with whatever else goes with it."
    )


def _groups(asked: Question) -> Iterator[str]:
    """How many trials tell anything about the contrasts between groups."""
    data = asked.data
    with_rows = set(data.trial[data.row_patients() > 0].tolist())
    telling = [t for t in sorted(with_rows) if np.count_nonzero(data.reported()[t]) > 0]
    silent = len(with_rows) - len(telling)
    if silent:
        yield (
            f"{counted(len(telling), 'trial')} of {len(with_rows)} report responders by group; the totals of "
            f"the other {silent} say next to nothing about contrasts between groups, and what they say is "
            "ecological."
        )
