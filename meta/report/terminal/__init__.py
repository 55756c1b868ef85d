"""Fits and runs as lines of plain text."""
