"""Pooled answers for every selection of an analysis' trials, stored as one table beside its runs."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from meta.errors import StoreError
from meta.records.storing.files import write
from meta.results import Estimand, Outcome, Reason, Standing, Status

if TYPE_CHECKING:
    from pathlib import Path


FILE = "_subsets.npz"  # no variation's name begins like this
ESTIMANDS = ("mean", "median", "predictive", "tau")
_ARRAYS = ("members", "values", "reasons", "standings")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A trial that can be ticked: `id` as in a link or command, and its own interval."""

    id: str
    label: str
    region: str
    responders: int
    n: int
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A model that can be chosen: its role, and its prior of tau where it has one.

    `estimands` names what is in the places of :data:`ESTIMANDS`; None where the model does not give it.
    """

    role: str
    model: str
    prior: str | None
    level: float
    estimands: tuple[Estimand | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subsets:
    """The table.

    Attributes
    ----------
    run : str
        Digest of the base run, `Run.provenance.digest`.
    outcome : Outcome
    members : ndarray of bool, shape (B, k)
        Which trials each of B choices has; where `complete`, row i - 1 is that of the bits of i.
    values : ndarray, shape (choices, 4, 3, B)
        Value, low and high of each of :data:`ESTIMANDS`, NaN where there is none.
    reasons : ndarray of uint8, shape (choices, 4, B)
        Place in `words` of why something is not given.
    standings : ndarray of uint8, shape (choices, B)
        Place in `called` of what may be said of the answer.
    named : tuple of (name, ids)
        Choices with a name.
    skipped : tuple of (role, reason)
        Models that are not in the table.
    """

    analysis: str
    digest: str
    run: str
    outcome: Outcome
    complete: bool
    trials: tuple[Tried, ...]
    choices: tuple[Choice, ...]
    named: tuple[tuple[str, tuple[str, ...]], ...]
    skipped: tuple[tuple[str, str], ...]
    words: tuple[str, ...]
    called: tuple[Standing, ...]
    members: NDArray[np.bool_]
    values: NDArray[np.float64]
    reasons: NDArray[np.uint8]
    standings: NDArray[np.uint8]


def save(table: Subsets, path: Path) -> None:
    """Write a table whole: arrays, and the rest as JSON text."""
    arrays: dict[str, Any] = {name: getattr(table, name) for name in _ARRAYS}
    about = {name: value for name, value in asdict(table).items() if name not in _ARRAYS}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, about=np.array(json.dumps(about)), **arrays)
    write(path, buffer.getvalue())


def load(path: Path) -> Subsets:
    """Read a table.

    Raises
    ------
    StoreError
        If it cannot be read as one.
    """
    try:
        with np.load(path, allow_pickle=False) as found:
            arrays = {name: found[name] for name in _ARRAYS}
            about = json.loads(str(found["about"]))
        about["trials"] = tuple(Tried(**one) for one in about["trials"])
        about["choices"] = tuple(
            Choice(**{**one, "estimands": tuple(name and Estimand(name) for name in one["estimands"])})
            for one in about["choices"]
        )
        about["outcome"] = Outcome(about["outcome"])
        about["named"] = tuple((name, tuple(ids)) for name, ids in about["named"])
        about["skipped"] = tuple((role, reason) for role, reason in about["skipped"])
        about["words"] = tuple(about["words"])
        about["called"] = tuple(
            Standing(status=Status(one["status"]), reasons=tuple(map(Reason, one["reasons"])))
            for one in about["called"]
        )
        return Subsets(**about, **arrays)
    except (OSError, ValueError, EOFError, KeyError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise StoreError(f"{path}: not read: {error}; a table as `make pool` stores it is allowed") from None
