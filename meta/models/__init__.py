"""Models: frozen options with one method, ``fit(data) -> Fit``; all that there are, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from meta.errors import SpecError
from meta.models.bayes.bayes_binomial import BayesBinomial
from meta.models.bayes.bayes_normal import BayesNormal
from meta.models.inverse_variance.model import InverseVariance
from meta.models.likelihood.beta_binomial import BetaBinomial
from meta.models.likelihood.binomial_normal import BinomialNormal

if TYPE_CHECKING:
    from collections.abc import Mapping

Model = InverseVariance | BayesBinomial | BinomialNormal | BetaBinomial | BayesNormal  # a new one joins here
MODELS: dict[str, type[Model]] = {kind().model: kind for kind in get_args(Model)}


def kind_of(options: Mapping[str, Any]) -> type[Model]:
    """The class of a model from its options as a result keeps them.

    Raises
    ------
    SpecError
        If there is no such model.
    """
    name = options.get("model")
    if name not in MODELS:
        raise SpecError(f"model: found {name!r}; allowed: {', '.join(MODELS)}")
    return MODELS[name]


def restored(options: Mapping[str, Any]) -> Model:
    """A model from its options as a result keeps them, tuples perhaps as lists."""
    plain: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in options.items()
    }
    kind: type[Any] = kind_of(options)
    model: Model = kind(**plain)
    return model


__all__ = [
    "MODELS",
    "BayesBinomial",
    "BayesNormal",
    "BetaBinomial",
    "BinomialNormal",
    "InverseVariance",
    "Model",
    "kind_of",
    "restored",
]
