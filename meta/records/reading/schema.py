"""Plain data to the dataclasses of a record, with one understandable complaint a mistake.

pydantic finds what does not fit; what is said about it is read off the dataclasses' own type
hints, because for a union pydantic reports every branch that it tried.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from difflib import get_close_matches
from enum import EnumType
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

from meta.records.reading.yaml_nodes import Decimals, shown

T = TypeVar("T")
Parts = tuple[str | int, ...]
_WORDS = {str: "text", int: "a whole number", float: "a number", Decimal: "a number", bool: "true or false"}


class Complaint(NamedTuple):
    """A fault whose file and line are still to be looked up."""

    path: str
    found: str
    allowed: str


def validate(kind: type[T], data: object) -> tuple[T | None, list[Complaint]]:
    """Build a dataclass from plain data, or say everything that does not fit.

    The data go through JSON text because strict validation takes a JSON array for a tuple, but
    not a Python list. A number for a Decimal goes as text, so that it keeps the decimals it was written with.
    """
    try:
        adapter = _adapter(cast("Hashable", kind))  # any class is
        return adapter.validate_json(json.dumps(_with_texts(data, [kind])), strict=True), []
    except ValidationError as error:
        return None, _complaints(kind, data, error)


def _with_texts(data: Any, hints: list[Any]) -> Any:
    if isinstance(data, dict):
        return {key: _with_texts(value, _inside(hints, key, data)) for key, value in data.items()}
    if isinstance(data, list):
        return [_with_texts(value, _inside(hints, i, data)) for i, value in enumerate(data)]
    is_exact = isinstance(data, Decimals) and Decimal in (o for hint in hints for o in _options(hint))
    return data.text if is_exact else data


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
    located = (_located(kind, item["loc"], data, item["type"]) for item in listed)
    misfits = [misfit for misfit in located if misfit is not None]
    around = {parts[:end] for parts in map(_innermost, misfits) for end in range(len(parts))}
    complaints = []
    for misfit in misfits:
        parts = misfit.parts
        if misfit.kind == "missing" and isinstance(misfit.last, str):
            complaints.append(_missing(parts, misfit.last, _hints(kind, (*parts, misfit.last), data)))
        elif misfit.kind == "unexpected_keyword_argument" or misfit.last == "[key]":
            complaints.append(_unknown_key(kind, parts, data))
        elif parts not in around:  # else it is the branch of a union that the value was not meant for
            complaints.append(_mismatch(parts, misfit.value, _hints(kind, parts, data)))
    return list(dict.fromkeys(complaints))


def _innermost(misfit: _Misfit) -> Parts:
    missing = misfit.kind == "missing" and isinstance(misfit.last, str)
    return (*misfit.parts, misfit.last) if missing else misfit.parts


def _located(whole: type, loc: Parts, data: Any, kind: str) -> _Misfit | None:
    """Follow pydantic's location through the data; what is not in them names a branch of a union.

    None for a branch of a tagged union that the data did not choose.
    """
    parts: list[str | int] = []
    hints: list[Any] = [whole]
    for part in loc:
        inside = (isinstance(data, dict) and part in data) or (
            isinstance(data, list) and isinstance(part, int) and part < len(data)
        )
        if inside:
            parts.append(part)
            hints, data = _inside(hints, part, data), data[part]
            continue
        tag, branches = _tagged(hints)
        if tag and isinstance(data, dict) and part in {branch.__name__ for branch in branches.values()}:
            if tag not in data:
                return _Misfit(tuple(parts), data, "missing", tag)
            chosen = branches.get(data[tag]) if isinstance(data[tag], str) else None
            if chosen is None:
                return _Misfit((*parts, tag), data[tag], "literal_error", tag)
            if chosen.__name__ != part:
                return None
    return _Misfit(tuple(parts), data, kind, loc[-1] if loc else "")


def _missing(parts: Parts, key: str, hints: list[Any]) -> Complaint:
    return Complaint(path_of(parts), f"found no {key}", f"allowed: {key} is required, {_described(hints)}")


def _unknown_key(kind: type, parts: Parts, data: Any) -> Complaint:
    key, known = str(parts[-1]), _keys(_hints(kind, parts[:-1], data))
    tag, branches = _tagged(_hints(kind, parts[:-1], data, narrow=False))
    others = [name for name, branch in branches.items() if key in _fields(branch)]
    meant = f" ({key} is an option of {tag}: {', '.join(others)})" if others else suggestion(key, known)
    found = f"found the unknown key {shown(key)}"
    return Complaint(path_of(parts), found, f"allowed: {', '.join(known)}{meant}")


def _mismatch(parts: Parts, value: object, hints: list[Any]) -> Complaint:
    options = [option for hint in hints for option in _options(hint)]
    allowed = f"allowed: {_described(hints)}"
    if isinstance(value, str):
        names = [str(name) for option in options for name in _names(option)]
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


def _hints(kind: Any, parts: Parts, data: Any, *, narrow: bool = True) -> list[Any]:
    """What may stand at a place; of a tagged union there, unless told otherwise, what the data chose."""
    hints = [kind]
    for part in parts:
        hints, data = _inside(hints, part, data), _at(data, part)
    return _chosen(hints, data) if narrow else hints


def _inside(hints: list[Any], part: str | int, data: Any) -> list[Any]:
    """What may stand at one part of data that `hints` describe."""
    options = (option for hint in _chosen(hints, data) for option in _options(hint))
    return [below for option in options for below in _below(option, part)]


def _at(data: Any, part: str | int) -> Any:
    inside = part in data if isinstance(data, dict) else isinstance(data, list) and isinstance(part, int)
    return data[part] if inside else None


def _tagged(hints: list[Any]) -> tuple[str, dict[str, type]]:
    """The field that distinguishes the dataclasses of a union, and the dataclass of each of its values."""
    options = [option for hint in hints for option in _options(hint) if is_dataclass(option)]
    if len(options) < 2:
        return "", {}
    names: dict[str, list[Any]] = {}
    for option in options:
        for name, hint in _fields(option).items():  # type: ignore[arg-type]
            names.setdefault(name, []).extend(get_args(hint) if get_origin(hint) is Literal else ())
    tag = next((name for name, values in names.items() if len(set(values)) == len(options)), "")
    return tag, dict(zip(names[tag], options, strict=True)) if tag else {}


def _chosen(hints: list[Any], data: Any) -> list[Any]:
    """Of a tagged union only the dataclass whose name the data give, if they do."""
    tag, branches = _tagged(hints)
    name = data.get(tag) if tag and isinstance(data, dict) else None
    return [branches[name]] if isinstance(name, str) and name in branches else hints


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
    tag, branches = _tagged(hints)
    options = [option for hint in hints for option in _options(hint) if option not in branches.values()]
    words = [_option_in_words(option) for option in options]
    if tag:
        words.append(f"a mapping with {tag} ({', '.join(map(repr, branches))}) and its options")
    return " or ".join(dict.fromkeys(words))


def _names(option: Any) -> list[Any]:
    """The values among which a Literal or an enumeration chooses."""
    if isinstance(option, EnumType):
        return [str(member) for member in option]  # type: ignore[var-annotated]
    return list(get_args(option)) if get_origin(option) is Literal else []


def _option_in_words(option: Any) -> str:
    origin, args = get_origin(option), get_args(option)
    if names := _names(option):
        return ", ".join(map(repr, names))
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
