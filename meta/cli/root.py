"""The options that commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Root = Annotated[Path, typer.Option("--root", help="The folder with trials/ and analyses/.", file_okay=False)]
Width = Annotated[
    float | None, typer.Option("--width", help="Width in mm, 150 to 210; 180, a double column, if left out.")
]
