"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

WorkspaceOption = Annotated[
    Path | None, typer.Option("--workspace", "-w", help="The workspace folder; else DELIGHT_WORKSPACE, else here.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON lines instead of text.")]
