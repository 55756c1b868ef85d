"""The methods in words, from the options that were used, with the references that they call for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from markupsafe import Markup

from meta.models.policy import RULE
from meta.records.run import BASE
from meta.report.page.answers import UNRESOLVED, Line, excludes_well
from meta.report.page.references import At

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meta.records.run import Run

REFERENCES = {
    "stijnen": "Stijnen T, Hamza TH, Özdemir P. Random effects meta-analysis of event outcome in the "
    "framework of the generalized linear mixed model. Stat Med 2010;29:3046–3067. doi:10.1002/sim.4040",
    "rover": "Röver C. Bayesian random-effects meta-analysis using the bayesmeta R package. J Stat Softw "
    "2020;93(6):1–51. doi:10.18637/jss.v093.i06",
    "hardy": "Hardy RJ, Thompson SG. A likelihood approach to meta-analysis with random effects. Stat "
    "Med 1996;15:619–629.",
    "knapp": "Knapp G, Hartung J. Improved tests for a random effects meta-regression with a single "
    "covariate. Stat Med 2003;22:2693–2710. doi:10.1002/sim.1482",
    "floored": "Röver C, Knapp G, Friede T. Hartung-Knapp-Sidik-Jonkman approach and its modification for "
    "random-effects meta-analysis with few studies. BMC Med Res Methodol 2015;15:99. "
    "doi:10.1186/s12874-015-0091-1",
    "hts": "Higgins JPT, Thompson SG, Spiegelhalter DJ. A re-evaluation of random-effects meta-analysis. "
    "J R Stat Soc A 2009;172:137–159. doi:10.1111/j.1467-985X.2008.00552.x",
    "higgins": "Higgins JPT, Thompson SG. Quantifying heterogeneity in a meta-analysis. Stat Med "
    "2002;21:1539–1558. doi:10.1002/sim.1186",
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
INTERVALS = {
    "mhk": "Knapp-Hartung intervals whose standard error is never below the unmodified one",
    "hk": "Knapp-Hartung intervals",
    "profile": "profile-likelihood intervals",
    "profile-t": "profile-likelihood intervals with a cut-off from the F distribution",
    "wald-t": "Wald intervals by the t distribution",
    "wald": "Wald intervals",
}

_EXPANSIONS = {
    "each-trial": "each trial left out in turn",
    "each-prior": "other priors of τ",
    "each-date": "the trials published by each date",
}


@dataclass(slots=True)
class Cited:
    """The references of one methods section, numbered in the order in which they are called for."""

    slug: str
    _known: list[str] = field(default_factory=list)

    def __call__(self, key: str) -> Markup:
        """The number of a reference, linked to it."""
        if key not in self._known:
            self._known.append(key)
        number = self._known.index(key) + 1
        return Markup('<sup class="w"><a href="#{0}-ref-{1}">[{1}]</a></sup>').format(self.slug, number)

    def __iter__(self) -> Iterator[str]:
        return (REFERENCES[key] for key in self._known)


@dataclass(frozen=True, slots=True)
class Methods:
    """What the methods section needs.

    `models` are the roles with the options of their models, `families` sensitivity analyses in words, `named`
    the trials of which the analysis names the report, `partly` those of which it takes some patients only.
    """

    options: At
    models: tuple[tuple[str, At], ...]
    families: tuple[str, ...]
    named: tuple[At, ...]
    all_named: bool
    partly: tuple[At, ...]
    cited: Cited
    intervals: Mapping[str, str]

    @property
    def k_policy(self) -> str:
        """What few trials or responders mean for an estimate."""
        return RULE

    def uses(self, option: str, value: str) -> bool:
        """Whether some model has an option with that value."""
        return any(model.it.get(option) == value for _, model in self.models)


def methods_of(slug: str, runs: Mapping[str, At]) -> Methods:
    """The methods of an analysis, from its base and the names of its variations."""
    base = runs[BASE]
    models = base.analysis.models
    families = dict.fromkeys(_family(name, run.it) for name, run in runs.items() if name != BASE)
    listed = base.it.analysis.get("trials")
    entries = [] if isinstance(listed, str) else list(base.analysis.trials)  # "all", or each an id or more
    detailed = [entry for entry in entries if not isinstance(entry.it, str)]
    named = tuple(entry for entry in detailed if entry.it.get("report"))
    return Methods(
        options=base.analysis,
        models=tuple((str(role), models[role]) for role in models.it if isinstance(models.it[role], dict)),
        families=tuple(families),
        named=named,
        all_named=len(named) == len(entries) > 0,
        partly=tuple(entry for entry in detailed if any((entry.it.get("where") or {}).values())),
        cited=Cited(slug),
        intervals=INTERVALS,
    )


def _family(name: str, run: Run) -> str:
    """A sensitivity analysis in words, as far as its options say what it is; else its name."""
    if run.expansion is not None:
        return _EXPANSIONS[run.expansion]
    if excludes_well(run):
        return f"without well-differentiated tumours ({UNRESOLVED[str(run.analysis.get('unresolved'))]})"
    if run.analysis.get("unreported") == "bound":
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
