"""Driving the desk in tests: wait for a condition, never for a time; compare what is on the screen with a picture."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
from textual.pilot import Pilot

from copilot.tui.app import DeskApp
from copilot.tui.screens.desk import DeskScreen

PATIENCE_SECONDS = 20.0


class SvgExtension(SingleFileSnapshotExtension):
    """One .svg a snapshot: open it in a browser to see the screen.

    Confidences are left out, as is the number that Rich makes of all that is shown: processors multiply eight-bit numbers each
    in their own way, and a mood of 74.6 % is one of 74.4 % elsewhere.
    """

    file_extension = "svg"
    _write_mode = WriteMode.TEXT

    def serialize(self, data: Any, **options: Any) -> str | bytes:
        """The picture without what differs from machine to machine."""
        picture = re.sub(r"terminal-\d+", "terminal", str(super().serialize(data, **options)))
        return re.sub(r"\b\d{1,2}%", lambda shown: "·" * (len(shown.group()) - 1) + "%", picture)


@pytest.fixture
def picture(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """`assert app.export_screenshot() == picture`; `pytest --snapshot-update` draws it anew."""
    return snapshot.use_extension(SvgExtension)


async def until(pilot: Pilot[Any], condition: Callable[[], bool], what: str = "") -> None:
    """Let the app run until `condition` holds."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while not condition():
        await pilot.pause()
        if asyncio.get_running_loop().time() > deadline:
            error = getattr(pilot.app.screen, "error", "")
            raise AssertionError(f"never came to be: {what or condition}; on {pilot.app.screen} {error}")
        await asyncio.sleep(0.01)
    await pilot.pause()


def desk_screen(app: DeskApp) -> DeskScreen:
    """The desk of an app, beneath whatever dialogue is open."""
    return next(screen for screen in app.screen_stack if isinstance(screen, DeskScreen))


async def ready(pilot: Pilot[Any], ref: str = "") -> DeskScreen:
    """Wait until the desk shows a ticket with its guidance; `ref` says which (it is opened)."""
    app = pilot.app
    assert isinstance(app, DeskApp)
    await until(pilot, lambda: any(isinstance(s, DeskScreen) for s in app.screen_stack), "the desk")
    screen = desk_screen(app)
    await until(pilot, lambda: app.warmed, "models loaded")
    if ref:
        screen.open_ticket(ref)
    await until(pilot, lambda: screen.guidance is not None, "guidance")
    return screen
