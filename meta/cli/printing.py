"""How the command line prints: text from files is text, whatever it holds."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from meta.cli.interrupting import stop_if_pressed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import Console

    from meta.frames import Shown


def console(*, stderr: bool = False) -> Console:
    """The terminal, or where its output was sent."""
    from rich.console import Console

    return Console(stderr=stderr)


def safe(text: str) -> str:
    """One line of text from files: nothing in it moves a terminal's cursor; its blanks stay."""
    from meta.format import clean

    return re.sub("[^ ]+", lambda word: clean(word[0]), text)


def say(*lines: str, stderr: bool = False) -> None:
    """Print lines, none of them wrapped or taken for markup."""
    for line in lines:
        console(stderr=stderr).print(safe(line), markup=False, highlight=False, soft_wrap=True)


def table(title: str, header: Sequence[str], rows: Sequence[tuple[str, ...]]) -> None:
    """Print a table: names to the left, numbers to the right."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    shown = Table(title=Text(safe(title)), box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for i, name in enumerate(header):
        shown.add_column(name, justify="left" if i == 0 else "right", overflow="fold", no_wrap=i > 0)
    for row in rows:
        shown.add_row(*(Text(safe(cell)) for cell in row))
    console().print(shown)


def print_shown(result: Shown) -> None:
    """Print what a result shows of itself: its table, then its notes."""
    table(result.caption, result.header, result.rows)
    say(*result.notes)


@contextmanager
def progress(what: str) -> Iterator[Callable[[int], None]]:
    """Show the number of remaining tasks as the caller reports it; the first number is the total."""
    from rich.progress import Progress

    with Progress(console=console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)

        def left(number: int) -> None:
            stop_if_pressed()
            whole = bar.tasks[task].total or number
            bar.update(task, total=whole, completed=whole - number)

        yield left
