"""Parallel processes: when they save time, how they are started, and that they end with this one."""

from __future__ import annotations

import os
import signal
import threading
import time
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from meta.workflow.expand import Variation

T = TypeVar("T")

# Beside the models' own seconds, of which only how they compare matters, and that a process needs 10 to
# import PyMC and compile the first model
_SITES = 2.0
_LATENT = 3.0  # of the latent model, which is sampled for each answer
_WORTH = 8.0  # left to the others while one process is busy with its longest: less than that is done here
_FIGURES = 10  # a second each, and a process needs two to begin
_LOOK = 1.0  # seconds between two looks at whether the parent is there


def seconds(variation: Variation) -> float:
    """How long a variation takes to fit, roughly."""
    analysis, selection = variation.analysis, variation.selection
    parts = len(selection.open) or 1 + len(selection.groupings)
    each = [model.seconds for model in analysis.fitted().values()]
    sites = _SITES if selection.sites is not None and not selection.bounded else 0.0
    if selection.latent is not None:  # in place of the models of counts
        return _LATENT
    return parts * sum(each) + sites


def wanted(variations: Sequence[Variation]) -> int:
    """The number of processes that fits these variations fastest; 1 is this process alone."""
    needed = sorted(map(seconds, variations))
    if sum(needed[:-1]) <= _WORTH:
        return 1
    from joblib import cpu_count  # what nothing needs is not imported

    return int(min(cpu_count(), len(needed)))


def draw(calls: Sequence[Callable[[], T]]) -> Generator[tuple[int, T], None, None]:
    """Draw figures, in several processes if there are many; see :func:`spread`."""
    yield from on_all_cores(calls, least=_FIGURES)


def on_all_cores(calls: Sequence[Callable[[], T]], *, least: int = 2) -> Generator[tuple[int, T], None, None]:
    """Make calls in a process for each core, or in this process if there are fewer than `least`.

    Yields
    ------
    place : int
    given : object
        What the call in this place gave, as they come.
    """
    processes = 1
    if len(calls) >= least:
        from joblib import cpu_count

        processes = cpu_count()
    yield from spread(calls, processes)


def spread(calls: Sequence[Callable[[], T]], processes: int) -> Generator[tuple[int, T], None, None]:
    """Make calls in several processes, started in their order; in this process if `processes` is 1.

    Yields
    ------
    place : int
    given : object
        What the call in this place gave, as they come.
    """
    if processes == 1:
        for place, call in enumerate(calls):
            yield place, call()
        return
    from joblib import Parallel, delayed, parallel_config
    from joblib.externals.loky import get_reusable_executor

    with parallel_config("loky", inner_max_num_threads=1):  # the cores are taken
        run_all = Parallel(  # sharing no memory, so that none is left behind
            processes, pre_dispatch="all", batch_size=1, return_as="generator_unordered", max_nbytes=None,
            initializer=live_with, initargs=(os.getpid(),),
        )  # fmt: skip
    with deaf():
        done = run_all(delayed(_numbered)(place, call) for place, call in enumerate(calls))
    try:
        for place, given in done:  # `yield from` would close `done` itself, and that warns
            yield place, given
    finally:
        close(done)
        get_reusable_executor(reuse=True).shutdown(wait=True, kill_workers=True)  # they are idle, or stopped


def _numbered(place: int, call: Callable[[], T]) -> tuple[int, T]:
    return place, call()


@contextmanager
def deaf() -> Iterator[None]:
    """Block Ctrl-C meanwhile; processes started inside ignore it for good, as their parent ends them."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def close(results: Generator[object, None, None]) -> None:
    """Cancel unfinished calls without joblib's warning.

    Parameters
    ----------
    results : generator
        Of joblib's.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module="joblib")
        results.close()


def live_with(parent: int) -> None:
    """End this process when its parent is no longer there, even if that was killed.

    Parameters
    ----------
    parent : int
        Its id.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK)
        os._exit(1)

    if os.name != "nt":  # where the id of a parent that is gone stays
        threading.Thread(target=watch, daemon=True, name="parent watch").start()
