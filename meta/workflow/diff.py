"""The pooled answers before and after a change of the records in the working tree."""

from __future__ import annotations

import io
import subprocess
import tarfile
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from meta.errors import MetaError, StoreError
from meta.results import Fit
from meta.workflow.execute import digest, run
from meta.workflow.pool import plan

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from meta.workflow.expand import Variation

Key = tuple[str, str, str, str, str]  # analysis, variation, role, grouping, group


@dataclass(frozen=True, slots=True)
class Change:
    """One pooled answer that is new, gone or different; `key` leads from the analysis to the group."""

    key: Key
    before: Fit | None
    after: Fit | None

    @property
    def heading(self) -> str:
        """Analysis, variation and role with what its model gives: ``quick / base / primary (mean ORR)``."""
        estimands = (fit.proportion.estimand for fit in (self.before, self.after) if fit is not None)
        return f"{' / '.join(self.key[:3])} ({' -> '.join(dict.fromkeys(estimands))})"


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


def answers(variations: Iterable[Variation]) -> dict[Key, Fit]:
    """Every pooled answer, fitted afresh and stored nowhere; without the model of sites and regions."""
    found: dict[Key, Fit] = {}
    for variation in variations:
        for fit in run(replace(variation, analysis=replace(variation.analysis, sites=None))).fits:
            for part in fit.groups or (fit,):
                names = (variation.analysis.name, variation.name, fit.role or "", fit.by or "overall")
                found[*names, part.label or "all"] = part
    return found


def diff(root: Path, revision: str = "HEAD") -> list[Change]:
    """Every answer that the change in the working tree adds, takes away or moves.

    Parameters
    ----------
    root : Path
        The folder with ``trials/`` and ``analyses/``, in a git work tree.
    revision : str
        What to compare with.

    Returns
    -------
    list of Change

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
    before = answers(variation for made, variation in then_by.items() if made not in now_by)
    after = answers(variation for made, variation in now_by.items() if made not in then_by)
    return [
        Change(key, before.get(key), after.get(key))
        for key in _in_order([*after, *before])
        if _differ(before.get(key), after.get(key))
    ]


def _in_order(keys: Iterable[Key]) -> list[Key]:
    """Each key once, what belongs to one analysis, variation and role together."""
    different = list(dict.fromkeys(keys))
    places = {names: i for i, names in reversed(list(enumerate(key[:3] for key in different)))}
    return sorted(different, key=lambda key: places[key[:3]])


def _differ(before: Fit | None, after: Fit | None) -> bool:
    if before is None or after is None:
        return True
    return _answer(before) != _answer(after)


def _answer(fit: Fit) -> tuple[object, ...]:
    counts = tuple((trial.label, trial.responders, trial.n) for trial in fit.trials)
    return (counts, fit.proportion, fit.estimands, fit.tau2, fit.prediction)
