"""The table of factors: the characteristics by which patients are counted, with their levels and phrases.

A factor is one field of :class:`Factors`. Records, analyses, checks, groupings, exclusions, the model of
sites, the latent model, the map of what is confounded, schemas and sentences derive from its :class:`Factor`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

from meta.models.options import STRICT

# A level, several levels, or everything but some: "pancreas", [lung, thymus], {not: [pancreas]}.
FactorValue = str | tuple[str, ...] | Mapping[Literal["not"], tuple[str, ...]]

UNKNOWN = "unknown"  # patients of whom the report says that it does not know
OTHER = "other"
TRIAL_FACTORS = ("region", "line", "regimen")  # what all patients of a trial, or of an arm, share


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """What one factor is, and what it may be used for besides rows, exclusions and groupings.

    Attributes
    ----------
    noun : str
        What it is called in headings.
    description : str
        For readers of the schema.
    levels : tuple of str
        The finest levels there are; empty: any name is a level. With ``unknown`` among them, a report can
        say that it does not know the level of some patients.
    tree : mapping of str to tuple of str
        Wider levels and the levels that make them up. A level of a tree may be made finer with a slash:
        ``other/liver``, ``intestine/rectum``.
    phrase : str
        What is said of patients at a level, after "patients who are".
    phrases : mapping of str to str
        The same, for levels that need words of their own.
    implies : mapping of level to mapping of factor to level
        What else is known of patients at a level.
    site_model : bool
        Whether its levels may be the groups of the model of sites and regions.
    latent : bool
        Whether excluded patients and the others may be the two groups of the latent model.
    mapped : bool
        Whether it is shown on the map of what may be confounded with what.
    """

    noun: str
    description: str
    levels: tuple[str, ...] = ()
    tree: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    phrase: str = "{}"
    phrases: Mapping[str, str] = field(default_factory=dict)
    implies: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    site_model: bool = False
    latent: bool = False
    mapped: bool = False

    @property
    def values(self) -> tuple[str, ...]:
        """Every level, the wider ones first; empty where any name is a level."""
        return (*self.tree, *self.levels)

    def below(self, value: str, levels: tuple[str, ...] | None = None) -> set[str]:
        """The finest of `levels` that make up `value`; a finer level lies below its parent and above."""
        known = self.levels if levels is None else levels
        own = {level for level in known if level == value or level.startswith(f"{value}/")}
        return own.union(*(self.below(part, known) for part in self.tree.get(value, ())))

    def strange(self, value: FactorValue) -> list[str]:
        """The names in `value` that are no levels of this factor."""
        if not self.levels:
            return []
        if self.tree:
            names = values_of(value)
            return [n for n in names if n.partition("/")[0] not in self.values or n.endswith("/")]
        return [name for name in values_of(value) if name not in self.levels]


def _of(row: Factor) -> dict[str, Any]:
    return {"factor": row, "description": row.description}


@dataclass(frozen=True, slots=True, kw_only=True)
class Factors:
    """Which patients a row counts; a factor left out means all of them. Each field is a row of the table."""

    __pydantic_config__ = STRICT

    site: FactorValue | None = field(
        default=None,
        metadata=_of(
            Factor(
                noun="primary site",
                description="Primary site",
                levels=("pancreas", "gastroesophageal", "intestine", "lung", "thymus", OTHER, UNKNOWN),
                tree={
                    "gep": ("pancreas", "gastrointestinal"),
                    "gastrointestinal": ("gastroesophageal", "intestine"),
                    "thoracic": ("lung", "thymus"),
                },
                phrase="of primary site {}",
                phrases={OTHER: "of another primary site", UNKNOWN: "of unknown primary site"},
                site_model=True,
                mapped=True,
            )
        ),
    )
    differentiation: FactorValue | None = field(
        default=None,
        metadata=_of(
            Factor(
                noun="differentiation",
                description="Differentiation of the neoplasm",
                levels=("well", "poor", UNKNOWN),
                phrases={
                    "well": "well differentiated",
                    "poor": "poorly differentiated",
                    UNKNOWN: "of unknown differentiation",
                },
                site_model=True,
                latent=True,
                mapped=True,
            )
        ),
    )
    grade: FactorValue | None = field(
        default=None,
        metadata=_of(
            Factor(
                noun="grade",
                description="Grade (WHO); G1 and G2 are well differentiated, G3 is either",
                levels=("G1", "G2", "G3", UNKNOWN),
                phrase="of grade {}",
                phrases={UNKNOWN: "of unknown grade"},
                implies={"G1": {"differentiation": "well"}, "G2": {"differentiation": "well"}},
                site_model=True,
                latent=True,
            )
        ),
    )
    pdl1: FactorValue | None = field(
        default=None,
        metadata=_of(
            Factor(
                noun="PD-L1 status",
                description="PD-L1 status, at the cut-off of the publication",
                levels=("positive", "negative", UNKNOWN),
                phrase="PD-L1 {}",
                phrases={UNKNOWN: "of unknown PD-L1 status"},
                site_model=True,
                latent=True,
            )
        ),
    )
    cohort: FactorValue | None = field(
        default=None,
        metadata=_of(
            Factor(
                noun="cohort",
                description="Cohort of the trial, by any name",
                phrase="in cohort {}",
            )
        ),
    )

    def given(self) -> dict[str, FactorValue]:
        """The factors that are stated, by name."""
        pairs = ((name, getattr(self, name)) for name in FACTORS)
        return {name: value for name, value in pairs if value is not None}


FACTORS: dict[str, Factor] = {item.name: item.metadata["factor"] for item in fields(Factors)}

if TYPE_CHECKING:
    GroupingFactor = str
    SiteModelFactor = str
else:  # pydantic and the messages list these names
    GroupingFactor = Literal[(*TRIAL_FACTORS, *FACTORS)]
    SiteModelFactor = Literal[tuple(name for name, row in FACTORS.items() if row.site_model)]


def values_of(value: FactorValue) -> tuple[str, ...]:
    """The names that a factor value mentions, whatever its form."""
    if isinstance(value, str):
        return (value,)
    return tuple(value) if not isinstance(value, Mapping) else tuple(value["not"])


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


def noun_of(grouping: str) -> str:
    """What a grouping is called in headings.

    Examples
    --------
    >>> noun_of("site"), noun_of("region")
    ('primary site', 'region')
    """
    return FACTORS[grouping].noun if grouping in FACTORS else grouping


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
    for name, value in given.items():
        factor, levels = FACTORS[name], values_of(value)
        listed = [level for level in levels if level not in factor.phrases]
        said = [factor.phrase.format(" or ".join(listed))] if listed else []
        said += [factor.phrases[level] for level in levels if level in factor.phrases]
        words.append(f"{'not ' if isinstance(value, Mapping) else ''}{' or '.join(said)}")
    return ", and ".join(words)
