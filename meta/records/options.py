"""A model from words on a command line."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from meta.errors import SpecError
from meta.models import Model
from meta.records.schema import validate

if TYPE_CHECKING:
    from collections.abc import Mapping

UNITS = ("trial", "arm")


def model_from(options: Mapping[str, object], *, unit: str) -> Model:
    """Build a model from option names and values, numbers among them as text.

    Parameters
    ----------
    options : mapping
        Field names of a model to what the user gave.
    unit : str
        Checked together with them, so that all faults come at once.

    Returns
    -------
    Model

    Raises
    ------
    SpecError
        Naming every option that does not fit, and what is allowed.
    """
    values = {name: _number(value) for name, value in options.items()}
    model, complaints = validate(Model, values)
    wrong = [f"--{place.replace('_', '-')}: {found}; {allowed}" for place, found, allowed in complaints]
    if unit not in UNITS:
        wrong.append(f"--unit: found {unit!r}; allowed: {', '.join(UNITS)}")
    if model is None or wrong:
        raise SpecError("\n".join(wrong))
    return model


def _number(value: object) -> object:
    with suppress(ValueError):
        return float(value) if isinstance(value, str) else value
    return value
