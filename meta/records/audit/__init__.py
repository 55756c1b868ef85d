"""Checks of records beyond the types of their fields."""
