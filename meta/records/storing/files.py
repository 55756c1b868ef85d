"""Files that are either whole or not there."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING

from meta.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path


def write(path: Path, content: str | bytes) -> None:
    """Write a file beside its target and rename it, so that a reader or a crash never meets half of it.

    Raises
    ------
    StoreError
        If the place cannot be written to.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
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
    """Remove what runs that were killed while writing have left below `folder`.

    Parts of a process that is still there are its own business.
    """
    for part in folder.rglob(".*.part"):
        owner = re.fullmatch(r"\..+\.(\d+)\.part", part.name)
        if owner and not _is_running(int(owner[1])):
            with suppress(OSError):
                part.unlink()


def _is_running(process: int) -> bool:
    if process == os.getpid():
        return False  # this process is not writing now
    if os.name == "nt":
        return True  # Windows has no signal 0 to ask with
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # somebody else's
        return True
    return True
