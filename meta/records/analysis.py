"""The analysis record: one question, and the sensitivity analyses that go with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from meta.models import Model
from meta.models.options import STRICT
from meta.records.factors import FACTORS, TRIAL_FACTORS, Factors, GroupingFactor
from meta.records.roles import OFF, Role, default_models
from meta.records.sensitivity_words import Expansion
from meta.records.sites import Sites
from meta.records.trial import Criteria, Line, Regimen, Region
from meta.results import Outcome

_HYPHENS = {**STRICT, "alias_generator": lambda name: name.replace("_", "-")}

Unresolved = Literal["error", "drop", "keep", "bound", "latent"]
Unreported = Literal["drop", "bound"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Where(Factors):
    """Conditions on patients (the factors of a row) and on trials (the other fields)."""

    __pydantic_config__ = STRICT

    trial: str | None = None
    region: Region | None = None
    line: Line | None = None
    regimen: Regimen | None = None
    selected_on: str | None = None

    def trial_conditions(self) -> dict[str, str]:
        """The conditions on the trial or its arm."""
        pairs = ((name, getattr(self, name)) for name in ("trial", *TRIAL_FACTORS, "selected_on"))
        return {name: value for name, value in pairs if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Range(Factors):
    """A declared range for a number of patients that a report does not give.

    Only `unresolved: bound` and `latent`, and `unreported: bound`, use it. `source` says what it is known
    from.
    """

    __pydantic_config__ = STRICT

    n: tuple[int, int]
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialEntry:
    """A trial in an analysis, optionally with its own population, report, arm or declared ranges."""

    __pydantic_config__ = STRICT

    id: str
    where: Where = field(default_factory=Where)
    report: str | None = None
    arm: str | None = None
    ranges: tuple[Range, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AsOf:
    """Only reports published by this date (2022, 2022-04 or 2022-04-07)."""

    __pydantic_config__ = _HYPHENS

    as_of: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefer:
    """Which table of a report is taken when it offers several; earlier is better."""

    __pydantic_config__ = STRICT

    criteria: tuple[Criteria, ...] = ("RECIST 1.1", "RECIST", "iRECIST", "irRECIST")
    population: tuple[Literal["enrolled", "treated", "evaluable"], ...] = ("enrolled", "treated", "evaluable")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduces:
    """A published table to set beside ours: the source's id and the place in it, as rows state them."""

    __pydantic_config__ = STRICT

    source: str
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Certainty:
    """How certain the authors hold the evidence (GRADE), and why; nothing computes it."""

    __pydantic_config__ = STRICT

    rating: Literal["high", "moderate", "low", "very low"]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """One question.

    Attributes
    ----------
    name : str
        The file's name.
    trials : "all" or tuple of str or TrialEntry
    where : Where
        Population, for every trial; an entry's own `where` is added to it.
    exclude : tuple of Where
        Trials or patients to leave out.
    unresolved : {"error", "drop", "keep", "bound", "latent"}
        What becomes of a trial that did not report the responders among excluded patients; `bound` gives, in
        place of fits, the bounds over all completions of what is not reported, `latent` the rates of the
        remaining patients under a model in which the excluded are a group.
    unreported : {"drop", "bound"}
        What becomes of a trial that does not print the responders of a group: it is not in that group; or, in
        a sensitivity analysis, bounds by group stand in place of fits, over all completions of these counts.
    by : tuple
        Groupings, each a factor or a crossing of factors.
    site_level : tuple of str
        The groups of a grouping by site; ``other`` is whatever the rest do not name.
    models : mapping of role to Model or "none"
        If empty, the defaults of the outcome; a role may be switched off.
    thresholds : tuple of float
        For every model that has the option and no thresholds of its own.
    reproduces : Reproduces or None
        A published table that is written out with our percentages beside its own.
    certainty : Certainty or None
        The authors' judgement, for the summary of findings.
    sites : Sites or None
        The model of sites and regions, and the variations that it runs in; None: it is not run.
    sensitivity : mapping of name to Analysis or a word
        Each a complete analysis: the base with the YAML's changes merged in; or a word that stands for
        several (:data:`meta.records.sensitivity_words.WORDS`).
    """

    __pydantic_config__ = STRICT

    name: str
    question: str
    trials: Literal["all"] | tuple[str | TrialEntry, ...]
    where: Where = field(default_factory=Where)
    reports: Literal["latest"] | AsOf = "latest"
    outcome: Outcome = Outcome.RESPONSE
    prefer: Prefer = field(default_factory=Prefer)
    evidence: Literal["printed", "recovered", "all"] = "printed"
    exclude: tuple[Where, ...] = ()
    unresolved: Unresolved = "error"
    unreported: Unreported = "drop"
    unit: Literal["trial", "arm"] = "trial"
    by: tuple[GroupingFactor | tuple[GroupingFactor, ...], ...] = ()
    site_level: tuple[str, ...] = ("pancreas", "gastroesophageal", "intestine", "other")
    models: Mapping[Role, Model | Literal["none"]] = field(default_factory=dict)
    k_policy: Literal["default", "off"] = "default"
    thresholds: tuple[float, ...] = ()
    reproduces: Reproduces | None = None
    certainty: Certainty | None = None
    sites: Sites | None = None
    sensitivity: Mapping[str, Analysis | Expansion] = field(default_factory=dict)

    def fitted(self) -> dict[Role, Model]:
        """The models as they are fitted, by role: without those switched off, with the thresholds."""
        models = self.models or default_models(self.outcome)
        return {role: self._with_thresholds(model) for role, model in models.items() if model != OFF}

    def levels(self, factor: str) -> tuple[str, ...]:
        """The groups of a grouping by a factor of patients; empty where any name is a group."""
        return self.site_level if factor == "site" else FACTORS[factor].values

    def _with_thresholds(self, model: Model) -> Model:
        own = not model.has("thresholds") or model.thresholds
        return model if own else model.with_options(thresholds=self.thresholds)
