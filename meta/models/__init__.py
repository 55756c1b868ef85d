"""Models: frozen options with one method, ``fit(data) -> Fit``."""

from meta.models.bayes_binomial import BayesBinomial
from meta.models.bayes_normal import BayesNormal
from meta.models.beta_binomial import BetaBinomial
from meta.models.binomial_normal import BinomialNormal
from meta.models.inverse_variance import InverseVariance

# A new model adds its name here
Model = InverseVariance | BayesBinomial | BinomialNormal | BetaBinomial | BayesNormal

__all__ = ["BayesBinomial", "BayesNormal", "BetaBinomial", "BinomialNormal", "InverseVariance", "Model"]
