"""What models take: responders and patients, one trial an entry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from meta.errors import DataError

IntArray = NDArray[np.int64]
MOST = 9_999_999  # patients in an arm; beyond, the variances of arms differ by more than a float can hold


def _whole_numbers(values: ArrayLike, name: str) -> IntArray:
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
class Counts:
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
        x, size = _whole_numbers(responders, "responders"), _whole_numbers(n, "n")
        names = tuple(labels) if labels is not None else tuple(f"trial {i + 1}" for i in range(len(x)))
        return cls(names, x, size)

    @property
    def k(self) -> int:
        """Number of trials."""
        return len(self.labels)


@dataclass(frozen=True, slots=True, eq=False)
class GroupedCounts:
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
        x, size = _whole_numbers(responders, "responders"), _whole_numbers(n, "n")
        order = tuple(names) if names is not None else tuple(dict.fromkeys(group))
        index = _whole_numbers([order.index(g) if g in order else -1 for g in group], "group")
        rows = tuple(labels) if labels is not None else tuple(f"trial {i + 1}" for i in range(len(x)))
        return cls(rows, x, size, index, order)

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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PartialCounts:
    """Patients of groups within trials, of which trials report responders one by one or as sums.

    Parameters
    ----------
    labels : tuple of str, length T
        The trials, all different.
    groups : tuple of str, length S
        The groups, e.g. primary sites; at most 8 where a trial reports sums.
    n : ndarray of int, shape (T, S)
        Patients of each trial in each group, 0 where it has none.
    trial : ndarray of int, shape (R,)
        The trial of each row; a trial without rows informs nothing but the mix of patients.
    members : ndarray of bool, shape (R, S)
        The groups whose responders a row adds up. Rows of one trial do not overlap; a group of a trial that
        is in no row was not reported.
    responders : ndarray of int, shape (R,)
        Responders of each row.
    contrasts : mapping of str to tuple of str
        Labels of the trials, one each, by what they label: ``{"region": ("Asia", "West", "West")}``.

    Raises
    ------
    DataError
        If shapes do not agree, a label repeats, rows overlap or a count is impossible; the message lists
        every fault.
    """

    labels: tuple[str, ...]
    groups: tuple[str, ...]
    n: IntArray
    trial: IntArray
    members: NDArray[np.bool_]
    responders: IntArray
    contrasts: Mapping[str, tuple[str, ...]]

    def __post_init__(self) -> None:
        t, s, r = len(self.labels), len(self.groups), len(self.trial)
        shapes = (self.n.shape, self.members.shape, self.responders.shape)
        if shapes != ((t, s), (r, s), (r,)) or not all(0 <= i < t for i in self.trial):
            raise DataError(
                f"rows: found n {shapes[0]}, members {shapes[1]}, responders {shapes[2]}; shapes {(t, s)}, "
                f"{(r, s)}, {(r,)} and trials 0 to {t - 1} are allowed"
            )
        faults = [
            f"{name}: found {label!r} {times} times"
            for name, all_of_them in (("labels", self.labels), ("groups", self.groups))
            for label, times in Counter(all_of_them).items()
            if times > 1
        ]
        faults += [f"n: found {m} patients" for m in self.n.ravel() if m < 0]
        faults += [
            f"contrasts: found {len(levels)} labels of {name!r} for {t} trials"
            for name, levels in self.contrasts.items()
            if len(levels) != t
        ]
        covered = np.zeros((t, s), dtype=np.int64)
        np.add.at(covered, self.trial, self.members)
        faults += [f"rows: found {self.labels[i]!r}, {self.groups[j]!r} in {covered[i, j]}"
                   for i, j in np.argwhere(covered > 1)]  # fmt: skip
        faults += [
            f"rows: found {x} of {m} in {self.labels[i]!r}"
            for i, x, m in zip(self.trial, self.responders, self.sizes().sum(-1), strict=True)
            if not 0 <= x <= m
        ]
        if faults:
            raise DataError(
                f"{'; '.join(faults)}; names that differ, one label a trial, rows that do not overlap, and "
                "0 <= responders <= n are allowed"
            )
        for name in ("n", "trial", "members", "responders"):
            array = getattr(self, name).copy()
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    @classmethod
    def of(
        cls,
        n: ArrayLike,
        rows: Iterable[tuple[str, Iterable[str], int]],
        labels: Sequence[str],
        groups: Sequence[str],
        contrasts: Mapping[str, Sequence[str]] | None = None,
    ) -> PartialCounts:
        """Build from rows written as (trial, groups, responders).

        Examples
        --------
        >>> rows = [("a", ["lung"], 1), ("a", ["gut"], 0), ("b", ["lung", "gut"], 2)]
        >>> data = PartialCounts.of([[4, 5], [6, 7]], rows, ["a", "b"], ["lung", "gut"])
        >>> data.reported().tolist()
        [[True, True], [False, False]]
        """
        listed = [(trial, frozenset(members), x) for trial, members, x in rows]
        strange = sorted(({trial for trial, *_ in listed} - set(labels)) | (
            frozenset[str]().union(*(members for _, members, _ in listed)) - set(groups)))  # fmt: skip
        if strange:
            raise DataError(f"rows: found {', '.join(map(repr, strange))}; trials and groups are allowed")
        size = _whole_numbers(np.ravel(n), "n").reshape(np.shape(n))
        flags = [[group in members for group in groups] for _, members, _ in listed]
        return cls(
            labels=tuple(labels),
            groups=tuple(groups),
            n=size,
            trial=np.array([list(labels).index(trial) for trial, *_ in listed], dtype=np.int64),
            members=np.array(flags, dtype=bool).reshape(len(listed), len(groups)),
            responders=_whole_numbers([x for *_, x in listed], "responders"),
            contrasts={name: tuple(levels) for name, levels in (contrasts or {}).items()},
        )

    def sizes(self) -> IntArray:
        """Patients of each row in each group, 0 in groups that are not its members; shape (R, S)."""
        return np.where(self.members, self.n[self.trial], 0)

    def reported(self) -> NDArray[np.bool_]:
        """Whether a group's responders are known by themselves, shape (T, S); False without patients."""
        return ~np.isnan(self.known())

    def known(self) -> NDArray[np.float64]:
        """Responders of each trial and group where they are known by themselves, else NaN; shape (T, S)."""
        found = np.full(self.n.shape, np.nan)
        sizes = self.sizes()
        alone = (sizes > 0) & ((sizes > 0).sum(-1, keepdims=True) == 1)
        for r, s in np.argwhere(alone):
            found[self.trial[r], s] = self.responders[r]
        return found


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
