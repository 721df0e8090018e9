#!/usr/bin/env python3
"""Draw the picture of the README from the app itself: docs/desk.svg.

usage: python scripts/draw_desk.py
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from pathlib import Path

from copilot.bootstrap import DEMO_QUEUE, demo_workspace
from copilot.tickets.sample import EPOCH, SampleQueue
from copilot.tickets.sync import sync
from copilot.tui.app import DeskApp
from copilot.tui.screens.desk import DeskScreen
from copilot.tui.widgets.drafting import DraftView
from copilot.tui.widgets.queue import QueueList

PICTURE = Path(__file__).parent.parent / "docs" / "desk.svg"
TICKET = f"{DEMO_QUEUE}/D-1059"
REMOTE_FONT = re.compile(r"@font-face \{.*?\}", re.DOTALL)


async def draw(folder: Path) -> str:
    """The desk on a moment of delight, with a draft and its ask."""
    space = demo_workspace(folder)
    space.clock = lambda: EPOCH
    sync(space.database, DEMO_QUEUE, SampleQueue(DEMO_QUEUE, EPOCH), EPOCH)
    space.desk.read_all()
    space.desk.refresh_due()
    app = DeskApp(space.desk)
    async with app.run_test(size=(168, 46)) as pilot:
        while not app.warmed:
            await pilot.pause(0.05)
        screen = app.screen
        assert isinstance(screen, DeskScreen)
        await pilot.press("v")
        await pilot.pause(0.5)
        queue = screen.query_one(QueueList)
        queue.cursor = next(place for place, row in enumerate(queue.rows) if row.ref == TICKET)
        while screen.ref != TICKET:
            await pilot.pause(0.05)
        while screen.guidance is None:
            await pilot.pause(0.05)
        await pilot.press("a")
        while screen.query_one(DraftView).draft is None or not screen.has_ask:
            await pilot.pause(0.05)
        await pilot.pause(1.0)
        return REMOTE_FONT.sub("", app.export_screenshot(title="delight"))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        picture = asyncio.run(draw(Path(folder)))
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(picture, "utf-8")
    print(f"{PICTURE}: {len(picture):,} bytes")


if __name__ == "__main__":
    main()
