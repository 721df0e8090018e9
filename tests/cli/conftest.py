"""Runs the real program, as a person would: a process, its two streams and its exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from tests.conftest import PLAYBOOKS, ROOT


class Ran(NamedTuple):
    """What a run of `delight` left."""

    code: int
    out: str
    err: str


def delight(*args: str | Path, workspace: Path | None = None, stdin: str = "", passing: tuple[str, ...] = ()) -> Ran:
    """Run `delight` in the checkout with nothing of the caller's settings but those named; a traceback is never an answer."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("DELIGHT_") or name in passing}
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # without byte code half of every run would be compiling
    if workspace is not None:
        env["DELIGHT_WORKSPACE"] = str(workspace)
    done = subprocess.run(
        [sys.executable, "-m", "copilot", *map(str, args)],
        cwd=ROOT,
        env=env,
        input=stdin.encode(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    ran = Ran(done.returncode, done.stdout.decode(), done.stderr.decode())
    assert "Traceback" not in ran.err, ran.err
    return ran


def make_workspace(folder: Path, index: Path, *lines: str, playbooks: Path = PLAYBOOKS) -> Path:
    """A workspace folder on the real index; `lines` are added to its settings."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = ['agent = "Mara"', 'company = "Fernway"', 'team = "Fernway Support"']
    settings += [f'playbooks = "{playbooks}"', f'index = "{index}"', *lines]
    (folder / "delight.toml").write_text("\n".join(settings), "utf-8")
    return folder
