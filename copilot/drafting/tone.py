"""Reads `playbooks/tone.md`: phrases that no reply holds, jargon with the plain word for it, and where links may lead."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from copilot.playbook.frontmatter import Stamp, read_page, split, stamp, validate
from copilot.tickets.models import Model

FILE_NAME = "tone.md"


class ToneGuide(Model):
    """The team's tone guide; all of it may be empty.

    Attributes:
        banned: Phrases that stand in no reply.
        plain: Jargon, and the plain words to put in its place (empty where a person must find them).
        links: Domains that a reply may link to, with everything below them.
    """

    banned: tuple[str, ...] = ()
    plain: dict[str, str] = {}
    links: tuple[str, ...] = ()


def load_tone(playbooks: Path) -> ToneGuide:
    """The guide of a playbook folder; an empty one where there is none.

    Raises:
        PageError: A line is wrong.
    """
    path = playbooks / FILE_NAME
    return _read(path, stamp(path)) if path.exists() else ToneGuide()


@cache
def _read(path: Path, _stamp: Stamp) -> ToneGuide:
    shown = f"{path.parent.name}/{FILE_NAME}"
    text = read_page(path)
    values, _, _ = split(shown, text)
    return validate(shown, text, ToneGuide, values)
