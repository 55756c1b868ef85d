"""Counts of responders and patients, one entry a trial: the input of models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from meta.errors import DataError
from meta.format import counts
from meta.frames import Shown, Tabular

IntArray = NDArray[np.int64]
MOST = 9_999_999  # patients in an arm; beyond, the variances of arms differ by more than a float can hold


def whole_numbers(values: ArrayLike, name: str) -> IntArray:
    """One whole number a trial or row, read-only.

    Parameters
    ----------
    name : str
        What an error calls them.

    Raises
    ------
    DataError
    """
    array = np.atleast_1d(np.asarray(values))
    if array.ndim != 1:
        raise DataError(f"{name}: found {array.ndim} dimensions; one number a trial is allowed")
    if array.size and not np.issubdtype(array.dtype, np.number):
        raise DataError(f"{name}: found {array.dtype} values; whole numbers are allowed")
    if not np.all(np.isfinite(array)) or not np.all(array == np.floor(array)):
        raise DataError(f"{name}: found values that are not whole numbers; whole numbers are allowed")
    if np.any(np.abs(array) > MOST):
        raise DataError(f"{name}: found {float(np.abs(array).max()):g}; numbers up to {MOST} are allowed")
    whole = array.astype(np.int64)
    whole.setflags(write=False)
    return whole


@dataclass(frozen=True, slots=True, eq=False)
class Counts(Tabular):
    """Responders among patients, one entry a trial.

    Parameters
    ----------
    labels : tuple of str, length k
        One name a trial; all different, so that no trial enters twice.
    responders, n : ndarray of int, shape (k,)
        Patients with a response, and patients in the denominator (at least 1).

    Raises
    ------
    DataError
        If lengths differ, a count is not a whole number, a label repeats, n < 1 or not
        0 <= responders <= n; the message lists every offending trial.
    """

    labels: tuple[str, ...]
    responders: IntArray
    n: IntArray

    def __post_init__(self) -> None:
        _check(self.labels, self.responders, self.n)
        repeated = sorted(label for label, times in Counter(self.labels).items() if times > 1)
        if repeated:
            raise DataError(
                f"labels: found {', '.join(map(repr, repeated))} more than once; one entry a trial is "
                "allowed (add its arms up, or say that the unit is the arm and name them apart)"
            )

    @classmethod
    def of(cls, responders: ArrayLike, n: ArrayLike, labels: Iterable[str] | None = None) -> Counts:
        """Build from anything array-like; trials without labels are called ``trial 1`` and so on.

        Examples
        --------
        >>> Counts.of([5, 6, 2, 1], [18, 32, 29, 21]).k
        4
        """
        x, size = whole_numbers(responders, "responders"), whole_numbers(n, "n")
        names = tuple(labels) if labels is not None else tuple(f"trial {i + 1}" for i in range(len(x)))
        return cls(names, x, size)

    @property
    def k(self) -> int:
        """Number of trials."""
        return len(self.labels)

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a trial."""
        columns = (self.labels, self.responders.tolist(), self.n.tolist())
        return [{"label": label, "responders": x, "n": n} for label, x, n in zip(*columns, strict=True)]

    def shown(self) -> Shown:
        """Return responders among patients."""
        return _shown(self.rows(), "label")


@dataclass(frozen=True, slots=True, eq=False)
class GroupedCounts(Tabular):
    """Counts of groups within trials: by region (one group a trial) or by site (several).

    Parameters
    ----------
    labels : tuple of str, length m
        The trial of each row; a trial has at most one row in a group.
    responders, n : ndarray of int, shape (m,)
        As in :class:`Counts`.
    group : ndarray of int, shape (m,)
        Index of each row's group in `names`.
    names : tuple of str, length G
        The groups in the order in which they are shown; one may be without rows.

    Raises
    ------
    DataError
        As for :class:`Counts`, or if a trial has two rows in one group.
    """

    labels: tuple[str, ...]
    responders: IntArray
    n: IntArray
    group: IntArray
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        _check(self.labels, self.responders, self.n)
        if len(self.group) != len(self.labels) or not all(0 <= g < len(self.names) for g in self.group):
            raise DataError("group: found an index outside the groups; one index of `names` a row is allowed")
        rows = Counter((label, self.names[g]) for label, g in zip(self.labels, self.group, strict=True))
        repeated = sorted(row for row, times in rows.items() if times > 1)
        if repeated:
            twice = "; ".join(f"{label!r} in {name!r}" for label, name in repeated)
            raise DataError(
                f"labels: found twice in one group: {twice}; one row a trial and group is allowed"
            )

    @classmethod
    def of(
        cls,
        responders: ArrayLike,
        n: ArrayLike,
        group: Sequence[str],
        labels: Iterable[str] | None = None,
        names: Sequence[str] | None = None,
    ) -> GroupedCounts:
        """Build from group names; without `names`, groups come in the order of their first row."""
        x, size = whole_numbers(responders, "responders"), whole_numbers(n, "n")
        order = tuple(names) if names is not None else tuple(dict.fromkeys(group))
        index = whole_numbers([order.index(g) if g in order else -1 for g in group], "group")
        rows = tuple(labels) if labels is not None else tuple(f"trial {i + 1}" for i in range(len(x)))
        return cls(rows, x, size, index, order)

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a trial and group."""
        columns = (self.labels, self.group.tolist(), self.responders.tolist(), self.n.tolist())
        return [
            {"label": label, "group": self.names[g], "responders": x, "n": n}
            for label, g, x, n in zip(*columns, strict=True)
        ]

    def shown(self) -> Shown:
        """Return responders among patients."""
        return _shown(self.rows(), "label", "group")

    def totals(self) -> Counts:
        """Each trial's rows added up: what the overall estimate pools."""
        place = {label: i for i, label in enumerate(dict.fromkeys(self.labels))}
        rows = np.array([place[label] for label in self.labels], dtype=np.int64)
        x = np.bincount(rows, weights=self.responders, minlength=len(place))
        n = np.bincount(rows, weights=self.n, minlength=len(place))
        return Counts.of(x, n, place)

    def only(self, groups: Sequence[int]) -> GroupedCounts:
        """Some of the groups and their rows; the others are left out."""
        place = {group: i for i, group in enumerate(groups)}
        rows = np.flatnonzero(np.isin(self.group, list(groups)))
        index = np.array([place[group] for group in self.group[rows]], dtype=np.int64)
        names = tuple(self.names[i] for i in groups)
        labels = tuple(self.labels[i] for i in rows)
        return GroupedCounts(labels, self.responders[rows], self.n[rows], index, names)

    def within(self, index: int) -> Counts:
        """The rows of group `index`."""
        rows = np.flatnonzero(self.group == index)
        return Counts.of(self.responders[rows], self.n[rows], [self.labels[i] for i in rows])


