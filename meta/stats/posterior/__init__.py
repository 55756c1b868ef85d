"""Posteriors of (mu, tau) by quadrature, and what is read off them."""
