"""The errors this package raises, and the form of one fault in a user's file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing wrong with one place of one file, or with one option of a model.

    Parameters
    ----------
    file : str
        The file as the user would name it; empty where there is none.
    line : int
        Its line, counted from 1; 0 where the fault has no line (a missing file).
    path : str
        The place inside the record, e.g. ``reports[0].tables[1].rows[2].n``.
    found : str
        What stands there.
    allowed : str
        What may stand there, or what to do.
    """

    file: str
    line: int
    path: str
    found: str
    allowed: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(part for part in (place, self.path, f"{self.found}; {self.allowed}") if part)


def option_fault(option: str, found: object, allowed: str) -> Fault:
    """A fault in one option of a model.

    Parameters
    ----------
    option : str
        Its name as the model's field.
    found : object
        Its value, in words.
    allowed : str
        What may stand there, as a sentence.
    """
    return Fault("", 0, option, f"found {found}", allowed)


class MetaError(Exception):
    """The root of every error that is the user's to mend.

    Parameters
    ----------
    message : str
        One sentence; may be empty where `faults` say it all.
    faults : iterable of Fault
        Every fault found, not only the first; sorted by file and line.
    """

    def __init__(self, message: str = "", faults: Iterable[Fault] = ()) -> None:
        self.message = message
        self.faults = tuple(sorted(set(faults)))
        super().__init__(str(self))

    def __str__(self) -> str:
        return "\n".join(part for part in (self.message, *map(str, self.faults)) if part)


class RecordError(MetaError):
    """A trial record is malformed or contradicts itself."""


class SpecError(MetaError):
    """An analysis, or a combination of options, cannot be carried out as written."""


class DataError(MetaError):
    """Counts or arrays that no model can take."""


class ConvergenceError(MetaError):
    """A numerical method did not reach its tolerance."""


class StoreError(MetaError):
    """A stored run cannot be read or written."""


def together(*steps: Callable[[], Any]) -> list[Any]:
    """Take steps that do not need each other, so that what is wrong with any of them is said at once.

    Returns
    -------
    list
        What each gave.

    Raises
    ------
    MetaError
        The one that was raised, or where there are several one with the messages and faults of all.
    """
    given: list[Any] = []
    wrong: list[MetaError] = []
    for step in steps:
        try:
            given.append(step())
        except MetaError as error:
            wrong.append(error)
    if len(wrong) == 1:
        raise wrong[0]
    if wrong:
        messages = "\n".join(filter(None, (error.message for error in wrong)))
        raise SpecError(messages, (fault for error in wrong for fault in error.faults))
    return given