def _shown(rows: Sequence[Mapping[str, Any]], *names: str) -> Shown:
    cells = tuple((*(row[name] for name in names), counts(row["responders"], row["n"])) for row in rows)
    return Shown(caption="Responders among patients", header=(*names, "Responders/n"), rows=cells)


def _check(labels: tuple[str, ...], responders: IntArray, n: IntArray) -> None:
    if not len(labels) == len(responders) == len(n):
        found = f"found {len(labels)} labels, {len(responders)} responders and {len(n)} n"
        raise DataError(f"{found}; one of each a trial is allowed")
    wrong = [
        f"{label!r}: {x} of {size}"
        for label, x, size in zip(labels, responders, n, strict=True)
        if size < 1 or not 0 <= x <= size
    ]
    if wrong:
        raise DataError(f"counts: found {'; '.join(wrong)}; 0 <= responders <= n and n >= 1 are allowed")


@dataclass(frozen=True, slots=True, eq=False)
class Completions:
    """Counts of which some are not reported: what each trial's could be, any of one with any of another.

    Parameters
    ----------
    labels : tuple of str, length T
        The trials.
    options : tuple of T ndarrays of int, shape (C, r, 2)
        What responders and n of a trial's r rows could be; C = 1 where they are reported. n may be 0: then
        the trial has nobody there and does not count.
    groups : tuple of T tuples of int, length r each
        The group of each row; all 0 where there are no groups.
    names : tuple of str, length G
        The groups; empty where there are none, and a trial has one row.

    Raises
    ------
    DataError
        If shapes differ, a trial has no option, or a count is impossible.
    """

    labels: tuple[str, ...]
    options: tuple[IntArray, ...]
    groups: tuple[tuple[int, ...], ...]
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not len(self.labels) == len(self.options) == len(self.groups):
            raise DataError("completions: found lists of several lengths; one entry a trial is allowed")
        for label, options, groups in zip(self.labels, self.options, self.groups, strict=True):
            if options.shape != (max(len(options), 1), len(groups), 2):
                raise DataError(f"completions: {label!r}: found {options.shape}; (C, rows, 2) is allowed")
            if not ((options[..., 0] >= 0) & (options[..., 0] <= options[..., 1])).all():
                raise DataError(f"completions: {label!r}: found impossible counts; 0 <= responders <= n")

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many options each trial has."""
        return tuple(len(options) for options in self.options)

    @property
    def group(self) -> IntArray:
        """The group of each row of all trials, shape (m,)."""
        return np.array([g for groups in self.groups for g in groups], dtype=np.int64)

    def within(self, index: int) -> Completions:
        """What group `index` alone could be, each option once; trials that are not in it are left out."""
        parts = [
            (label, np.unique(options[:, [groups.index(index)]], axis=0))
            for label, options, groups in zip(self.labels, self.options, self.groups, strict=True)
            if index in groups
        ]
        labels, options = tuple(label for label, _ in parts), tuple(some for _, some in parts)
        return Completions(labels, options, ((0,),) * len(parts), (self.names[index],))

    def arrays(self, choice: IntArray) -> tuple[IntArray, IntArray]:
        """Responders and n of every row, shape (B, m), n = 0 where nobody is.

        Parameters
        ----------
        choice : ndarray of int, shape (B, T)
            Which option of each trial.
        """
        parts = [options[choice[:, i]] for i, options in enumerate(self.options)]
        both = np.concatenate(parts, axis=1) if parts else np.zeros((len(choice), 0, 2), dtype=np.int64)
        return both[..., 0], both[..., 1]

    def counts(self, choice: Sequence[int]) -> Counts | GroupedCounts:
        """The counts of one completion, trials without a patient left out.

        Parameters
        ----------
        choice : sequence of int, length T
        """
        x, n = (z[0] for z in self.arrays(np.array([choice], dtype=np.int64)))
        there = np.flatnonzero(n)
        rows = [label for label, groups in zip(self.labels, self.groups, strict=True) for _ in groups]
        labels = tuple(rows[i] for i in there)
        if not self.names:
            return Counts.of(x[there], n[there], labels)
        return GroupedCounts(labels, x[there], n[there], self.group[there], self.names)
