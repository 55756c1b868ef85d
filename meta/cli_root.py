"""The option that commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Root = Annotated[Path, typer.Option("--root", help="The folder with trials/ and analyses/.", file_okay=False)]
