"""When further processes are worth their start, and how they come and go with this one."""

from __future__ import annotations

import os
import signal
import threading
import time
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping, Sequence

    from meta.workflow.expand import Variation

# Seconds that fitting four trials takes, roughly; only how they compare matters, and that a process needs 3
# to import PyMC. Models that are not here take no time.
_SECONDS: Mapping[str, float] = {"bayes-binomial": 0.4, "binomial-normal": 0.6, "site-region": 8.0}
_LATENT = 20.0  # of the latent model, which is sampled for each answer
_SAMPLED = 5.0
_WORTH = 8.0  # left to the others while one process is busy with its longest: less than that is done here
_LOOK = 1.0  # seconds between two looks at whether the parent is there


def seconds(variation: Variation) -> float:
    """How long a variation takes to fit, roughly.

    Parameters
    ----------
    variation : Variation
    """
    analysis, selection = variation.analysis, variation.selection
    parts = len(selection.open) or 1 + len(selection.groupings)
    models = analysis.fitted().values()
    each = [
        _SAMPLED if getattr(model, "engine", None) == "pymc" else _SECONDS.get(model.model, 0.0)
        for model in models
    ]
    sites = _SECONDS["site-region"] if selection.sites is not None and not selection.bounded else 0.0
    if selection.latent is not None:  # in place of the models of counts
        return _LATENT
    return parts * sum(each) + sites


def wanted(variations: Sequence[Variation], cores: int) -> int:
    """How many processes are worth having for some variations; 1 is this one alone.

    Parameters
    ----------
    variations : sequence of Variation
    cores : int
    """
    needed = sorted(map(seconds, variations))
    return min(cores, len(needed)) if sum(needed[:-1]) > _WORTH else 1


@contextmanager
def deaf() -> Iterator[None]:
    """Within it, Ctrl-C waits; processes started here never hear it, since their parent ends them."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def close(results: Generator[object, None, None]) -> None:
    """Give up what is still under way, without the warning that it is.

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
