"""Runs as JSON, draws as netCDF, and the schemas of all records."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping
from dataclasses import fields, replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from meta.errors import DataError, SpecError, StoreError
from meta.models import Model
from meta.models.sites.site_region import SiteRegion
from meta.records.analysis import Analysis
from meta.records.run import SCHEMA, Run
from meta.records.storing.arrays import with_grids
from meta.records.trial import Trial

if TYPE_CHECKING:
    from meta.results import Fit, SiteRegionFit

T = TypeVar("T")
RECORDS: dict[str, type[Run] | type[Analysis] | type[Trial]] = {
    "run": Run,
    "analysis": Analysis,
    "trial": Trial,
}

_MODELS: TypeAdapter[Model | SiteRegion] = TypeAdapter(Model | SiteRegion)
_BESIDE = ("grids",)  # fields of a fit that are stored beside the JSON


@cache
def _adapter(record: str) -> TypeAdapter[Any]:
    return TypeAdapter(RECORDS[record])


def schema(record: str) -> str:
    """The JSON Schema (draft 2020-12) of a record: "run", "analysis" or "trial"."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    described = _adapter(record).json_schema(by_alias=record != "run")  # runs have the fields' own names
    for definition in described.get("$defs", {}).values():
        for name in _BESIDE:
            definition.get("properties", {}).pop(name, None)
    return to_json({**dialect, **described, "title": f"nen-meta {record}"})


def plain(record: object) -> Any:
    """A record, or a fit, as JSON data."""
    return json.loads(compact(record))


def compact(record: object) -> str:
    """Like `to_json`, on one line and ten times as fast: for digests."""
    return json.dumps(record, default=_as_data, ensure_ascii=False, allow_nan=False)


def to_json(record: object) -> str:
    """A run as it is stored, or any other record or JSON data, without what lies beside it.

    In full double precision, without NaN, the same for the same data.
    """
    return json.dumps(record, default=_as_data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _as_data(record: Any) -> Any:
    """The fields of a record, or the text of a Decimal, which a JSON number would rob of its last zeros."""
    if isinstance(record, Decimal):
        return str(record)
    return {field.name: getattr(record, field.name) for field in fields(record) if field.name not in _BESIDE}


def from_json(text: str, name: str = "run") -> Run:
    """A stored run.

    Raises
    ------
    StoreError
        If it is not a run of this schema.
    """
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise StoreError(f"{name}:{error.lineno}: not JSON: {error.msg}; a stored run is allowed") from None
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, endless nesting
        raise StoreError(f"{name}: not read: {error}; a stored run is allowed") from None
    found = data.get("schema") if isinstance(data, Mapping) else None
    if found != SCHEMA:
        raise StoreError(f"{name}: schema: found {found!r}; {SCHEMA} is allowed (run `make pool` again)")
    try:
        run: Run = _adapter("run").validate_json(text, by_alias=True, by_name=True)
        return _with_models(run)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise StoreError(
            f"{name}: {place}: {first['msg']}; a run as `make pool` stores it is allowed"
        ) from None
    except (DataError, SpecError) as error:
        raise StoreError(f"{name}: {error}; a run as `make pool` stores it is allowed") from None


def _with_models(run: Run) -> Run:
    """The run with the options of each fit as the object that they are of."""

    def typed(options: object) -> Model | SiteRegion:
        return _MODELS.validate_json(json.dumps(options))

    def whole(fit: Fit) -> Fit:
        return replace(fit, model=typed(fit.model), groups=tuple(map(whole, fit.groups)))

    def of_sites(fit: SiteRegionFit) -> SiteRegionFit:
        return replace(fit, model=typed(fit.model))

    latent = run.latent
    return replace(
        run,
        fits=tuple(map(whole, run.fits)),
        sites=None if run.sites is None else of_sites(run.sites),
        latent=None if latent is None else replace(latent, fits=tuple(map(of_sites, latent.fits))),
    )


def load_run(path: Path) -> Run:
    """Read a stored run, with its grids if they lie beside it.

    Raises
    ------
    StoreError
        If the file cannot be read or is not a run of this schema, or if the grids are not those of the run.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise StoreError(
            f"{path}: cannot be read: {reason}; a run as `make pool` stores it is allowed"
        ) from None
    return with_grids(from_json(text, str(path)), path.parent)


def load_as(kind: type[T], path: Path) -> T:
    """Read what :func:`to_json` wrote of a dataclass other than a run.

    Raises
    ------
    StoreError
        If it cannot be read as one.
    """
    try:
        return TypeAdapter(kind).validate_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise StoreError(f"{path}: not read: {error}; what nen-meta stored is allowed") from None


def sealed(run: Run) -> Run:
    """The run with the digest of the file that it is stored as."""
    blank = replace(run, provenance=replace(run.provenance, content=""))
    content = hashlib.sha256(to_json(blank).encode()).hexdigest()
    return replace(run, provenance=replace(run.provenance, content=content))


def unchanged(run: Run, path: Path) -> bool:
    """Whether the file of a stored run is as it was written; see :func:`sealed`."""
    content = run.provenance.content
    written = path.read_bytes().replace(content.encode(), b"", 1)
    return bool(content) and hashlib.sha256(written).hexdigest() == content


def to_netcdf(idata: Any) -> bytes:
    """Draws as the bytes of a netCDF-4 file, to be written beside the JSON.

    Raises
    ------
    StoreError
        If there is no place for the file that HDF5 insists on writing first.
    """
    try:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "draws.nc"
            idata.to_netcdf(str(path), engine="h5netcdf")
            return path.read_bytes()
    except OSError as error:
        raise StoreError(f"draws: cannot be written: {error}; space for temporary files is needed") from None


def from_netcdf(content: bytes, name: str = "draws") -> Any:
    """Draws from the bytes of a netCDF-4 file, whole in memory.

    Parameters
    ----------
    name : str
        Of the file, for messages.

    Raises
    ------
    StoreError
        If the bytes are not such a file.
    """
    az = _arviz()
    try:
        with TemporaryDirectory() as folder, az.rc_context({"data.load": "eager"}):
            path = Path(folder) / "draws.nc"
            path.write_bytes(content)
            return az.from_netcdf(str(path), engine="h5netcdf")
    except (OSError, ValueError, KeyError) as error:
        raise StoreError(f"{name}: not read: {error}; draws as `make pool` stores them are allowed") from None


def _arviz() -> Any:
    with warnings.catch_warnings():  # ArviZ announces once a day that its version 1 will differ
        warnings.filterwarnings("ignore", r"\s*ArviZ is undergoing", FutureWarning)
        import arviz
    return arviz
