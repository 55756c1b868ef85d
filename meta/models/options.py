"""Checks of the options of models, with a fault for each value out of range."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meta.errors import SpecError, option_fault
from meta.stats.posterior.priors import MuPrior, TauPrior

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from meta.errors import Fault

# For pydantic, which reads it as a class's __pydantic_config__: unknown keys and guessed types are refused.
STRICT: dict[str, Any] = {"extra": "forbid", "strict": True}


def refuse(*checks: Iterable[Fault]) -> None:
    """Raise one error that holds every fault.

    Raises
    ------
    SpecError
        If there is any fault.
    """
    faults = [fault for check in checks for fault in check]
    if faults:
        raise SpecError(faults=faults)


def level_faults(level: float) -> Iterator[Fault]:
    """Faults of an interval level that is not between 0 and 1."""
    if not 0 < level < 1 - 1e-9:  # nearer to 1, quantiles lose their digits
        yield option_fault("level", level, "a number between 0 and 1 is allowed")


def threshold_faults(thresholds: tuple[float, ...]) -> Iterator[Fault]:
    """Faults of thresholds that are not between 0 and 1."""
    wrong = [cut for cut in thresholds if not 0 < cut < 1]
    if wrong:
        yield option_fault("thresholds", ", ".join(map(str, wrong)), "ORRs between 0 and 1 are allowed")


def continuity_faults(continuity: float | str) -> Iterator[Fault]:
    """Faults of a continuity correction that is not above 0 and at most 1."""
    if isinstance(continuity, str):
        return
    if not 0 < continuity <= 1:
        yield option_fault("continuity", continuity, "none, or a number above 0 up to 1, is allowed")


def prior_faults(prior: str, mu_prior: str) -> Iterator[Fault]:
    """Faults of priors that cannot be read or are not proper.

    Parameters
    ----------
    prior, mu_prior : str
        Of tau and of mu.
    """
    parsers: tuple[tuple[Callable[[str], object], str], ...] = (
        (TauPrior.parse, prior),
        (MuPrior.parse, mu_prior),
    )
    for parse, text in parsers:
        try:
            parse(text)
        except SpecError as error:
            yield from error.faults


def count_faults(option: str, value: int, low: int, high: int | None, allowed: str) -> Iterator[Fault]:
    """Faults of a whole number out of its range.

    Parameters
    ----------
    high : int or None
        None without an upper end.
    allowed : str
        The range in words.
    """
    if value < low or (high is not None and value > high):
        yield option_fault(option, value, allowed)


def seed_faults(seed: int) -> Iterator[Fault]:
    """Faults of a negative seed."""
    return count_faults("seed", seed, 0, None, "a whole number from 0 is allowed")
