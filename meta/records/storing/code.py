"""Digests of this package's code: what stored runs and drawings were made by."""

from __future__ import annotations

import ast
import hashlib
import json
import sys
from contextlib import suppress
from functools import cache
from importlib.util import cache_from_source
from pathlib import Path
from typing import TYPE_CHECKING

from meta.errors import StoreError
from meta.records.storing.files import write

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PACKAGE = Path(__file__).resolve().parents[2]
# What no number of a run depends on; anything else may decide one.
_NO_NUMBERS = ("cli", "report", "records/reading", "records/audit", "workflow/diff.py", "workflow/pool.py")
_DRAWS = "report"


@cache
def numbers_code() -> str:
    """Digest of the code that decides numbers, without comments, docstrings and the way it is laid out."""
    whole = hashlib.sha256()
    known, used = _remembered(), dict[str, str]()
    for file in _files(_PACKAGE):
        name = file.relative_to(_PACKAGE).as_posix()
        if file.suffix == ".py" and not name.startswith(_NO_NUMBERS):
            content = file.read_bytes()
            raw = hashlib.sha256(content).hexdigest()
            used[raw] = known.get(raw) or hashlib.sha256(_meaning(content)).hexdigest()
            whole.update(f"{name}:{used[raw]}\n".encode())
    if used != known and not sys.dont_write_bytecode:
        with suppress(StoreError):  # a package that is installed read-only is parsed each time
            write(_memory(), json.dumps(used))
    return whole.hexdigest()[:16]


@cache
def drawing_code() -> str:
    """Digest of everything that decides how a run is shown, comments and templates included."""
    return _source(_PACKAGE / _DRAWS)


@cache
def package_code() -> str:
    """Digest of the whole package as it is written."""
    return _source(_PACKAGE)


def _source(folder: Path) -> str:
    source = hashlib.sha256()
    for file in _files(folder):
        source.update(file.relative_to(folder).as_posix().encode() + b"\0" + file.read_bytes())
    return source.hexdigest()[:16]


def _files(folder: Path) -> Iterator[Path]:
    return (file for file in sorted(folder.rglob("*")) if file.is_file() and "__pycache__" not in file.parts)


def _meaning(content: bytes) -> bytes:
    """The syntax tree of a module, without docstrings."""
    tree = ast.parse(content)
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and ast.get_docstring(node) is not None
        ):
            del node.body[0]
    return ast.dump(tree).encode()


def _memory() -> Path:
    """Where digests are kept that take a while, by the digest of the file's bytes: beside the bytecode."""
    return Path(cache_from_source(__file__)).with_name("meaning.json")


def _remembered() -> Mapping[str, str]:
    try:
        known = json.loads(_memory().read_bytes())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}
