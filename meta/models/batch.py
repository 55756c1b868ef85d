"""Answers of a model to many sets of counts at once, and to every choice of trials."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from meta.data import Counts
from meta.errors import SpecError
from meta.models import MODELS
from meta.models.contract import MEAN, PREDICTIVE, TAU, Answers, Rows
from meta.stats.binomial.proportions import proportion_interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from meta.models.contract import PoolingModel
    from meta.results import Estimand, Fit

# any other estimand of a model stands in the place of the median
_PLACES = {MEAN: 0, PREDICTIVE: 2, TAU: 3}
_HOW_MANY = 4  # mean, median, prediction, tau


def answers(model: PoolingModel, rows: Rows, *, spread: bool = False) -> list[Answers]:
    """Every estimand of every completion, as `model.fit` gives it of one.

    Parameters
    ----------
    spread : bool
        Of one group: tau too, on the scale of the model, and the predictive ORR if it is not an estimand.

    Raises
    ------
    SpecError
        If the model has no batched statistics.
    """
    if model.unbatched:
        able = ", ".join(name for name, kind in MODELS.items() if not kind().unbatched)
        where = "where many are fitted at once (bounds, the reader's own choice of trials)"
        raise SpecError(f"{model.unbatched}, which fits one set of counts at a time; allowed {where}: {able}")
    if rows.many > 1 and model.groups == "separate":
        parts = [answers(model, rows.of(group)) for group in range(rows.many)]
        return [
            Answers(some[0].estimand, *(np.concatenate(z, axis=1) for z in list(zip(*some, strict=True))[1:]))
            for some in zip(*parts, strict=True)
        ]
    return _one_trial(model, rows, model.batch(rows, spread=spread))


def _one_trial(model: PoolingModel, rows: Rows, found: list[Answers]) -> list[Answers]:
    """The answers; where a group has one trial, its rate and exact interval as the first, and no other."""
    own = np.equal.outer(rows.group, np.arange(rows.many)).astype(np.int64)
    alone = (rows.n > 0) @ own == 1
    x, n = (rows.x @ own)[alone], (rows.n @ own)[alone]
    exact = (x / n, *proportion_interval(x, n, method=model.trial_interval, level=model.level))
    placed = []
    for z, values in enumerate(exact):
        column = np.array(found[0][1 + z], dtype=float)
        column[alone] = values
        placed.append(column)
    gone = (Answers(one.estimand, *(np.where(alone, np.nan, z) for z in one[1:])) for one in found[1:])
    return [Answers(found[0].estimand, *placed), *gone]


class Part(NamedTuple):
    """Of one model: shape (4, 3, B), its estimands, and why one is not given, shape (4, B)."""

    values: NDArray[np.float64]
    names: tuple[Estimand | None, ...]
    why: list[list[str]]


def each_choice(model: PoolingModel, counts: Counts, members: NDArray[np.bool_]) -> Part:
    """Every answer of a model to every choice of trials.

    Parameters
    ----------
    counts : Counts
        Of all k trials.
    members : ndarray of bool, shape (B, k)
        Which trials each choice has; none has no trial.

    Returns
    -------
    Part
        As `model.fit` gives it of one choice, up to what quadrature leaves: the nodes of all posteriors of a
        batch are placed together, and its answers agree to 1e-5 with those of a fit alone.

    Raises
    ------
    SpecError
        If the model has no batched statistics.
    """
    x, n = counts.responders * members, counts.n * members
    rows = Rows(x, n, np.zeros(counts.k, dtype=np.int64), 1)
    values = np.full((_HOW_MANY, 3, len(members)), np.nan)
    names: list[Estimand | None] = [None] * _HOW_MANY
    for one in answers(model, rows, spread=True):
        place = _PLACES.get(one.estimand, 1)
        names[place] = one.estimand
        values[place] = [np.where(np.isfinite(z), z, np.nan).reshape(-1) for z in one[1:]]
    return Part(values, tuple(names), _why(model, counts, members, values))


def _why(
    model: PoolingModel, counts: Counts, members: NDArray[np.bool_], values: NDArray[np.float64]
) -> list[list[str]]:
    """Why something is missing, in the words of the model's own fit of a choice that misses the same.

    Choices that miss the same, with as many trials, tau equally at 0 or not, and no (or only) responders or
    not, share a fit: what a model does not give depends on nothing else.
    """
    missing = np.isnan(values)
    why = [[""] * len(members) for _ in range(_HOW_MANY)]
    x, n = members @ counts.responders, members @ counts.n
    known: dict[tuple[object, ...], list[str]] = {}
    for i in np.flatnonzero(missing.any((0, 1))):
        own = members[i]
        key = (missing[..., i].tobytes(), own.sum(), values[3, 0, i] == 0, x[i] == 0, x[i] == n[i])
        if key not in known:
            known[key] = _reasons(model.fit(some(counts, own)))
        for place in range(_HOW_MANY):
            if missing[place, :, i].any():
                why[place][i] = known[key][place] or "not given by this model"
    return why


def _reasons(fit: Fit) -> list[str]:
    """Why a fit does not give mean, median, prediction and tau."""
    both = fit.estimands
    mean, median = (both.mean, both.median) if both else (fit.mu, fit.mu if fit.k < 2 else fit.proportion)
    spread = fit.tau or fit.tau2
    found = (mean, median, both.predictive if both else fit.prediction.proportion, spread)
    return [(one.reason or "") if one else "" for one in found]


def some(counts: Counts, own: NDArray[np.bool_]) -> Counts:
    """The trials selected by the mask `own`, shape (k,)."""
    labels = [label for label, there in zip(counts.labels, own, strict=True) if there]
    return Counts.of(counts.responders[own], counts.n[own], labels)
