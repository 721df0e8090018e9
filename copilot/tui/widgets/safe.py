"""The only module that may import Textual's text widgets: everything made here shows text as it is, never as markup."""

from __future__ import annotations

from typing import Any

from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding
from textual.content import Content
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.selection import Selection as Span
from textual.strip import Strip
from textual.visual import Visual
from textual.widgets import (
    Button,
    Checkbox,
    Input,
    Label,
    OptionList,
    Select,
    Static,
    TextArea,
)
from textual.widgets.option_list import Option
from textual.widgets.text_area import Selection

from copilot.text import clean

Piece = str | tuple[str, str]


def content(*pieces: Piece) -> Content:
    """Text from pieces, each plain or with a style; nothing in them is markup, and nothing acts on a terminal."""
    return Content.assemble(*(clean(p) if isinstance(p, str) else (clean(p[0]), p[1]) for p in pieces))


class Plain(Static):
    """A block of text. Give it pieces, never markup."""

    def __init__(self, *pieces: Piece, **kwargs: Any) -> None:
        super().__init__(content(*pieces), markup=False, **kwargs)

    def show(self, *pieces: Piece) -> None:
        """Show other text; the screen is arranged anew only where the text's height changes."""
        text = content(*pieces)
        width = self.content_size.width
        taller = width > 0 and self.visual.get_height({}, width) != text.get_height({}, width)
        self.update(text, layout=taller)  # what is not shown yet is arranged when it is


class Prose(ScrollView, can_focus=True):
    """A pane of text that scrolls. Other text costs one repaint of the pane: nothing on the screen is arranged anew."""

    DEFAULT_CSS = "Prose { overflow-x: hidden; overflow-y: scroll; scrollbar-size-vertical: 1; scrollbar-background: $background; }"

    def __init__(self, *pieces: Piece, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.text = content(*pieces)
        self._lines: list[Strip] | None = None

    def show(self, *pieces: Piece) -> None:
        """Show other text."""
        self.text = content(*pieces)
        self._wrap()

    def _wrap(self) -> None:
        """Fold the text to the pane's width."""
        self._lines = None
        if width := self.scrollable_content_region.width:
            self._lines = Visual.to_strips(self, self.text, width, None, self.visual_style, pad=True)
            self._resize_contents(Size(width, len(self._lines)))
        self.refresh()

    def _resize_contents(self, size: Size) -> None:
        """Tell the scrollbar; setting `virtual_size` itself would arrange the whole screen anew."""
        self.set_reactive(Prose.virtual_size, size)
        self.vertical_scrollbar.window_virtual_size = size.height
        if self.scroll_y > self.max_scroll_y:
            self.scroll_to(y=self.max_scroll_y, animate=False)

    def on_resize(self, event: events.Resize) -> None:
        """Fold anew."""
        self._wrap()

    def notify_style_update(self) -> None:
        """Colours are in the folded lines: another theme folds anew."""
        super().notify_style_update()
        self._wrap()

    def render_line(self, y: int) -> Strip:
        """One line of the pane."""
        row = y + self.scroll_offset.y
        if self._lines is None or row >= len(self._lines):
            return Strip.blank(self.size.width, self.rich_style)
        return self._lines[row].apply_offsets(0, row)

    def get_selection(self, selection: Span) -> tuple[str, str] | None:
        """What the mouse selected."""
        return selection.extract("\n".join(line.text.rstrip() for line in self._lines or [])), "\n"

    def selection_updated(self, selection: Span | None) -> None:
        """Draw what the mouse selects."""
        self._wrap()


class PlainLabel(Label):
    """A label that parses nothing."""

    def __init__(self, text: str, **kwargs: Any) -> None:
        super().__init__(content(text), markup=False, **kwargs)


def press(text: str, **kwargs: Any) -> Button:
    """A button whose label parses nothing."""
    return Button(content(text), **kwargs)


def option(text: str, key: str) -> Option:
    """A line of an option list that parses nothing."""
    return Option(content(text), id=key)


def options(*lines: tuple[str, str], **kwargs: Any) -> OptionList:
    """An option list of (text, id) lines."""
    return OptionList(*(option(text, key) for text, key in lines), markup=False, **kwargs)


def choice(lines: list[tuple[str, str]], value: str, **kwargs: Any) -> Select[str]:
    """A drop-down of (text, value) lines."""
    return Select([(content(text), key) for text, key in lines], value=value, allow_blank=False, compact=True, **kwargs)


class Tick(Checkbox):
    """A box to tick. Textual tells ticked from not by colour alone; this one draws the mark or leaves it out."""

    @property
    def _button(self) -> Content:
        """The mark."""
        return Content("[x]" if self.value else "[ ]")


def tick(text: str, *, value: bool, **kwargs: Any) -> Tick:
    """One box to tick."""
    return Tick(content(text), value=value, compact=True, **kwargs)


class Editor(TextArea, inherit_bindings=False):
    """A text field over several lines; what is put in is cleaned, what is typed is the person's.

    Function keys are the desk's: `f6` sends, where Textual's own field would select a line.
    """

    BINDINGS = [*(bound for bound in TextArea.BINDINGS if isinstance(bound, Binding) and bound.key not in ("f6", "f7"))]

    def __init__(self, text: str = "", **kwargs: Any) -> None:
        self._marks: dict[int, list[tuple[int, int, bool]]] = {}
        super().__init__(clean(text), soft_wrap=True, highlight_cursor_line=False, **kwargs)

    def put(self, text: str) -> None:
        """Replace the text, keeping the undo history."""
        text = clean(text)
        if text != self.text:
            self.replace(text, (0, 0), self.document.end)

    def insert_at(self, offset: int, text: str) -> None:
        """Insert at an offset; the cursor and what is selected stay on their words."""
        self.replace_span(offset, offset, text)

    def replace_span(self, start: int, end: int, text: str) -> None:
        """Replace the characters from `start` to `end`; the cursor stays on its words."""
        before = self.text
        self.replace(clean(text), _place(before, start), _place(before, end), maintain_selection_offset=True)

    def mark(self, spans: list[tuple[int, int, bool]]) -> None:
        """Underline spans (start, end, whether it is serious); others lose their mark."""
        text = self.text
        marks: dict[int, list[tuple[int, int, bool]]] = {}
        for start, end, serious in spans:
            (row, column), (last, stop) = _place(text, start), _place(text, end)
            for line in range(row, last + 1):
                width = len(self.document.get_line(line)) if line < self.document.line_count else 0
                marks.setdefault(line, []).append(
                    (column if line == row else 0, stop if line == last else width, serious)
                )
        if marks != self._marks:
            self._marks = marks
            self._line_cache.clear()
            self.refresh()

    def get_line(self, line_index: int) -> Text:
        """A line with what the checks mean underlined."""
        line = super().get_line(line_index)
        for start, end, serious in self._marks.get(line_index, ()):
            line.stylize(Style(underline=True, bold=serious), start, end)
        return line

    def select_span(self, start: int, end: int) -> None:
        """Select the characters from `start` to `end`: what is typed next takes their place."""
        self.selection = Selection(_place(self.text, start), _place(self.text, end))


def _place(text: str, offset: int) -> tuple[int, int]:
    """(row, column) of an offset."""
    before = text[:offset]
    return before.count("\n"), offset - (before.rfind("\n") + 1)


class Line(Input):
    """A text field of one line."""


Options = OptionList
Press = Button
Choice = Select
