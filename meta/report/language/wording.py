"""Sentences about a fit for figures and tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meta.format import interval, level, number, p_value, percent, symbols
from meta.models import policy
from meta.report.language import differences, exact
from meta.report.language.roles import marked
from meta.results import Estimand, Outcome, Procedure, Status, name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from meta.records.run import LedgerEntry
    from meta.results import Fit, NotReported, Prediction, Quantity

NO_RESPONDERS_REPORTED = "no trial reported responders"
# Never "the trials agree": with few trials an estimate of zero is the likeliest outcome anyway.
ZERO_TAU2 = (
    "An estimate of τ² = 0, and with it I² = 0, is common with few trials even where they differ widely: "
    "it does not show that they agree."
)


def not_given(reason: str | None) -> str:
    """Say that a number is missing, and why."""
    return f"not given: {symbols(reason)}" if reason else "not given"


def measure(fit: Fit) -> str:
    """Name what a single trial shows, e.g. ``ORR``, of which the pooled rows are some mean."""
    return name_of(Estimand.RAW if fit.trials else fit.proportion.estimand, fit.outcome)


def leading_name(fit: Fit) -> str:
    """Name what the leading answer of a fit is of, e.g. ``mean ORR``."""
    return name_of(fit.proportion.estimand, fit.outcome)


def pooled_label(fit: Fit, scope: str) -> str:
    """Name a pooled row by its estimand and number of trials."""
    name = leading_name(fit)
    words = f"{scope} {name}" if fit.k > 1 else name
    return marked(f"{capital(words)} (k = {fit.k})", fit)


def scope(fit: Fit) -> str:
    """Name what the last pooled row pools: not every trial, where some did not report the groups."""
    partly = any(part.not_reported for part in (fit, *fit.groups))
    return f"trials that report by {fit.by}" if fit.by and partly else "all trials"


def counts_heading(outcome: Outcome) -> str:
    """Head a narrow column of counts, e.g. ``resp./n``."""
    return "resp./n" if outcome is Outcome.RESPONSE else "events/n"


def capital(words: str) -> str:
    """Begin with a capital letter and leave the others alone."""
    return words[:1].upper() + words[1:]


def method(fit: Fit) -> str:
    """Name the scale, the estimator of tau2 and the interval of a pooled row; empty where there is none."""
    if exact.is_exact(fit):
        return exact.model_name(fit)
    if fit.k < 2:  # nothing was pooled
        return symbols(fit.proportion.method) if fit.proportion.value is not None else ""
    return symbols(fit.proportion.method)


def headline(fit: Fit) -> bool:
    """Tell whether the estimate may be drawn as a headline."""
    return fit.standing.headline and not fit.failed


def standing(fit: Fit) -> str:
    """Say what the estimate may be called, and why."""
    return "no headline: the sampler's diagnostics failed" if fit.failed else policy.words(fit.standing)


def withheld(fit: Fit) -> bool:
    """Tell whether the k policy leaves nothing to show but the trial's own exact interval."""
    return fit.standing.status is Status.EXACT_INTERVAL_ONLY


def shares_tau(group: Fit) -> bool:
    """Tell whether a group has its tau from all groups together."""
    return exact.shares(group) and group.tau is not None


def heterogeneity(fit: Fit, *, intervals: bool) -> str:
    """Write Q with its test, tau2 with its estimator, I2 with its definition; of exact models, tau."""
    if exact.is_exact(fit):
        return exact.spread(fit)
    found, tau2 = fit.heterogeneity, fit.tau2
    reasons = (found.reason, tau2.reason, found.I2.reason)
    missing = (found.Q is None, tau2.value is None, found.I2.value is None)
    if all(missing):
        return not_given("; ".join(dict.fromkeys(filter(None, reasons))))
    return "; ".join((_q(fit), _tau2(fit, intervals=intervals), _i2(fit, intervals=intervals)))


def _q(fit: Fit) -> str:
    found = fit.heterogeneity
    if found.Q is None:
        return f"Q {not_given(found.reason)}"
    test = p_value(found.p) if found.p is not None else f"p {not_given(found.reason)}"
    return f"Q = {number(found.Q, 2)}, df = {found.df}, {test}"


def _tau2(fit: Fit, *, intervals: bool) -> str:
    tau2 = fit.tau2
    if tau2.value is None:
        return f"τ² {not_given(tau2.reason)}"
    shared = "common " if exact.shares(fit) else ""
    value = f"{shared}τ² = {number(tau2.value)} ({symbols(tau2.definition or '')})"
    ends = _ends(tau2, number) if intervals else ""
    return value + ends + (f", {symbols(tau2.reason)}" if tau2.reason else "")


