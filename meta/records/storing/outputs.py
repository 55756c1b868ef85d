"""The files that a pooling run has written: which are current, and which are obsolete."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from meta.records.storing import store
from meta.records.storing.files import remove_parts, write

if TYPE_CHECKING:
    from collections.abc import Iterable

MANIFEST = ".manifest.json"


class Outputs:
    """The files below one folder, each with the digests of what it was made from and of its content.

    A file is made anew when what it is made from changes, or when it is gone or no longer what was
    written (by a run that was stopped before it could remember, or by hand). Files of earlier runs
    that no run claims any more (a variation that was taken out) are removed, files of the user's never.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known = self._read()
        self._claimed: set[str] = set()

    def _read(self) -> dict[str, str]:
        try:
            known = json.loads((self.folder / MANIFEST).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        pairs = known.items() if isinstance(known, dict) else ()
        return {name: made for name, made in pairs if isinstance(made, str) and _is_below(name)}

    def is_current(self, name: str, digest: str) -> bool:
        """Whether `name` (a path below the folder) is as it was made from `digest`; it is claimed anyway."""
        self._claimed.add(name)
        try:
            content = (self.folder / name).read_bytes()
        except OSError:
            return False
        return self._known.get(name) == _made(digest, content)

    def known(self, folder: str) -> list[Path]:
        """The files below `folder` that earlier runs have written and that are still there."""
        paths = [self.folder / name for name in self._known if name.startswith(f"{folder}/")]
        return [path for path in paths if path.exists()]

    def write(self, name: str, digest: str, content: str | bytes) -> None:
        """Write a file whole, and claim it."""
        self._claimed.add(name)
        whole = content.encode() if isinstance(content, str) else content
        write(self.folder / name, whole)
        self._known[name] = _made(digest, whole)
        self._remember()  # at once, so that a run that is stopped keeps what it has drawn

    def close(self, kept: Iterable[str] = (), *, complete: bool) -> None:
        """Store the manifest and remove obsolete files.

        Parameters
        ----------
        kept : iterable of str
            Paths written by others, to be claimed too.
        complete : bool
            Whether this run was over all analyses, so that what it did not claim can go.
        """
        self._claimed |= set(kept)
        if complete:
            for name in set(self._known) - self._claimed:
                with suppress(OSError):
                    (self.folder / name).unlink(missing_ok=True)
                del self._known[name]
        self._known |= {name: self._known.get(name, "") for name in self._claimed}
        self._remember()
        remove_parts(self.folder)

    def _remember(self) -> None:
        write(self.folder / MANIFEST, store.to_json(dict(sorted(self._known.items()))))


def _is_below(name: str) -> bool:
    path = Path(name)
    return not path.is_absolute() and ".." not in path.parts


def _made(digest: str, content: bytes) -> str:
    return f"{digest}:{hashlib.sha256(content).hexdigest()}"


def write_schemas(outputs: Outputs, code: str) -> None:
    """Publish the schema of every record.

    Parameters
    ----------
    code : str
        Digest of this package's source: what they were written from before is not written anew.
    """
    for record in store.RECORDS:
        name = f"schema/{record}.schema.json"
        if not outputs.is_current(name, code):
            outputs.write(name, code, store.schema(record))
