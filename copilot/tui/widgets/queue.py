"""The queue: two lines a ticket, drawn only where they can be seen, so that 10,000 tickets cost what 20 do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from copilot.desk import QueueRow
from copilot.text import clean_line
from copilot.tui.show import age, mood_mark

LINES = 2


class QueueList(ScrollView, can_focus=True):
    """A list of tickets. Posts `Picked` when the cursor comes to rest on one, `Chosen` on Enter.

    Args:
        badges: Short word for each signal and risk.
        clock: Tells the time for the ages.
    """

    COMPONENT_CLASSES = {
        "queue--row",
        "queue--cursor",
        "queue--dim",
        "queue--good",
        "queue--bad",
        "queue--badge",
        "queue--due",
    }
    BINDINGS = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home,g", "end(0)", "First", show=False),
        Binding("end,G", "end(1)", "Last", show=False),
        Binding("enter", "choose", "Open", show=False),
    ]
    cursor: reactive[int] = reactive(0)

    class Picked(Message):
        """The cursor came to rest on a ticket."""

        def __init__(self, ref: str) -> None:
            super().__init__()
            self.ref = ref

    class Chosen(Picked):
        """Enter was pressed on a ticket."""

    def __init__(self, badges: Mapping[str, str], clock: Callable[[], datetime], id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.badges = badges
        self.clock = clock
        self.rows: Sequence[QueueRow] = ()

    @property
    def current(self) -> QueueRow | None:
        """The row under the cursor."""
        return self.rows[self.cursor] if 0 <= self.cursor < len(self.rows) else None

    def show_rows(self, rows: Sequence[QueueRow], keep: str = "") -> None:
        """Show other rows; the cursor stays on the ticket `keep`, or on its neighbour's place."""
        self.rows = rows
        place = next((i for i, row in enumerate(rows) if row.ref == keep), None)
        self.virtual_size = Size(self.size.width, max(len(rows), 1) * LINES)
        self.set_reactive(QueueList.cursor, min(self.cursor if place is None else place, max(len(rows) - 1, 0)))
        self._follow()
        self.refresh()

    def on_resize(self, event: events.Resize) -> None:
        """Keep the width of what is scrolled over."""
        self.virtual_size = Size(event.size.width, max(len(self.rows), 1) * LINES)

    def watch_cursor(self, before: int, after: int) -> None:
        """Scroll to the cursor and say where it is."""
        at = self.scroll_offset.y
        self._follow()
        if self.scroll_offset.y == at:  # only what changed is drawn
            self.refresh_lines(before * LINES, LINES)
            self.refresh_lines(after * LINES, LINES)
        else:
            self.refresh()
        if before != after and self.current is not None:
            self.post_message(self.Picked(self.current.ref))

    def validate_cursor(self, value: int) -> int:
        """The cursor stays on a row."""
        return max(0, min(value, len(self.rows) - 1))

    def _follow(self) -> None:
        self.scroll_to_region(Region(0, self.cursor * LINES, 1, LINES), animate=False, force=True)

    def action_move(self, step: int) -> None:
        """Up or down by one."""
        self.cursor += step

    def action_page(self, step: int) -> None:
        """Up or down by a screen."""
        self.cursor += step * max(self.size.height // LINES - 1, 1)

    def action_end(self, last: int) -> None:
        """To the first or the last."""
        self.cursor = (len(self.rows) - 1) * last

    def action_choose(self) -> None:
        """Open the ticket under the cursor."""
        if self.current is not None:
            self.post_message(self.Chosen(self.current.ref))

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor."""
        row = (event.y + self.scroll_offset.y) // LINES
        if row < len(self.rows):
            self.cursor = row

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        width = self.size.width
        index, line = divmod(y + self.scroll_offset.y, LINES)
        base = self.get_component_rich_style("queue--row")
        if not self.rows:
            text = "  No conversation here." if y == 1 else ""
            return Strip([Segment(set_cell_size(text, width), self.get_component_rich_style("queue--dim"))])
        if index >= len(self.rows):
            return Strip.blank(width, base)
        row = self.rows[index]
        if index == self.cursor:
            base = self.get_component_rich_style("queue--cursor")
        segments = self._first(row, base, width) if line == 0 else self._second(row, base, width)
        mark = Segment("▌" if index == self.cursor else " ", base)
        return Strip([mark, *segments]).adjust_cell_length(width, base)

    def _first(self, row: QueueRow, base: Style, width: int) -> list[Segment]:
        """Mood, customer, age."""
        kind = {"angry": "bad", "frustrated": "bad", "satisfied": "good", "delighted": "good"}.get(row.mood, "dim")
        mood = set_cell_size(mood_mark(row.mood), 13)
        when = f" {'◔' if row.waiting_since else ''}{age(row.waiting_since or row.last_at, self.clock())} "
        name = clean_line(row.customer)
        space = max(width - 1 - cell_len(mood) - cell_len(when), 0)
        return [
            Segment(mood, base + self._ink(kind)),
            Segment(
                set_cell_size(name if cell_len(name) <= space else set_cell_size(name, max(space - 1, 0)) + "…", space),
                base + Style(bold=True),
            ),
            Segment(when, base + self._ink("dim")),
        ]

    def _second(self, row: QueueRow, base: Style, width: int) -> list[Segment]:
        """Badges, then as much of the subject as fits."""
        marks: list[tuple[str, str]] = []
        if row.due_at is not None:
            marks.append((f"↑{'due' if row.due_at <= self.clock() else age(self.clock(), row.due_at)}", "due"))
        marks += [(f"⚠{self.badges.get(name, name)}", "bad") for name in row.risks[:2]]
        marks += [(f"★{self.badges.get(name, name)}", "badge") for name in row.delight[:2]]
        if row.status in ("resolved", "closed", "pending"):
            marks.append((row.status, "dim"))
        segments = [Segment("  ", base)]
        used = 3
        for text, kind in marks:
            if used + cell_len(text) + 1 > width * 2 // 3:
                break
            segments += [Segment(text, base + self._ink(kind)), Segment(" ", base)]
            used += cell_len(text) + 1
        segments.append(Segment(set_cell_size(clean_line(row.title), max(width - used, 0)), base))
        return segments

    def _ink(self, kind: str) -> Style:
        """The ink of a component class without its paper, so that the cursor's background stays."""
        style = self.get_component_rich_style(f"queue--{kind}")
        return Style(color=style.color, bold=style.bold, italic=style.italic)
