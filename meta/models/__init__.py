"""Models: frozen options with one method, ``fit(data) -> Fit``; all that there are, by name."""

from __future__ import annotations

from typing import get_args

from meta.models.bayes.bayes_binomial import BayesBinomial
from meta.models.bayes.bayes_normal import BayesNormal
from meta.models.inverse_variance import InverseVariance
from meta.models.likelihood.beta_binomial import BetaBinomial
from meta.models.likelihood.binomial_normal import BinomialNormal

Model = InverseVariance | BayesBinomial | BinomialNormal | BetaBinomial | BayesNormal  # a new one joins here
MODELS: dict[str, type[Model]] = {kind().model: kind for kind in get_args(Model)}

__all__ = [
    "MODELS",
    "BayesBinomial",
    "BayesNormal",
    "BetaBinomial",
    "BinomialNormal",
    "InverseVariance",
    "Model",
]
