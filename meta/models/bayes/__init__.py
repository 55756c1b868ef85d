"""Bayesian models of (mu, tau): exact by quadrature, or by a sampler."""
