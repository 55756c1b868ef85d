"""Numbers and texts of stored runs that remember where they stand, and how the page writes them.

Whatever the page takes from a run goes through a filter of :data:`FILTERS`. It leaves, beside what is
read, the full value and the place in the stored JSON: ``analysis/variation#/fits/0/n`` (a JSON pointer,
RFC 6901). So every number on the page can be compared with the run, and a test does that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from meta.format import DASH, MINUS, TO, clean, distribution, level, number, p_value, percent, symbols
from meta.models import policy
from meta.report.language import exact
from meta.report.language.wording import capital
from meta.results import Estimand, Outcome, name_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from meta.records.run import Run


class At:
    """A part of a stored run together with its place.

    Attributes of dataclasses, keys of mappings and items of sequences are parts again; `it` is the plain
    value. A part is true where its value is, and its length and its items are those of the value.

    Parameters
    ----------
    place : str
        ``analysis/variation#`` and a JSON pointer.
    counted : Outcome
        The run's, after which estimands are named.
    """

    __slots__ = ("counted", "it", "place")

    def __init__(self, it: Any, place: str, counted: Outcome = Outcome.RESPONSE) -> None:
        self.it = it
        self.place = place
        self.counted = counted

    @classmethod
    def run(cls, run: Run) -> At:
        """A whole run."""
        return cls(run, f"{run.name}/{run.variation}#", run.analysis.outcome)

    def __getattr__(self, name: str) -> At:
        if name.startswith("__"):
            raise AttributeError(name)
        if isinstance(self.it, Mapping) and name in self.it:
            return self[name]
        if is_dataclass(self.it) and hasattr(self.it, name):
            return At(getattr(self.it, name), f"{self.place}/{name}", self.counted)
        raise AttributeError(f"{self.place} has no {name!r}")

    def __getitem__(self, key: str | int) -> At:
        if is_dataclass(self.it):
            return getattr(self, str(key))  # type: ignore[no-any-return]  # Any by __getattr__'s own rules
        escaped = str(key).replace("~", "~0").replace("/", "~1")
        return At(self.it[key], f"{self.place}/{escaped}", self.counted)

    def __iter__(self) -> Iterator[At]:
        keys = list(self.it) if isinstance(self.it, Mapping) else range(len(self.it))
        return (self[key] for key in keys)

    def __len__(self) -> int:
        return len(self.it)

    def __bool__(self) -> bool:
        return bool(self.it)

    def __html__(self) -> str:
        raise TypeError(f"{self.place}: written without a filter that says how")


def _data(found: At, how: str, shown: str) -> Markup:
    return Markup('<data class="n" value="{}" data-ref="{}" data-as="{}">{}</data>').format(
        repr(found.it), found.place, how, shown
    )


def _plain(value: float) -> str:
    return f"{int(value):,}" if float(value).is_integer() else f"{value:g}"


# How a number is written, by the name that stands beside it on the page
FORMATS: dict[str, Callable[[float], str]] = {
    "pct": percent,
    "level": level,
    "int": _plain,
    "lineno": lambda value: str(int(value)),
    "num1": lambda value: number(value, 1),
    "printed": lambda value: f"{value:g}",
    "num2": lambda value: number(value, 2),
    "num3": number,
    "ratio": exact.ratio,
    "chance": exact.chance,
    "p": p_value,
}


def written(found: At, how: str) -> Markup:
    """A number of a run, rounded as `how` says; a dash where there is none."""
    if found.it is None:
        return Markup('<span class="none">–</span>')
    return _data(found, how, FORMATS[how](found.it))


def ends(found: At, how: str = "pct") -> Markup:
    """Both ends of an interval; joined by a word where a minus sign could be read into the dash."""
    low, high = found.low, found.high
    if low.it is None or high.it is None:
        return Markup('<span class="none">–</span>')
    shown = [written(low, how), written(high, how)]
    joint = TO if any(MINUS in FORMATS[how](end.it) for end in (low, high)) else DASH
    return Markup('<span class="nw">{}</span>').format(Markup(joint).join(shown))


def _say(text: str) -> str:
    return symbols(clean(text))


def _method(text: str) -> str:
    """Priors inside a method's name, as papers write them."""
    whole = re.sub(r"\b[a-z-]+:[-\d.,]*\d", lambda found: distribution(found[0]), _say(text))
    return re.sub(r"\bmu\b", "μ", whole)


# How a text is shown, by the name that stands beside it on the page
TEXTS: dict[str, Callable[[str], str]] = {
    "text": _say,
    "distribution": lambda text: symbols(distribution(clean(text))),
    "capital": lambda text: capital(_say(text)),
    "method": _method,
    "plain": lambda text: clean(text).replace("-", " "),  # names of options and outcomes
}


def _estimand(write: Callable[[str], str], outcome: Outcome) -> Callable[[str], str]:
    return lambda code: write(name_of(code, outcome))


TEXTS |= {  # estimands are stored as codes, and named after the run's outcome
    f"{how} {outcome}": _estimand(TEXTS[how], outcome) for how in ("text", "capital") for outcome in Outcome
}


def told(found: At, how: str = "text") -> Markup:
    """A text of a run, as it stands there but for symbols; isolated, so that it turns nothing around."""
    if found.it is None:
        return Markup("")
    if isinstance(found.it, Estimand):
        how = f"{how} {found.counted}"
    return Markup('<bdi class="t" data-ref="{}" data-as="{}">{}</bdi>').format(
        found.place, how, TEXTS[how](str(found.it))
    )


def called(found: At) -> Markup:
    """What the k policy lets an estimate of a run be called."""
    return Markup('<bdi class="t" data-ref="{}" data-as="standing">{}</bdi>').format(
        found.place, policy.words(found.it)
    )


def words(text: str) -> Markup:
    """Words of the page's own in which digits occur: a name, a year, a level that is part of a name."""
    return Markup('<span class="w">{}</span>').format(text)


def listed(found: Sequence[Markup]) -> Markup:
    """Things in a row: a, b and c."""
    if len(found) < 2:
        return Markup("").join(found)
    return Markup(", ").join(found[:-1]) + Markup(" and ") + found[-1]


def _in_words(how: str) -> Callable[[At], Markup]:
    return lambda found: told(found, how)


def _capital(found: At | str) -> Markup | str:
    return capital(found) if isinstance(found, str) else told(found, "capital")


def _filter(how: str) -> Callable[[At], Markup]:
    return lambda found: written(found, how)


FILTERS: dict[str, Callable[..., Any]] = {
    **{how: _filter(how) for how in FORMATS},
    "ends": ends,
    "t": told,
    "dist": _in_words("distribution"),
    "plain": _in_words("plain"),
    "method": _in_words("method"),
    "cap": _capital,
    "standing": called,
    "w": words,
    "attr_written": written,
    "listed": listed,
}
