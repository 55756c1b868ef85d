"""How the effects of the model of groups and regions are laid out: which parameter moves which log odds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from meta.errors import DataError
from meta.stats.normal.scales import FloatArray
from meta.stats.unreported.standardise import sum_to_zero

if TYPE_CHECKING:
    from meta.data import PartialCounts
    from meta.data.counts import IntArray

GroupEffects = Literal["random", "fixed", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Priors:
    """Standard deviations of the normal priors, and scales of the half-normal ones.

    Attributes
    ----------
    mu_mean, mu : float
        Of mu.
    contrast : float
        Of the difference between any two levels of a contrast.
    factor : float
        Of the difference between any two groups, where they are fixed.
    sigma, tau : float
        Scales of the standard deviations of random group effects and of trial effects.
    omega : float or None
        Scale of that of group-by-trial effects; None leaves them out.
    """

    mu_mean: float = -2.0
    mu: float = 2.0
    contrast: float = 1.0
    factor: float = 1.0
    sigma: float = 1.0
    tau: float = 1.25
    omega: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Block:
    """Effects of one kind: `coding`, shape (cells, P), times sd times P standard normals.

    `scale` names the standard deviation that multiplies them further; None where their prior is fixed.
    `cells` are all trials times all groups, groups running fastest.
    """

    name: str
    labels: tuple[str, ...]
    coding: FloatArray
    sd: float
    scale: str | None = None


def levels_of(data: PartialCounts, contrast: str) -> tuple[tuple[str, ...], IntArray]:
    """The levels of a contrast in alphabetical order, and the index of each trial's.

    Raises
    ------
    DataError
        If the data do not have it.
    """
    if contrast not in data.contrasts:
        known = ", ".join(data.contrasts) or "none"
        raise DataError(f"contrasts: found no {contrast!r}; those of the data are allowed: {known}")
    labels = data.contrasts[contrast]
    names = tuple(sorted(set(labels)))
    return names, np.array([names.index(label) for label in labels], dtype=np.int64)


def blocks(
    data: PartialCounts, priors: Priors, *, groups: GroupEffects = "random", contrasts: Sequence[str] = ()
) -> tuple[Block, ...]:
    """Lay out the effects of the model.

    Parameters
    ----------
    groups : {"random", "fixed", "none"}
        "none" is the same model without sites.
    contrasts : sequence of str
        Keys of the data's contrasts.

    Returns
    -------
    tuple of Block
        mu first, then contrasts, groups, trials and groups within trials.
    """
    t, s = data.n.shape
    trial, group = np.repeat(np.arange(t), s), np.tile(np.arange(s), t)
    found = [Block(name="mu", labels=("mu",), coding=np.ones((t * s, 1)), sd=priors.mu)]
    for contrast in contrasts:
        names, level = levels_of(data, contrast)
        coding = sum_to_zero(len(names))[level][trial]
        labels = tuple(f"{contrast} {i + 1}" for i in range(len(names) - 1))
        found.append(Block(name=contrast, labels=labels, coding=coding, sd=priors.contrast))
    if groups == "random":
        each = Block(
            name="group", labels=data.groups, coding=np.eye(s)[group], sd=priors.sigma, scale="sigma"
        )
        found.append(each)
    elif groups == "fixed":
        labels = tuple(f"group {i + 1}" for i in range(s - 1))
        found.append(Block(name="group", labels=labels, coding=sum_to_zero(s)[group], sd=priors.factor))
    found.append(Block(name="trial", labels=data.labels, coding=np.eye(t)[trial], sd=priors.tau, scale="tau"))
    if priors.omega is not None:
        labels = tuple(f"{a}, {b}" for a in data.labels for b in data.groups)
        found.append(Block(name="cell", labels=labels, coding=np.eye(t * s), sd=priors.omega, scale="omega"))
    return tuple(found)


def scale_names(effects: Sequence[Block]) -> tuple[str, ...]:
    """The scales that are parameters, in their order."""
    return tuple(dict.fromkeys(block.scale for block in effects if block.scale))
