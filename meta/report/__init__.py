"""Figures and tables: everything here reads stored runs and fits nothing."""
