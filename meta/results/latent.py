"""Results of the latent model, in which excluded patients are a group whose split is partly unreported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from meta.results.fit import Diagnostics
from meta.results.sites import Parameter, SiteRegionFit

if TYPE_CHECKING:
    from meta.results.outcomes import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class LatentSplit:
    """The estimated split of a trial that reports remaining and excluded patients only together.

    `n` and `responders` are of the sum, `leaving` the least and the most excluded patients in it, `expected`
    the posterior mean of the responders among the remaining; `low` and `high` bound their number with the
    probability `level`. `expected_leaving` is the posterior mean of the excluded patients.
    """

    trial: str
    n: int
    responders: int
    leaving: tuple[int, int]
    expected_leaving: float
    expected: float
    low: int
    high: int
    level: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Latent:
    """Rates of the remaining patients where some trials do not report them separately from excluded ones.

    Attributes
    ----------
    factor : str
        By which they are divided, e.g. differentiation.
    stays, leaves : str
        The two groups, e.g. poor and well.
    fits : tuple of SiteRegionFit
        Without contrasts between trials, then one for each grouping by what trials differ in; the target mix
        of all is the remaining patients, so that `standardised` are their rates.
    contrast : Parameter
        Log odds ratio, excluded against remaining patients, of the last fit: without a contrast between
        trials it would also stand for whatever else differs between trials with more and fewer of the
        excluded.
    alone : Parameter or None
        The same without what reports print of excluded patients outside the analysis' own population; None
        where they print nothing of the kind.
    sampling_alone : Diagnostics or None
    splits : tuple of LatentSplit
    notes : tuple of str
    """

    factor: str
    stays: str
    leaves: str
    fits: tuple[SiteRegionFit, ...]
    contrast: Parameter
    alone: Parameter | None
    sampling_alone: Diagnostics | None
    splits: tuple[LatentSplit, ...]
    notes: tuple[str, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """The outcome."""
        return self.fits[0].outcome
