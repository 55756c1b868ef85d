"""What a figure is before it is drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # Nothing evaluates Plan's annotations, and a run without a new figure need not load matplotlib.
    from matplotlib.figure import Figure  # noqa: TC004


@dataclass(frozen=True, slots=True)
class Plan:
    """A figure to be drawn: its name without ending, the digest of what it shows, and how."""

    name: str
    digest: str
    draw: Callable[[], Figure]
