"""Rows of a forest plot: a trial, a pooled estimate, a prediction interval."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from meta.format import counts, interval, level, number, percent
from meta.report.drawing.canvas import BOLD, PLAIN, SMALL, Style
from meta.report.drawing.marks import UNDER, Mark
from meta.report.drawing.palette import GREY
from meta.report.drawing.table import BLOCK_GAP, INDENT, Row
from meta.report.language import exact, wording
from meta.report.language.roles import marked
from meta.results import Estimand, name_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meta.results import Fit, NotReported, Quantity, TrialEffect

ABSENT = Style(italic=True, colour=GREY)
_ALONE = 0.3  # size of a single trial's square among pooled estimates
COMPANION = 0.6  # height of a companion's diamond, against the leading one's


class _Shown(NamedTuple):
    """An estimate in a row: its cells, its mark, and what is said of what is missing."""

    cells: dict[str, str]
    marks: tuple[Mark, ...]
    reason: str | None = None
    details: tuple[tuple[str, Style], ...] = ()


def _show(found: Quantity, like: Mark) -> _Shown:
    if found.value is None:
        return _Shown({}, (), reason=wording.not_given(found.reason))
    cells = {"value": percent(found.value)}
    if found.low is None or found.high is None:
        alone = Mark(kind="dot", low=found.value, value=found.value, high=found.value, filled=like.filled)
        why = f"interval {wording.not_given(found.reason)}"
        return _Shown(cells, (alone,), details=((why, SMALL),))
    cells["ends"] = f"[{interval(found.low, found.high, percent)}]"
    return _Shown(cells, (replace(like, low=found.low, value=found.value, high=found.high),))


def weighted(fit: Fit) -> bool:
    """Tell whether the trials of a fit, or of a group of it, have weights."""
    return any(trial.weight is not None for part in (fit, *fit.groups) for trial in part.trials)


def size(trial: TrialEffect) -> float:
    """What the area of a trial's square is by: its weight, or its patients where the model has none."""
    return trial.weight if trial.weight is not None else float(trial.n)


def shows_shrunken(fit: Fit) -> bool:
    """Tell whether a figure of the fit shows trials' rates given all trials: where these are one group."""
    return not fit.groups and fit.k > 1


def trial_row(trial: TrialEffect, largest: float, source: str, *, shrunken: bool) -> Row:
    """Return a trial's row; `largest` is the largest :func:`size` beside it."""
    share = size(trial) / largest if largest else 1.0
    shown = _show(trial.proportion, Mark(kind="square", low=0, high=0, share=share))
    return Row(
        label=trial.label,
        indent=INDENT,
        source=source,
        cells={
            "counts": counts(trial.responders, trial.n),
            **({"weight": percent(trial.weight)} if trial.weight is not None else {}),
            **shown.cells,
        },
        marks=(*shown.marks, *(_shrunken(trial.shrunken) if shrunken else ())),
        reason=shown.reason,
        details=shown.details,
    )


def _shrunken(found: Quantity | None) -> tuple[Mark, ...]:
    if found is None or found.value is None or found.low is None or found.high is None:
        return ()
    return (Mark(kind="shrunken", low=found.low, value=found.value, high=found.high, below=UNDER),)


def pooled_row(fit: Fit, scope: str) -> Row:
    """Return the row of a pooled estimate; hollow unless it is a headline."""
    shown = _show(fit.proportion, _diamond(fit))
    whole = any(trial.weight is not None for trial in fit.trials) and not shown.reason
    return Row(
        label=wording.pooled_label(fit, scope),
        style=BOLD,
        cells={
            "counts": counts(fit.responders, fit.n),
            **({"weight": percent(1.0)} if whole else {}),
            **shown.cells,
        },
        marks=shown.marks,
        reason=shown.reason,
        details=shown.details,
    )


def withheld_row(fit: Fit, *, indent: float = 0.0) -> Row:
    """Return what stands where a single trial leaves nothing to pool."""
    words = f"{wording.standing(fit)}, as above; nothing is pooled"
    return Row(label=words, style=SMALL, indent=indent)


def answer_rows(fit: Fit, *, indent: float = 0.0) -> list[Row]:
    """Return a smaller row for each further estimand of a fit."""
    return [_smaller(fit, found, indent=indent, method=False) for found in exact.others(fit)]


