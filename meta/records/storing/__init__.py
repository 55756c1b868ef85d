"""Runs as JSON, npz and netCDF, published schemas, and which files are current."""
