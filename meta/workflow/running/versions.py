"""What the numbers of a run depend on besides its data and options."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


@cache
def versions() -> Mapping[str, str]:
    """What numbers depend on; `code` digests this package's source, which changes between versions too."""
    source = hashlib.sha256()
    package = Path(__file__).resolve().parent.parent
    for file in sorted(package.rglob("*.py")):
        source.update(file.relative_to(package).as_posix().encode() + b"\0" + file.read_bytes())
    numeric = {name: version(name) for name in ("numpy", "scipy")}
    return {
        "nen-meta": version("nen-meta"),
        "code": source.hexdigest()[:16],
        "python": platform.python_version(),
        **numeric,
    }


@cache
def sampler_versions() -> Mapping[str, str]:
    """What the numbers of a sampler depend on besides; only its own runs are made anew when these change."""
    found: dict[str, str] = {}
    for name in ("pymc", "pytensor", "nutpie", "numba"):
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
