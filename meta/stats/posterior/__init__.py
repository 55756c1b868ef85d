"""Posteriors of (mu, tau) by quadrature, and their summaries."""
