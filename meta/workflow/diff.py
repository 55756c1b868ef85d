"""The pooled answers before and after a change of the records in the working tree."""

from __future__ import annotations

import io
import subprocess
import tarfile
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from meta.errors import MetaError, StoreError
from meta.results import Bounds, Estimand, Fit, Outcome, RateDifference, StandardisedRate, name_of
from meta.workflow.pool import plan
from meta.workflow.running.execute import digest, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from meta.records.run import Run
    from meta.workflow.expand import Variation

Key = tuple[str, str, str, str, str]  # analysis, variation, role, grouping, group
Answer = Fit | Bounds | StandardisedRate | RateDifference


@dataclass(frozen=True, slots=True)
class Change:
    """One pooled answer that is new, gone or different; `key` leads from the analysis to the group."""

    key: Key
    before: Answer | None
    after: Answer | None
    outcome: Outcome

    @property
    def heading(self) -> str:
        """Analysis, variation and role with what its model gives: ``quick / base / primary (mean ORR)``."""
        estimands = (_estimand(one, self.outcome) for one in (self.before, self.after) if one)
        return f"{' / '.join(self.key[:3])} ({' -> '.join(dict.fromkeys(estimands))})"


def _estimand(one: Answer, outcome: Outcome) -> str:
    if isinstance(one, Fit):
        return name_of(one.proportion.estimand, outcome)
    if isinstance(one, Bounds):
        return name_of(one.estimand, outcome)
    if isinstance(one, StandardisedRate):
        return name_of(one.mean.estimand, outcome)
    return f"{name_of(one.standardised.estimand, outcome)}, percentage points"


@contextmanager
def at_revision(root: Path, revision: str) -> Iterator[Path]:
    """A temporary folder with the records as git has them at `revision`.

    Raises
    ------
    StoreError
        If git cannot give them.
    """
    if revision.startswith("-"):
        raise StoreError(f"revision: found {revision!r}; a git revision such as HEAD or main~2 is allowed")
    command = ["git", "-C", str(root), "archive", "--format=tar", revision, "--", "trials", "analyses"]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except OSError as error:
        raise StoreError(
            f"git cannot be run ({error.strerror}); it is needed to see the records before the change"
        ) from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise StoreError(f"{root}: git does not have trials/ and analyses/ at {revision}: {said}")
    with tempfile.TemporaryDirectory(prefix="nen-meta-") as folder:
        try:
            with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
                archive.extractall(folder, filter="data")
        except tarfile.TarError as error:
            raise StoreError(f"{root}: the records at {revision} cannot be unpacked: {error}") from None
        yield Path(folder)


def answers(variation: Variation) -> dict[Key, Answer]:
    """Every pooled answer of a variation, fitted afresh and stored nowhere."""
    names = (variation.analysis.name, variation.name)
    return {(*names, *rest): one for rest, one in _answers_of(run(variation))}


def _answers_of(run: Run) -> Iterator[tuple[tuple[str, str, str], Answer]]:
    for fit in run.fits:
        for part in fit.groups or (fit,):
            yield (fit.role or "", fit.by or "overall", part.label or "all"), part
    for one in run.bounds:
        what = f"{one.role}, bounds of the {name_of(one.estimand, one.outcome)}"
        yield (what, one.by or "overall", one.group or "all"), one
    if run.sites is None:
        return
    for rate in run.sites.standardised:
        yield (f"sites, {rate.population}", "standardised", rate.level), rate
    for gap in run.sites.differences:
        if gap.estimand == Estimand.MEAN:
            pair = f"{gap.level} minus {gap.reference}"
            yield (f"sites, difference, {gap.population}", "standardised", pair), gap


def _sampled_from(variation: Variation) -> tuple[object, ...] | None:
    """Everything that determines the draws of the model of sites and regions; None if it is not run."""
    analysis, data = variation.analysis, variation.selection.sites
    if analysis.sites is None or data is None or variation.selection.bounded:
        return None
    values = (getattr(data, item.name) for item in fields(data))
    plain = tuple(value.tolist() if isinstance(value, np.ndarray) else value for value in values)
    ids = tuple((trial.chosen.trial.id, trial.label) for trial in variation.selection.included)
    return (replace(analysis.sites, variations=()), analysis.outcome, analysis.k_policy, ids, plain)


