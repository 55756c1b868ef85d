"""The Bayesian binomial-normal model in PyMC: what the quadrature of `bayes_binomial` is checked against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from meta.data import Counts, GroupedCounts
from meta.models.mcmc import sampling
from meta.results import Diagnostics
from meta.stats.normal.scales import FloatArray

if TYPE_CHECKING:
    from meta.stats.posterior.priors import MuPrior, TauPrior


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BinomialDraws:
    """Draws of the binomial-normal model, on the logit scale.

    Attributes
    ----------
    mu : ndarray, shape (chains, draws, G)
        One column a group.
    tau : ndarray, shape (chains, draws, 1) or (chains, draws, G)
        One column where the groups share it.
    theta : ndarray, shape (chains, draws, rows)
        True effects of the trials.
    idata : arviz.InferenceData
        The same and more, with the coordinates `trial` and `group`; to be stored as netCDF.
    diagnostics : Diagnostics
    """

    mu: FloatArray
    tau: FloatArray
    theta: FloatArray
    idata: Any
    diagnostics: Diagnostics


def draw(
    data: Counts | GroupedCounts,
    *,
    mu_prior: MuPrior,
    tau_prior: TauPrior,
    seed: int,
    separate_tau: bool = False,
    draws: int = 1000,
    tune: int = 1000,
    progress: sampling.Progress | None = None,
) -> BinomialDraws:
    """Draw from the posterior of the model that `build` describes, in four chains.

    Parameters
    ----------
    separate_tau : bool
        Whether every group has a tau of its own.
    seed, draws, tune, progress
        See `meta.models.mcmc.sampling.sample`.

    Returns
    -------
    BinomialDraws
        Of the last of at most two attempts; `diagnostics.passed` says whether to believe it.
    """
    model = build(data, mu_prior, tau_prior, separate_tau=separate_tau)
    sampled = sampling.sample(model, seed=seed, draws=draws, tune=tune, progress=progress)
    posterior = sampled.idata.posterior

    def array(name: str) -> FloatArray:
        values = np.asarray(posterior[name].transpose("chain", "draw", ...).to_numpy(), dtype=float)
        return values if values.ndim == 3 else values[..., np.newaxis]

    return BinomialDraws(
        mu=array("mu"),
        tau=array("tau"),
        theta=array("theta"),
        idata=sampled.idata,
        diagnostics=sampled.diagnostics,
    )


def build(
    data: Counts | GroupedCounts, mu_prior: MuPrior, tau_prior: TauPrior, *, separate_tau: bool = False
) -> Any:
    """The model: x ~ Binomial(n, expit(theta)), theta = mu[group] + tau z, z ~ N(0, 1).

    Non-centred, since few small trials leave theta to the prior: centred, its spread and tau make the
    funnel in which samplers stick. Counts are data of the graph rather than constants, so that what numba
    has compiled for one data set serves the next (by its cache, in this process and on disk).

    Parameters
    ----------
    data : Counts or GroupedCounts
        Every row has its own z, two rows of one trial too.
    mu_prior : MuPrior
        Of each group's mu, independently.
    separate_tau : bool
        Whether every group has a tau of its own, independent a priori.

    Returns
    -------
    pymc.Model
        With the variables mu (group), tau (none or group), z and theta (trial), and responders.
    """
    pm = sampling.load()
    groups = data.names if isinstance(data, GroupedCounts) else ("all",)
    with sampling.uncompiled(), pm.Model(coords={"trial": _rows(data), "group": list(groups)}) as model:
        n = pm.Data("n", data.n, dims="trial")
        x = pm.Data("x", data.responders, dims="trial")
        mu = pm.Normal("mu", pm.Data("mu_mean", mu_prior.mean), pm.Data("mu_sd", mu_prior.sd), dims="group")
        tau = _tau(pm, tau_prior, "group" if separate_tau else None)
        z = pm.Normal("z", 0.0, 1.0, dims="trial")
        if isinstance(data, GroupedCounts):
            group = pm.Data("row_group", data.group, dims="trial")
            center, spread = mu[group], tau[group] if separate_tau else tau
        else:  # no indexing: less to compile
            center, spread = mu[0], tau[0] if separate_tau else tau
        theta = pm.Deterministic("theta", center + spread * z, dims="trial")
        pm.Binomial("responders", n=n, logit_p=theta, observed=x, dims="trial")
    return model


def _rows(data: Counts | GroupedCounts) -> list[str]:
    if isinstance(data, GroupedCounts) and len(set(data.labels)) < len(data.labels):
        return [f"{label}, {data.names[g]}" for label, g in zip(data.labels, data.group, strict=True)]
    return list(data.labels)


# scipy's families and parameters, as in `meta.stats.posterior.priors`, to PyMC's
_TAU: dict[str, Callable[..., tuple[str, dict[str, float]]]] = {
    "half-normal": lambda scale: ("HalfNormal", {"sigma": scale}),
    "half-cauchy": lambda scale: ("HalfCauchy", {"beta": scale}),
    "half-t": lambda df, scale: ("HalfStudentT", {"nu": df, "sigma": scale}),
    "uniform": lambda low, high: ("Uniform", {"lower": low, "upper": high}),
    "gamma": lambda a, scale: ("Gamma", {"alpha": a, "beta": 1 / scale}),
    "expon": lambda scale: ("Exponential", {"lam": 1 / scale}),
    "lognorm": lambda s, scale: ("LogNormal", {"mu": np.log(scale), "sigma": s}),
    "invgamma": lambda a, scale: ("InverseGamma", {"alpha": a, "beta": scale}),
    "weibull_min": lambda c, scale: ("Weibull", {"alpha": c, "beta": scale}),
    "halflogistic": lambda scale: ("Logistic", {"mu": 0.0, "s": scale}),
}


def _tau(pm: Any, prior: TauPrior, dims: str | None) -> Any:
    name, plain = _TAU[prior.family](**dict(prior.parameters))
    parameters = {key: pm.Data(f"tau_{key}", value) for key, value in plain.items()}
    family = getattr(pm, name)
    if prior.family == "halflogistic":  # which PyMC has not: the half above 0 of a logistic
        return pm.Truncated("tau", family.dist(**parameters), lower=0.0, dims=dims)
    return family("tau", **parameters, dims=dims)
