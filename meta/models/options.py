"""How the options of models, and records, are read from a file."""

from __future__ import annotations

from typing import Any

# For pydantic, which reads it as a class's __pydantic_config__: unknown keys and guessed types are refused.
STRICT: dict[str, Any] = {"extra": "forbid", "strict": True}
