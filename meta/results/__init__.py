"""What models give: plain frozen data, in which every number says what it is.

Nothing here is NaN. What cannot be estimated is ``None`` beside a `reason`.
"""

from meta.results.bounds import Bound, Bounds, Completed
from meta.results.fit import (
    Between,
    Contrast,
    Diagnostics,
    Dispersion,
    Fit,
    Heterogeneity,
    Influence,
    NotReported,
    Standing,
    TrialEffect,
)
from meta.results.quantities import (
    Estimands,
    Estimate,
    Interval,
    IntervalKind,
    NamedTest,
    Prediction,
    PredictiveCount,
    Prior,
    Probability,
    Proportion,
    Quantity,
    Statistic,
    SweepPoint,
    Tau,
    Tau2,
)

__all__ = [
    "Between",
    "Bound",
    "Bounds",
    "Completed",
    "Contrast",
    "Diagnostics",
    "Dispersion",
    "Estimands",
    "Estimate",
    "Fit",
    "Heterogeneity",
    "Influence",
    "Interval",
    "IntervalKind",
    "NamedTest",
    "NotReported",
    "Prediction",
    "PredictiveCount",
    "Prior",
    "Probability",
    "Proportion",
    "Quantity",
    "Standing",
    "Statistic",
    "SweepPoint",
    "Tau",
    "Tau2",
    "TrialEffect",
]
