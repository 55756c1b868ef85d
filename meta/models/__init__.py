"""Models: frozen options with one method, ``fit(data) -> Fit``."""

from meta.models.bayes_binomial import BayesBinomial
from meta.models.bayes_normal import BayesNormal
from meta.models.inverse_variance import InverseVariance

Model = InverseVariance | BayesBinomial | BayesNormal  # a new model adds its name here

__all__ = ["BayesBinomial", "BayesNormal", "InverseVariance", "Model"]
