"""Convergence diagnostics of a sampler, and their limits."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np

from meta.errors import ConvergenceError
from meta.results import Diagnostics

# Vehtari et al. 2021 (R-hat, ESS); Betancourt 2016 (BFMI). More than 0.1 % of draws divergent is a fault.
MAX_RHAT = 1.01
MIN_ESS = 400
MIN_BFMI = 0.3
MAX_DIVERGENT = 0.001


@dataclass(frozen=True, slots=True)
class _Worst:
    """The worst value of a diagnostic, and where it was found."""

    name: str
    value: float

    def is_above(self, limit: float) -> str | None:
        return f"{self.name} is {self.value:.4f}; at most {limit} is allowed" if self.value > limit else None

    def is_below(self, limit: float) -> str | None:
        return f"{self.name} is {self.value:.4g}; at least {limit} is allowed" if self.value < limit else None


def diagnose(
    idata: Any, *, target_accept: float, seed: int, retried: bool = False, sampler: str = "pymc"
) -> Diagnostics:
    """The diagnostics of the draws, and every limit that they exceed.

    Parameters
    ----------
    idata : arviz.InferenceData
        With the groups posterior and sample_stats (`energy`, `diverging`).
    target_accept, seed, retried
        How they were drawn; passed on.
    sampler : {"pymc", "nutpie"}
        Whose NUTS drew them.

    Returns
    -------
    Diagnostics
        `passed` only if rank-normalised R-hat <= 1.01, bulk and tail ESS >= 400 of every parameter,
        BFMI >= 0.3 of every chain, and at most 0.1 % of the draws diverged.

    Raises
    ------
    ConvergenceError
        If one of them is not a number: draws that are not finite or stand still.
    """
    rhat, bulk, tail, bfmi = measures = _measures(idata)
    if unknown := [measure.name for measure in measures if not np.isfinite(measure.value)]:
        raise ConvergenceError(
            f"sampling: {', '.join(unknown)} is not a number: draws are not finite or stand still; look at "
            "the priors, or use a model by quadrature"
        )
    chains, draws = idata.posterior.sizes["chain"], idata.posterior.sizes["draw"]
    diverged = int(idata.sample_stats["diverging"].sum())
    most = MAX_DIVERGENT * chains * draws
    faults = [
        rhat.is_above(MAX_RHAT),
        bulk.is_below(MIN_ESS),
        tail.is_below(MIN_ESS),
        bfmi.is_below(MIN_BFMI),
        f"{diverged} of {chains * draws} draws diverged; at most {most:g} (0.1 %) are allowed"
        if diverged > most
        else None,
    ]
    return Diagnostics(
        rhat=rhat.value,
        ess_bulk=bulk.value,
        ess_tail=tail.value,
        bfmi=bfmi.value,
        divergences=diverged,
        draws=draws,
        chains=chains,
        target_accept=target_accept,
        retried=retried,
        passed=not any(faults),
        seed=seed,
        backend=_backend(sampler),
        faults=tuple(fault for fault in faults if fault),
    )


def _measures(idata: Any) -> tuple[_Worst, _Worst, _Worst, _Worst]:
    """R-hat, bulk ESS, tail ESS, BFMI."""
    az = _arviz()
    posterior = idata.posterior
    with warnings.catch_warnings(), np.errstate(all="ignore"):  # 0/0 of draws that stand still
        warnings.simplefilter("ignore", RuntimeWarning)
        return (
            _worst("R-hat", az.rhat(posterior, method="rank"), sign=1),
            _worst("bulk ESS", az.ess(posterior, method="bulk"), sign=-1),
            _worst("tail ESS", az.ess(posterior, method="tail"), sign=-1),
            _Worst("BFMI of a chain", float(np.min(az.bfmi(idata)))),
        )


def _worst(measure: str, values: Any, *, sign: int) -> _Worst:
    """The largest value times `sign` of a data set; what is not a number is the worst."""
    found = [_Worst(f"{measure} of {name}", value) for name, value in _scalars(values)]
    return max(found, key=lambda worst: (np.isnan(worst.value), sign * worst.value))


def _scalars(values: Any) -> Iterator[tuple[str, float]]:
    for name, array in values.data_vars.items():
        for place, value in np.ndenumerate(array.to_numpy()):
            at = [str(array[dim].to_numpy()[i]) for dim, i in zip(array.dims, place, strict=True)]
            yield (f"{name}[{', '.join(at)}]" if at else str(name)), float(value)


def _arviz() -> Any:
    with warnings.catch_warnings():  # ArviZ announces once a day that its version 1 will differ
        warnings.filterwarnings("ignore", r"\s*ArviZ is undergoing", FutureWarning)
        import arviz
    return arviz


def _backend(sampler: str) -> str:
    others = ("numba",) if sampler == "pymc" else ("pymc", "numba")
    with_them = ", ".join(f"{name} {version(name)}" for name in others)
    return f"{sampler} {version(sampler)} NUTS ({with_them})"
