"""Response by primary site and region when trials report some responders only as sums over sites."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from meta.errors import DataError, SpecError, option_fault
from meta.models.options import STRICT, count_faults, level_faults, refuse, seed_faults
from meta.models.policy import judged, standing
from meta.models.sites import answers_by_group as answers
from meta.models.sites.effects import GroupEffects, Priors
from meta.models.sites.notes import notes
from meta.models.sites.other_priors import sweep
from meta.models.sites.question import Question
from meta.models.sites.reporting_only import reporting_all, reporting_only
from meta.results import SiteRegionFit
from meta.stats.posterior.priors import MuPrior, TauPrior
from meta.stats.unreported.standardise import mix_of

if TYPE_CHECKING:
    from meta.data import PartialCounts
    from meta.errors import Fault
    from meta.models.sites.site_graph import SiteRegionDraws
    from meta.stats.normal.scales import FloatArray

_EFFECTS = {"mu", "group", "trial", "cell"}  # names of the model's own
_LENGTH = (4, 1_000_000, "a whole number from 4 to 1000000 is allowed")


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRegion:
    """Hierarchical model of groups within trials, with a contrast between trials, by PyMC.

    The log odds of a response are mu + group + contrast + trial, all with the priors below; a trial that
    reports only the sum over groups contributes the exact probability of that sum.

    Parameters
    ----------
    groups : {"random", "fixed", "none"}
        Random group effects, e.g. of primary sites; fixed ones coded to add up to zero, e.g. of two grades
        of differentiation; or none, which is the same model without groups.
    contrasts : tuple of str
        What labels of trials have effects; rates are given by the levels of the first.
    mu_prior : str
        Of mu, ``normal:-2,2``.
    contrast_prior, factor_prior : str
        Of the difference between any two levels of a contrast, and any two fixed groups: ``normal:0,1``.
    site_prior, prior : str
        Of the standard deviations of random group effects and of trial effects: ``half-normal:1``.
    interaction_prior : str or None
        Of that of group-by-trial effects; None leaves them out.
    target : "pooled", a trial or a mapping of groups to numbers
        Mix of groups that rates are standardised to: the patients of all trials, of one, or these.
    contrast_sds : tuple of float
        Prior standard deviations of the difference between levels, of every contrast, under which it is
        given.
    beside : bool
        Fit more models beside it: the same without groups, the same under the other priors, and the same to
        those trials alone that report every group by itself, which shows what totals add to the contrasts
        between groups.
    draws, tune, seed : int
        Of the sampler, which runs four chains.
    level : float
        Of every interval.

    Raises
    ------
    SpecError
        With every option that is out of range.
    """

    __pydantic_config__ = STRICT

    model: Literal["site-region"] = "site-region"
    groups: GroupEffects = "random"
    contrasts: tuple[str, ...] = ("region",)
    mu_prior: str = "normal:-2,2"
    contrast_prior: str = "normal:0,1"
    factor_prior: str = "normal:0,1"
    site_prior: str = "half-normal:1"
    prior: str = "half-normal:1.25"
    interaction_prior: str | None = None
    target: str | Mapping[str, float] = field(default="pooled")
    contrast_sds: tuple[float, ...] = (0.75, 1.0, 1.5, 2.5)
    beside: bool = True
    draws: int = 1000
    tune: int = 500
    seed: int = 1
    level: float = 0.95

    def __post_init__(self) -> None:
        normal, half_normal = (
            (self._normal, ("mu_prior", "contrast_prior", "factor_prior")),
            (self._half_normal, ("site_prior", "prior", "interaction_prior")),
        )
        refuse(
            self._name_faults(),
            self._target_faults(),
            *(prior_of(read, name) for read, names in (normal, half_normal) for name in names),
            *(count_faults(name, getattr(self, name), *_LENGTH) for name in ("draws", "tune")),
            seed_faults(self.seed),
            level_faults(self.level),
        )

    def priors(self) -> Priors:
        """The priors as numbers."""
        return Priors(
            mu_mean=self._normal("mu_prior").mean,
            mu=self._normal("mu_prior").sd,
            contrast=self._normal("contrast_prior").sd,
            factor=self._normal("factor_prior").sd,
            sigma=self._half_normal("site_prior"),
            tau=self._half_normal("prior"),
            omega=None if self.interaction_prior is None else self._half_normal("interaction_prior"),
        )

    def mix(self, data: PartialCounts) -> tuple[str, FloatArray]:
        """The target mix.

        Returns
        -------
        name : str
        mix : ndarray, shape (S,)

        Raises
        ------
        DataError
            If it names a trial or group that the data do not have, or has no patients.
        """
        if isinstance(self.target, str):
            if self.target == "pooled":
                named = f"the {data.n.sum()} patients of known group" if data.pools else "all trials"
                return named, mix_of(data.n.sum(0))
            if self.target not in data.labels:
                known = ", ".join(("pooled", *data.labels))
                raise DataError(f"target: found {self.target!r}; these are allowed: {known}")
            return self.target, mix_of(data.n[data.labels.index(self.target)])
        if strange := sorted(set(self.target) - set(data.groups)):
            found, known = ", ".join(map(repr, strange)), ", ".join(data.groups)
            raise DataError(f"target: found {found}; these groups are allowed: {known}")
        return "given", mix_of([self.target.get(group, 0.0) for group in data.groups])

    def fit(self, data: PartialCounts) -> SiteRegionFit:
        """Fit the model and, if asked for, those beside it.

        Returns
        -------
        SiteRegionFit
            `sampling` says whether to believe it.
        """
        return self.sample(data)[0]

    def sample(self, data: PartialCounts) -> tuple[SiteRegionFit, SiteRegionDraws]:
        """Fit, and give the draws as well.

        Returns
        -------
        fit : SiteRegionFit
        draws : SiteRegionDraws
            Of the model with groups.

        Raises
        ------
        DataError
            If the data lack a contrast or the target, or report no responders at all.
        """
        from meta.models.sites.site_graph import draw

        target_name, mix = self.mix(data)
        options: dict[str, Any] = {"contrasts": self.contrasts, "seed": self.seed}
        options |= {"draws": self.draws, "tune": self.tune}
        asked = Question(
            data=data,
            contrast=self.contrasts[0] if self.contrasts else None,
            mix=mix,
            level=self.level,
            method=f"hierarchical model, {self.groups} group effects, sampled",
        )
        priors = self.priors()
        found = draw(data, priors, groups=self.groups, **options)
        more = self.beside and self.groups != "none"
        crude = draw(data, priors, groups="none", **options) if more else None
        fit = self._answer(asked, found, crude, target_name)
        if more and self.contrasts and len(asked.levels()[0]) > 1:
            drawn = {
                sd: found
                if sd == priors.contrast
                else draw(data, replace(priors, contrast=sd), groups=self.groups, **options)
                for sd in self.contrast_sds
            }
            fit = replace(fit, prior_sweep=sweep(asked, drawn))
        chosen = reporting_all(data)
        if more and 0 < len(chosen) < fit.k:
            asked = replace(asked, data=data.only(chosen), method=f"{asked.method}, reporting trials alone")
            alone = draw(asked.data, priors, groups=self.groups, **options)
            fit = replace(fit, reporting=reporting_only(asked, alone, priors, self._group_sd()))
        return fit, found

    def _answer(
        self, asked: Question, found: SiteRegionDraws, crude: SiteRegionDraws | None, target_name: str
    ) -> SiteRegionFit:
        data, priors = asked.data, self.priors()
        rates = answers.levels(asked, found)
        without = replace(asked, method="the same model without groups, sampled")
        crude_rates = answers.levels(without, crude) if crude else None
        contrasts = dict.fromkeys(self.contrasts, priors.contrast)
        if self.groups != "none":
            contrasts["group"] = self._group_sd()
        k, responders, others = asked.behind(None)
        return SiteRegionFit(
            model=self,
            level=self.level,
            k=k,
            n=int(data.row_patients().sum()),
            responders=responders,
            contrast=asked.contrast,
            target=dict(zip(data.groups, asked.mix.tolist(), strict=True)),
            target_name=target_name,
            parameters=answers.parameters(asked, found, priors, contrasts),
            rates=judged(asked, answers.rates(asked, found)),
            standardised=judged(asked, answers.standardised(asked, rates)),
            without_groups=judged(asked, answers.standardised(without, crude_rates) if crude_rates else ()),
            differences=judged(asked, answers.differences(asked, rates, crude_rates)),
            direct=answers.direct(asked),
            orders=answers.orders(asked, found) if self.groups != "none" else (),
            splits=answers.split_counts(asked, found),
            prior_sweep=(),
            sampling=found.diagnostics,
            sampling_without_groups=crude.diagnostics if crude else None,
            standing=standing(k, responders, others, bayesian=True),
            notes=tuple(notes(asked)),
        )

    def _group_sd(self) -> float:
        """Prior standard deviation of the contrast between two groups."""
        priors = self.priors()
        return float(np.sqrt(2)) * priors.sigma if self.groups == "random" else priors.factor

    def _normal(self, name: str) -> MuPrior:
        prior = MuPrior.parse(getattr(self, name))
        if name != "mu_prior" and prior.mean != 0:
            allowed = "a mean of 0 is allowed, since no level is the reference"
            raise SpecError(faults=[option_fault(name, repr(getattr(self, name)), allowed)])
        return prior

    def _half_normal(self, name: str) -> float:
        text = getattr(self, name)
        if text is None:
            return 0.0
        prior = TauPrior.parse(text)
        if prior.family != "half-normal":
            raise SpecError(faults=[option_fault(name, repr(text), "half-normal:SCALE is allowed")])
        return prior.values[0]

    def _name_faults(self) -> Iterator[Fault]:
        if len(set(self.contrasts)) < len(self.contrasts) or _EFFECTS & set(self.contrasts):
            allowed = "different names other than mu, group, trial and cell are allowed"
            yield option_fault("contrasts", ", ".join(self.contrasts), allowed)
        if self.groups not in ("random", "fixed", "none"):
            yield option_fault("groups", repr(self.groups), "random, fixed and none are allowed")
        if wrong := [f"{sd:g}" for sd in self.contrast_sds if not 0 < sd < np.inf]:
            yield option_fault("contrast_sds", ", ".join(wrong), "numbers above 0 are allowed")

    def _target_faults(self) -> Iterator[Fault]:
        if not isinstance(self.target, str):
            try:
                mix_of(list(self.target.values()))
            except DataError as error:
                yield option_fault("target", dict(self.target), str(error))


def prior_of(read: Callable[[str], object], option: str) -> Iterator[Fault]:
    """What is wrong with a prior, under the name of its own option."""
    try:
        read(option)
    except SpecError as error:
        yield from (replace(fault, path=option) for fault in error.faults)
