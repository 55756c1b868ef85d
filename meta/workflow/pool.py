"""Pool a root folder: load its records, plan every variation, and fit those that are not stored yet."""

from __future__ import annotations

from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from meta.errors import MetaError, SpecError, StoreError
from meta.records.reading.load import load
from meta.records.run import BASE
from meta.records.storing.store import load_run
from meta.workflow.expand import Variation, expand
from meta.workflow.running.execute import fit_all, keep, kept

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from meta.records.analysis import Analysis
    from meta.records.run import Run
    from meta.records.trial import TrialFile

RESULTS = "results"


def plan(root: Path, names: Sequence[str] | None = None) -> list[Variation]:
    """Every variation of the analyses in `names`, or of all analyses, with its counts.

    Parameters
    ----------
    root : Path
        The folder with ``trials/`` and ``analyses/``.

    Raises
    ------
    RecordError, SpecError
        With every fault; nothing has been fitted or written then.
    """
    return variations(*load(root, names))


def variations(trials: Mapping[str, TrialFile], analyses: Mapping[str, Analysis]) -> list[Variation]:
    """The variations of every analysis; see :func:`plan`."""
    planned: list[Variation] = []
    refused: list[SpecError] = []
    for analysis in analyses.values():
        try:
            planned += expand(trials, analysis)
        except SpecError as error:
            refused.append(error)
    if refused:
        message = "\n".join(error.message for error in refused)
        raise SpecError(message, [fault for error in refused for fault in error.faults])
    return planned


def name_of(variation: Variation) -> str:
    """The run's file, below the output folder."""
    return f"{RESULTS}/{variation.analysis.name}/{variation.name}.json"


def files_of(variation: Variation, run: Run) -> list[str]:
    """All files of a run, below the output folder: its JSON and what lies beside it."""
    folder = f"{RESULTS}/{variation.analysis.name}"
    return [name_of(variation), *(f"{folder}/{name}" for name in run.beside)]


def stored(result: str, out: Path) -> Path:
    """The file of a stored run, given as a path, as ``analysis/variation`` or as ``analysis`` (its base)."""
    path = Path(result)
    if path.suffix == ".json" or path.exists():
        return path
    return out / RESULTS / (f"{result}.json" if "/" in result else f"{result}/{BASE}.json")


def others(paths: Sequence[Path], planned: Sequence[Variation], out: Path) -> list[Run]:
    """The stored runs of all other analyses; runs that cannot be read are left out."""
    names = {variation.analysis.name for variation in planned}
    found = []
    for path in paths:
        if path.suffix == ".json" and path.relative_to(out / RESULTS).parts[0] not in names:
            with suppress(StoreError):
                found.append(load_run(path))
    return found


def every_stored(root: Path, out: Path) -> list[Run]:
    """Every stored run below the output folder.

    Parameters
    ----------
    root : Path
        The folder with ``trials/`` and ``analyses/``, by which the runs are put in order, as far as it can be
        read and has them.

    Returns
    -------
    list of Run
        By analysis, and within it as a pooling run has them.

    Raises
    ------
    SpecError
        If there is none.
    StoreError
        If one cannot be read.
    """
    paths = sorted((out / RESULTS).glob("*/*.json"))
    if not paths:
        raise SpecError(f"{out / RESULTS}: no stored run; `make pool` stores them")
    order: dict[Path, int] = {}
    with suppress(MetaError):
        order = {out / name_of(variation): i for i, variation in enumerate(plan(root))}
    paths.sort(key=lambda path: (path.parent.name, order.get(path, len(order))))
    return [load_run(path) for path in paths]


def runs(
    planned: Sequence[Variation], out: Path, left: Callable[[int], None] = lambda _: None
) -> list[tuple[Run, bool]]:
    """Each variation's run, and whether it had to be fitted; each is stored as soon as it is finished.

    Parameters
    ----------
    left : callable
        Told how many are left to fit, the number of all of them first.

    Returns
    -------
    list of (Run, bool)
        In the order of the variations, whatever order they were finished in.
    """
    places = [out / name_of(variation) for variation in planned]
    found = [kept(variation, path) for variation, path in zip(planned, places, strict=True)]
    waiting = [i for i, run in enumerate(found) if run is None]
    left(len(waiting))
    with closing(fit_all([planned[i] for i in waiting])) as fits:
        for done, (place, new) in enumerate(fits, 1):
            found[waiting[place]] = keep(new, places[waiting[place]])
            left(len(waiting) - done)
    return [(run, i in waiting) for i, run in enumerate(found) if run is not None]


def pool(root: Path | str = ".", analyses: Sequence[str] | None = None, out: Path | None = None) -> list[Run]:
    """Pool the trials of a folder as its analyses ask; what is stored and current is not fitted again.

    Parameters
    ----------
    root : path
        The folder with ``trials/`` and ``analyses/``.
    analyses : sequence of str, optional
        Names of analyses; all if left out.
    out : path, optional
        Where runs are stored as JSON, below ``results/``; ``root/out`` if left out. Tables, figures and the
        page are what the command ``nen-meta pool`` writes beside them.

    Returns
    -------
    list of Run
        By analysis, its base first.

    Raises
    ------
    RecordError, SpecError
        With every fault of every record; nothing has been fitted or written then.
    """
    folder = Path(root)
    return [run for run, _ in runs(plan(folder, analyses), out or folder / "out")]
