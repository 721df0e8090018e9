"""The playbook as it serves: pages, definitions and search. Opened from a build; knows nothing of how builds are made."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from pathlib import Path

from copilot.errors import IndexFault
from copilot.playbook.models import GROUNDED, Match, Page, Play
from copilot.playbook.vectors import Hit, VectorStore
from copilot.reading.encoder import Encoder, Vectors
from copilot.reading.models import HAPPY, UNHAPPY, Reading, SignalDefinition
from copilot.text import shorten
from copilot.tickets.models import Ticket

NEIGHBOURS = 80
SIGNAL_WEIGHT = 0.45
"""What an answered signal or risk adds, times its confidence (at least one half): labels outrank likeness of words."""
MOOD_WEIGHT = 0.12
NEAR = 0.6
NEAR_MISS_PENALTY = 0.5
"""Taken off where a near miss of the page is near, and nearer than anything that should bring it."""
MIN_SCORE = 0.30
"""Below this a page is not offered at all."""
FALLBACK = "general"


def current(index: Path) -> str | None:
    """Name of the build that serves, or None."""
    try:
        return str(json.loads((index / "current.json").read_text("utf-8"))["build"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


class Playbook:
    """The serving build of an index folder.

    Raises:
        IndexFault: Nothing is built yet, or the build is damaged.
    """

    def __init__(self, index: Path, encoder: Encoder) -> None:
        name = current(index)
        if name is None:
            raise IndexFault(f"{index} holds no playbook index.", hint="Run `delight playbook build`.")
        self.name = name
        self.folder = index / "builds" / name
        self.encoder = encoder
        try:
            body = json.loads((self.folder / "playbook.json").read_text("utf-8"))
            self.pages = tuple(Page.model_validate(page) for page in body["pages"])
            self.definitions = {d["id"]: SignalDefinition.model_validate(d) for d in body["definitions"]}
        except (OSError, ValueError, KeyError) as error:
            raise IndexFault(
                f"{self.folder} is damaged: {error}.", hint="Run `delight playbook build --force`."
            ) from error
        if body["encoder"] != encoder.name:
            raise IndexFault("The playbook was indexed with another encoder.", hint="Run `delight playbook build`.")
        self._by_id = {page.id: page for page in self.pages}
        self._store: VectorStore | None = None
        self._opening = threading.Lock()

    def warm(self) -> None:
        """Open the vector store (1 s) and load the encoder now."""
        self._opened()
        self.encoder.encode(["ready"])

    def _opened(self) -> VectorStore:
        with self._opening:  # Chroma breaks when two threads open one folder at the same time
            if self._store is None:
                self._store = VectorStore(self.folder / "chroma")
            return self._store

    def page(self, page_id: str) -> Page | None:
        """The page of that id."""
        return self._by_id.get(page_id)

    def play(self, play_id: str) -> Play | None:
        """The play of that id."""
        page = self._by_id.get(play_id.partition("#")[0])
        return next((play for play in page.plays if play.id == play_id), None) if page else None

    def search(self, text: str, count: int = 5, locale: str = "en") -> list[Match]:
        """The pages nearest to any text."""
        return self._ranked(self.encoder.encode([text])[0], None, count, locale)

    def prepare(self, ticket: Ticket) -> None:
        """Encode what `match` will search with; the encoder remembers it."""
        self.encoder.encode([_searched(ticket)])

    def match(self, ticket: Ticket, reading: Reading, count: int = 5, *, left_out: str = "") -> list[Match]:
        """The pages that fit a ticket, best first; at least the general one.

        Args:
            left_out: An indexed text that is not to count: how a page's own example is tried as if it were new.
        """
        target = ticket.target
        locale = reading.language if not reading.read else "en"
        if reading.read is False and any(m.automatic for m in ticket.messages) and target is None:
            return []
        return self._ranked(self.encoder.encode([_searched(ticket)])[0], reading, count, locale, left_out)

    def _ranked(
        self, vector: Vectors, reading: Reading | None, count: int, locale: str, left_out: str = ""
    ) -> list[Match]:
        hits = [hit for hit in self._opened().nearest(vector, NEIGHBOURS) if hit.entry.text != left_out]
        best: dict[str, Hit] = {}
        worst: dict[str, float] = {}
        script: dict[str, Hit] = {}
        for hit in hits:
            owner = hit.entry.page
            if hit.entry.kind == "near-miss":
                worst.setdefault(owner, hit.similarity)
                continue
            best.setdefault(owner, hit)
            if hit.entry.kind.startswith("script:"):
                script.setdefault(owner, hit)
        locales = {page.locale for page in self.pages}
        locale = locale if locale in locales else "en"
        scored: list[Match] = []
        for page in self.pages:
            if page.locale != locale:
                continue
            score, why = self._score(page, best.get(page.id), worst.get(page.id, 0.0), reading)
            if score < MIN_SCORE:
                continue
            scored.append(
                Match(page=page, play=_insertable(page, script.get(page.id)), score=round(min(score, 1.0), 3), why=why)
            )
        general = self._general(locale)
        scored = [match for match in scored if general is None or match.page.id != general.page.id]
        if general is not None:
            scored.append(general)
        scored.sort(key=lambda match: (-match.score, match.page.id))
        chosen = scored[:count]
        if general is not None and general not in chosen:
            chosen = [*chosen[: count - 1], general]
        return chosen

    def _general(self, locale: str) -> Match | None:
        """The general page of a language, which stands just below every page that is grounded."""
        page = next((p for p in self.pages if p.id.startswith(FALLBACK) and p.locale == locale), None)
        if page is None:
            return None
        return Match(page=page, play=_insertable(page, None), score=GROUNDED, why="fits every conversation")

    def _score(self, page: Page, hit: Hit | None, near_miss: float, reading: Reading | None) -> tuple[float, str]:
        score = hit.similarity if hit else 0.0
        why = []
        if reading is not None and reading.read:
            labels = [label for label in reading.signals if label.name in page.signals]
            labels += [label for label in reading.risks if label.name in page.risks]
            if labels:
                score += SIGNAL_WEIGHT * max(0.5, *(label.confidence for label in labels))
                why.append("answers " + ", ".join(self.title_of(label.name) for label in labels))
            if page.moods and reading.mood in page.moods:
                score += MOOD_WEIGHT
            elif page.moods and _opposite(page.moods, reading.mood):
                score -= 2 * MOOD_WEIGHT  # no celebration page for an angry customer, no apology page for a happy one
        if hit is not None and near_miss > max(hit.similarity, NEAR):
            score -= NEAR_MISS_PENALTY
        if hit is not None and hit.similarity >= MIN_SCORE:
            shown = page.title if hit.entry.kind == "intent" else shorten(hit.entry.text, 60)
            why.append(f"like “{shown}”" if hit.entry.kind == "example" else f"about “{shown}”")
        return score, "; ".join(why) or "nearest in meaning"

    def title_of(self, name: str) -> str:
        """What a signal or risk is called."""
        definition = self.definitions.get(name)
        return definition.title.lower() if definition else name.replace("_", " ")

    def close(self) -> None:
        """Release the vector store."""
        if self._store is not None:
            self._store.close()
            self._store = None


SEARCHED = 400
"""Characters of a message that are searched with, about what MiniLM was trained on (128 tokens): encoding a whole long mail takes
longer than all the rest, and blurs it."""


def _searched(ticket: Ticket) -> str:
    """The words a ticket's pages are searched with; of a long message the beginning and the end."""
    text = ticket.target.text if ticket.target else ticket.title
    return text if len(text) <= SEARCHED else f"{text[: SEARCHED * 2 // 3]} … {text[-SEARCHED // 3 :]}"


def _opposite(moods: Sequence[str], mood: str) -> bool:
    return (mood in UNHAPPY and set(moods) <= HAPPY) or (mood in HAPPY and set(moods) <= UNHAPPY)


def _insertable(page: Page, script: Hit | None) -> Play:
    """The play a match would insert: the script that was hit, else the recovery, else the page's first with words."""
    if script is not None:
        wanted = script.entry.kind.partition(":")[2]
        found = next((play for play in page.plays if play.id == wanted), None)
        if found is not None:
            return found
    for kind in ("recovery", "script", "pivot", "empathy", "opening", "closing"):
        plays = [play for play in page.plays if play.kind == kind]
        if plays:
            return plays[0]
    return page.plays[0]
