"""Models: frozen options with one method, ``fit(data) -> Fit``."""

from meta.models.bayes.bayes_binomial import BayesBinomial
from meta.models.bayes.bayes_normal import BayesNormal
from meta.models.inverse_variance.model import InverseVariance
from meta.models.likelihood.beta_binomial import BetaBinomial
from meta.models.likelihood.binomial_normal import BinomialNormal

# A new model adds its name here
Model = InverseVariance | BayesBinomial | BinomialNormal | BetaBinomial | BayesNormal

__all__ = ["BayesBinomial", "BayesNormal", "BetaBinomial", "BinomialNormal", "InverseVariance", "Model"]
