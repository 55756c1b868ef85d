"""Pool small single-arm trials: responders among patients, by primary site and region.

Examples
--------
>>> import meta
>>> fit = meta.InverseVariance().fit(meta.Counts.of([5, 6, 2, 1], [18, 32, 29, 21]))
>>> round(fit.proportion.value, 3), fit.proportion.estimand
(0.148, 'median ORR')
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from meta.data import Counts, GroupedCounts
    from meta.errors import ConvergenceError, DataError, MetaError, RecordError, SpecError, StoreError
    from meta.models import BayesBinomial, BayesNormal, BetaBinomial, BinomialNormal, InverseVariance
    from meta.results import Estimate, Fit, Heterogeneity, Interval, Prediction, Proportion, Tau2

_HOMES = {
    "meta.data": ("Counts", "GroupedCounts"),
    "meta.errors": ("ConvergenceError", "DataError", "MetaError", "RecordError", "SpecError", "StoreError"),
    "meta.models": ("BayesBinomial", "BayesNormal", "BetaBinomial", "BinomialNormal", "InverseVariance"),
    "meta.results": ("Estimate", "Fit", "Heterogeneity", "Interval", "Prediction", "Proportion", "Tau2"),
}
__all__ = [
    "BayesBinomial",
    "BayesNormal",
    "BetaBinomial",
    "BinomialNormal",
    "ConvergenceError",
    "Counts",
    "DataError",
    "Estimate",
    "Fit",
    "GroupedCounts",
    "Heterogeneity",
    "Interval",
    "InverseVariance",
    "MetaError",
    "Prediction",
    "Proportion",
    "RecordError",
    "SpecError",
    "StoreError",
    "Tau2",
]


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that the command line answers before scipy is loaded."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(home), name)
    raise AttributeError(f"module 'meta' has no attribute {name!r}")
