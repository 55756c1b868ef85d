"""What models say of the response rate, said of the outcome that was counted."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from meta.results import Bounds, Fit, Latent, SiteRegionFit

Result = TypeVar("Result", Fit, Bounds, SiteRegionFit, Latent)
_NAMES = ("estimand", "name")  # fields that say of what a number is
_RESPONSE_RATE = re.compile(r"\bORR(s?)\b")


def of_outcome(fit: Result, outcome: str) -> Result:
    """The result with every estimand and quantity in it named after the outcome; models speak of the ORR.

    Parameters
    ----------
    fit : Fit, Bounds, SiteRegionFit or Latent
    outcome : str
        As in the records: ``disease-control`` has a disease control rate.
    """
    if outcome == "response":
        return fit
    renamed: Result = _renamed(fit, rf"{outcome.replace('-', ' ')} rate\1")
    return renamed


def _renamed(value: Any, words: str) -> Any:
    if isinstance(value, tuple):
        return tuple(_renamed(item, words) for item in value)
    if not is_dataclass(value) or isinstance(value, type):
        return value
    new = {item.name: _in_words(item.name, getattr(value, item.name), words) for item in fields(value)}
    return replace(value, **new)


def _in_words(field: str, value: Any, words: str) -> Any:
    if field in _NAMES and isinstance(value, str):
        return _RESPONSE_RATE.sub(words, value)
    return _renamed(value, words)
