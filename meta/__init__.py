"""Pool small single-arm trials: responders among patients, by primary site and region.

Examples
--------
>>> import meta
>>> fit = meta.InverseVariance().fit(meta.Counts.of([5, 6, 2, 1], [18, 32, 29, 21]))
>>> round(fit.proportion.value, 3), str(fit.proportion.estimand)
(0.148, 'median')
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from meta.data import Counts, GroupedCounts, PartialCounts
    from meta.errors import ConvergenceError, DataError, MetaError, RecordError, SpecError, StoreError
    from meta.models import BayesBinomial, BayesNormal, BetaBinomial, BinomialNormal, InverseVariance
    from meta.models.calibration import calibrate
    from meta.models.sites.site_region import SiteRegion
    from meta.records.reading.load import load
    from meta.results import (
        Fit,
        Heterogeneity,
        Prediction,
        Quantity,
        SiteRegionFit,
    )
    from meta.workflow.pool import pool

_HOMES = {
    "meta.data": ("Counts", "GroupedCounts", "PartialCounts"),
    "meta.errors": ("ConvergenceError", "DataError", "MetaError", "RecordError", "SpecError", "StoreError"),
    "meta.models": ("BayesBinomial", "BayesNormal", "BetaBinomial", "BinomialNormal", "InverseVariance"),
    "meta.models.calibration": ("calibrate",),
    "meta.models.sites.site_region": ("SiteRegion",),
    "meta.records.reading.load": ("load",),
    "meta.results": (
        "Fit", "Heterogeneity", "Prediction", "Quantity", "SiteRegionFit",
    ),
    "meta.workflow.pool": ("pool",),
}  # fmt: skip
__all__ = [
    "BayesBinomial",
    "BayesNormal",
    "BetaBinomial",
    "BinomialNormal",
    "ConvergenceError",
    "Counts",
    "DataError",
    "Fit",
    "GroupedCounts",
    "Heterogeneity",
    "InverseVariance",
    "MetaError",
    "PartialCounts",
    "Prediction",
    "Quantity",
    "RecordError",
    "SiteRegion",
    "SiteRegionFit",
    "SpecError",
    "StoreError",
    "calibrate",
    "load",
    "pool",
]


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that the command line answers before scipy is loaded."""
    if name == "__version__":
        from importlib.metadata import version

        return version("nen-meta")
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(home), name)
    raise AttributeError(f"module 'meta' has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names, which are imported on first use."""
    return [*__all__, "__version__"]
