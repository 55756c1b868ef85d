"""YAML text to plain data with a line for every path, by rules that leave nothing to guess.

YAML readers disagree about what an unquoted word means (``NO`` is Norway or false), merge keys and
aliases hide where a number stands, and a repeated key silently wins. A record is read from the
parser's events, so all of that is refused with its line before anything is expanded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import yaml
from yaml import events

from meta.errors import Fault, RecordError
from meta.records.reading.text_file import NotReadError, read_bytes

MAX_BYTES = 1_000_000
MAX_DEPTH = 32
MAX_KEY = 100

_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,14})")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,14})\.[0-9]{1,15}")
_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}
_TRUTH_WORD = re.compile(r"(?i)yes|no|on|off|y|n|true|false")
_WORD = re.compile(r"[A-Za-z]([\w ./+-]*\w)?")
_NULL_WORD = re.compile(r"(?i)null")
_ODD_NUMBER = re.compile(
    r"""(?ix) [-+]? (
        [0-9][0-9_]* (\.[0-9_]*)? (e[-+]?[0-9]+)?     # 010, 1_000, +5, 5., 1e3
      | \.[0-9_]+ (e[-+]?[0-9]+)?                     # .5
      | 0x[0-9a-f_]+ | 0o[0-7_]+ | 0b[01_]+
      | [0-9][0-9_]* (:[0-5]?[0-9])+ (\.[0-9_]*)?     # 1:30 is ninety to some readers
      | \.inf | \.nan
    )"""
)
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Decimals(float):
    """A number written with decimals, and its text: 20.0 and 20 are one float, but not one rounding."""

    def __init__(self, text: str) -> None:
        self.text = text


@dataclass(frozen=True, slots=True)
class Document:
    """The content of one YAML file, with the line of every value and the faults of its form.

    Attributes
    ----------
    data : dict
        Mappings, lists, text, numbers, truth values and None; None also at the paths in `unread`.
    lines : dict
        The line, from 1, of every path; the path of the whole is empty.
    faults : list of Fault
    unread : set of str
        Paths whose value was refused, so that nothing should be concluded from it.
    """

    file: str
    data: dict[str, Any]
    lines: dict[str, int]
    faults: list[Fault]
    unread: set[str]

    def line(self, path: str) -> int:
        """Return the line of `path`, or of the nearest thing that contains it."""
        return next((self.lines[place] for place in around(path) if place in self.lines), 1)

    def read_at(self, path: str) -> bool:
        """Say whether nothing at `path`, or around it, was refused."""
        return not any(place in self.unread for place in around(path))


def around(path: str) -> Iterator[str]:
    """Yield a path, then the paths of all that contains it: a[2].n, a[2], a and the empty path."""
    while path:
        yield path
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    yield ""


def shown(value: object) -> str:
    """Describe a value of a record in a message: short, and safe to print."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return f"a mapping with {_shortened(', '.join(map(str, value)))}" if value else "an empty mapping"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}" if value else "an empty list"
    return _shortened(repr(value))


def _shortened(text: str, limit: int = 60) -> str:
    printable = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text[: limit + 1])
    return printable if len(printable) <= limit else f"{printable[: limit - 1]}…"


def flow(data: object) -> str:
    """Write data on one line, as YAML that :func:`parse` reads back; text in quotes only where it must be."""
    if isinstance(data, Mapping):
        return "{" + ", ".join(f"{key}: {flow(value)}" for key, value in data.items()) + "}"
    if isinstance(data, list | tuple):
        return "[" + ", ".join(map(flow, data)) + "]"
    if isinstance(data, str):
        is_word = _WORD.fullmatch(data) and _plain(data) == (data, None)
        return data if is_word else "'" + data.replace("'", "''") + "'"
    return json.dumps(data)


def read(path: Path, file: str) -> Document:
    """Read one YAML file.

    Parameters
    ----------
    file : str
        Its name in messages.

    Raises
    ------
    RecordError
        If nothing at all can be made of it. What is wrong with single values is in the
        document's `faults` instead.
    """
    try:
        raw = read_bytes(path, MAX_BYTES)
    except NotReadError as error:
        raise _refusal(file, 0, error.found, error.allowed) from None
    return parse(_text(raw, file), file)


