"""Files that are either whole or not there."""

from __future__ import annotations

import os
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
