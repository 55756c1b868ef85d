"""The parts that fits of all models share: trials, the k policy, the overall fit and its groups."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from meta.data import Counts, GroupedCounts
from meta.models.describe import no_heterogeneity, shared_trials_note, trial_proportions
from meta.models.policy import ALONE, standing, words
from meta.results import (
    Contrast,
    Estimand,
    Fit,
    Prediction,
    Quantity,
    TrialEffect,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from meta.models.contract import PoolingModel
    from meta.results import Between, IntervalKind


def plain_trials(counts: Counts, raw: Sequence[Quantity]) -> tuple[TrialEffect, ...]:
    """The trials of a model that takes counts as they are: no effect, variance or weight."""
    return tuple(
        TrialEffect(
            label=counts.labels[i], responders=int(counts.responders[i]), n=int(counts.n[i]),
            y=None, v=None, weight=None, corrected=False, proportion=raw[i],
        )
        for i in range(counts.k)
    )  # fmt: skip


CAVEAT_BELOW = 10  # trials; Wald p-values of group differences are too small with fewer (design, "Methods")


def unpooled(model: PoolingModel, counts: Counts, reason: str | None = None) -> Fit:
    """A fit without a pooled estimate: of no trial, or of a single trial with its exact interval.

    Every other fit starts from it: trials and standing are those of the counts.

    Parameters
    ----------
    reason : str, optional
        Why there is no estimate of two trials or more.
    """
    called = standing(*tallied(counts), bayesian=model.BAYESIAN)
    why, level, method = reason or words(called), model.level, model.method
    raw = trial_proportions(counts, method=model.trial_interval, level=level)
    none = partial(Quantity, level=level, method=method, reason=why)
    return Fit(
        model=model, level=level, k=counts.k, n=int(counts.n.sum()),
        responders=int(counts.responders.sum()),
        mu=none(estimand=Estimand.MU), tau2=none(estimand=Estimand.TAU2),
        heterogeneity=no_heterogeneity(why, max(counts.k - 1, 0), level),
        prediction=Prediction(
            effect=none(estimand=Estimand.NEW_EFFECT, kind="prediction"),
            proportion=none(estimand=Estimand.PREDICTIVE, kind="prediction"),
        ),
        proportion=replace(raw[0], estimand=Estimand.ONE_TRIAL) if counts.k == 1
        else none(estimand=model.estimands[0]),
        standing=called, trials=plain_trials(counts, raw),
    )  # fmt: skip


class Parts(NamedTuple):
    """Grouped counts, taken apart: the trials of each group, and which groups have any."""

    data: GroupedCounts
    each: list[Counts]
    filled: list[int]

    @property
    def several(self) -> list[int]:
        """The groups of two trials or more, which have an estimate."""
        return [i for i in self.filled if self.each[i].k > 1]

    def compared(self) -> list[tuple[int, int]]:
        """Every group that has trials with its reference."""
        return pairs([part.k for part in self.each])

    def names(self, i: int, j: int) -> tuple[str, str]:
        """Of two groups."""
        return self.data.names[i], self.data.names[j]

    def comparable(self, i: int, j: int) -> bool:
        """Whether both groups have an estimate."""
        return min(self.each[i].k, self.each[j].k) > 1


def pooled(
    model: PoolingModel,
    data: Counts | GroupedCounts,
    alone: Callable[[Counts], Fit],
    groups: Callable[[Parts], tuple[Mapping[int, Fit], Between]],
    blank: Callable[[Counts], Fit] | None = None,
) -> Fit:
    """All trials and, of grouped counts, every group and the comparison between them.

    Parameters
    ----------
    alone : callable
        The model's fit of two trials or more.
    groups : callable
        Its fits of the groups in `Parts.several`, by index, and how the groups compare.
    blank : callable, optional
        Its fit of fewer than two trials, where that has more than :func:`unpooled`.
    """
    few = blank or partial(unpooled, model)
    whole = data.totals() if isinstance(data, GroupedCounts) else data
    overall = alone(whole) if whole.k > 1 else few(whole)
    if not isinstance(data, GroupedCounts):
        return overall
    each = [data.within(index) for index in range(len(data.names))]
    fits, between = groups(Parts(data, each, [i for i, part in enumerate(each) if part.k]))
    named = tuple(replace(fits.get(i) or few(part), label=data.names[i]) for i, part in enumerate(each))
    return replace(overall, groups=named, between=between, notes=overall.notes + shared_trials_note(data))


def pairs(sizes: Sequence[int]) -> list[tuple[int, int]]:
    """Every group that has trials with its reference, by index, from the groups' numbers of trials.

    The reference is the first group of two trials or more; without one, the first that has a trial.
    """
    filled = [i for i, size in enumerate(sizes) if size]
    several = [i for i in filled if sizes[i] > 1]
    return [(i, reference) for reference in (several or filled)[:1] for i in filled if i != reference]


def no_contrast(
    names: tuple[str, str], *, what: Estimand, level: float, kind: IntervalKind, method: str
) -> Contrast:
    """The contrast of a group (named first) with a reference, not given as one of them is a single trial."""
    gone = Quantity(estimand=what, level=level, kind=kind, method=method, reason=words(ALONE))
    return Contrast(group=names[0], reference=names[1], mu=gone)


def tallied(counts: Counts) -> tuple[int, int, int]:
    """Trials, responders and patients who did not respond: what the k policy goes by."""
    x, n = int(counts.responders.sum()), int(counts.n.sum())
    return counts.k, x, n - x


def bounded(data: Counts | GroupedCounts) -> int:
    """Trials with both responders and others: each bounds its own true effect on both sides."""
    return int(((data.responders > 0) & (data.responders < data.n)).sum())
