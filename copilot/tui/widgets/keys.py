"""The line of keys at the foot of a screen. One widget drawn anew: Textual's own footer makes a widget of every key, each time."""

from __future__ import annotations

from textual import events
from textual.binding import Binding
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget

from copilot.tui.widgets.safe import Piece, content

GAP = "  "


class KeyBar(Widget):
    """Shows what can be pressed; a click presses it."""

    DEFAULT_CSS = """
    KeyBar { dock: bottom; height: 1; background: $footer-background; color: $footer-foreground; padding: 0 1; }
    """

    def on_mount(self) -> None:
        """Follow the screen."""
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def _changed(self, _: Screen[object]) -> None:
        self.refresh()

    def _keys(self) -> list[tuple[Binding, bool]]:
        """The bindings shown, each with whether it can be pressed now; the first key of each action, the palette last."""
        active = self.screen.active_bindings
        palette = active.get(self.app.COMMAND_PALETTE_BINDING)
        shown = {bound.binding.action: bound for bound in reversed(active.values()) if bound.binding.show}
        bound_keys = [*reversed(shown.values()), *([palette] if palette else [])]
        return [(bound.binding, bound.enabled) for bound in bound_keys]

    def render(self) -> Content:
        """Key and title of each, what cannot be pressed now dimmed."""
        pieces: list[Piece] = []
        for binding, enabled in self._keys():
            pieces += [
                (self.app.get_key_display(binding), "bold $footer-key-foreground" + ("" if enabled else " dim")),
                (f" {binding.description}{GAP}", "" if enabled else "dim"),
            ]
        return content(*pieces)

    def on_click(self, event: events.Click) -> None:
        """Press the key under the pointer."""
        at = event.x - self.styles.padding.left
        for binding, enabled in self._keys():
            at -= content(f"{self.app.get_key_display(binding)} {binding.description}{GAP}").cell_length
            if at < 0:
                self.app.simulate_key(binding.key) if enabled else self.app.bell()
                return
