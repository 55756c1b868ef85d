"""Coverage of an analysis' models at the sizes of its trials; each block is stored when it is finished."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from meta.errors import SpecError, StoreError
from meta.models.calibration import calibrate, likely_rates, usual_truths
from meta.records.roles import default_models
from meta.records.storing.files import write
from meta.records.storing.store import load_as, to_json
from meta.results import Estimand
from meta.results.calibration import Calibration, Tally
from meta.workflow.running import workers
from meta.workflow.running.execute import digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from meta.models.calibration import Block, Tallies
    from meta.results.calibration import Truth
    from meta.workflow.expand import Variation

FOLDER = "calibration"


def calibrated(
    base: Variation,
    out: Path,
    *,
    sets: int,
    seed: int,
    truths: Sequence[Truth] = (),
    left: Callable[[int], None] = lambda _: None,
) -> Calibration:
    """Simulate at the sizes of an analysis' trials, and store the result as ``calibration/NAME.json``.

    Parameters
    ----------
    base : Variation
    out : Path
        The output folder. Finished blocks are kept in it, so that what was interrupted goes on.
    sets, seed : int
        See :func:`~meta.models.calibration.calibrate`.
    truths : sequence of Truth
        Beside the usual ones at the 10, 50 and 90 % points of the default posterior of the median rate.
    left : callable
        Told how many blocks are left.

    Raises
    ------
    SpecError
        If the analysis does not have one set of counts, or an option is out of range.
    """
    selection, analysis = base.selection, base.analysis
    if selection.unsettled or not analysis.fitted():
        raise SpecError(
            f"{analysis.name}: has no single set of counts and models to simulate; an analysis whose "
            "`unresolved` is keep or drop, with models, is allowed"
        )
    rates = likely_rates(default_models(analysis.outcome)["primary"], selection.counts)
    made = digest(base)
    found = calibrate(
        analysis.fitted(),
        selection.counts.n.tolist(),
        truths=[*usual_truths(rates), *truths],
        sets=sets,
        seed=seed,
        outcome=analysis.outcome,
        run=partial(_stored, made=made, folder=out / FOLDER / analysis.name, left=left),
    )
    found = replace(found, digest=made)
    write(out / FOLDER / f"{analysis.name}.json", to_json(found))
    return found


def stored_calibration(out: Path, name: str, made: str) -> Calibration | None:
    """What is stored of an analysis, if it was made of the run with this digest."""
    try:
        found = load_as(Calibration, out / FOLDER / f"{name}.json")
    except StoreError:
        return None
    return found if found.digest == made else None


def _stored(
    blocks: Sequence[Block], *, made: str, folder: Path, left: Callable[[int], None]
) -> Iterator[tuple[int, Tallies]]:
    """The tallies of each block: read where they are stored, else simulated on all cores and stored."""
    waiting = []
    paths = [folder / f"{_name(block, made)}.json" for block in blocks]
    for place, path in enumerate(paths):
        try:
            yield place, load_as(dict[Estimand, Tally], path)
        except StoreError:
            waiting.append(place)
    left(len(waiting))
    calls = [blocks[place].tallies for place in waiting]
    for done, (i, found) in enumerate(workers.on_all_cores(calls), 1):
        write(paths[waiting[i]], to_json(found))
        left(len(waiting) - done)
        yield waiting[i], found


def _name(block: Block, made: str) -> str:
    what = repr((made, block.role, block.truth, block.sets, block.seed))
    return hashlib.sha256(what.encode()).hexdigest()[:32]
