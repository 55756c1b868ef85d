"""What a fit says of the counts themselves, whatever the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meta.models.describe import no_heterogeneity
from meta.results import Estimand, Estimate, Fit, Prediction, Proportion, Standing, Tau2, TrialEffect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meta.data import Counts, GroupedCounts


def plain_trials(counts: Counts, raw: Sequence[Proportion]) -> tuple[TrialEffect, ...]:
    """The trials of a model that takes counts as they are: no effect, variance or weight."""
    return tuple(
        TrialEffect(
            label=counts.labels[i], responders=int(counts.responders[i]), n=int(counts.n[i]),
            y=None, v=None, weight=None, corrected=False, proportion=raw[i],
        )
        for i in range(counts.k)
    )  # fmt: skip


def unfitted(
    counts: Counts, *, options: Any, level: float, method: str, reason: str, standing: Standing
) -> Fit:
    """A fit of which nothing is known but the counts."""
    nothing = Proportion(
        value=None, low=None, high=None, estimand=Estimand.MEAN, level=level, kind="confidence",
        method=method, reason=reason,
    )  # fmt: skip
    return Fit(
        model=options, level=level, k=counts.k, n=int(counts.n.sum()),
        responders=int(counts.responders.sum()),
        mu=Estimate(value=None, reason=reason), tau2=Tau2(value=None, method=method, reason=reason),
        heterogeneity=no_heterogeneity(reason, max(counts.k - 1, 0)),
        prediction=Prediction(
            low=None, high=None, level=level, df=None, method=method, reason=reason, proportion=nothing
        ),
        proportion=nothing, standing=standing, trials=(),
    )  # fmt: skip


def bounded(data: Counts | GroupedCounts) -> int:
    """Trials with both responders and others: each bounds its own true effect on both sides.

    Parameters
    ----------
    data : Counts or GroupedCounts
    """
    return int(((data.responders > 0) & (data.responders < data.n)).sum())
