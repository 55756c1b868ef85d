"""Results of models: frozen dataclasses in which every number carries its meaning.

Nothing here is NaN. What cannot be estimated is ``None`` beside a `reason`.
"""

from meta.results.bounds import Bound, Bounds, Completed
from meta.results.estimands import Estimand, name_of
from meta.results.fit import (
    Between,
    Contrast,
    Diagnostics,
    Dispersion,
    Fit,
    Heterogeneity,
    Influence,
    NotReported,
    TrialEffect,
)
from meta.results.latent import Latent, LatentSplit
from meta.results.outcomes import Outcome
from meta.results.quantities import (
    Estimands,
    IntervalKind,
    NamedTest,
    Prediction,
    PredictiveCount,
    Prior,
    Probability,
    Procedure,
    Quantity,
    SweepPoint,
)
from meta.results.rows import FAILED
from meta.results.sites import (
    DirectRate,
    Order,
    Parameter,
    Population,
    PriorPoint,
    Rate,
    RateDifference,
    ReportingOnly,
    SiteRegionFit,
    SplitCount,
    StandardisedRate,
)
from meta.results.standing import Reason, Standing, Status

__all__ = [
    "FAILED",
    "Between",
    "Bound",
    "Bounds",
    "Completed",
    "Contrast",
    "Diagnostics",
    "DirectRate",
    "Dispersion",
    "Estimand",
    "Estimands",
    "Fit",
    "Heterogeneity",
    "Influence",
    "IntervalKind",
    "Latent",
    "LatentSplit",
    "NamedTest",
    "NotReported",
    "Order",
    "Outcome",
    "Parameter",
    "Population",
    "Prediction",
    "PredictiveCount",
    "Prior",
    "PriorPoint",
    "Probability",
    "Procedure",
    "Quantity",
    "Rate",
    "RateDifference",
    "Reason",
    "ReportingOnly",
    "SiteRegionFit",
    "SplitCount",
    "StandardisedRate",
    "Standing",
    "Status",
    "SweepPoint",
    "TrialEffect",
    "name_of",
]
