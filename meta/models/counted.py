"""What a fit says of the counts themselves, whatever the model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from meta.models.describe import no_heterogeneity, trial_proportions
from meta.models.policy import ALONE, standing, words
from meta.results import Contrast, Estimate, Fit, Prediction, Proportion, Quantity, Tau2, TrialEffect

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from meta.data import Counts, GroupedCounts
    from meta.results import IntervalKind


def plain_trials(counts: Counts, raw: Sequence[Proportion]) -> tuple[TrialEffect, ...]:
    """The trials of a model that takes counts as they are: no effect, variance or weight."""
    return tuple(
        TrialEffect(
            label=counts.labels[i], responders=int(counts.responders[i]), n=int(counts.n[i]),
            y=None, v=None, weight=None, corrected=False, proportion=raw[i],
        )
        for i in range(counts.k)
    )  # fmt: skip


def unpooled(
    counts: Counts,
    *,
    options: Mapping[str, Any],
    method: str,
    bayesian: bool = False,
    estimand: str = "mean ORR",
    reason: str | None = None,
) -> Fit:
    """A fit without a model's estimate: of no trial, or of one, whose exact interval is the answer.

    Parameters
    ----------
    counts : Counts
    options : mapping
        The model's, `level` and `trial_interval` among them.
    method : str
        How the model would have made its estimate.
    bayesian : bool
    estimand : str
        Of the estimate that there is not.
    reason : str, optional
        Why there is none of two trials or more.
    """
    called = standing(*tallied(counts), bayesian=bayesian)
    why, level, within = reason or words(called), options["level"], options["trial_interval"]
    gone = Proportion(
        value=None, low=None, high=None, estimand=estimand, level=level, kind="confidence", method=method,
        reason=why,
    )  # fmt: skip
    raw = trial_proportions(counts, method=within, level=level)
    return Fit(
        model=options, level=level, k=counts.k, n=int(counts.n.sum()),
        responders=int(counts.responders.sum()),
        mu=Estimate(value=None, reason=why), tau2=Tau2(value=None, method=method, reason=why),
        heterogeneity=no_heterogeneity(why, max(counts.k - 1, 0)),
        prediction=Prediction(
            low=None, high=None, level=level, df=None, method=method, reason=why,
            proportion=replace(gone, estimand="predictive ORR", kind="prediction"),
        ),
        proportion=replace(raw[0], estimand="ORR of the one trial") if counts.k == 1 else gone,
        standing=called, trials=plain_trials(counts, raw),
    )  # fmt: skip


def pairs(sizes: Sequence[int]) -> list[tuple[int, int]]:
    """Every group that has trials with its reference, by index, from the groups' numbers of trials.

    The reference is the first group of two trials or more; without one, the first that has a trial.
    """
    filled = [i for i, size in enumerate(sizes) if size]
    several = [i for i in filled if sizes[i] > 1]
    return [(i, reference) for reference in (several or filled)[:1] for i in filled if i != reference]


def no_contrast(
    names: tuple[str, str], *, what: str, level: float, kind: IntervalKind, method: str
) -> Contrast:
    """The contrast of a group (named first) with a reference, not given as one of them is a single trial."""
    gone = Quantity(
        name=what, value=None, low=None, high=None, level=level, kind=kind, method=method, reason=words(ALONE)
    )
    return Contrast(group=names[0], reference=names[1], mu=gone)


def tallied(counts: Counts) -> tuple[int, int, int]:
    """Trials, responders and patients who did not respond: what the k policy goes by."""
    x, n = int(counts.responders.sum()), int(counts.n.sum())
    return counts.k, x, n - x


def bounded(data: Counts | GroupedCounts) -> int:
    """Trials with both responders and others: each bounds its own true effect on both sides.

    Parameters
    ----------
    data : Counts or GroupedCounts
    """
    return int(((data.responders > 0) & (data.responders < data.n)).sum())
