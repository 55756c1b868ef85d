"""Response by primary site and region when trials report some responders only as sums over sites."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from meta.errors import DataError, SpecError
from meta.models import site_answers as answers
from meta.models.mcmc.effects import GroupEffects, Priors
from meta.models.options import STRICT, check_level
from meta.models.site_priors import sweep
from meta.models.site_question import Question
from meta.results import SiteRegionFit
from meta.stats.priors import MuPrior, TauPrior
from meta.stats.standardise import mix_of

if TYPE_CHECKING:
    from meta.models.mcmc.site_region import SiteRegionDraws
    from meta.partial_data import PartialCounts
    from meta.stats.scales import FloatArray


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
        Other prior standard deviations of the difference between levels, under which it is given too.
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
    draws: int = 1000
    tune: int = 500
    seed: int = 1
    level: float = 0.95

    def __post_init__(self) -> None:
        faults = [
            fault
            for check in (self._check_names, self._check_groups, self._check_target, self._check_level)
            for fault in _fault(check)
        ]
        for name in ("mu_prior", "contrast_prior", "factor_prior"):
            faults += [f"{name}: {fault}" for fault in _fault(self._normal, name)]
        for name in ("site_prior", "prior", "interaction_prior"):
            faults += [f"{name}: {fault}" for fault in _fault(self._half_normal, name)]
        if wrong := [f"{sd:g}" for sd in self.contrast_sds if not 0 < sd < np.inf]:
            faults.append(f"contrast_sds: found {', '.join(wrong)}; numbers above 0 are allowed")
        for name, least in (("draws", 4), ("tune", 1), ("seed", 0)):
            if not least <= getattr(self, name) <= 1_000_000:
                faults.append(f"{name}: found {getattr(self, name)}; {least} to 1000000 are allowed")
        if faults:
            raise SpecError("; ".join(faults))

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

        Parameters
        ----------
        data : PartialCounts

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
                return "all trials", mix_of(data.n.sum(0))
            if self.target not in data.labels:
                known = ", ".join(("pooled", *data.labels))
                raise DataError(f"target: found {self.target!r}; these are allowed: {known}")
            return self.target, mix_of(data.n[data.labels.index(self.target)])
        if strange := sorted(set(self.target) - set(data.groups)):
            found, known = ", ".join(map(repr, strange)), ", ".join(data.groups)
            raise DataError(f"target: found {found}; these groups are allowed: {known}")
        return "given", mix_of([self.target.get(group, 0.0) for group in data.groups])

    def fit(self, data: PartialCounts) -> SiteRegionFit:
        """Fit the model, and the same model without groups beside it.

        Parameters
        ----------
        data : PartialCounts

        Returns
        -------
        SiteRegionFit
            `sampling` says whether to believe it.
        """
        return self.sample(data)[0]

    def sample(self, data: PartialCounts) -> tuple[SiteRegionFit, SiteRegionDraws]:
        """Fit, and give the draws as well.

        Parameters
        ----------
        data : PartialCounts

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
        from meta.models.mcmc.site_region import draw

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
        crude = draw(data, priors, groups="none", **options) if self.groups != "none" else None
        return self._answer(asked, found, crude, target_name), found

    def _answer(
        self, asked: Question, found: SiteRegionDraws, crude: SiteRegionDraws | None, target_name: str
    ) -> SiteRegionFit:
        data, priors = asked.data, self.priors()
        rows = data.row_patients() > 0
        rates = answers.levels(asked, found)
        without = replace(asked, method="the same model without groups, sampled")
        crude_rates = answers.levels(without, crude) if crude else None
        contrasts = dict.fromkeys(self.contrasts, priors.contrast)
        if self.groups != "none":
            random = self.groups == "random"
            contrasts["group"] = float(np.sqrt(2)) * priors.sigma if random else priors.factor
        return SiteRegionFit(
            model=asdict(self),
            level=self.level,
            k=len(set(data.trial[rows].tolist())),
            n=int(data.row_patients().sum()),
            responders=int(data.responders.sum()),
            contrast=asked.contrast,
            target=dict(zip(data.groups, asked.mix.tolist(), strict=True)),
            target_name=target_name,
            parameters=answers.parameters(asked, found, priors, contrasts),
            rates=answers.rates(asked, found),
            standardised=answers.standardised(asked, rates),
            without_groups=answers.standardised(without, crude_rates) if crude_rates else (),
            differences=answers.differences(asked, rates, crude_rates),
            direct=answers.direct(asked),
            orders=answers.orders(asked, found) if self.groups != "none" else (),
            splits=answers.split_counts(asked, found),
            prior_sweep=sweep(asked, found, rates, priors.contrast, self.contrast_sds),
            sampling=found.diagnostics,
            sampling_without_groups=crude.diagnostics if crude else None,
        )

    def _normal(self, name: str) -> MuPrior:
        text = getattr(self, name)
        prior = MuPrior.parse(text)
        if name != "mu_prior" and prior.mean != 0:
            raise SpecError(
                f"{name}: found {text!r}; a mean of 0 is allowed, since no level is the reference"
            )
        return prior

    def _half_normal(self, name: str) -> float:
        text = getattr(self, name)
        if text is None:
            return 0.0
        prior = TauPrior.parse(text)
        if prior.family != "half-normal":
            raise SpecError(f"found {text!r}; half-normal:SCALE is allowed")
        return prior.values[0]

    def _check_names(self) -> None:
        if len(set(self.contrasts)) < len(self.contrasts) or {"mu", "group", "trial", "cell"} & set(
            self.contrasts
        ):
            raise SpecError(
                f"contrasts: found {', '.join(self.contrasts)}; different names other than mu, group, trial "
                "and cell are allowed"
            )

    def _check_groups(self) -> None:
        if self.groups not in ("random", "fixed", "none"):
            raise SpecError(f"groups: found {self.groups!r}; random, fixed and none are allowed")

    def _check_level(self) -> None:
        check_level(self.level)

    def _check_target(self) -> None:
        if not isinstance(self.target, str):
            try:
                mix_of(list(self.target.values()))
            except DataError as error:
                raise SpecError(f"target: {error}") from None


def _fault(check: Callable[..., Any], *arguments: str) -> list[str]:
    """What a check complains of."""
    try:
        check(*arguments)
    except SpecError as error:
        return [str(error)]
    return []
