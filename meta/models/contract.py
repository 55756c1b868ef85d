"""The interface of every model of counts. Callers use it and never ask which model it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self, cast

import numpy as np

from meta.results import Estimand

if TYPE_CHECKING:
    from meta.data import Counts, GroupedCounts
    from meta.data.counts import IntArray
    from meta.results import Fit
    from meta.stats.binomial.proportions import TrialInterval
    from meta.stats.normal.scales import FloatArray

MEAN, MEDIAN, PREDICTIVE, TAU = Estimand.MEAN, Estimand.MEDIAN, Estimand.PREDICTIVE, Estimand.TAU


class Answers(NamedTuple):
    """Point estimate and limits of one estimand, shape (B, G), NaN where not given."""

    estimand: Estimand
    value: FloatArray
    low: FloatArray
    high: FloatArray


class Rows(NamedTuple):
    """B completions: responders and patients of every row, shape (B, m), and the rows' groups, of G."""

    x: IntArray
    n: IntArray
    group: IntArray
    many: int

    def of(self, group: int) -> Rows:
        """One group, made the only one."""
        own = self.group == group
        return Rows(self.x[:, own], self.n[:, own], np.zeros(int(own.sum()), dtype=np.int64), 1)


class IntervalWords(NamedTuple):
    """An interval: as a result's method says it, in two or three words, and in the methods of a paper."""

    method: str
    short: str
    plural: str


class PoolingModel(ABC):
    """Base of the models: a frozen dataclass of options, with a description of itself.

    Attributes
    ----------
    model : str
        Its name in YAML, on the command line and in results.
    NAME : str
        Its name in two or three words.
    BAYESIAN : bool
        Whether it has a prior of tau, by which the k policy goes.
    GIVES_Q : bool
        Whether heterogeneity is given as Q, tau2 and I2; else as tau and what follows from it.
    REFERENCES : mapping of str to str
        What `methods` cites, by key.
    """

    __slots__ = ()

    NAME: ClassVar[str]
    BAYESIAN: ClassVar[bool] = False
    GIVES_Q: ClassVar[bool] = False
    REFERENCES: ClassVar[Mapping[str, str]] = {}

    # Options of every model

    @property
    @abstractmethod
    def model(self) -> str:
        """Its name in YAML."""

    @property
    @abstractmethod
    def groups(self) -> str:
        """Whether groups have their heterogeneity in ``common`` or ``separate``."""

    @property
    @abstractmethod
    def trial_interval(self) -> TrialInterval:
        """Study-level interval."""

    @property
    @abstractmethod
    def level(self) -> float:
        """Of every interval."""

    # Options of some, with what stands for them in the others

    @property
    def prior(self) -> str | None:
        """Of tau."""
        return None

    @property
    def thresholds(self) -> tuple[float, ...]:
        """ORRs; the probability to exceed each is given."""
        return ()

    @classmethod
    def has(cls, option: str) -> bool:
        """Whether the model has an option."""
        return any(item.name == option for item in fields(cast("Any", cls)))

    def with_options(self, **options: Any) -> Self:
        """The model with other values of options that it has."""
        return cast("Self", replace(cast("Any", self), **options))

    # Answers

    @abstractmethod
    def fit(self, data: Counts | GroupedCounts) -> Fit:
        """Pool the counts."""

    def detailed_fit(self, data: Counts | GroupedCounts) -> Fit:
        """The fit with all that takes longer than itself: influence, sweep, curves, where there are any."""
        return self.fit(data)

    def draw(self, data: Counts | GroupedCounts) -> tuple[Fit, Any]:
        """The detailed fit, and the draws (arviz.InferenceData) behind it; None where nothing was sampled."""
        return self.detailed_fit(data), None

    @property
    @abstractmethod
    def estimands(self) -> tuple[Estimand, ...]:
        """What is given with an interval, as `batch` gives it: the leading one first."""

    @property
    @abstractmethod
    def method(self) -> str:
        """How estimates and intervals are made, as results say it."""

    @property
    def unbatched(self) -> str | None:
        """What about the model, as a message says it, keeps many sets of counts from being fitted at once."""
        return f"model: found {self.model}"

    def batch(self, rows: Rows, *, spread: bool = False) -> list[Answers]:
        """Every one of `estimands` for many sets of counts at once, as `fit` gives it of one.

        Called where `unbatched` is None, with groups only where they share their heterogeneity; use
        :func:`meta.models.batch.answers`.

        Parameters
        ----------
        spread : bool
            Of one group: tau too, on the scale of the model, and the predictive ORR if it is not an estimand.
        """
        raise NotImplementedError(self.unbatched)

    # Cost

    @property
    def samples(self) -> bool:
        """Whether `draw` gives draws."""
        return False

    @property
    def seconds(self) -> float:
        """That fitting four trials takes, roughly; less than a tenth counts as none."""
        return 0.0

    # Words

    @abstractmethod
    def in_words(self) -> str:
        """What else decides the numbers, beside the name: priors, or scale, estimator and interval."""

    @abstractmethod
    def methods(self) -> str:
        """The model in the methods of a paper.

        ``{prior:dist}`` stands for an option and how it is written (dist, level, int, printed or t), and
        ``{cite:key}`` for one of `REFERENCES`.
        """