def parse(text: str, file: str) -> Document:
    """Read YAML text; see :func:`read`."""
    unprintable = _UNPRINTABLE.search(text)
    if unprintable:
        line = text.count("\n", 0, unprintable.start()) + 1
        found = f"found the control character {unprintable[0]!a}"
        raise _refusal(file, line, found, "printable text, line breaks and spaces")
    reader = _Reader(file)
    try:
        data = reader.document(yaml.parse(text, Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = f"found YAML that cannot be read: {_shortened(error.problem or error.context or '')}"
        reader.faults.append(_fault(file, mark.line + 1 if mark else 0, problem, _mended(error)))
    except (yaml.YAMLError, ValueError, OverflowError):  # escapes and directives beyond all bounds
        reader.faults.append(_fault(file, 0, "found YAML that cannot be read", "well-formed YAML"))
    else:
        return Document(file, data, reader.lines, reader.faults, reader.unread)
    raise RecordError(faults=reader.faults)


def _text(raw: bytes, file: str) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _refusal(file, line, f"found the byte 0x{raw[error.start]:02x}", "UTF-8 text") from None


def _mended(error: yaml.MarkedYAMLError) -> str:
    if "'\\t'" in (error.problem or ""):
        return "spaces for indentation, never tabs"
    return "well-formed YAML (quote text that contains ': ', ' #' or begins with a special character)"


def _fault(file: str, line: int, found: str, allowed: str, path: str = "") -> Fault:
    return Fault(file, line, path, found, f"allowed: {allowed}")


def _refusal(file: str, line: int, found: str, allowed: str) -> RecordError:
    return RecordError(faults=[_fault(file, line, found, allowed)])


def _plain(text: str) -> tuple[Any, str | None]:
    """Return the value of an unquoted scalar, or what some readers take it for."""
    if text in _WORDS:
        return _WORDS[text], None
    if _WHOLE.fullmatch(text):
        return int(text), None
    if _DECIMAL.fullmatch(text):
        return Decimals(text), None
    if _TRUTH_WORD.fullmatch(text):
        return None, "a truth value"
    if _NULL_WORD.fullmatch(text):
        return None, "nothing"
    if _ODD_NUMBER.fullmatch(text):
        return None, "another number"
    return text, None


@dataclass(slots=True)
class _Reader:
    """One pass over the parser's events; recursion is as deep as MAX_DEPTH allows."""

    file: str
    faults: list[Fault] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)

    def document(self, stream: Iterator[events.Event]) -> dict[str, Any]:
        next(stream)  # the start of the stream
        if isinstance(next(stream), events.StreamEndEvent):
            self._stop(0, "found an empty file", "a mapping (key: value)")
        top = next(stream)
        data = self._value(top, stream, "", 1)
        next(stream)  # the end of the document
        after = next(stream)
        if not isinstance(after, events.StreamEndEvent):
            self._stop(_line(after), "found a second document", "one document a file")
        if not isinstance(data, dict):
            self._stop(_line(top), f"found {shown(data)} instead of a mapping", "a mapping (key: value)")
        return data

    def _value(self, event: events.Event, stream: Iterator[events.Event], path: str, depth: int) -> Any:
        self.lines.setdefault(path, _line(event))
        self._refuse_indirection(event, path)
        if depth > MAX_DEPTH:
            self._stop(_line(event), f"found nesting deeper than {MAX_DEPTH}", "a flatter record")
        if isinstance(event, events.MappingStartEvent):
            return self._mapping(stream, path, depth)
        if isinstance(event, events.SequenceStartEvent):
            return self._sequence(stream, path, depth)
        return self._scalar(event, path) if isinstance(event, events.ScalarEvent) else None

    def _refuse_indirection(self, event: events.Event, path: str) -> None:
        anchor, tag = getattr(event, "anchor", None), getattr(event, "tag", None)
        if isinstance(event, events.AliasEvent):
            self._refuse(event, path, f"found the alias *{_shortened(str(anchor))}", "the value itself")
        elif anchor is not None:
            found = f"found the anchor &{_shortened(anchor)}"
            self._refuse(event, path, found, "the value without an anchor")
        if tag is not None:
            self._refuse(event, path, f"found the tag {_shortened(tag)}", "the value without a tag")

    def _sequence(self, stream: Iterator[events.Event], path: str, depth: int) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(stream), events.SequenceEndEvent):
            items.append(self._value(event, stream, f"{path}[{len(items)}]", depth + 1))
        return items

    def _mapping(self, stream: Iterator[events.Event], path: str, depth: int) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        first: dict[str, int] = {}
        while not isinstance(event := next(stream), events.MappingEndEvent):
            key = self._key(event, stream, path, depth)
            place = f"{path}.{key}" if path and key else key or path
            if key is None:
                self._value(next(stream), stream, f"{path}[?]", depth + 1)
            elif key in first:
                found = f"found the key {shown(key)} again (first in line {first[key]})"
                self._refuse(event, place, found, "each key once", unread=False)
                self._value(next(stream), stream, f"{place}[again]", depth + 1)
            else:
                first[key] = self.lines[place] = _line(event)
                entries[key] = self._value(next(stream), stream, place, depth + 1)
        return entries

    def _key(self, event: events.Event, stream: Iterator[events.Event], path: str, depth: int) -> str | None:
        """Return a key, or None if it is not text that can stand in a path."""
        place = f"{path}[?]"
        if not isinstance(event, events.ScalarEvent):
            self._value(event, stream, place, depth + 1)
            self._refuse(event, path, "found a key that is not text", "text as keys", unread=False)
            return None
        # n is the commonest key of all, and no reader in use takes it for false
        plain = event.style is None and event.value not in {"n", "N", "y", "Y"}
        value = _plain(event.value)[0] if plain else event.value
        self._refuse_indirection(event, place)
        if not isinstance(value, str) or (plain and value == "<<"):
            found = f"found the key {_shortened(event.value) or '(empty)'}"
            self._refuse(event, path, found, "text as keys (quoted, if it must be this)", unread=False)
            return None
        if not value or len(value) > MAX_KEY or not value.isprintable():
            found = f"found the key {shown(value)}"
            self._refuse(event, path, found, f"1 to {MAX_KEY} printable characters", unread=False)
            return None
        return value

    def _scalar(self, event: events.ScalarEvent, path: str) -> Any:
        text = event.value
        if event.style is None:
            value, mistaken = _plain(text)
            if mistaken:
                short = _shortened(text)
                found = f"found {short} without quotes, which some YAML readers take for {mistaken}"
                self._refuse(event, path, found, f'"{short}" in quotes, or a plain number or word')
            return value
        unprintable = _UNPRINTABLE.search(text)
        if unprintable:
            found = f"found the control character {unprintable[0]!a}"
            self._refuse(event, path, found, "printable text, line breaks and spaces")
        return None if unprintable else text

    def _refuse(
        self, event: events.Event, path: str, found: str, allowed: str, *, unread: bool = True
    ) -> None:
        self.faults.append(_fault(self.file, _line(event), found, allowed, path))
        if unread:
            self.unread.add(path)

    def _stop(self, line: int, found: str, allowed: str) -> NoReturn:
        raise RecordError(faults=[*self.faults, _fault(self.file, line, found, allowed)])


def _line(event: events.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0
