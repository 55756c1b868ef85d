"""What a pooling run has written: which files are current, and which are nobody's any more."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from meta.records import store
from meta.records.files import write

MANIFEST = ".manifest.json"


class Outputs:
    """The files below one folder, each with the digest of what it was made from.

    A file is made anew when its digest changes or it is gone. Files of earlier runs that no run
    claims any more (a variation that was taken out) are removed, files of the user's never.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known = self._read()
        self._claimed: set[str] = set()

    def _read(self) -> dict[str, str]:
        try:
            known = json.loads((self.folder / MANIFEST).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}

    def is_current(self, name: str, digest: str) -> bool:
        """Whether `name` (a path below the folder) is there and was made from `digest`; it is claimed either way."""
        self._claimed.add(name)
        return self._known.get(name) == digest and (self.folder / name).exists()

    def write(self, name: str, digest: str, content: str | bytes) -> None:
        """Write a file whole, and claim it."""
        self._claimed.add(name)
        write(self.folder / name, content)
        self._known[name] = digest

    def close(self, kept: Iterable[str] = (), *, complete: bool) -> None:
        """Remember what there is.

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
        write(self.folder / MANIFEST, store.dumps(dict(sorted(self._known.items()))))
        for part in self.folder.rglob(".*.part"):  # left by a run that was killed while writing
            with suppress(OSError):
                part.unlink()
