"""A small playbook that builds in a second, on the compiled encoder of the real index."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from copilot.playbook.build import BuildReport, build

TODAY = date(2026, 11, 23)
HEAD = "---\nid: up\ntitle: Up\n---\nWhen something is up.\n\n"
"""Six lines: what follows begins on line 7."""
OUTAGE = """---
id: outage
title: Service down
risks: [outage]
moods: [angry, frustrated]
tone: calm
---
The service is down and nobody can log in.

## Opening
- Thank you for telling us.

## Recovery
- calm: We know this: [[say what is known]].

## Escalate

| When | To | Within | Why |
|---|---|---|---|
| `"outage" in risks` | Incident lead | 30m | Every report counts |

## Examples
- The whole site is down.
- Nothing loads since this morning.

## Near misses
- Is there a status page?
"""
GENERAL = "---\nid: general\ntitle: General\n---\nAny other message.\n\n## Opening\n- Thank you for writing.\n"
SIGNAL = """---
id: outage
title: Outage
kind: risk
badge: down
severity: high
---
The service cannot be used.

## Examples
- The site is down.
- Nothing loads.

## Near misses
- Where is the status page?
"""


def write_playbook(folder: Path, **pages: str) -> Path:
    """The small playbook, with pages added or replaced by file name."""
    (folder / "signals").mkdir(parents=True, exist_ok=True)
    (folder / "signals" / "outage.md").write_text(SIGNAL, "utf-8")
    for name, text in {"outage": OUTAGE, "general": GENERAL, **pages}.items():
        (folder / f"{name}.md").write_text(text, "utf-8")
    return folder


def write_index(folder: Path, real: Path) -> Path:
    """An index folder that has the compiled models and no build yet."""
    folder.mkdir(parents=True)
    for name in ("encoder", "reader", "replies"):
        (folder / name).symlink_to(real / name, target_is_directory=True)
    return folder


class Small:
    """A small playbook folder and its index."""

    def __init__(self, folder: Path, real: Path) -> None:
        self.pages = write_playbook(folder / "playbooks")
        self.index = write_index(folder / "index", real)

    def build(self) -> BuildReport:
        return build(self.pages, self.index, "bundled", TODAY)

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.pages / name
        text = path.read_text("utf-8")
        assert text.count(old) == 1
        path.write_text(text.replace(old, new), "utf-8")


@pytest.fixture
def small(tmp_path: Path, index: Path) -> Small:
    return Small(tmp_path, index)
