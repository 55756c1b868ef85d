"""Runs as JSON, and the schemas of all records."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from meta.errors import StoreError
from meta.records.analysis import Analysis
from meta.records.run import SCHEMA, Run
from meta.records.trial import Trial

if TYPE_CHECKING:
    from pathlib import Path

    from meta.records.outputs import Outputs

RECORDS: dict[str, type[Run] | type[Analysis] | type[Trial]] = {
    "run": Run,
    "analysis": Analysis,
    "trial": Trial,
}


@cache
def _adapter(record: str) -> TypeAdapter[Any]:
    return TypeAdapter(RECORDS[record])


def schema(record: str) -> str:
    """The JSON Schema (draft 2020-12) of a record: "run", "analysis" or "trial"."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return dumps({**dialect, **_adapter(record).json_schema(), "title": f"nen-meta {record}"})


def write_schemas(outputs: Outputs) -> None:
    """Publish the schema of every record."""
    for record in RECORDS:
        outputs.write(f"schema/{record}.schema.json", "", schema(record))


def plain(record: object) -> Any:
    """A record as JSON data."""
    return json.loads(dumps(asdict(record)))  # type: ignore[call-overload]  # records are dataclasses


def dumps(data: object) -> str:
    """JSON text in full double precision, without NaN, the same for the same data."""
    return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def to_json(run: Run) -> str:
    """A run as it is stored."""
    return dumps(asdict(run))


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
        run: Run = _adapter("run").validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise StoreError(
            f"{name}: {place}: {first['msg']}; a run as `make pool` stores it is allowed"
        ) from None
    return run


def load_run(path: Path) -> Run:
    """Read a stored run.

    Raises
    ------
    StoreError
        If the file cannot be read or is not a run of this schema.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise StoreError(
            f"{path}: cannot be read: {reason}; a run as `make pool` stores it is allowed"
        ) from None
    return from_json(text, str(path))
