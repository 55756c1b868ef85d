"""Fits every variation once, on all cores, and keeps what is current."""
