"""Rows and words of a forest plot for trials whose responders are not reported in a group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meta.format import interval, level, number, percent
from meta.report.drawing.canvas import SMALL
from meta.report.drawing.marks import Mark
from meta.report.drawing.rows import ABSENT
from meta.report.drawing.table import Paragraph, Row
from meta.report.language import wording
from meta.report.language.site_words import group_noun
from meta.results import FAILED, name_of

if TYPE_CHECKING:
    from meta.results import Fit, NotReported, Rate, SiteRegionFit, SplitCount


def unreported_rows(group: Fit, sites: SiteRegionFit | None, *, indent: float) -> list[Row]:
    """Return a row for each trial with patients in a group but without their responders.

    Parameters
    ----------
    sites : SiteRegionFit or None
        Where it has the posterior of the trial's split, the responders expected here are drawn.

    Returns
    -------
    list of Row
        None of them is in the group's pooled estimate.
    """
    return [_unreported(entry, _split(sites, entry, group.label), indent) for entry in group.not_reported]


def model_rows(label: str | None, sites: SiteRegionFit | None, *, indent: float) -> list[Row]:
    """Return the rate of a group in the model that takes all trials in, those with totals alone too.

    Parameters
    ----------
    label : str or None
        Of the group.

    Returns
    -------
    list of Row
        Empty where there is no such model, or the group is not in it.
    """
    if sites is None:
        return []
    here = [rate for rate in sites.rates if rate.group == label and rate.level is None]
    return [_model_row(rate, sites, indent) for rate in here]


def _model_row(rate: Rate, sites: SiteRegionFit, indent: float) -> Row:
    found, failed = rate.mean, sites.failed
    mark = f"[{FAILED}] " if failed else ""
    name = f"{mark}{wording.capital(name_of(found.estimand, sites.outcome))}, model of {group_noun(sites)}s"
    if found.value is None:
        return Row(label=name, indent=indent, reason=wording.not_given(found.reason))
    cells, drawn = {"value": percent(found.value)}, tuple[Mark, ...]()
    if found.low is not None and found.high is not None:
        cells["ends"] = f"[{interval(found.low, found.high, percent)}]"
        headline = rate.standing.headline and not failed
        drawn = (Mark(kind="model", low=found.low, value=found.value, high=found.high, filled=headline),)
    return Row(label=name, indent=indent, cells=cells, marks=drawn)


def _split(sites: SiteRegionFit | None, entry: NotReported, label: str | None) -> SplitCount | None:
    """The posterior of what a trial did not report of a group; none of a sampler that failed."""
    if sites is None or sites.failed:
        return None
    found = (one for one in sites.splits if (one.trial, one.group, one.n) == (entry.label, label, entry.n))
    return next(found, None)


def _unreported(entry: NotReported, split: SplitCount | None, indent: float) -> Row:
    words = wording.patients_not_reported(entry)
    marks: tuple[Mark, ...] = ()
    if split is not None:
        n = split.n
        expected = number(split.expected, 1 if split.expected >= 1 else 2)
        words += f"; expected {expected}, {split.low} to {split.high}"
        marks = (Mark(kind="expected", low=split.low / n, value=split.expected / n, high=split.high / n),)
    cells = {"counts": f"?/{entry.n}" if entry.n is not None else "?/?"}
    return Row(
        label=entry.label, style=ABSENT, indent=indent, cells=cells, marks=marks, details=((words, ABSENT),)
    )


def legend(fit: Fit, sites: SiteRegionFit | None) -> list[Paragraph]:
    """Say which rows are observed, which reconstructed, and what the model's own marks are."""
    entries = [(entry, group.label) for group in fit.groups for entry in group.not_reported]
    splits = [split for entry, label in entries if (split := _split(sites, entry, label)) is not None]
    words = []
    if entries:
        words.append("?/n: only the number of patients was reported; no diamond contains them.")
    if splits and sites is not None:
        levels = " / ".join(dict.fromkeys(level(one.level) for one in splits))
        words.append(
            "Hollow squares on dashed lines: responders expected among them, given the trial's total, by the "
            f"model of {group_noun(sites)}s (posterior mean and {levels} interval of their number; not an "
            "observation)."
        )
    if any(model_rows(group.label, sites, indent=0.0) for group in fit.groups) and sites is not None:
        words.append(_of_model(sites))
    return [Paragraph(lead="Not reported:", text=" ".join(words), style=SMALL)] if words else []


def _of_model(sites: SiteRegionFit) -> str:
    noun = group_noun(sites)
    at = f", at the average of the {sites.contrast}s" if sites.contrast else ""
    return (
        f"Triangles: the {noun}'s rate in the model of {noun}s, shrunken towards the other {noun}s{at}; "
        "trials that report totals alone inform it through these. Filled where a headline."
    )
