"""Plain data to the dataclasses of a record, with one understandable complaint a mistake.

pydantic finds what does not fit; what is said about it is read off the dataclasses' own type
hints, because for a union pydantic reports every branch that it tried.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

from meta.records.yaml_nodes import shown

T = TypeVar("T")
Parts = tuple[str | int, ...]
_WORDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


class Complaint(NamedTuple):
    """A fault whose file and line are still to be looked up."""

    path: str
    found: str
    allowed: str


def validate(kind: type[T], data: object) -> tuple[T | None, list[Complaint]]:
    """Build a dataclass from plain data, or say everything that does not fit.

    The data go through JSON text because strict validation takes a JSON array for a tuple, but
    not a Python list.
    """
    try:
        adapter = _adapter(cast("Hashable", kind))  # any class is
        return adapter.validate_json(json.dumps(data), strict=True), []
    except ValidationError as error:
        return None, _complaints(kind, data, error)


def path_of(parts: Parts) -> str:
    """Return a place inside a record as messages print it.

    Examples
    --------
    >>> path_of(("reports", 0, "tables", 1, "outcome"))
    'reports[0].tables[1].outcome'
    """
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts).removeprefix(".")


def suggestion(name: str, known: list[str]) -> str:
    """Return `` (did you mean …?)``, or nothing if no known name is near."""
    near = get_close_matches(name, known, n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


class _Misfit(NamedTuple):
    parts: Parts
    value: Any
    kind: str
    last: str | int  # of pydantic's location: the missing key, or "[key]" where the key itself does not fit


def _complaints(kind: type, data: object, error: ValidationError) -> list[Complaint]:
    listed = error.errors(include_url=False, include_context=False, include_input=False)
    misfits = [_located(item["loc"], data, item["type"]) for item in listed]
    around = {parts[:end] for parts in map(_innermost, misfits) for end in range(len(parts))}
    complaints = []
    for misfit in misfits:
        parts = misfit.parts
        if misfit.kind == "missing" and isinstance(misfit.last, str):
            complaints.append(_missing(parts, misfit.last, _hints(kind, (*parts, misfit.last))))
        elif misfit.kind == "unexpected_keyword_argument" or misfit.last == "[key]":
            complaints.append(_unknown_key(parts, _hints(kind, parts[:-1])))
        elif parts not in around:  # else it is the branch of a union that the value was not meant for
            complaints.append(_mismatch(parts, misfit.value, _hints(kind, parts)))
    return list(dict.fromkeys(complaints))


def _innermost(misfit: _Misfit) -> Parts:
    missing = misfit.kind == "missing" and isinstance(misfit.last, str)
    return (*misfit.parts, misfit.last) if missing else misfit.parts


def _located(loc: Parts, data: Any, kind: str) -> _Misfit:
    """Follow pydantic's location through the data; what is not in them names a branch of a union."""
    parts: list[str | int] = []
    for part in loc:
        inside = (isinstance(data, dict) and part in data) or (
            isinstance(data, list) and isinstance(part, int) and part < len(data)
        )
        if inside:
            parts.append(part)
            data = data[part]
    return _Misfit(tuple(parts), data, kind, loc[-1] if loc else "")


def _missing(parts: Parts, key: str, hints: list[Any]) -> Complaint:
    return Complaint(path_of(parts), f"found no {key}", f"allowed: {key} is required, {_described(hints)}")


def _unknown_key(parts: Parts, hints: list[Any]) -> Complaint:
    key, known = str(parts[-1]), _keys(hints)
    allowed = f"allowed: {', '.join(known)}{suggestion(key, known)}"
    return Complaint(path_of(parts), f"found the unknown key {shown(key)}", allowed)


def _mismatch(parts: Parts, value: object, hints: list[Any]) -> Complaint:
    options = [option for hint in hints for option in _options(hint)]
    allowed = f"allowed: {_described(hints)}"
    if isinstance(value, str):
        names = [name for option in options if get_origin(option) is Literal for name in get_args(option)]
        allowed += suggestion(value, names)
    elif isinstance(value, int | float) and str in options:
        allowed += f' (in quotes: "{json.dumps(value)}")'
    return Complaint(path_of(parts), f"found {shown(value)}", allowed)


def _options(hint: Any) -> list[Any]:
    if get_origin(hint) in {Union, UnionType}:
        return [option for arg in get_args(hint) for option in _options(arg)]
    return [] if hint is NoneType else [hint]


@cache
def _fields(kind: type) -> dict[str, Any]:
    """Return the type hint of every key, under its name in the YAML."""
    hints = get_type_hints(kind)
    renamed = getattr(kind, "__pydantic_config__", {}).get("alias_generator", str)
    return {renamed(item.name): hints[item.name] for item in fields(kind)}


def _hints(kind: Any, parts: Parts) -> list[Any]:
    hints = [kind]
    for part in parts:
        hints = [below for hint in hints for option in _options(hint) for below in _below(option, part)]
    return hints


def _below(option: Any, part: str | int) -> list[Any]:
    origin, args = get_origin(option), get_args(option)
    if isinstance(part, int):
        if origin is not tuple:
            return []
        return [args[0] if args[-1] is Ellipsis else args[min(part, len(args) - 1)]]
    if is_dataclass(option):
        return [_fields(option)[part]] if part in _fields(option) else []  # type: ignore[arg-type]
    return [args[1]] if origin is Mapping else []


def _keys(hints: list[Any]) -> list[str]:
    keys: list[str] = []
    for option in (option for hint in hints for option in _options(hint)):
        if is_dataclass(option):
            keys += _fields(option)  # type: ignore[arg-type]
        elif get_origin(option) not in {None, tuple, Literal}:
            keys += get_args(get_args(option)[0])
    return keys


def _described(hints: list[Any]) -> str:
    """Say in words what may stand at a place."""
    return " or ".join(dict.fromkeys(_option_in_words(option) for hint in hints for option in _options(hint)))


def _option_in_words(option: Any) -> str:
    origin, args = get_origin(option), get_args(option)
    if origin is Literal:
        return ", ".join(map(repr, args))
    if origin is tuple:
        items = (
            _described([args[0]]) if args[-1] is Ellipsis else f"{len(args)}, each {_described([args[0]])}"
        )
        return f"a list of {items}"
    if is_dataclass(option):
        return f"a mapping with {', '.join(_fields(option))}"  # type: ignore[arg-type]
    if origin is not None:
        keys = ", ".join(get_args(args[0])) or "name"
        return f"a mapping {{{keys}: {_described([args[1]])}}}"
    return _WORDS.get(option, "a value")
