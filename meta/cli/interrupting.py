"""Ctrl-C, remembered: the exception that it raises can get lost in a library or in Python's own clean-up."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_PRESSED = Event()


class Interruption(KeyboardInterrupt):
    """Ctrl-C.

    Python ends by the signal, not with an exit code, if a plain KeyboardInterrupt ever left an ``exec``, as
    that of `dataclasses` does; it does not where the class is another.
    """


@contextmanager
def remembered() -> Iterator[None]:
    """Remember Ctrl-C meanwhile; where it is ignored, as in a shell's background, it stays so."""
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, _remember)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        _PRESSED.clear()


def pressed() -> bool:
    """Whether Ctrl-C was pressed, even if nothing stopped for it."""
    return _PRESSED.is_set()


def stop_if_pressed() -> None:
    """Stop here if Ctrl-C was pressed and the work went on.

    Raises
    ------
    Interruption
    """
    if pressed():
        raise Interruption


def _remember(_number: int, _frame: FrameType | None) -> None:
    _PRESSED.set()
    raise Interruption
