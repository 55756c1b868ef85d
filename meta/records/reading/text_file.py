"""Bytes of a user's file, which is on disk and of a sane size: no pipe, no device without an end."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class NotReadError(Exception):
    """Why a file was not read: what was found, and what is allowed, as a fault has them."""

    def __init__(self, found: str, allowed: str) -> None:
        super().__init__(found)
        self.found, self.allowed = found, allowed


def read_bytes(path: Path, most: int) -> bytes:
    """Read a whole file of at most `most` bytes.

    Raises
    ------
    NotReadError
        Before anything is opened where it is no file or too big; a pipe would be waited for endlessly.
    """
    try:
        state = path.stat()
        if not stat.S_ISREG(state.st_mode) and not stat.S_ISDIR(state.st_mode):
            raise NotReadError("cannot be read: found a pipe, a socket or a device", "a file on disk")
        if state.st_size > most:
            raise NotReadError(f"found {state.st_size} bytes", f"at most {most}")
        with path.open("rb") as file:
            content = file.read(most + 1)  # some files in /proc have no size
    except OSError as error:
        raise NotReadError(f"cannot be read: {error.strerror}", "a text file") from None
    if len(content) > most:
        raise NotReadError(f"found more than {most} bytes", f"at most {most}")
    return content
