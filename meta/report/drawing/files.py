"""Figures of stored runs as files: those that are not current, or all of them in one format."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

from meta.records.storing.files import write
from meta.report.figures.registry import figures

if TYPE_CHECKING:
    from pathlib import Path

    from meta.records.run import Run
    from meta.records.storing.outputs import Outputs
    from meta.report.figures.registry import Plan

Spread = Callable[[Sequence[Callable[[], list[bytes]]]], Generator[tuple[int, list[bytes]], None, None]]

KINDS = ("png", "svg")


def write_figures(
    analyses: Sequence[Sequence[Run]], outputs: Outputs, progress: Callable[[int], None], spread: Spread
) -> int:
    """Draw, as PNG and SVG, every figure that is not there yet or shows something else now.

    Parameters
    ----------
    analyses : sequence of sequence of Run
        All variations of each analysis.
    progress : callable
        Called with the number of figures still to be drawn, at first and after each.
    spread : callable
        Makes calls and yields their places with what they gave, in any order.

    Returns
    -------
    int
        How many were drawn.
    """
    todo = []
    for figure in (one for runs in analyses for one in figures(runs)):
        current = [outputs.is_current(name, figure.made) for name in _files(figure)]  # each is claimed
        if not all(current):
            todo.append(figure)
    progress(len(todo))
    with closing(spread([partial(_drawn, figure, KINDS) for figure in todo])) as drawn:
        for done, (place, pictures) in enumerate(drawn, 1):
            for name, content in zip(_files(todo[place]), pictures, strict=True):
                outputs.write(name, todo[place].made, content)
            progress(len(todo) - done)
    return len(todo)


def _files(figure: Plan) -> list[str]:
    return [f"figures/{figure.name}.{kind}" for kind in KINDS]


def _drawn(figure: Plan, kinds: Sequence[str], width: float | None = None) -> list[bytes]:
    from meta.report.drawing.canvas import render
    from meta.report.drawing.widths import resized

    picture = resized(figure.draw(), width)
    return [render(picture, kind) for kind in kinds]


def save_figures(
    analyses: Sequence[Sequence[Run]],
    folder: Path,
    kind: str,
    progress: Callable[[int], None],
    spread: Spread,
    *,
    width: float | None = None,
) -> int:
    """Draw every figure in one format and at one width into a folder, current or not.

    Parameters
    ----------
    analyses, progress, spread
        As of :func:`write_figures`.
    kind : {"png", "svg", "pdf"}
    width : float, optional
        In mm; as they are drawn if left out.

    Returns
    -------
    int
        How many.

    Raises
    ------
    SpecError
        If `kind` is none of these, or the width is not among those allowed.
    """
    todo = [one for runs in analyses for one in figures(runs)]
    progress(len(todo))
    with closing(spread([partial(_drawn, figure, (kind,), width) for figure in todo])) as drawn:
        for done, (place, (picture,)) in enumerate(drawn, 1):
            write(folder / f"{todo[place].name}.{kind}", picture)
            progress(len(todo) - done)
    return len(todo)
