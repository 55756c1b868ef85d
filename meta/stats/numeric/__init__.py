"""Numerical tools that know no statistics: roots, interpolation, reason codes."""