def _i2(fit: Fit, *, intervals: bool) -> str:
    i2 = fit.heterogeneity.I2
    name = "I² (from τ²)"
    if i2.value is None:
        return f"{name} {not_given(i2.reason)}"
    ends = _ends(i2, percent) if intervals else ""
    return f"{name} = {percent(i2.value)} %{ends}"


def i2_definition(fit: Fit) -> str:
    """Write the definition of I2 in full."""
    definition = fit.heterogeneity.I2.definition
    return f"I² (from τ²): {symbols(definition or '')}"


def _ends(found: Quantity, write: Callable[[float], str]) -> str:
    if found.low is None or found.high is None:
        return ""
    return f", {_abbreviated(found)} {interval(found.low, found.high, write)} ({symbols(found.method)})"


def _abbreviated(found: Quantity) -> str:
    names = {"confidence": "CI", "credible": "CrI", "prediction": "PI", "bound": "bounds"}
    return f"{level(found.level)} {names[found.kind]}"


def notes(fit: Fit, others: Iterable[Fit] = ()) -> list[str]:
    """Collect the notes of a fit and its groups, each once, and what an estimate of zero means."""
    named: dict[str, list[str]] = {}
    for group in fit.groups:
        for note in group.notes:
            named.setdefault(note, []).append(group.label or "unnamed")
    own = [f"{', '.join(who)}: {note}" for note, who in named.items() if note not in fit.notes]
    lines = [*fit.notes, *own]
    said = any(part.at_zero for part in (fit, *fit.groups))  # by the notes of the models
    if not said and any(other.at_zero for other in others):
        lines.append(ZERO_TAU2)
    return [symbols(line) for line in lines]


# What the statistic of a test between groups is called
_STATISTICS = {
    Procedure.LIKELIHOOD_RATIO: "χ²",
    Procedure.WALD: "χ²",
    Procedure.BOOTSTRAP: "statistic",
    Procedure.PERMUTATION: "statistic",
}


def between(fit: Fit) -> str | None:
    """Write the differences between groups, or the tests for them with their methods and caveats."""
    test = fit.between
    if test is None:
        return None
    how = symbols("; ".join(filter(None, (test.method, test.caveat))))
    if test.p is None and test.contrasts:
        return f"{'; '.join(differences.contrasts(fit))} ({how})"
    if test.p is None or test.procedure is None:
        return f"{not_given(test.reason)} ({how})"
    statistic = (
        f"{_STATISTICS[test.procedure]} = {number(test.statistic, 2)}, " if test.statistic is not None else ""
    )
    first = f"{statistic}df = {test.df}, {p_value(test.p)} ({how})"
    return "; ".join([first, *differences.tests(test.tests)])


def prediction(found: Prediction) -> str:
    """Name the prediction interval and how it was made."""
    df = f", df = {found.effect.df:g}" if found.effect.df is not None else ""
    return f"{symbols(found.effect.method)}{df}"


def not_reported(entry: NotReported) -> str:
    """Say whose responders are unknown, and among how many patients."""
    return f"{entry.label}: {patients_not_reported(entry)}"


def patients_not_reported(entry: NotReported) -> str:
    """Say among how many patients of a trial responders are unknown, and why."""
    patients = "number of patients not reported" if entry.n is None else f"{entry.n} patients"
    patients = "1 patient" if entry.n == 1 else patients
    return f"{patients}, {entry.reason}"


def heading(by: str | None, label: str | None) -> str:
    """Name a group by its factor, e.g. ``Site: pancreas``."""
    name = label or "unnamed"
    return f"{capital(by)}: {name}" if by else name


def source(ledger: Sequence[LedgerEntry], label: str, by: str | None, group: str | None) -> str | None:
    """Say where a row's counts are printed; None where the ledger does not know.

    Without a group it is the sum of the trial's rows in all groups of `by`.
    """
    used = [e for e in ledger if e.action == "used" and (e.label, e.by) == (label, by)]
    rows = [e for e in used if group in {None, e.group}]
    places = dict.fromkeys(map(_place, rows))
    return " + ".join(places) if places else None


def fate(entry: LedgerEntry) -> str:
    """Say what became of a trial, and where its record stands."""
    return f"{entry.label}: {entry.reason} ({entry.file}:{entry.line})"


def _place(entry: LedgerEntry) -> str:
    where = (entry.where or "") + (f" (via {entry.via})" if entry.via else "")
    where += " (our arithmetic)" if entry.derived else ""
    return ", ".join(filter(None, (where.strip(), f"{entry.file}:{entry.line}")))
