"""Excluded patients as a group of the likelihood (`unresolved: latent`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from meta.records.factors import values_of
from meta.records.roles import default_models
from meta.records.sites import RowFactor, Sites

if TYPE_CHECKING:
    from meta.records.analysis import Analysis
    from meta.workflow.select import Included

UNKNOWN = "unknown"  # the level of every factor for patients of whom nobody knows it
_OPPOSITE: dict[tuple[str, tuple[str, ...]], str] = {
    ("differentiation", ("well",)): "poor",
    ("differentiation", ("poor",)): "well",
}


@dataclass(frozen=True, slots=True)
class Latent:
    """The two groups: `stay` and `out`, told apart by levels of one factor, `excluded`."""

    by: RowFactor
    excluded: tuple[str, ...]
    stay: str
    out: str

    @property
    def names(self) -> tuple[str, str]:
        """The groups, those who stay first."""
        return self.stay, self.out

    def cells(self, trial: Included) -> dict[str, int]:
        """A trial's patients in each group, and those of whom it is unknown."""
        universe = trial.chosen.universe
        out = universe.mask({self.by: self.excluded})
        unknown = universe.mask({self.by: UNKNOWN}) & ~out
        return {
            self.stay: trial.cells & ~out & ~unknown,
            self.out: trial.cells & out,
            UNKNOWN: trial.cells & unknown,
        }


def latent_of(analysis: Analysis) -> Latent:
    """The groups that the analysis' exclusions make; they are about one factor (analysis_rules).

    Parameters
    ----------
    analysis : Analysis
        With `unresolved: latent`.
    """
    given = [where.given() for where in analysis.exclude if where.given()]
    by = next(factor for one in given for factor in one)
    excluded = tuple(dict.fromkeys(name for one in given for name in values_of(one[by])))
    out = " or ".join(excluded)
    stay = _OPPOSITE.get((by, excluded), f"not {out}")
    return Latent(cast("RowFactor", by), excluded, stay, out)


def latent_sites(analysis: Analysis) -> Sites:
    """The model: that of sites and regions with the two groups as a fixed contrast, of those who stay.

    Parameters
    ----------
    analysis : Analysis
        Whose `sites`, if it has them, give the other options.
    """
    latent = latent_of(analysis)
    target = {latent.stay: 1.0}
    if analysis.sites is not None:
        plain = analysis.sites.options(groups="fixed", interaction_prior=None, target=target)
    else:
        prior = getattr(default_models(analysis.outcome)["primary"], "mu_prior", Sites().mu_prior)
        plain = Sites(mu_prior=prior).options(groups="fixed", target=target)
    return Sites(
        **{name: getattr(plain, name) for name in plain.__dataclass_fields__},
        by=latent.by,
        variations=(),
    )
