"""The text below a forest plot: statistics, legend and notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meta.format import level, percent, symbols
from meta.report.drawing.canvas import SMALL
from meta.report.drawing.rows import shows_shrunken, weighted
from meta.report.drawing.table import Paragraph
from meta.report.language import differences, exact, wording

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from meta.records.run import LedgerEntry
    from meta.results import Fit


def statistics(fit: Fit, companions: Sequence[Fit]) -> list[Paragraph]:
    """Return the statistics of the overall estimate and of the groups, those of other models after them."""
    if wording.withheld(fit):
        return [Paragraph(lead="Standing:", text=f"{wording.standing(fit)}.")]
    scope = wording.scope(fit)
    said = "; ".join([wording.heterogeneity(fit, intervals=True), *_exact_test(fit, companions)])
    lines = [
        Paragraph(lead=f"Heterogeneity, {scope}:", text=said),
        *_within(fit),
        *_between(fit),
    ]
    chances = exact.probabilities(fit)
    lines += [Paragraph(lead="Probabilities:", text=f"{chances}.")] if chances else []
    ahead = exact.new_trial(fit)
    lines += [Paragraph(lead="Prediction:", text=f"{ahead}.")] if ahead else []
    lines.append(_standing(fit, companions))
    return lines + [_beside(other) for other in companions]


def _standing(fit: Fit, companions: Sequence[Fit]) -> Paragraph:
    """Return what the leading estimate may be called, and why others may not be called the same."""
    own = wording.standing(fit)
    doubts: dict[str, list[str]] = {}
    for other in companions:
        if wording.standing(other) != own and not wording.headline(other):
            doubts.setdefault(wording.standing(other), []).append(exact.short_name(other))
    said = [f"{wording.leading_name(fit)}, {exact.short_name(fit)}: {own}" if doubts else own]
    said += [f"{' and '.join(names)}: {why}" for why, names in doubts.items()]
    return Paragraph(lead="Standing:", text=f"{'; '.join(said)}.")


def _exact_test(fit: Fit, companions: Sequence[Fit]) -> list[str]:
    """Return the exact test of equal rates, which is of the counts and of no model."""
    for one in (fit, *companions):
        if one.dispersion is not None and one.dispersion.tests:
            return differences.tests(one.dispersion.tests[:1])
    return []


def _within(fit: Fit) -> Iterator[Paragraph]:
    """Return a tau that all groups share, and how far each group's true rates lie apart."""
    sharing = [group for group in fit.groups if wording.shares_tau(group)]
    if not sharing:
        return
    parts = [exact.tau_words(sharing[0])]
    middles = [f"{group.label} {ends}" for group in sharing if (ends := _middle(group))]
    if middles:
        parts.append(f"middle 95 % of true rates: {', '.join(middles)}")
    yield Paragraph(lead="Heterogeneity within groups:", text="; ".join(parts))


def _middle(group: Fit) -> str:
    if group.dispersion is None or group.at_zero or wording.withheld(group):
        return ""
    low, high = group.dispersion.middle
    if low.value is None or high.value is None:
        return ""
    return f"{percent(low.value)} to {percent(high.value)} %"


def _between(fit: Fit) -> Iterator[Paragraph]:
    text = wording.between(fit)
    if text is not None and fit.between is not None:
        by = f" by {fit.by}" if fit.by else ""
        posterior = fit.between.p is None and fit.between.contrasts
        what = "Differences" if posterior else "Test for differences"
        descriptive = " (descriptive)" if posterior else ""
        yield Paragraph(lead=f"{what} between groups{by}{descriptive}:", text=text)


def _beside(other: Fit) -> Paragraph:
    """Return a companion's heterogeneity and tests."""
    said = [wording.heterogeneity(other, intervals=not exact.is_exact(other))]
    if exact.is_exact(other) and other.dispersion is not None:
        said += differences.tests(other.dispersion.tests[1:])
    test = wording.between(other)
    if test is not None:
        said.append(f"between groups (descriptive): {test}")
    model = "" if exact.is_exact(other) else " model"
    lead = f"{wording.capital(exact.short_name(other))}{model}:"
    return Paragraph(lead=lead, text=f"{'; '.join(said)}.", style=SMALL)


def footnotes(fit: Fit, companions: Sequence[Fit]) -> list[Paragraph]:
    """Return what the marks mean, the definitions, and the notes of the fits."""
    if wording.withheld(fit):
        return _small_print(" ".join(_trials(fit)), *map(symbols, fit.notes))
    legend = [*_trials(fit), *_estimates(fit, companions)]
    conventional = [one for one in (fit, *companions) if not exact.is_exact(one)]
    legend += [f"{wording.i2_definition(one)}." for one in conventional[:1]]
    return _small_print(" ".join(legend), *dict.fromkeys(wording.notes(fit, companions)))


def _trials(fit: Fit) -> Iterator[str]:
    everyone = [trial for part in (fit, *fit.groups) for trial in part.trials]
    named = dict.fromkeys(symbols(trial.proportion.method) for trial in everyone)
    if not named:
        return
    levels = " / ".join(dict.fromkeys(level(trial.proportion.level) for trial in everyone))
    yield f"Trials: observed {wording.measure(fit)} with {' / '.join(named)} {levels} CI."
    if weighted(fit):
        within = " within each block" if fit.groups else ""
        yield f"Squares: area by weight; weights add up to 100 %{within}."
    else:
        yield "Squares: area by patients."
    if any(trial.shrunken is not None for trial in fit.trials) and shows_shrunken(fit):
        yield "Light dots: each trial's true rate given all trials."


def _estimates(fit: Fit, companions: Sequence[Fit]) -> Iterator[str]:
    if fit.proportion.kind == "credible":
        yield f"Bayesian estimates: posterior medians with {level(fit.proportion.level)} CrI."
    yield "Filled diamond: headline estimate. Hollow diamond: shown, not a headline."
    if companions or exact.others(fit):
        yield "Smaller diamonds: other estimands and models, as named."


def several_notes(base: Fit, others: Sequence[Fit]) -> list[Paragraph]:
    """Return what the rows have in common."""
    legend = [
        f"Method: {wording.method(base)}." if wording.method(base) else "",
        ""
        if exact.is_exact(base)
        else f"τ²: {symbols(base.tau2.definition or '')}. {wording.i2_definition(base)}.",
        "Filled: headline estimate. Hollow: shown, not a headline.",
        "Square: a single trial's own rate and exact interval." if any(map(wording.withheld, others)) else "",
    ]
    return _small_print(" ".join(filter(None, legend)), *wording.notes(base, others))


_MANY = 4  # so many with one reason are counted, and named in the ledger


def exclusions(ledger: Sequence[LedgerEntry]) -> list[Paragraph]:
    """Return what became of trials that are not here, or not as their reports have them."""
    alike: dict[str, dict[str, None]] = {}
    for entry in ledger:
        if entry.action in {"dropped", "excluded", "kept"}:
            alike.setdefault(entry.reason, {})[wording.fate(entry)] = None
    lines = [
        line
        for reason, fates in alike.items()
        for line in (fates if len(fates) < _MANY else [f"{len(fates)} trials or arms: {reason}"])
    ]
    return [Paragraph(lead="Exclusions:", text=f"{'; '.join(lines)}.", style=SMALL)] if lines else []


def _small_print(*texts: str) -> list[Paragraph]:
    return [Paragraph(text=text, style=SMALL, rule=i == 0) for i, text in enumerate(texts)]
