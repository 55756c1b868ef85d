"""Versions on which the numbers of a run depend, besides data and options."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from meta.records.storing.code import numbers_code


@cache
def versions() -> Mapping[str, str]:
    """Versions of Python, numpy, scipy and this package; `code` tells states of it between releases apart."""
    numeric = {name: version(name) for name in ("numpy", "scipy")}
    return {
        "nen-meta": version("nen-meta"),
        "code": numbers_code(),
        "python": platform.python_version(),
        **numeric,
    }


@cache
def sampler_versions() -> Mapping[str, str]:
    """Versions of what samples posteriors: only runs with draws depend on them."""
    found: dict[str, str] = {}
    for name in ("pymc", "pytensor", "nutpie", "numba"):
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
