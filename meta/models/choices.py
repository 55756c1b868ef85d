"""One model's answers to every choice of trials, with the reason where it gives none."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from meta.data import Counts
from meta.models.batched import PREDICTIVE, TAU, Rows, answers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from meta.models import Model
    from meta.results import Fit

# any other estimand of a model stands in the place of the median
_PLACES = {"mean ORR": 0, PREDICTIVE: 2, TAU: 3}
_HOW_MANY = 4  # mean, median, prediction, tau


class Part(NamedTuple):
    """Of one model: shape (4, 3, B), names of its estimands, and why one is not given, shape (4, B)."""

    values: NDArray[np.float64]
    names: tuple[str | None, ...]
    why: list[list[str]]


def each_choice(model: Model, counts: Counts, members: NDArray[np.bool_]) -> Part:
    """Every answer of a model to every choice of trials.

    Parameters
    ----------
    model : Model
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
    names: list[str | None] = [None] * _HOW_MANY
    for one in answers(model, rows, spread=True):
        place = _PLACES.get(one.estimand, 1)
        names[place] = one.estimand
        values[place] = [np.where(np.isfinite(z), z, np.nan).reshape(-1) for z in one[1:]]
    return Part(values, tuple(names), _why(model, counts, members, values))


def _why(
    model: Model, counts: Counts, members: NDArray[np.bool_], values: NDArray[np.float64]
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
    found = (mean, median, both.predictive if both else fit.prediction, spread)
    return [(one.reason or "") if one else "" for one in found]


def some(counts: Counts, own: NDArray[np.bool_]) -> Counts:
    """Those trials of which `own`, shape (k,), says so."""
    labels = [label for label, there in zip(counts.labels, own, strict=True) if there]
    return Counts.of(counts.responders[own], counts.n[own], labels)
