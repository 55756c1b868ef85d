"""Binomial likelihoods: marginal likelihood, maximum, profile, tests, beta-binomial."""
