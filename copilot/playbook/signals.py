"""Reads the pages in `playbooks/signals/`: signals and risks are data."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from copilot.errors import PageError
from copilot.playbook.frontmatter import read_page, split, validate
from copilot.playbook.parse import parse_examples, sections_of
from copilot.reading.models import FLAGS, MOODS, Outcome, SignalDefinition
from copilot.tickets.models import Model

ENOUGH_EXAMPLES, ENOUGH_NEAR_MISSES = 20, 10


class SignalMatter(Model):
    """Front matter of a signal's page."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str = Field(min_length=1)
    kind: Literal["signal", "risk"]
    badge: str = Field(min_length=1, max_length=14)
    outcome: Outcome | None = None
    severity: Literal["high", "medium"] | None = None

    @field_validator("id")
    @classmethod
    def _is_no_other_word_of_the_reading(cls, value: str) -> str:
        if value in (*MOODS, *FLAGS):
            raise ValueError(f"{value} is a part of every reading: give the signal another id")
        return value


def parse_definition(path: Path, shown: str) -> SignalDefinition:
    """Read one signal's page.

    Raises:
        PageError: With file, line, what was found and what was expected.
    """
    text = read_page(path)
    values, body, first_line = split(shown, text)
    matter = validate(shown, text, SignalMatter, values)
    definition, sections = sections_of(shown, body, first_line)
    found = {}
    for section in sections:
        if section.heading.lower() not in ("examples", "near misses"):
            raise PageError(shown, section.line, f"`## {section.heading}`", "`## Examples` or `## Near misses`")
        if section.heading.lower() in found:
            raise PageError(shown, section.line, f"a second `## {section.heading}`", "each section once")
        found[section.heading.lower()] = parse_examples(shown, section)
    if not definition:
        raise PageError(shown, first_line, "no text before the first heading", "what the signal is, and what it is not")
    return SignalDefinition(
        **matter.model_dump(),
        definition=definition,
        path=shown,
        examples=found.get("examples", ()),
        near_misses=found.get("near misses", ()),
    )


def load_definitions(folder: Path) -> list[SignalDefinition]:
    """All definitions of a folder, by id.

    Raises:
        PageError: One of them does not parse.
    """
    pages = [
        parse_definition(path, f"{folder.parent.name}/{folder.name}/{path.name}")
        for path in sorted(folder.glob("*.md"))
    ]
    return sorted(pages, key=lambda page: page.id)
