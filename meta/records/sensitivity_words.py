"""Words that stand for several sensitivity analyses: one line of YAML such as ``leave-one-out: each-trial``.

A word is one function and its entry in :data:`WORDS`. The schema, the checks of records, figures, page and
terminal take from the entry what they say about its variations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from meta.format import distribution
from meta.models import MODELS, Model
from meta.records.roles import Role

# Priors of tau on the logit scale, from narrow to wide
PRIORS = ("half-normal:0.5", "half-normal:1", "half-normal:1.25", "half-cauchy:0.5", "uniform:0,4")

Models = Mapping[Role, Model]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What one variation of a word is about: a trial, a prior or a date, and how it is shown."""

    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """A record of the analysis itself; `attributes` are its region, line and regimen.

    Cohorts of one protocol, which are one trial, have one label.
    """

    id: str
    label: str
    published: str
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Varied:
    """One variation: further exclusions, as `exclude` in YAML, and models in place of the analysis' own."""

    item: Item
    exclude: tuple[Mapping[str, str], ...] = ()
    models: Models | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What a word does and what is said of it.

    Attributes
    ----------
    vary : callable
        From the trials and models of the analysis to the variations.
    label : str
        What a variation is called beside others; ``{}`` is its item's name.
    heading, shows : str
        Title of the figure of its variations, and a sentence of what it shows.
    methods : str
        The word in the list of sensitivity analyses of a methods section.
    figure : {"estimates", "added", "posteriors"}
        How the variations are drawn together: pooled estimates, those of growing sets of trials, or
        posteriors.
    overall : bool
        Whether only overall estimates are fitted: no groups, and no model of sites and regions.
    lacks : callable
        From the models to what was found and what is allowed, where the word cannot be used with them.
    """

    vary: Callable[[Sequence[Entered], Models], Iterator[Varied]]
    label: str
    heading: str
    shows: str
    methods: str
    figure: Literal["estimates", "added", "posteriors"] = "estimates"
    overall: bool = False
    lacks: Callable[[Models], tuple[str, str] | None] = lambda _: None


def _each_trial(trials: Sequence[Entered], _: Models) -> Iterator[Varied]:
    labels: dict[str, str] = {}
    for trial in trials:
        labels.setdefault(trial.id, trial.label)  # of several arms the first
    for label in dict.fromkeys(labels.values()):
        records = [name for name, own in labels.items() if own == label]
        yield Varied(item=Item(id=records[0], name=label), exclude=tuple({"trial": name} for name in records))


def _each_prior(_: Sequence[Entered], models: Models) -> Iterator[Varied]:
    primary = models["primary"]
    for prior in PRIORS:
        item = Item(id=prior, name=distribution(prior))
        yield Varied(item=item, models={"primary": primary.with_options(prior=prior)})


def _without_prior(models: Models) -> tuple[str, str] | None:
    primary = models.get("primary")
    if primary is not None and primary.prior is not None:
        return None
    found = f"found each-prior with {primary.model if primary else 'none'} as the primary model"
    able = ", ".join(name for name, kind in MODELS.items() if kind.has("prior"))
    return found, f"allowed: with a primary model that has a prior of tau ({able})"


def _each_date(trials: Sequence[Entered], models: Models) -> Iterator[Varied]:
    """The first model at each date of publication but the last, which is the analysis itself."""
    dates: dict[str, str] = {}
    for trial in trials:
        dates[trial.id] = max(trial.published, dates.get(trial.id, ""))  # of several arms the last
    for date in sorted(set(dates.values()))[:-1]:  # an unknown one sorts last
        later = tuple({"trial": name} for name, published in dates.items() if published > date)
        yield Varied(item=Item(id=date, name=date), exclude=later, models=dict(list(models.items())[:1]))


WORDS: Mapping[str, Word] = {
    "each-trial": Word(
        vary=_each_trial,
        label="without {}",
        heading="Leave one out",
        shows="The pooled estimate without each trial in turn.",
        methods="each trial left out in turn",
    ),
    "each-prior": Word(
        vary=_each_prior,
        label="τ ~ {}",
        heading="Posteriors under other priors of τ",
        shows="Posterior of the mean rate and of tau under each prior.",
        methods="other priors of τ",
        figure="posteriors",
        overall=True,
        lacks=_without_prior,
    ),
    "each-date": Word(
        vary=_each_date,
        label="published by {}",
        heading="As trials were published",
        shows="The pooled estimate at each date of publication.",
        methods="the trials published by each date",
        figure="added",
        overall=True,
    ),
}
if TYPE_CHECKING:
    Expansion = str
else:
    Expansion = Literal[tuple(WORDS)]  # for the schemas of records
