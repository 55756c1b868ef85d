"""Files beside a run's JSON: curves and surfaces as one .npz, a sampler's draws as netCDF.

A run names these files with the digest of their content (`Run.beside`), so that they are claimed with it,
and so that a file that is gone or not what was written is noticed.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np

from meta.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from meta.records.run import Run
    from meta.results import Fit

OVERALL = "overall"  # in place of a grouping
WHOLE = "(all)"  # in place of a group, whose own parentheses are quoted


def grids_file(variation: str) -> str:
    """The name of a run's .npz."""
    return f"{variation}.npz"


def draws_file(variation: str, role: str, by: str | None) -> str:
    """The name of the netCDF file with the draws of one fit of a run."""
    return f"{variation}.{role}.{(by or OVERALL).replace(' ', '-')}.nc"


def digest(content: bytes) -> str:
    """Digest of a file, as in `Run.beside`."""
    return hashlib.sha256(content).hexdigest()


def packed(fits: Sequence[Fit]) -> bytes | None:
    """The grids of fits as a compressed .npz, the same bytes for the same numbers; None if there are none.

    Its keys are ``role/by/group/name``: ``primary/overall/(all)/tau.x``, ``primary/region/Asia/tau.x``.
    """
    arrays = {
        f"{_place(fit, part)}/{name}": np.array(values)
        for fit in fits
        for part in (fit, *fit.groups)
        for name, values in part.grids.items()
    }
    if not arrays:
        return None
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]  # no array is called allow_pickle
    return buffer.getvalue()


def unpacked(run: Run, content: bytes, name: str) -> Run:
    """The run with the grids of its .npz.

    Raises
    ------
    StoreError
        If the content cannot be read as one.
    """
    found: dict[str, dict[str, tuple[float, ...]]] = {}
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            for key in arrays.files:
                place, _, grid = key.rpartition("/")
                values: NDArray[np.float64] = arrays[key]
                found.setdefault(place, {})[grid] = tuple(values.tolist())
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise StoreError(f"{name}: not read: {error}; an .npz as `make pool` stores it is allowed") from None
    return replace(run, fits=tuple(_with_grids(fit, found) for fit in run.fits))


def _with_grids(fit: Fit, grids: Mapping[str, Mapping[str, tuple[float, ...]]]) -> Fit:
    groups = tuple(replace(part, grids=grids.get(_place(fit, part), {})) for part in fit.groups)
    return replace(fit, grids=grids.get(_place(fit, fit), {}), groups=groups)


def _place(fit: Fit, part: Fit) -> str:
    group = WHOLE if part is fit else quote(part.label or "", safe=" ")
    return f"{fit.role}/{fit.by or OVERALL}/{group}"


def with_grids(run: Run, folder: Path) -> Run:
    """The run with the grids that lie beside it in `folder`; without, if the file is not there.

    Raises
    ------
    StoreError
        If the file is not what was written.
    """
    name = grids_file(run.variation)
    content = _content(folder / name) if name in run.beside else None
    if content is None:
        return run
    if digest(content) != run.beside[name]:
        found = "found another content than was written with the run beside it"
        raise StoreError(f"{folder / name}: {found} (run `make pool` again)")
    return unpacked(run, content, str(folder / name))


def intact(run: Run, folder: Path) -> bool:
    """Whether every file that the run names lies in `folder` as it was written."""
    contents = ((_content(folder / name), expected) for name, expected in run.beside.items())
    return all(content is not None and digest(content) == expected for content, expected in contents)


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