def companion_row(fit: Fit, *, indent: float = 0.0, method: bool = False) -> Row:
    """Return a smaller row for the answer of another model; `method`: with its options below."""
    if wording.withheld(fit):
        return replace(withheld_row(fit, indent=indent), label=f"{exact.short_name(fit)}: not pooled")
    return _smaller(fit, fit.proportion, indent=indent, method=method)


def _smaller(fit: Fit, found: Quantity, *, indent: float, method: bool) -> Row:
    like = Mark(kind="diamond", low=0, high=0, share=COMPANION, filled=wording.headline(fit))
    shown = _show(found, like)
    options = exact.options_of(fit) if method else ""
    return Row(
        label=marked(
            f"{wording.capital(name_of(found.estimand, fit.outcome))}, {exact.short_name(fit)}", fit
        ),
        indent=indent,
        cells=shown.cells,
        marks=shown.marks,
        reason=shown.reason,
        details=(*shown.details, *([(options, SMALL)] if options else [])),
    )


def _diamond(fit: Fit) -> Mark:
    return Mark(kind="diamond", low=0, high=0, filled=wording.headline(fit))


def group_details(group: Fit, fit: Fit, said: str | None) -> tuple[tuple[str, Style], ...]:
    """Return what stands below a group's estimate, without what its row has `said` already."""
    found = [] if wording.method(group) == wording.method(fit) else [wording.method(group)]
    if group.k > 1:
        found.append(_spread(group))
    if not wording.headline(group):
        found.append(wording.standing(group))
    new = [text for text in found if text and text not in (said or "")]
    return tuple((text, SMALL) for text in new)


def _spread(group: Fit) -> str:
    """Return a group's heterogeneity; nothing where a tau that all share is told below the table."""
    if exact.is_exact(group):
        return "" if wording.shares_tau(group) else exact.spread(group)
    words = wording.heterogeneity(group, intervals=False)
    unsaid = group.heterogeneity.Q is None and words != wording.not_given(group.proportion.reason)
    return f"heterogeneity: {words}" if unsaid else words


def absent_details(entries: Sequence[NotReported]) -> tuple[tuple[str, Style], ...]:
    """Return a line for all whose responders are unknown."""
    return tuple((wording.not_reported(entry), ABSENT) for entry in entries)


def prediction_row(fit: Fit) -> Row:
    """Return the row of the prediction interval, or of the reason why there is none."""
    found = fit.prediction.proportion
    label = marked(f"{level(fit.prediction.proportion.level)} prediction interval", fit)
    if found.low is None or found.high is None:
        return Row(label=label, reason=wording.not_given(fit.prediction.proportion.reason or found.reason))
    return Row(
        label=label,
        cells={"ends": f"[{interval(found.low, found.high, percent)}]"},
        marks=(Mark(kind="bar", low=found.low, high=found.high),),
        details=((f"{_of_new_trial(fit)}; {wording.prediction(fit.prediction)}", SMALL),),
    )


def _of_new_trial(fit: Fit) -> str:
    found = fit.prediction.proportion
    name = name_of(found.estimand, fit.outcome)
    if found.estimand is not Estimand.NEW_TRIAL:
        return f"{name} of a new trial"
    return f"{name} ({fit.prediction.scale} scale)" if fit.prediction.scale else name


def summary_row(label: str, fit: Fit, *, base: bool = False) -> Row:
    """Return a pooled estimate as one row among others, with its heterogeneity beside it.

    Where the k policy leaves nothing to pool, the row shows the single trial's own rate and exact interval.
    """
    alone = wording.withheld(fit)
    diamond = _diamond(fit) if base else replace(_diamond(fit), kind="dot")
    shown = _show(fit.proportion, Mark(kind="square", low=0, high=0, share=_ALONE) if alone else diamond)
    tau2, i2 = fit.tau2.value, fit.heterogeneity.I2.value
    beside = {
        "tau2": number(tau2) if tau2 is not None else "",
        "I2": percent(i2) if i2 is not None else "",
    }
    if exact.is_exact(fit):
        beside = {"tau": number(fit.tau.value, 2) if fit.tau and fit.tau.value is not None else ""}
    return Row(
        label=marked(label, fit),
        style=BOLD if base else PLAIN,
        cells={
            "k": str(fit.k),
            "counts": counts(fit.responders, fit.n),
            **shown.cells,
            **({} if shown.reason or alone else beside),  # a reason needs their space
        },
        marks=shown.marks,
        reason=shown.reason,
        details=shown.details,
        above=BLOCK_GAP if base else 0.0,
    )
