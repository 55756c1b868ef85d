"""Models: frozen options with one method, ``fit(data) -> Fit``."""

from meta.models.inverse_variance import InverseVariance

Model = InverseVariance  # a union, once there are two; a new model adds its name here

__all__ = ["InverseVariance", "Model"]
