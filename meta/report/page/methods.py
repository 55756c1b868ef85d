"""The methods in words, from the options that were used, with the references that they call for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from string import Formatter
from typing import TYPE_CHECKING

from markupsafe import Markup

from meta.models import Model
from meta.models.policy import RULE
from meta.records.analysis import Where
from meta.records.roles import OFF
from meta.records.run import BASE
from meta.report.language.variations import word_of
from meta.report.page.answers import UNRESOLVED, Line, excluded_patients
from meta.report.page.references import FILTERS, At

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meta.records.run import Run

# Beside those of the models
_REFERENCES = {
    "mor": "Larsen K, Merlo J. Appropriate assessment of neighborhood effects on individual health. "
    "Am J Epidemiol 2005;161:81–88. doi:10.1093/aje/kwi017",
    "clopper": "Clopper CJ, Pearson ES. The use of confidence or fiducial limits illustrated in the case "
    "of the binomial. Biometrika 1934;26:404–413.",
    "manski": "Manski CF. Nonparametric bounds on treatment effects. Am Econ Rev 1990;80(2):319–323.",
    "prisma": "Page MJ, McKenzie JE, Bossuyt PM, et al. The PRISMA 2020 statement. BMJ 2021;372:n71. "
    "doi:10.1136/bmj.n71",
    "grade": "Guyatt G, Oxman AD, Akl EA, et al. GRADE guidelines: 1. Introduction. J Clin Epidemiol "
    "2011;64:383–394. doi:10.1016/j.jclinepi.2010.04.026",
}


@dataclass(slots=True)
class Cited:
    """The references of one methods section, numbered in the order in which they are called for."""

    slug: str
    entries: Mapping[str, str]
    _known: list[str] = field(default_factory=list)

    def __call__(self, key: str) -> Markup:
        """The number of a reference, linked to it."""
        if key not in self._known:
            self._known.append(key)
        number = self._known.index(key) + 1
        return Markup('<sup class="w"><a href="#{0}-ref-{1}">[{1}]</a></sup>').format(self.slug, number)

    def __iter__(self) -> Iterator[str]:
        return (self.entries[key] for key in self._known)


@dataclass(frozen=True, slots=True)
class RoleMethods:
    """A model of the analysis under its role: its options in words, and what they are."""

    role: str
    model: Model
    options: At

    def text(self, cited: Cited) -> Markup:
        """What the model says about itself, its options as the page writes numbers and texts of a run."""
        text = Markup("")
        for literal, field_name, how, _ in Formatter().parse(self.model.methods()):
            text += literal
            if field_name == "cite":
                text += cited(str(how))
            elif field_name is not None:
                text += FILTERS[str(how)](self.options[field_name])
        return text


@dataclass(frozen=True, slots=True)
class Methods:
    """What the methods section needs.

    `families` are sensitivity analyses in words, `named`
    the trials of which the analysis names the report, `partly` those of which it takes some patients only.
    """

    options: At
    models: tuple[RoleMethods, ...]
    families: tuple[str, ...]
    named: tuple[At, ...]
    all_named: bool
    partly: tuple[At, ...]
    cited: Cited

    @property
    def exact(self) -> bool:
        """Whether single trials have exact intervals."""
        return any(one.model.trial_interval == "clopper-pearson" for one in self.models)

    @property
    def k_policy(self) -> str:
        """What few trials or responders mean for an estimate."""
        return RULE


def methods_of(slug: str, runs: Mapping[str, At]) -> Methods:
    """The methods of an analysis, from its base and the names of its variations."""
    base = runs[BASE]
    models = tuple(_models(base))
    own = {key: text for one in models for key, text in one.model.REFERENCES.items()}
    families = dict.fromkeys(
        _family(name, run.it, runs[BASE].it) for name, run in runs.items() if name != BASE
    )
    listed = base.it.analysis.trials
    entries = [] if isinstance(listed, str) else list(base.analysis.trials)  # "all", or each an id or more
    detailed = [entry for entry in entries if not isinstance(entry.it, str)]
    named = tuple(entry for entry in detailed if entry.it.report)
    return Methods(
        options=base.analysis,
        models=models,
        families=tuple(families),
        named=named,
        all_named=len(named) == len(entries) > 0,
        partly=tuple(entry for entry in detailed if entry.it.where != Where()),
        cited=Cited(slug, {**own, **_REFERENCES}),
    )


def _models(base: At) -> Iterator[RoleMethods]:
    """The models of the roles that are not switched off."""
    for role, model in base.it.analysis.models.items():
        if model != OFF:
            yield RoleMethods(str(role), model, base.analysis.models[role])


def _family(name: str, run: Run, base: Run) -> str:
    """A sensitivity analysis in words, as far as its options say what it is; else its name."""
    word = word_of(run)
    if word is not None:
        return word.methods
    if patients := excluded_patients(run, base):
        return f"without patients who are {patients} ({UNRESOLVED[run.analysis.unresolved]})"
    if run.analysis.unreported == "bound":
        return "bounds over everything that trials did not report by group"
    return name.replace("-", " ")


@dataclass(frozen=True, slots=True)
class Finding:
    """A row of the summary of findings, with the probabilities that its rate exceeds the thresholds."""

    line: Line
    by: str | None
    chances: tuple[At, ...]


def findings_of(lines: list[tuple[str | None, Line]]) -> list[Finding]:
    """The summary of findings: everyone, then every group.

    Parameters
    ----------
    lines : list of (str or None, Line)
        The answers, each with the factor that it is by.
    """
    return [Finding(line, by, tuple(_chances(line))) for by, line in lines]


def _chances(line: Line) -> Iterator[At]:
    lead = line.fit.it.proportion.estimand
    yield from (chance for chance in line.fit.probabilities if chance.it.estimand == lead)
