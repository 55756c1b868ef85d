"""The only calls into samplers.

A PyMC model that is sampled once goes to PyMC's own NUTS, all chains in this process: what numba compiles for
it stays in a cache, and it needs no C compiler. A model whose graph serves many data sets goes to nutpie, the
PyMC developers' NUTS in Rust: it compiles for some seconds in every process, and then draws ten times as
fast. Neither leaves a process behind, and an interrupt reaches the caller.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from meta.errors import ConvergenceError, SpecError
from meta.models.mcmc.diagnosis import diagnose
from meta.results import Diagnostics
from meta.stats.normal.scales import FloatArray

RETRY_ACCEPT = 0.99

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class Filled:
    """A model whose graph serves many data sets, with one of them.

    Attributes
    ----------
    model : pymc.Model
        The same object for all of them, with one variable that has the one dimension `parameter`.
    data : mapping of str to ndarray
        The values of its `pymc.Data`.
    used : sequence of int
        The parameters in use; what the others draw is thrown away.
    names : sequence of str
        Of these.
    """

    model: Any
    data: Mapping[str, FloatArray]
    used: Sequence[int]
    names: Sequence[str]


@dataclass(frozen=True, slots=True, eq=False)
class Sampled:
    """Draws and how the sampler did.

    Attributes
    ----------
    idata : arviz.InferenceData
    diagnostics : Diagnostics
    """

    idata: Any
    diagnostics: Diagnostics


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    draws: int
    tune: int
    chains: int
    target_accept: float
    seed: int


def load() -> Any:
    """PyMC, imported without the notices that its import prints.

    Raises
    ------
    SpecError
        If it is not installed: there are no wheels of numba for Macs with Intel processors.
    """
    noisy = logging.getLogger("pytensor.configdefaults")  # "g++ not detected": it is not needed
    level = noisy.level
    noisy.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():  # ArviZ announces once a day that its version 1 will differ
            warnings.filterwarnings("ignore", r"\s*ArviZ is undergoing", FutureWarning)
            import pymc
    except ModuleNotFoundError as error:
        raise SpecError(
            f"sampling: found no {error.name}; a model by quadrature is allowed without it, or install pymc"
        ) from None
    finally:
        noisy.setLevel(level)
    return pymc


@contextmanager
def uncompiled() -> Iterator[None]:
    """Within it, PyTensor compiles in Python what is not told otherwise, and never looks for a C compiler."""
    from pytensor.configdefaults import config

    with config.change_flags(mode="FAST_COMPILE", cxx=""):
        yield


def sample(
    model: Any | Filled,
    *,
    seed: int,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    target_accept: float = 0.9,
    progress: Progress | None = None,
) -> Sampled:
    """Draw from the posterior; once more at a target acceptance of 0.99 if a limit is broken.

    The same seed gives the same draws on the same machine. Nothing is printed.

    Parameters
    ----------
    model : pymc.Model or Filled
        With continuous free variables only.
    seed : int
        At least 0.
    draws, tune, chains : int
        Per chain, kept and thrown away; at least two chains, which R-hat compares.
    target_accept : float
        Of the first attempt.
    progress : callable, optional
        Called with the steps done and the steps to do; a second attempt counts from 1 again. Not by nutpie,
        which takes about a second.

    Returns
    -------
    Sampled
        Of the last attempt; `diagnostics.passed` says whether to believe it.

    Raises
    ------
    SpecError
        If PyMC is not installed, or a setting is out of range.
    ConvergenceError
        If draws are not finite or stand still, so that nothing can be diagnosed.
    """
    plan = _Plan(draws=draws, tune=tune, chains=chains, target_accept=target_accept, seed=seed)
    _check(plan)
    sampled = _attempt(model, plan, progress, retried=False)
    if sampled.diagnostics.passed or target_accept >= RETRY_ACCEPT:
        return sampled
    again = _Plan(draws=draws, tune=tune, chains=chains, target_accept=RETRY_ACCEPT, seed=seed)
    return _attempt(model, again, progress, retried=True)


def _check(plan: _Plan) -> None:
    if plan.draws < 4 or plan.tune < 0 or plan.chains < 2 or plan.seed < 0:
        raise SpecError(
            f"sampling: found {plan.draws} draws, {plan.tune} tuning steps, {plan.chains} chains, seed "
            f"{plan.seed}; at least 4 draws, 0 tuning steps, 2 chains and seed 0 are allowed"
        )
    if not 0 < plan.target_accept < 1:
        raise SpecError(
            f"sampling: found a target acceptance of {plan.target_accept}; between 0 and 1 is allowed"
        )


def _attempt(model: Any, plan: _Plan, progress: Progress | None, *, retried: bool) -> Sampled:
    sampler = "nutpie" if isinstance(model, Filled) else "pymc"
    idata = _drawn(model, plan) if isinstance(model, Filled) else _run(model, plan, progress)
    found = diagnose(
        idata, target_accept=plan.target_accept, seed=plan.seed, retried=retried, sampler=sampler
    )
    return Sampled(idata, found)


class _InterruptedError(Exception):
    """PyMC has gone on to the next chain after an interrupt."""


class _Watch:
    """Counts steps. PyMC ends a chain at an interrupt and begins the next, which is refused here."""

    def __init__(self, plan: _Plan, progress: Progress | None) -> None:
        self.per_chain = plan.tune + plan.draws
        self.total = self.per_chain * plan.chains
        self.done = 0
        self.progress = progress

    def __call__(self, trace: object, draw: Any) -> None:  # noqa: ARG002  # PyMC's signature
        done = draw.chain * self.per_chain + draw.draw_idx + 1
        if done != self.done + 1:
            raise _InterruptedError
        if self.progress is not None:
            self.progress(done, self.total)
        self.done = done


def _run(model: Any, plan: _Plan, progress: Progress | None) -> Any:
    pm = load()
    watch = _Watch(plan, progress)
    with uncompiled():
        try:
            idata = pm.sample(
                model=model,
                draws=plan.draws,
                tune=plan.tune,
                chains=plan.chains,
                cores=1,
                random_seed=plan.seed,
                target_accept=plan.target_accept,
                # PyMC means to trust its own input, but says so to an object that its integrator passes by
                compile_kwargs={"mode": "NUMBA", "trust_input": True},
                callback=watch,
                progressbar=False,
                quiet=True,
                compute_convergence_checks=False,  # `diagnose` does them
            )
        except pm.exceptions.SamplingError as error:
            raise ConvergenceError(f"sampling: {error}") from error
        except _InterruptedError:
            raise KeyboardInterrupt from None
    if watch.done < watch.total:  # in the last chain, after which there is none to refuse
        raise KeyboardInterrupt
    return idata


@cache
def _compiled(model: Any) -> Any:
    import nutpie

    with uncompiled():
        return nutpie.compile_pymc_model(model, backend="numba")


def _drawn(filled: Filled, plan: _Plan) -> Any:
    load()
    import nutpie

    sampler = nutpie.sample(
        _compiled(filled.model).with_data(**filled.data),
        draws=plan.draws,
        tune=plan.tune,
        chains=plan.chains,
        seed=plan.seed,
        target_accept=plan.target_accept,
        save_warmup=False,
        progress_bar=False,
        blocking=False,  # when it waits itself, an interrupt is an early end
    )
    try:
        idata = sampler.wait()
    except RuntimeError as error:
        raise ConvergenceError(f"sampling: {error}") from error
    finally:
        sampler.cancel()
    posterior = idata.posterior.isel(parameter=list(filled.used))
    idata.posterior = posterior.assign_coords(parameter=list(filled.names))
    return idata
