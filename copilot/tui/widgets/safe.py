"""The only module that may import Textual's text widgets: everything made here shows text as it is, never as markup."""

from __future__ import annotations

from typing import Any

from textual.content import Content
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
        """Show other text."""
        self.update(content(*pieces))


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


class Editor(TextArea):
    """A text field over several lines; what is put in is cleaned, what is typed is the person's."""

    def __init__(self, text: str = "", **kwargs: Any) -> None:
        super().__init__(clean(text), soft_wrap=True, highlight_cursor_line=False, **kwargs)

    def put(self, text: str) -> None:
        """Replace the text, keeping the undo history."""
        text = clean(text)
        if text != self.text:
            self.replace(text, (0, 0), self.document.end)

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
