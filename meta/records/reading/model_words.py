"""A model from words on a command line."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import fields
from typing import TYPE_CHECKING, Any, NamedTuple, get_args, get_type_hints

from meta.errors import SpecError
from meta.models import MODELS
from meta.records.reading.schema import suggestion
from meta.records.roles import default_models, model_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meta.models import Model

UNITS = ("trial", "arm")
WORDS = {"thresholds": "threshold"}  # of options that are given one value at a time


def model_from(options: Mapping[str, object], *, unit: str) -> Model:
    """Build a model from the options that a user gave; the others keep the model's own defaults.

    Parameters
    ----------
    options : mapping
        Field names of models to what was given, numbers among them as text. Without ``model``, it is the
        first that takes the others as they are: those of the roles in their order, then the rest.
    unit : str
        Checked together with them, so that all faults come at once.

    Raises
    ------
    SpecError
        Naming every option that does not fit, and what is allowed.
    """
    wrong = [] if unit in UNITS else [f"--unit: found {unit!r}; allowed: {', '.join(UNITS)}"]
    named = options.get("model")
    others = {name: value for name, value in options.items() if name != "model"}
    if named is not None and named not in MODELS:
        wrong.insert(0, f"--model: found {named!r}; allowed: {_listed(str(named))}")
        raise SpecError("\n".join(wrong))
    tried = [_tried(name, others) for name in ([str(named)] if named is not None else in_order())]
    best = min(tried, key=lambda found: (len(found.foreign), len(found.faults)))
    misfits = [*best.foreign, *best.faults]
    if misfits and named is None:
        misfits.append(f"(as options of {best.name}, the nearest; --model takes {_listed('')})")
    wrong = [*misfits, *wrong]
    if best.model is None or wrong:
        raise SpecError("\n".join(wrong))
    return best.model


class _Tried(NamedTuple):
    name: str
    model: Model | None
    foreign: list[str]  # options that the model does not have
    faults: list[str]


def _tried(name: str, options: Mapping[str, object]) -> _Tried:
    """What a model makes of options."""
    kind = MODELS[name]
    hints = get_type_hints(kind)
    own = {option: _value(value, hints[option]) for option, value in options.items() if option in hints}
    foreign = [_foreign(option, name) for option in options if option not in hints]
    model, misfits, refused = model_of({"model": name, **own})
    complaints = [*misfits, *refused]
    faults = [f"{_flag(place.partition('[')[0])}: {found}; {allowed}" for place, found, allowed in complaints]
    return _Tried(name, model if not foreign else None, foreign, faults)


def in_order() -> list[str]:
    """Every model's name, those of the roles first."""
    return list(dict.fromkeys([*(model.model for model in default_models("response").values()), *MODELS]))


def _foreign(option: str, name: str) -> str:
    own = ", ".join(_flag(item.name) for item in fields(MODELS[name]) if item.name != "model")
    others = [other for other, kind in MODELS.items() if kind.has(option)]
    whose = f"an option of {', '.join(others)}" if others else "no option of any model"
    return f"{_flag(option)}: {whose}, not of {name}; allowed: {own}"


def _flag(option: str) -> str:
    return f"--{WORDS.get(option, option).replace('_', '-')}"


def _listed(name: str) -> str:
    return f"{', '.join(MODELS)}{suggestion(name, list(MODELS))}"


def _value(value: object, hint: Any) -> object:
    """A number where the option can be one and the text is one."""
    if isinstance(value, str) and float in get_args(hint):
        with suppress(ValueError):
            return float(value)
    return value
