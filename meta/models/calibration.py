"""Coverage of the intervals of models at a design of one's own, by simulation."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from math import isfinite
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from meta.errors import DataError, SpecError, option_fault
from meta.models.batch import answers
from meta.models.contract import MEAN, MEDIAN, PREDICTIVE, PoolingModel, Rows
from meta.models.options import count_faults, refuse, seed_faults
from meta.results import Outcome
from meta.results.calibration import Calibration, Cell, Mixing, Tally, Truth
from meta.results.estimands import Estimand
from meta.stats.binomial import mixing

if TYPE_CHECKING:
    from meta.data import Counts
    from meta.data.counts import IntArray
    from meta.models.contract import Answers
    from meta.stats.normal.scales import FloatArray

BLOCK = 5_000  # data sets that are simulated and fitted at once
RATES = (0.05, 0.10, 0.20)  # where nothing is known
TAUS = (0.0, 0.5, 1.0)
OFF_MODEL = (Mixing.BETA, Mixing.TWO_POINT)  # what most models do not assume: at the middle rate and tau 1
VALUES: dict[Estimand, Callable[[Truth], float | None]] = {  # of the estimands that a truth has
    MEAN: mixing.mean,
    MEDIAN: mixing.median,
    PREDICTIVE: lambda _: None,  # a distribution, not a value
}

Tallies = Mapping[Estimand, Tally]


class Block(NamedTuple):
    """Data sets of one truth, and a model that is fitted to each; all models are fitted to the same sets."""

    role: str
    model: PoolingModel
    n: tuple[int, ...]
    truth: Truth
    sets: int
    seed: tuple[int, ...]

    def tallies(self) -> Tallies:
        """What the intervals of mean, median and predictive rate do, as far as model and truth have them."""
        generator = np.random.default_rng(self.seed)
        sizes = np.asarray(self.n, dtype=np.int64)
        x = generator.binomial(sizes, mixing.draw(self.truth, generator, (self.sets, sizes.size)))
        x, times = np.unique(x, axis=0, return_counts=True)  # equal sets are fitted once
        rows = Rows(x, np.broadcast_to(sizes, x.shape), np.zeros(sizes.size, dtype=np.int64), 1)
        return {
            found.estimand: _tally(found, self.truth, times)
            for found in answers(self.model, rows, spread=True)
            if found.estimand is PREDICTIVE
            or (found.estimand in VALUES and VALUES[found.estimand](self.truth) is not None)
        }


def one_by_one(blocks: Sequence[Block]) -> Iterable[tuple[int, Tallies]]:
    """The tallies of each block after its place."""
    return ((place, block.tallies()) for place, block in enumerate(blocks))


def calibrate(
    models: PoolingModel | Mapping[Any, PoolingModel],
    n: Sequence[int],
    *,
    truths: Sequence[Truth] = (),
    sets: int = 2_000,
    seed: int = 1,
    outcome: Outcome = Outcome.RESPONSE,
    run: Callable[[Sequence[Block]], Iterable[tuple[int, Tallies]]] = one_by_one,
) -> Calibration:
    """Simulate data sets at known truths, and see how often the intervals of models hold these.

    Parameters
    ----------
    models : model, or mapping of str to model
        One, or several by their role.
    n : sequence of int
        Patients of each trial.
    truths : sequence of Truth
        If left out, rates of 5, 10 and 20 % as :func:`usual_truths` spreads them.
    sets : int
        Data sets of each truth.
    seed : int
        The same seed gives the same numbers, wherever and in whatever order blocks are run.
    run : callable
        Gives the tallies of each block after its place, in any order.

    Returns
    -------
    Calibration

    Raises
    ------
    DataError
        If there are fewer than two trials, as the answer from one is its exact interval.
    SpecError
        With every option that is out of range.

    Examples
    --------
    >>> import meta
    >>> found = meta.calibrate(meta.InverseVariance(), [18, 32, 29, 21], sets=200)
    >>> found.worst[0].estimand, found.worst[0].tally.coverage > 0.8
    (<Estimand.MEDIAN: 'median'>, True)
    """
    _check(n, sets, seed)
    several = {models.model: models} if isinstance(models, PoolingModel) else models
    able = {role: model for role, model in several.items() if not model.unbatched}
    asked = truths or usual_truths(RATES)

    def cells(pairs: Iterable[tuple[str, Truth]], again: int) -> list[Cell]:
        blocks = [
            Block(role, able[role], tuple(n), truth, size, (seed, again, start, *_seeds(truth)))
            for role, truth in pairs
            for start in range(0, sets, BLOCK)
            for size in [min(BLOCK, sets - start)]
        ]
        return _cells(blocks, run(blocks))

    once = cells(product(able, asked), 0)
    lowest = _lowest(once)
    again = cells(dict.fromkeys((cell.role, cell.truth) for cell in lowest.values()), 1)
    repeated = {(cell.role, cell.estimand, cell.truth): cell for cell in again}
    return Calibration(
        n=tuple(n),
        outcome=outcome,
        sets=sets,
        seed=seed,
        cells=tuple(once),
        worst=tuple(repeated[role, estimand, cell.truth] for (role, estimand), cell in lowest.items()),
        skipped=tuple((role, model.unbatched) for role, model in several.items() if model.unbatched),
    )


def likely_rates(model: PoolingModel, counts: Counts) -> list[float]:
    """The 10, 50 and 90 % points of a model's posterior of the median rate."""
    rows = Rows(counts.responders[None], counts.n[None], np.zeros_like(counts.n), 1)
    posterior = answers(model.with_options(level=0.8), rows)
    found = next(one for one in posterior if one.estimand is MEDIAN)
    return [float(z[0, 0]) for z in (found.low, found.value, found.high)]


