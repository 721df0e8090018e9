"""Drafting again without losing a hand-written word, and where each sentence of a draft comes from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from copilot.drafting.models import Part, Slot
from copilot.text import sentences

ORDER: tuple[Slot, ...] = (
    "greeting",
    "lead",
    "body",
    "outcome",
    "next",
    "pivot",
    "closing",
    "inserted",
    "ask",
    "signature",
)
KEPT: frozenset[Slot] = frozenset(("inserted", "ask"))
"""Parts that a person put in: drafting again leaves them where they stand."""


class Origin(NamedTuple):
    """A sentence of a draft, `text[start:end]`, and the part it came from; None is the person at the desk."""

    start: int
    end: int
    part: Part | None


def merged(old: Sequence[Part], text: str, new: Sequence[Part]) -> tuple[Part, ...]:
    """The new parts, with everything in `text` that a person wrote or changed left as it stands.

    Args:
        old: What the text was drafted from.
        text: As it stands now.
    """
    standing, by_hand = _segments(old, text)
    if not by_hand:
        kept = [part for part in standing if part.slot in KEPT]
        return _inserted(list(new), kept)
    fresh: dict[Slot, list[Part]] = {}
    for part in new:
        fresh.setdefault(part.slot, []).append(part)
    out: list[Part] = []
    for part in standing:
        if part.source == "agent" or part.slot in KEPT:
            out.append(part)
        elif fresh.get(part.slot):
            out.append(fresh[part.slot].pop(0))
    had = {part.slot for part in old}  # a slot whose words were changed by hand is taken; one that never was is new
    return _inserted(out, [part for slot, parts in fresh.items() if slot not in had for part in parts])


def origins(text: str, parts: Sequence[Part]) -> list[Origin]:
    """Where each sentence of a draft comes from."""
    drafted = [part for part in parts if part.source != "agent" and part.text]
    found = []
    for start, end in sentences(text):
        words = text[start:end]
        found.append(Origin(start, end, next((part for part in drafted if words in part.text), None)))
    return found


def _segments(old: Sequence[Part], text: str) -> tuple[list[Part], bool]:
    """(what stands in the text, in order: old parts letter for letter, and what a person wrote between; whether there is any)."""
    out: list[Part] = []
    at, by_hand = 0, False
    for part in old:
        place = text.find(part.text, at) if part.text else -1
        if place < 0:
            by_hand = True
            continue
        if between := text[at:place].strip():
            out.append(Part(text=between, source="agent", slot="inserted"))
            by_hand = True
        out.append(part)
        at = place + len(part.text)
    if rest := text[at:].strip():
        out.append(Part(text=rest, source="agent", slot="inserted"))
        by_hand = True
    return out, by_hand


def _inserted(parts: list[Part], more: Sequence[Part]) -> tuple[Part, ...]:
    """`parts` with each of `more` put where its slot belongs."""
    for part in more:
        rank = ORDER.index(part.slot)
        place = next(
            (i for i, other in enumerate(parts) if other.source != "agent" and ORDER.index(other.slot) > rank),
            len(parts),
        )
        parts.insert(place, part)
    return tuple(parts)
