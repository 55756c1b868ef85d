"""A user's own table of counts: CSV in, counts out, every fault of the file at once."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from meta.data import Counts, GroupedCounts
from meta.data.counts import MOST
from meta.errors import DataError, Fault
from meta.records.reading.text_file import NotReadError, read_bytes
from meta.records.reading.yaml_nodes import shown
from meta.spreadsheet import unguarded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


MAX_BYTES = 10_000_000
MAX_NAME = 200  # characters of a label or a group


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which columns hold what.

    Without `label` rows are named by their line, without `by` nothing is grouped; `one_level` refuses a trial
    in two groups.
    """

    responders: str
    n: str
    label: str | None = None
    by: str | None = None
    one_level: bool = False

    def named(self) -> list[str]:
        """The columns that must be there."""
        return [name for name in (self.responders, self.n, self.label, self.by) if name is not None]


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    label: str
    group: str
    responders: int
    n: int


def read_counts(path: Path, columns: Columns, *, unit: str = "trial") -> Counts | GroupedCounts:
    """Read a CSV file with a header, one trial (or trial and group) a line.

    Parameters
    ----------
    unit : {"trial", "arm"}
        "arm" lets a trial have several lines, each treated as a trial of its own.

    Returns
    -------
    Counts, or GroupedCounts if `columns.by` is given

    Raises
    ------
    DataError
        With every fault, as ``file:line: column: found …; … is allowed``.
    """
    header, records, faults = _records(path)
    if len(header) == 1 and ";" in header[0]:
        found = "found semicolons between the cells"
        raise DataError(faults=[Fault(str(path), 1, "", found, "commas between the cells are allowed")])
    missing = [name for name in columns.named() if name not in header]
    if missing and header:
        there = ", ".join(header)
        faults += [Fault(str(path), 1, name, "no such column", f"allowed: {there}") for name in missing]
    lines: list[_Line] = []
    if header and not missing:
        for number, record in records:
            line, wrong = _line(str(path), number, record, columns)
            faults += wrong
            lines += [line] if line else []
        faults += [*_repeated(str(path), lines, unit), *_in_two_groups(str(path), lines, columns, unit)]
    if not faults and not lines:
        faults.append(
            Fault(str(path), 1, "", "found no line of counts", "a header and one line a trial is allowed")
        )
    if faults:
        raise DataError(faults=faults)
    labels = _labels(lines, unit)
    responders, n = [line.responders for line in lines], [line.n for line in lines]
    if columns.by is None:
        return Counts.of(responders, n, labels)
    return GroupedCounts.of(responders, n, [line.group for line in lines], labels)


def _records(path: Path) -> tuple[list[str], list[tuple[int, dict[str, str]]], list[Fault]]:
    """The header, each line as a mapping under its number, and what is wrong with either."""
    file = str(path)
    try:
        text = read_bytes(path, MAX_BYTES).decode("utf-8-sig")
    except NotReadError as error:
        return _nothing(file, 0, error.found, f"{error.allowed} is allowed")
    except UnicodeDecodeError:
        return _nothing(file, 0, "cannot be read: not UTF-8", "a CSV file in UTF-8 is allowed")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        rows = [(reader.line_num, [unguarded(cell.strip()) for cell in row]) for row in reader]
    except csv.Error as error:
        return _nothing(file, reader.line_num, f"found {error}", "comma-separated values are allowed")
    rows = [(number, row) for number, row in rows if any(row)]
    if not rows:
        return _nothing(file, 1, "found an empty file", "a header and one line a trial is allowed")
    header = rows[0][1]
    whole = [(number, row) for number, row in rows[1:] if len(row) == len(header)]
    return (
        header,
        [(number, dict(zip(header, row, strict=True))) for number, row in whole],
        list(_shape(file, rows)),
    )


def _nothing(
    file: str, line: int, found: str, allowed: str
) -> tuple[list[str], list[tuple[int, dict[str, str]]], list[Fault]]:
    return [], [], [Fault(file, line, "", found, allowed)]


def _shape(file: str, rows: Sequence[tuple[int, list[str]]]) -> Iterator[Fault]:
    """Lines of another length than the header, and columns of the same name."""
    header = rows[0][1]
    for number, row in rows[1:]:
        if len(row) != len(header):
            found = f"found {len(row)} cells"
            yield Fault(file, number, "", found, f"{len(header)}, as in the header, are allowed")
    for name, times in Counter(header).items():
        if times > 1:
            yield Fault(file, 1, name, "found more than once", "one column of a name is allowed")


def _line(
    file: str, number: int, record: dict[str, str], columns: Columns
) -> tuple[_Line | None, list[Fault]]:
    """One line's counts, or what is wrong with them."""
    faults: list[Fault] = []
    values: dict[str, int] = {}
    for column, least in ((columns.responders, 0), (columns.n, 1)):
        text = record[column]
        if text.isascii() and text.isdigit() and len(text) < 16 and least <= int(text) <= MOST:
            values[column] = int(text)
        else:
            allowed = f"a whole number from {least} to {MOST} is allowed"
            faults.append(Fault(file, number, column, f"found {shown(text)}", allowed))
    for name in filter(None, (columns.label, columns.by)):
        if not record[name]:
            faults.append(Fault(file, number, name, "found nothing", "a name is allowed"))
        elif len(record[name]) > MAX_NAME:
            found = f"found a name of {len(record[name])} characters"
            faults.append(Fault(file, number, name, found, f"at most {MAX_NAME} are allowed"))
    if faults:
        return None, faults
    responders, n = values[columns.responders], values[columns.n]
    if responders > n:
        found = f"found {responders} responders of {n}"
        return None, [Fault(file, number, columns.responders, found, f"at most {n} is allowed")]
    label = record[columns.label] if columns.label else f"line {number}"
    return _Line(number, label, record[columns.by] if columns.by else "", responders, n), []


def _repeated(file: str, lines: Sequence[_Line], unit: str) -> Iterator[Fault]:
    """Lines that would let a trial enter a fit twice."""
    if unit == "arm":
        return
    first: dict[tuple[str, str], int] = {}
    for line in lines:
        known = first.setdefault((line.label, line.group), line.number)
        if known != line.number:
            within = f" in {line.group!r}" if line.group else ""
            found = f"found {line.label!r} again{within} (first in line {known})"
            yield Fault(file, line.number, "", found, "one line a trial, or --unit arm, is allowed")


def _in_two_groups(file: str, lines: Sequence[_Line], columns: Columns, unit: str) -> Iterator[Fault]:
    """Lines of a trial in another group than its first line, where that is refused."""
    if columns.by is None or not columns.one_level or unit == "arm":
        return
    first: dict[str, _Line] = {}
    for line in lines:
        known = first.setdefault(line.label, line)
        if known.group != line.group:
            found = f"found {line.group!r} for {line.label!r} ({known.group!r} in line {known.number})"
            allowed = "one level a trial (or --by, for groups within trials) is allowed"
            yield Fault(file, line.number, columns.by, found, allowed)


def _labels(lines: Sequence[_Line], unit: str) -> list[str]:
    times = Counter(line.label for line in lines)
    if unit == "arm":
        return [
            f"{line.label} (line {line.number})" if times[line.label] > 1 else line.label for line in lines
        ]
    return [line.label for line in lines]
