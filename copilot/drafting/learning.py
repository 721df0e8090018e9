"""What became of a draft's words: kept, edited, thrown away; and phrases an agent keeps adding, proposed for a page.

What must not live here: any change of a page. A proposal is a diff for a lead to accept.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher, unified_diff
from pathlib import Path
from typing import Literal, NamedTuple

from copilot.drafting.merge import origins
from copilot.drafting.models import Draft
from copilot.playbook.models import Play
from copilot.text import clean_line
from copilot.tickets.models import Model

Fate = Literal["kept", "edited", "dropped"]
ALIKE = 0.5
"""Similarity from which a paragraph of the reply is the draft's, edited."""
OFTEN = 3
"""Conversations in which a phrase must stand to be proposed."""
MIN_WORDS, MAX_WORDS = 4, 40


class Outcome(Model):
    """What became of one paragraph of a draft.

    Attributes:
        play_id: The play it came from; empty for a model's own paragraph.
        model: Who wrote it; empty is the composer.
        prompt: Id and version of the prompt.
        distance: 0 (as it was) to 1 (nothing left).
        seconds: From the draft to the reply.
    """

    draft_id: str
    play_id: str
    citation: str
    model: str
    prompt: str
    fate: Fate
    distance: float
    seconds: float


class Phrase(NamedTuple):
    """A sentence an agent often adds, the play it follows, and how many conversations hold it."""

    text: str
    play_id: str
    conversations: int


def outcomes(draft: Draft, sent: str, seconds: float) -> list[Outcome]:
    """What became of each paragraph that was drafted, once the reply is sent (or, with no words, thrown away)."""
    paragraphs = [p for p in re.split(r"\n{2,}", sent) if p.strip()]
    out = []
    for part in draft.parts:
        if part.source in ("agent", "ask") or part.slot in ("greeting", "signature"):
            continue
        nearest = 1.0 if part.text in sent else max((_alike(part.text, p) for p in paragraphs), default=0.0)
        fate: Fate = "kept" if nearest == 1.0 else "edited" if nearest >= ALIKE else "dropped"
        out.append(
            Outcome(
                draft_id=draft.id,
                play_id=part.play_id,
                citation=part.citation,
                model=draft.model,
                prompt=draft.prompt,
                fate=fate,
                distance=round(1 - nearest, 3) if fate != "dropped" else 1.0,
                seconds=round(seconds, 1),
            )
        )
    return out


def _alike(one: str, other: str) -> float:
    return min(SequenceMatcher(None, one, other, autojunk=False).ratio(), 0.999)


def phrases(drafts: Sequence[Draft], names: Mapping[str, Sequence[str]]) -> list[Phrase]:
    """Sentences that agents added to several replies, the commonest first.

    Args:
        drafts: Drafts that were sent.
        names: Names that occur in each ticket, by ref; a phrase that holds one is about that person and is left out.
    """
    found: dict[str, dict[str, tuple[str, str]]] = defaultdict(dict)
    for draft in drafts:
        after = ""
        for origin in origins(draft.text, draft.parts):
            words = clean_line(draft.text[origin.start : origin.end])
            if origin.part is not None:
                after = origin.part.play_id or after
                continue
            private = any(name.lower() in words.lower() for name in names.get(draft.ticket_ref, ()) if name)
            if MIN_WORDS <= len(words.split()) <= MAX_WORDS and not private and not re.search(r"\d|@|\[\[|//", words):
                found[words.lower()][draft.ticket_ref] = (words, after)
    made = []
    for by_ticket in found.values():
        if len(by_ticket) >= OFTEN:
            text, after = next(iter(by_ticket.values()))
            made.append(Phrase(text, after, len(by_ticket)))
    return sorted(made, key=lambda phrase: (-phrase.conversations, phrase.text))


def proposal(phrase: Phrase, play: Play, page: Path) -> str:
    """A unified diff that adds a phrase to the play it follows, as one more phrasing."""
    lines = page.read_text("utf-8").split("\n")
    last = max(
        (i for i in range(play.line - 1, min(play.last_line, len(lines))) if lines[i].startswith("- ")),
        default=play.last_line - 1,
    )
    mended = [*lines[: last + 1], f"- {phrase.text}", *lines[last + 1 :]]
    return "\n".join(unified_diff(lines, mended, fromfile=play.path, tofile=play.path, lineterm=""))
