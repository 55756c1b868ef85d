"""The normal approximation: scales, weights, tau2, heterogeneity, pooling, meta-regression, influence."""
