"""Which patients a row means: factors, the tree of sites, and sets of patients as bit masks.

All rows of a trial are partial margins of one latent table, whose cells are the combinations of
site, differentiation, grade, PD-L1 status and cohort. A :class:`Universe` numbers those cells, so
that "is inside", "do not overlap" and "together make up" become integer arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import product
from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meta.records.trial import FactorValue

SITE_TREE: dict[str, tuple[str, ...]] = {
    "gep": ("pancreas", "gastrointestinal"),
    "gastrointestinal": ("gastroesophageal", "intestine"),
    "thoracic": ("lung", "thymus"),
}
UNKNOWN = "unknown"  # patients of whom the report says that it does not know
SITE_LEAVES = ("pancreas", "gastroesophageal", "intestine", "lung", "thymus", "other", UNKNOWN)
SITES = (*SITE_TREE, *SITE_LEAVES)

VALUES: dict[str, tuple[str, ...]] = {
    "site": SITES,
    "differentiation": ("well", "poor", UNKNOWN),
    "grade": ("G1", "G2", "G3", UNKNOWN),
    "pdl1": ("positive", "negative", UNKNOWN),
    "cohort": (),  # any name
}
_REST = ""  # the cohort of patients whom no row puts in a named one


def values_of(value: FactorValue) -> tuple[str, ...]:
    """The names that a factor value mentions, whatever its form."""
    if isinstance(value, str):
        return (value,)
    return tuple(value) if not isinstance(value, Mapping) else tuple(value["not"])


def unknown_names(factor: str, value: FactorValue) -> list[str]:
    """The names in `value` that are not of the factor's vocabulary."""
    if factor == "cohort":
        return []
    names = values_of(value)
    if factor == "site":  # a slash makes a node finer: other/liver
        return [name for name in names if name.partition("/")[0] not in SITES or name.endswith("/")]
    return [name for name in names if name not in VALUES[factor]]


def describe(given: Mapping[str, FactorValue]) -> str:
    """Factors in words, for messages and ledgers.

    Examples
    --------
    >>> describe({"differentiation": "poor", "site": {"not": ("pancreas",)}})
    'differentiation poor, site not pancreas'
    """
    if not given:
        return "all patients"
    words = []
    for name, value in given.items():
        listed = " or ".join(values_of(value))
        words.append(f"{name} not {listed}" if isinstance(value, Mapping) else f"{name} {listed}")
    return ", ".join(words)


def told(given: Mapping[str, FactorValue]) -> str:
    """Factors as said of patients, after "are" or "who are"; see :func:`describe` for labels.

    Examples
    --------
    >>> told({"differentiation": "poor", "site": {"not": ("pancreas", "lung")}})
    'poorly differentiated, and not of primary site pancreas or lung'
    >>> told({"grade": ("G3", "unknown"), "pdl1": "positive"})
    'of grade G3 or of unknown grade, and PD-L1 positive'
    """
    words = []
    for factor, value in given.items():
        names = values_of(value)
        listed = [name for name in names if name not in _SAID[factor]]
        said = [_PATTERNS[factor].format(" or ".join(listed))] if listed else []
        said += [_SAID[factor][name] for name in names if name in _SAID[factor]]
        words.append(f"{'not ' if isinstance(value, Mapping) else ''}{' or '.join(said)}")
    return ", and ".join(words)


_PATTERNS = {
    "site": "of primary site {}",
    "grade": "of grade {}",
    "pdl1": "PD-L1 {}",
    "cohort": "in cohort {}",
}
_SAID: dict[str, dict[str, str]] = {
    "site": {"other": "of another primary site", "unknown": "of unknown primary site"},
    "differentiation": {
        "well": "well differentiated",
        "poor": "poorly differentiated",
        "unknown": "of unknown differentiation",
    },
    "grade": {"unknown": "of unknown grade"},
    "pdl1": {"unknown": "of unknown PD-L1 status"},
    "cohort": {},
}


def site_leaves(node: str, leaves: tuple[str, ...] = SITE_LEAVES) -> set[str]:
    """The leaves below `node`; a finer leaf (other/liver) lies below its node and that node's parents."""
    below = {leaf for leaf in leaves if leaf == node or leaf.startswith(f"{node}/")}
    return below.union(*(site_leaves(child, leaves) for child in SITE_TREE.get(node, ())))


@lru_cache(maxsize=64)  # every variation asks for those of the same trials
def _cells_of(leaves: tuple[tuple[str, tuple[str, ...]], ...]) -> Mapping[tuple[str, str], int]:
    """The cells of each value of each factor, as bits; a cell is a combination of values."""
    found: dict[tuple[str, str], int] = {}
    for bit, cell in enumerate(product(*(values for _, values in leaves))):
        for (factor, _), value in zip(leaves, cell, strict=True):
            found[factor, value] = found.get((factor, value), 0) | 1 << bit
    return found


class Universe:
    """The cells of one trial's latent table.

    Parameters
    ----------
    conditions : iterable of mappings
        The factors of every row, and of every population that will be asked for: a site finer
        than the tree, or a cohort, exists only where one of them names it.
    """

    def __init__(self, conditions: Iterable[Mapping[str, FactorValue]]) -> None:
        named = [
            (factor, name)
            for given in conditions
            for factor, value in given.items()
            for name in values_of(value)
        ]
        finer = dict.fromkeys(name for factor, name in named if factor == "site" and "/" in name)
        cohorts = dict.fromkeys(name for factor, name in named if factor == "cohort")
        self._leaves: dict[str, tuple[str, ...]] = {
            **VALUES,
            "site": (*SITE_LEAVES, *finer),
            "cohort": (*cohorts, _REST),
        }
        self._cells_of = _cells_of(tuple(self._leaves.items()))
        well = self._cells_of["differentiation", "well"]
        low = self._cells_of["grade", "G1"] | self._cells_of["grade", "G2"]
        everything = (1 << prod(map(len, self._leaves.values()))) - 1
        self.everyone: int = everything & ~(low & ~well)  # G1 and G2 imply well; G3 implies neither

    def __eq__(self, other: object) -> bool:
        """Whether masks of both mean the same cells."""
        return isinstance(other, Universe) and self._leaves == other._leaves

    def __hash__(self) -> int:
        return hash(tuple(self._leaves.items()))

    def mask(self, given: Mapping[str, FactorValue]) -> int:
        """The cells of the patients described by `given`."""
        cells = self.everyone
        for factor, value in given.items():
            named = 0
            for name in values_of(value):
                named |= self._named(factor, name)
            cells &= ~named if isinstance(value, Mapping) else named
        return cells

    def common(self, conditions: Iterable[Mapping[str, FactorValue]]) -> int:
        """The cells of the patients whom all of the conditions describe."""
        cells = self.everyone
        for given in conditions:
            cells &= self.mask(given)
        return cells

    def _named(self, factor: str, name: str) -> int:
        leaves = site_leaves(name, self._leaves["site"]) if factor == "site" else {name}
        cells = 0
        for leaf in leaves:
            cells |= self._cells_of.get((factor, leaf), 0)
        return cells
