"""How the options of models, and records, are read from a file."""

from __future__ import annotations

from typing import Any

from meta.errors import SpecError

# For pydantic, which reads it as a class's __pydantic_config__: unknown keys and guessed types are refused.
STRICT: dict[str, Any] = {"extra": "forbid", "strict": True}


def check_level(level: float) -> None:
    """Refuse a level that leaves no interval.

    Parameters
    ----------
    level : float

    Raises
    ------
    SpecError
    """
    if not 0 < level < 1 - 1e-9:  # nearer to 1, quantiles lose their digits
        raise SpecError(f"level: found {level}; a number between 0 and 1 is allowed")


def check_thresholds(thresholds: tuple[float, ...]) -> None:
    """Refuse thresholds that are no rates.

    Parameters
    ----------
    thresholds : tuple of float

    Raises
    ------
    SpecError
    """
    wrong = [cut for cut in thresholds if not 0 < cut < 1]
    if wrong:
        raise SpecError(f"thresholds: found {', '.join(map(str, wrong))}; ORRs between 0 and 1 are allowed")