def _cells(blocks: Sequence[Block], found: Iterable[tuple[int, Tallies]]) -> list[Cell]:
    """Add up the blocks of each truth, in one order whatever theirs: sums are equal to the last digit."""
    sums: dict[tuple[str, Estimand, Truth], Tally] = {}
    models: dict[str, PoolingModel] = {}
    for place, tallies in sorted(found, key=itemgetter(0)):
        block = blocks[place]
        models[block.role] = block.model
        for estimand, tally in tallies.items():
            key = block.role, estimand, block.truth
            sums[key] = sums[key] + tally if key in sums else tally
    return [
        Cell(
            role=role, model=models[role].model, estimand=estimand, level=models[role].level, truth=truth,
            value=VALUES[estimand](truth), tally=tally,
        )
        for (role, estimand, truth), tally in sums.items()
    ]  # fmt: skip


def _lowest(cells: Iterable[Cell]) -> dict[tuple[str, Estimand], Cell]:
    """The first cell with the lowest coverage of each estimand of each model."""
    found: dict[tuple[str, Estimand], Cell] = {}
    for cell in cells:
        known = found.setdefault((cell.role, cell.estimand), cell)
        if cell.tally.coverage < known.tally.coverage:
            found[cell.role, cell.estimand] = cell
    return found


def _check(n: Sequence[int], sets: int, seed: int) -> None:
    refuse(count_faults("sets", sets, 1, 10_000_000, "1 to 10000000 are allowed"), seed_faults(seed))
    if len(n) < 2 or min(n) < 1:
        named = ", ".join(map(str, n)) or "none"
        raise DataError(f"n: found {named}; at least two trials of at least one patient are allowed")


def usual_truths(rates: Sequence[float]) -> list[Truth]:
    """Each rate with tau 0, 0.5 and 1; and, at the middle one and tau 1, what most models do not assume."""
    known = [Truth(Mixing.NORMAL, rate, tau) for rate in rates for tau in TAUS]
    return [*known, *(Truth(kind, rates[len(rates) // 2], TAUS[-1]) for kind in OFF_MODEL)]


def truth_from(text: str) -> Truth:
    """Read a truth such as ``normal:0.10,0.5``: how true rates are distributed, their centre, and tau.

    Raises
    ------
    SpecError
        If it is none.
    """
    kind, _, numbers = text.partition(":")
    try:
        rate, tau = map(float, numbers.split(","))
        if 0 < rate < 1 and 0 <= tau <= 5 and isfinite(tau):
            return Truth(Mixing(kind), rate, tau)
    except ValueError:
        pass
    allowed = (
        f"{', '.join(Mixing)}, a rate between 0 and 1 and tau from 0 to 5, as in normal:0.10,0.5, are allowed"
    )
    raise SpecError(faults=[option_fault("truth", repr(text), allowed)])


def _seeds(truth: Truth) -> tuple[int, ...]:
    return tuple(hashlib.sha256(repr((str(truth.mixing), truth.rate, truth.tau)).encode()).digest()[:16])


def _tally(found: Answers, truth: Truth, times: IntArray) -> Tally:
    low, high = found.low[:, 0], found.high[:, 0]
    given = np.isfinite(low) & np.isfinite(high)
    low, high, weight = low[given], high[given], times[given]
    value = VALUES[found.estimand](truth)
    above: FloatArray
    below: FloatArray
    if value is None:  # a new trial's rate
        above = mixing.below(truth, low, inclusive=False)
        below = 1 - mixing.below(truth, high, inclusive=True)
    else:
        above, below = (low > value).astype(float), (high < value).astype(float)
    return Tally(
        sets=int(times.sum()),
        given=int(weight.sum()),
        held=float(weight @ (1 - above - below)),
        above=float(weight @ above),
        below=float(weight @ below),
        width=float(weight @ (high - low)),
    )
