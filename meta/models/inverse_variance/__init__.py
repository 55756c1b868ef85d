"""The conventional model: effects on some scale, pooled with inverse-variance weights."""
