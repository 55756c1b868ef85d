"""Files that are either whole or not there."""

from __future__ import annotations

import os
import re
import secrets
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from meta.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path

_DAY = 24 * 60 * 60  # seconds
_PART = re.compile(r"\..+\.[0-9a-f]+\.part")  # how `write` calls what it has not finished


def write(path: Path, content: str | bytes) -> None:
    """Write a file beside its target and rename it, so that a reader or a crash never meets half of it.

    Raises
    ------
    StoreError
        If the place cannot be written to.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(content.encode() if isinstance(content, str) else content)
        os.replace(beside, path)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror}") from None
    finally:
        with suppress(OSError):  # where nothing can be written, there is nothing to remove
            beside.unlink(missing_ok=True)


def remove_parts(folder: Path) -> None:
    """Remove the half-written files below `folder` that are older than a day.

    Runs that were killed while writing have left them: no file takes that long to write. Younger ones may
    belong to another run, in another container or on another machine that shares the folder.
    """
    oldest = time.time() - _DAY
    for part in folder.rglob(".*.part"):
        with suppress(OSError):  # a run may rename its own just now
            if _PART.fullmatch(part.name) and part.stat().st_mtime < oldest:
                part.unlink()
