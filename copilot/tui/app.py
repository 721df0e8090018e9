"""The Textual app: a shell. Screens own behaviour; this owns theme, keys, palette and the loading of models."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from textual import events, work
from textual.app import App, SystemCommand
from textual.screen import Screen
from textual.worker import Worker

from copilot.desk import READ_BATCH, Desk
from copilot.errors import DelightError
from copilot.tui.actions import Where, actions_of, binding_id, keymap
from copilot.tui.pace import Pace
from copilot.tui.screens.base import DeskedScreen, show_fault
from copilot.tui.screens.desk import DeskScreen


class DeskApp(App[None]):
    """The desk.

    Args:
        desk: The flow.
        keymap: `[keys]` of the settings.
    """

    TITLE = "Delight"
    ENABLE_COMMAND_PALETTE = True

    def __init__(self, desk: Desk, *, keymap: dict[str, str] | None = None) -> None:
        super().__init__()
        self.desk = desk
        self.own_keys = keymap or {}
        self.titles: dict[str, str] = {}
        self.badges: dict[str, str] = {}
        self.kinds: dict[str, str] = {}
        self.warmed = False
        self._warming = False
        self._pace = Pace()

    def on_mount(self) -> None:
        """Keys first, then the desk."""
        self._pace.start()
        keys, complaints = keymap(self.own_keys)
        self.set_keymap(dict(keys.items() - keymap({})[0].items()))  # Textual goes through the whole map at every key
        self.push_screen(DeskScreen())
        for complaint in complaints:
            self.notify(complaint, severity="warning", markup=False, timeout=10)

    def on_unmount(self) -> None:
        """Leave the interpreter as it was."""
        self._pace.stop()

    async def on_event(self, event: events.Event) -> None:
        """A key goes before the loading of models."""
        if isinstance(event, events.Key):
            self._pace.key()
        await super().on_event(event)

    def warm(self) -> None:
        """Load models after the first paint, once."""
        if not self._warming:
            self._warming = True
            self._warm()

    @work(exclusive=True, group="warm", exit_on_error=False)
    async def _warm(self) -> None:
        try:
            await asyncio.to_thread(self.desk.brain.warm)
            _, playbook = await asyncio.to_thread(self.desk.brain.get)
            await asyncio.to_thread(self.desk.warm_model)
        except DelightError as error:
            self.notify(f"{error.message} {error.hint}", severity="error", markup=False, timeout=20)
            return
        finally:
            self._pace.loaded()
        for definition in playbook.definitions.values():
            self.titles[definition.id] = definition.title
            self.badges[definition.id] = definition.badge
            self.kinds[definition.id] = definition.kind
        self.warmed = True
        for screen in self._desks:
            screen.show_queue()
            screen.show_ticket()
        await self._read_again()

    async def _read_again(self) -> None:
        """Read what another reader read before the last build; a batch a call, so that quitting waits for no more than one."""
        batches = self.desk.reading()
        done = 0
        try:
            while (step := await asyncio.to_thread(next, batches, None)) is not None:
                done, total = step
                if not done and total > READ_BATCH:
                    self.notify(f"{total} tickets are being read again.", markup=False)
        except DelightError as error:
            self.notify(f"{error.message} {error.hint}", severity="error", markup=False, timeout=20)
        if done:
            for screen in self._desks:
                screen.load_queue()

    @property
    def _desks(self) -> list[DeskScreen]:
        return [screen for screen in self.screen_stack if isinstance(screen, DeskScreen)]

    def exit(self, *args: Any, **kwargs: Any) -> None:
        """Leave; nothing typed is lost."""
        for screen in self._desks:
            screen.abandon_stream()
            screen.save_now()
        super().exit(*args, **kwargs)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A fault of ours in the background is shown, not swallowed."""
        show_fault(self, event)

    def keys_of(self, where: Where) -> dict[str, str]:
        """The keys by action as they are set."""
        made, _ = keymap(self.own_keys)
        return {action.id: made[binding_id(action)] for action in actions_of(where)}

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The palette: every action of the screen that can be done now, then Textual's own."""
        if isinstance(screen, DeskedScreen):
            for action in actions_of(screen.WHERE):
                if not screen.why_not(action.id):
                    yield SystemCommand(
                        action.title, f"{action.group}: {action.key}", getattr(screen, f"action_{action.id}")
                    )
        yield from super().get_system_commands(screen)
