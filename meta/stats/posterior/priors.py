"""Priors of the between-trial standard deviation tau, and how they are written: ``half-normal:1.25``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import gammaln, ndtri, stdtrit

from meta.errors import Fault, SpecError, option_fault
from meta.stats.normal.scales import FloatArray

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

_LOG_2_OVER_PI = np.log(2 / np.pi)


# Lowest and highest value of a parameter. Outside of them a prior contradicts any trial of a proportion, or
# more than 1e-4 of it lies where the grid ends: tau beyond 2e11 or below 5e-12 times its median.
_SCALE, _SHAPE, _TAIL = (0.001, 1000.0), (0.5, 100.0), (0.4, 100.0)
_MEAN, _SD = (-20.0, 20.0), (0.001, 100.0)


@dataclass(frozen=True)
class _Family:
    """The range of each parameter by name; the density falls like tau^-(1 + tail)."""

    parameters: Mapping[str, tuple[float, float]]
    logpdf: Callable[..., FloatArray]
    quantile: Callable[..., FloatArray]
    tail: Callable[..., float] = lambda *_: np.inf


def _half_t_logpdf(tau: FloatArray, df: float, scale: float) -> FloatArray:
    norm = gammaln((df + 1) / 2) - gammaln(df / 2) - 0.5 * np.log(df * np.pi) + np.log(2 / scale)
    return np.asarray(norm - (df + 1) / 2 * np.log1p((tau / scale) ** 2 / df))


def _uniform_logpdf(tau: FloatArray, low: float, high: float) -> FloatArray:
    return np.where((tau >= low) & (tau <= high), -np.log(high - low), -np.inf)


def _scipy(
    name: str,
    parameters: Mapping[str, tuple[float, float]],
    tail: Callable[..., float] = lambda *_: np.inf,
) -> _Family:
    """A distribution of scipy.stats on the positive axis; imported on use, since that takes half a second."""

    def frozen(values: tuple[float, ...]) -> Any:
        import scipy.stats

        return getattr(scipy.stats, name)(**dict(zip(parameters, values, strict=True)))

    return _Family(
        parameters,
        lambda tau, *values: np.asarray(frozen(values).logpdf(tau)),
        lambda p, *values: np.asarray(frozen(values).ppf(p)),
        tail,
    )


FAMILIES: dict[str, _Family] = {
    "half-normal": _Family(
        {"scale": _SCALE},
        lambda tau, s: np.asarray(0.5 * _LOG_2_OVER_PI - np.log(s) - (tau / s) ** 2 / 2),
        lambda p, s: np.asarray(-s * ndtri((1 - p) / 2)),
    ),
    "half-cauchy": _Family(
        {"scale": _SCALE},
        lambda tau, s: np.asarray(_LOG_2_OVER_PI - np.log(s) - np.log1p((tau / s) ** 2)),
        lambda p, s: np.asarray(s * np.tan(np.pi * p / 2)),
        lambda *_: 1.0,
    ),
    "half-t": _Family(
        {"df": _SHAPE, "scale": _SCALE},
        _half_t_logpdf,
        lambda p, df, s: np.asarray(-s * stdtrit(df, (1 - p) / 2)),
        lambda df, _: df,
    ),
    "uniform": _Family(
        {"low": (0.0, 1000.0), "high": _SCALE},
        _uniform_logpdf,
        lambda p, low, high: np.asarray(low + p * (high - low)),
    ),
    "gamma": _scipy("gamma", {"a": _SHAPE, "scale": _SCALE}),
    "expon": _scipy("expon", {"scale": _SCALE}),
    "lognorm": _scipy("lognorm", {"s": (0.01, 5.0), "scale": _SCALE}),
    "invgamma": _scipy("invgamma", {"a": _TAIL, "scale": _SCALE}, lambda a, _: a),
    "weibull_min": _scipy("weibull_min", {"c": _SHAPE, "scale": _SCALE}),
    "halflogistic": _scipy("halflogistic", {"scale": _SCALE}),
}


@dataclass(frozen=True)
class TauPrior:
    """A distribution of tau on the positive axis.

    Parameters
    ----------
    family : str
        A key of `FAMILIES`: half-normal, half-cauchy, half-t, uniform, or a distribution of
        scipy.stats under its name there.
    values : tuple of float
        The family's parameters in their order, on the analysis scale.

    Raises
    ------
    SpecError
        If the family is unknown or a parameter out of range.

    Examples
    --------
    >>> TauPrior.parse("half-normal:1.25").quantile(0.5).round(3)
    np.float64(0.843)
    """

    family: str
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        faults = list(self._faults())
        if faults:
            raise SpecError(faults=faults)

    def _faults(self) -> Iterator[Fault]:
        if self.family not in FAMILIES:
            yield option_fault("prior", repr(self.family), f"{', '.join(FAMILIES)} are allowed")
            return
        known = FAMILIES[self.family]
        if len(self.values) != len(known.parameters) or not np.isfinite(self.values).all():
            wanted = f"{self.family}:{','.join(known.parameters)}"
            yield option_fault("prior", self, f"{wanted} with finite numbers is allowed")
            return
        for name, value in self.parameters:
            yield from _range_faults("prior", f"{name} {value:g} in {self}", value, known.parameters[name])
        if self.family == "uniform" and self.values[0] >= self.values[1]:
            yield option_fault("prior", self, "uniform:low,high with low < high is allowed")

    def __str__(self) -> str:
        return f"{self.family}:{','.join(f'{value:g}' for value in self.values)}"

    @classmethod
    @lru_cache(maxsize=64)
    def parse(cls, text: str) -> TauPrior:
        """Read ``family:parameter,parameter``.

        Raises
        ------
        SpecError
            If it is not of that form or names no prior.
        """
        family, _, rest = text.strip().partition(":")
        return cls(family, numbers("prior", text, rest))

    @property
    def parameters(self) -> tuple[tuple[str, float], ...]:
        """The parameters with their names."""
        return tuple(zip(FAMILIES[self.family].parameters, self.values, strict=True))

    @property
    def tail(self) -> float:
        """The density falls like tau^-(1 + tail) far out; infinite if faster than any power."""
        return float(FAMILIES[self.family].tail(*self.values))

    @cached_property
    def support(self) -> tuple[float, float]:
        """Where the density is positive."""
        return (self.values[0], self.values[1]) if self.family == "uniform" else (0.0, np.inf)

    def logpdf(self, tau: ArrayLike) -> FloatArray:
        """Log density at `tau`, shape (...)."""
        with np.errstate(divide="ignore", over="ignore"):  # the density can be 0 at 0, and far out
            return FAMILIES[self.family].logpdf(np.asarray(tau, dtype=float), *self.values)

    def quantile(self, p: ArrayLike) -> FloatArray:
        """Quantiles at probabilities `p`, shape (...)."""
        return FAMILIES[self.family].quantile(np.asarray(p, dtype=float), *self.values)


@dataclass(frozen=True)
class MuPrior:
    """A normal distribution of mu, on the analysis scale; written ``normal:-2,2``.

    Raises
    ------
    SpecError
        If a number is out of its range.
    """

    mean: float
    sd: float

    def __post_init__(self) -> None:
        faults = [
            *_range_faults("mu_prior", f"mean {self.mean:g} in {self}", self.mean, _MEAN),
            *_range_faults("mu_prior", f"sd {self.sd:g} in {self}", self.sd, _SD),
        ]
        if faults:
            raise SpecError(faults=faults)

    def __str__(self) -> str:
        return f"normal:{self.mean:g},{self.sd:g}"

    @classmethod
    @lru_cache(maxsize=64)
    def parse(cls, text: str) -> MuPrior:
        """Read ``normal:mean,sd``.

        Raises
        ------
        SpecError
            If it is not of that form.
        """
        family, _, rest = text.strip().partition(":")
        values = numbers("mu_prior", text, rest)
        if family != "normal" or len(values) != 2:
            raise _refused("mu_prior", repr(text), "normal:mean,sd is allowed")
        return cls(*values)

    def logpdf(self, mu: ArrayLike) -> FloatArray:
        """Log density at `mu`, shape (...)."""
        z = (np.asarray(mu, dtype=float) - self.mean) / self.sd
        return np.asarray(-(z**2) / 2 - np.log(self.sd) - 0.5 * np.log(2 * np.pi))


def _range_faults(option: str, found: str, value: float, ends: tuple[float, float]) -> Iterator[Fault]:
    """The fault of a parameter out of its range, if it is."""
    low, high = ends
    if not low <= value <= high:
        allowed = f"{low:g} to {high:g} is allowed: what is beyond fits no trials"
        yield option_fault(option, found, allowed)


def _refused(option: str, found: object, allowed: str) -> SpecError:
    return SpecError(faults=[option_fault(option, found, allowed)])


def numbers(option: str, whole: str, text: str) -> tuple[float, ...]:
    """Read the numbers between the commas of `text`, a part of `whole`.

    Parameters
    ----------
    option : str
        Whose value `whole` is.

    Raises
    ------
    SpecError
        If one is no number.
    """
    try:
        return tuple(float(part) for part in text.split(",")) if text else ()
    except ValueError:
        raise _refused(option, repr(whole), "family:number,number is allowed") from None
