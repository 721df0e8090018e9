"""What every screen shares: bindings from the registry, reasons for what cannot be done, errors as dialogues."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar, cast

from textual import events, on
from textual.app import App
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen, Screen
from textual.worker import Worker, WorkerState

from copilot.errors import DelightError
from copilot.tui.actions import Where, actions_of, binding_id
from copilot.tui.widgets.safe import Line, Press

if TYPE_CHECKING:
    from copilot.tui.app import DeskApp

R = TypeVar("R")


def bindings(where: Where) -> list[BindingType]:
    """The registry's actions of a screen as Textual bindings."""
    return [
        Binding(action.key, action.id, action.title, show=action.footer, id=binding_id(action))
        for action in actions_of(where)
    ]


def show_fault(app: App[None], event: Worker.StateChanged) -> None:
    """Show a background step that failed for a reason nobody foresaw: a bug, said out loud."""
    if event.state is WorkerState.ERROR:
        error = event.worker.error
        app.notify(f"A bug: {type(error).__name__}: {error}", severity="error", markup=False, timeout=20)


class DeskedScreen(Screen[None]):
    """A screen of the desk. Subclasses name `WHERE` and say in `why_not` what cannot be done and why."""

    WHERE: Where = "desk"

    @property
    def desk_app(self) -> DeskApp:
        """The app, typed."""
        return cast("DeskApp", self.app)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A fault of ours in the background is shown, not swallowed."""
        show_fault(self.desk_app, event)

    def why_not(self, action: str) -> str:
        """Why an action cannot be done now; empty when it can."""
        return ""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey out what cannot be done."""
        return None if self.why_not(action) else True

    def on_key(self, event: events.Key) -> None:
        """A key whose action is greyed out says why."""
        if isinstance(self.focused, Line) or self._typing():
            return
        action = next((self._actions[key] for key in (event.key, *event.name_aliases) if key in self._actions), "")
        if action and (why := self.why_not(action)):
            self.say(why, severity="warning")
            event.stop()

    @cached_property
    def _actions(self) -> dict[str, str]:
        """The screen's actions by key."""
        return {key: action for action, keys in self.desk_app.keys_of(self.WHERE).items() for key in keys.split(",")}

    def _typing(self) -> bool:
        return False

    def say(self, text: str, *, severity: Any = "information") -> None:
        """A short note in the corner; never markup."""
        self.notify(text, severity=severity, markup=False)

    async def attempt(self, call: Callable[[], R]) -> R | None:
        """Run a step of the flow in a thread; an error becomes a dialogue, and None comes back."""
        import asyncio

        try:
            return await asyncio.to_thread(call)
        except DelightError as error:
            self.show_error(error)
            return None

    def show_error(self, error: DelightError) -> None:
        """What happened and the way out, in a dialogue."""
        from copilot.tui.screens.modals import Fault

        self.app.push_screen(Fault(error))


class Dialogue(ModalScreen[R | None]):
    """A dialogue: Escape closes it with nothing."""

    BINDINGS = [Binding("escape", "dismiss_none", "Cancel", show=False)]

    def action_dismiss_none(self) -> None:
        """Close with nothing chosen."""
        self.dismiss(None)


class Form(Dialogue[R]):
    """A dialogue that is filled in: ctrl+s or its `save` button hands it back, `cancel` closes it with nothing.

    Any other button does the action of its name.
    """

    BINDINGS = [Binding("ctrl+s", "save", "Save", show=False)]

    @on(Press.Pressed)
    def pressed(self, event: Press.Pressed) -> None:
        """Save, cancel, or what the button is named after."""
        act: Callable[[], object] = getattr(self, f"action_{event.button.id}", self.action_dismiss_none)
        act()

    def action_save(self) -> None:
        """Hand the form back; subclasses say what it holds."""
        raise NotImplementedError
