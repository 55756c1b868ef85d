"""Counts of which only sums are known: their likelihood, completions, extremes, standardisation."""