def _alone(some: Mapping[str, Variation], others: Mapping[str, Variation], *, sites: bool) -> list[Variation]:
    """The variations that only one side has; without the model of sites where both would sample the same."""
    same = {(v.analysis.name, v.name): _sampled_from(v) for v in others.values()}
    found = []
    for made, variation in some.items():
        if made in others:
            continue
        name = (variation.analysis.name, variation.name)
        sampled = sites and _sampled_from(variation) != same.get(name)
        plain = replace(variation, analysis=replace(variation.analysis, sites=None))
        found.append(variation if sampled else plain)
    return found


def sides(
    root: Path, revision: str = "HEAD", *, sites: bool = True
) -> tuple[list[Variation], list[Variation]]:
    """The variations that a change in the working tree affects, as they were before it and are after it.

    Parameters
    ----------
    root : Path
        The folder with ``trials/`` and ``analyses/``, in a git work tree.
    revision : str
        What to compare with.
    sites : bool
        Whether the model of sites and regions is sampled, which takes some 15 seconds a time; only where its
        counts or options differ, as the same draws from the same counts are the same answers.

    Returns
    -------
    before, after : list of Variation
        Those that differ; nothing has been fitted yet.

    Raises
    ------
    MetaError
        If either side cannot be loaded; the message says which.
    """
    now = plan(root)
    with at_revision(root, revision) as folder:
        try:
            then = plan(folder)
        except MetaError as error:
            raise type(error)(
                f"the records at {revision} cannot be pooled by this version:\n{error}"
            ) from None
    then_by, now_by = ({digest(variation): variation for variation in side} for side in (then, now))
    return _alone(then_by, now_by, sites=sites), _alone(now_by, then_by, sites=sites)


def changes(
    before: Sequence[Variation], after: Sequence[Variation], progress: Callable[[int], None]
) -> list[Change]:
    """Fit both sides: every answer that is new, gone or different.

    Parameters
    ----------
    before, after : sequence of Variation
    progress : callable
        Called with the number of variations still to be fitted, before each and after the last.

    Returns
    -------
    list of Change
    """
    left = iter(range(len(before) + len(after), -1, -1))
    then, now = dict[Key, Answer](), dict[Key, Answer]()
    outcomes: dict[str, Outcome] = {}  # by analysis
    for side, found in ((before, then), (after, now)):
        for variation in side:
            progress(next(left))
            found.update(answers(variation))
            outcomes[variation.analysis.name] = variation.analysis.outcome
    progress(next(left))
    return [
        Change(key, then.get(key), now.get(key), outcomes[key[0]])
        for key in _in_order([*now, *then])
        if _differ(then.get(key), now.get(key))
    ]


def _in_order(keys: Sequence[Key]) -> list[Key]:
    """Each key once, grouped by analysis, variation and role."""
    different = list(dict.fromkeys(keys))
    places = {names: i for i, names in reversed(list(enumerate(key[:3] for key in different)))}
    return sorted(different, key=lambda key: places[key[:3]])


def _differ(before: Answer | None, after: Answer | None) -> bool:
    if before is None or after is None:
        return True
    return _answer(before) != _answer(after)


def _answer(fit: Answer) -> tuple[object, ...]:
    if isinstance(fit, Bounds):
        return (fit.ignorance, fit.uncertainty, fit.k, fit.n, fit.responders)
    if isinstance(fit, StandardisedRate):
        return (fit.mean, fit.median)
    if isinstance(fit, RateDifference):
        return (fit.standardised, fit.without_groups)
    counts = tuple((trial.label, trial.responders, trial.n) for trial in fit.trials)
    return (counts, fit.proportion, fit.estimands, fit.tau2, fit.prediction)
