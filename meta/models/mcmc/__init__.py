"""Calls into samplers, and what their draws must satisfy to be believed."""
