"""The only place where results become words."""
