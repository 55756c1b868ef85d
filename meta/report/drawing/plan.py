"""What a figure is before it is drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from meta.records.storing.code import drawing_code

if TYPE_CHECKING:
    # Nothing evaluates Plan's annotations, and a run without a new figure need not load matplotlib.
    from matplotlib.figure import Figure  # noqa: TC004


@dataclass(frozen=True, slots=True)
class Plan:
    """A figure to be drawn: its name without ending, the digest of what it shows, and how."""

    name: str
    digest: str
    draw: Callable[[], Figure]

    @property
    def made(self) -> str:
        """Digest of what its file is made from: what it shows, and the code that draws."""
        return f"{drawing_code()}:{self.digest}"
