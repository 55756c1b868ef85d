"""What the model of sites and regions takes: responders of groups within trials, or sums over them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from meta.data.counts import IntArray, whole_numbers
from meta.errors import DataError


class Cell(NamedTuple):
    """Patients of a row: of one group, or of several in an unknown mix; row and groups by their indices."""

    row: int
    groups: tuple[int, ...]
    n: int


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
    pools : tuple of Cell
        Patients of a row in several groups, no one knows how many in which; they are beside those of `n`,
        and the row counts their responders too. Every division among the groups is equally probable a
        priori (a uniform prior of the mix).
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
    pools: tuple[Cell, ...] = ()

    def __post_init__(self) -> None:
        t, s, r = len(self.labels), len(self.groups), len(self.trial)
        shapes = (self.n.shape, self.members.shape, self.responders.shape)
        if shapes != ((t, s), (r, s), (r,)) or not all(0 <= i < t for i in self.trial):
            raise DataError(
                f"rows: found n {shapes[0]}, members {shapes[1]}, responders {shapes[2]}; shapes {(t, s)}, "
                f"{(r, s)}, {(r,)} and trials 0 to {t - 1} are allowed"
            )
        if faults := [*self._names(), *self._counts()]:
            raise DataError(
                f"{'; '.join(faults)}; names that differ, one label a trial, rows that do not overlap, pools "
                "of several groups, and 0 <= responders <= n are allowed"
            )
        for name in ("n", "trial", "members", "responders"):
            array = getattr(self, name).copy()
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    def _names(self) -> Iterator[str]:
        for name, names in (("labels", self.labels), ("groups", self.groups)):
            for label, times in Counter(names).items():
                if times > 1:
                    yield f"{name}: found {label!r} {times} times"
        for name, levels in self.contrasts.items():
            if len(levels) != len(self.labels):
                yield f"contrasts: found {len(levels)} labels of {name!r} for {len(self.labels)} trials"

    def _counts(self) -> Iterator[str]:
        yield from (f"n: found {m} patients" for m in self.n.ravel() if m < 0)
        for pool in self.pools:
            if not 0 <= pool.row < len(self.trial) or pool.n < 1 or len(set(pool.groups)) < 2:
                yield f"pools: found {pool}"
        covered = np.zeros(self.n.shape, dtype=np.int64)
        np.add.at(covered, self.trial, self.members)
        for i, j in np.argwhere(covered > 1):
            yield f"rows: found {self.labels[i]!r}, {self.groups[j]!r} in {covered[i, j]}"
        for i, x, m in zip(self.trial, self.responders, self.row_patients(), strict=True):
            if not 0 <= x <= m:
                yield f"rows: found {x} of {m} in {self.labels[i]!r}"

    @classmethod
    def of(
        cls,
        n: ArrayLike,
        rows: Iterable[tuple[str, Iterable[str], int]],
        labels: Sequence[str],
        groups: Sequence[str],
        contrasts: Mapping[str, Sequence[str]] | None = None,
        pools: Iterable[tuple[int, Iterable[str], int]] = (),
    ) -> PartialCounts:
        """Build from rows written as (trial, groups, responders), and pools as (row, groups, patients).

        Examples
        --------
        >>> rows = [("a", ["lung"], 1), ("a", ["gut"], 0), ("b", ["lung", "gut"], 2)]
        >>> data = PartialCounts.of([[4, 5], [6, 7]], rows, ["a", "b"], ["lung", "gut"])
        >>> data.reported().tolist()
        [[True, True], [False, False]]
        """
        listed = [(trial, frozenset(members), x) for trial, members, x in rows]
        unknown = [(row, tuple(members), size) for row, members, size in pools]
        strange = {trial for trial, *_ in listed} - set(labels)
        for _, members, _ in (*listed, *unknown):
            strange |= set(members) - set(groups)
        if strange:
            raise DataError(
                f"rows: found {', '.join(map(repr, sorted(strange)))}; trials and groups are allowed"
            )
        size, place = np.asarray(n), {group: s for s, group in enumerate(groups)}
        flags = [[group in members for group in groups] for _, members, _ in listed]
        return cls(
            labels=tuple(labels),
            groups=tuple(groups),
            n=whole_numbers(size.ravel(), "n").reshape(size.shape),
            trial=np.array([list(labels).index(trial) for trial, *_ in listed], dtype=np.int64),
            members=np.array(flags, dtype=bool).reshape(len(listed), len(groups)),
            responders=whole_numbers([x for *_, x in listed], "responders"),
            contrasts={name: tuple(levels) for name, levels in (contrasts or {}).items()},
            pools=tuple(Cell(row, tuple(place[g] for g in members), m) for row, members, m in unknown),
        )

    def only(self, labels: Iterable[str]) -> PartialCounts:
        """Some of the trials with all that they report, in their order here; the groups stay.

        Examples
        --------
        >>> rows = [("a", ["lung"], 1), ("b", ["lung", "gut"], 2)]
        >>> data = PartialCounts.of([[4, 5], [6, 7]], rows, ["a", "b"], ["lung", "gut"])
        >>> data.only(["b"]).responders.tolist()
        [2]
        """
        wanted = set(labels)
        trials = [t for t, label in enumerate(self.labels) if label in wanted]
        rows = np.flatnonzero(np.isin(self.trial, trials)).tolist()
        return PartialCounts(
            labels=tuple(self.labels[t] for t in trials),
            groups=self.groups,
            n=self.n[trials],
            trial=np.array([trials.index(t) for t in self.trial[rows]], dtype=np.int64),
            members=self.members[rows],
            responders=self.responders[rows],
            contrasts={name: tuple(levels[t] for t in trials) for name, levels in self.contrasts.items()},
            pools=tuple(pool._replace(row=rows.index(pool.row)) for pool in self.pools if pool.row in rows),
        )

    def cells(self) -> tuple[Cell, ...]:
        """The patients of each row: of one group each, and the pools; without the empty ones."""
        sizes = self.sizes()
        known = [Cell(int(r), (int(s),), int(sizes[r, s])) for r, s in np.argwhere(sizes > 0)]
        return (*known, *self.pools)

    def row_patients(self) -> IntArray:
        """Patients of each row, pools included; shape (R,)."""
        found = self.sizes().sum(-1)
        for pool in self.pools:
            if 0 <= pool.row < len(found):
                found[pool.row] += pool.n
        return np.asarray(found)

    def patients(self) -> IntArray:
        """Patients of each trial, pools included; shape (T,)."""
        found = self.n.sum(-1)
        for pool in self.pools:
            found[self.trial[pool.row]] += pool.n
        return np.asarray(found)

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
        alone[[pool.row for pool in self.pools]] = False
        for r, s in np.argwhere(alone):
            found[self.trial[r], s] = self.responders[r]
        return found
