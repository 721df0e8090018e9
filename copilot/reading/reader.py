"""The reader: tickets in, readings out. One batch function serves the desk, the command line and the archive."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from copilot.reading.encoder import Encoder
from copilot.reading.features import Turn, hashed
from copilot.reading.heads import Heads
from copilot.reading.language import language_of
from copilot.reading.models import HAPPY, MOODS, Evidence, Label, Mood, MoodPoint, Reading
from copilot.text import digest, sentences
from copilot.tickets.models import Ticket

PATH_LENGTH = 4
"""Customer messages whose mood is read; of a longer thread, the last ones."""
MAX_SENTENCES = 60
"""Sentences of the target that are looked at for evidence."""
SHORTLIST = 4
"""Sentences that are encoded: of more, those on whose words the heads fire most."""
MIN_QUOTE_WORDS = 4
"""An ask needs words worth quoting."""


class _Work(NamedTuple):
    """One ticket on its way through a batch."""

    ticket: Ticket
    places: list[int]
    """Places of the customer's messages in the thread, oldest first; the last is the target."""
    first: int
    """Row of the first of them in the batch's matrix."""


class Reader:
    """Reads mood, signals and risks.

    Args:
        encoder: What the heads were fitted on.
        heads: The shipped heads.
        own: Heads of a team's own signals, fitted at `playbook build`.
        enabled: Ids of signals and risks that have a page; None means all that the heads know.
    """

    def __init__(
        self, encoder: Encoder, heads: Heads, own: Heads | None = None, enabled: frozenset[str] | None = None
    ) -> None:
        self.encoder = encoder
        self.heads = heads
        self.own = own
        self.enabled = enabled
        known = "all" if enabled is None else ",".join(sorted(enabled))
        self.version = digest(encoder.name, heads.version, own.version if own else "", known)

    def read(self, ticket: Ticket) -> Reading:
        """The reading of one ticket."""
        return self.read_many([ticket])[0]

    def read_many(self, tickets: Sequence[Ticket]) -> list[Reading]:
        """Readings of `tickets`, in their order; never raises for anything a customer wrote."""
        out: list[Reading | None] = [self._unread(ticket) for ticket in tickets]
        works: dict[int, _Work] = {}
        texts: list[str] = []
        rows: list[NDArray[np.int64]] = []
        for i, ticket in enumerate(tickets):
            if out[i] is not None:
                continue
            places = [
                place
                for place, m in enumerate(ticket.messages)
                if m.role == "customer" and m.public and not m.automatic and m.text.strip()
            ][-PATH_LENGTH:]
            works[i] = _Work(ticket, places, len(texts))
            for place in places:
                texts.append(ticket.messages[place].text)
                rows.append(hashed(_turns(ticket, place)))
        vectors = self.encoder.encode(texts)
        scores = self.heads.scores(vectors, rows)
        own = self.own.scores(vectors, rows) if self.own else None
        claims = {i: self._claims(scores, own, work.first + len(work.places) - 1) for i, work in works.items()}
        spans = self._evidence([(work, claims[i]) for i, work in works.items()])
        for (i, work), found in zip(works.items(), spans, strict=True):
            out[i] = self._reading(work, scores, claims[i], found)
        return [reading for reading in out if reading is not None]

    def _unread(self, ticket: Ticket) -> Reading | None:
        """A reading that claims nothing, where there is nothing this reader may judge."""
        target = ticket.target
        language = "en"
        if target is None:
            automatic = any(m.automatic for m in ticket.messages)
            why = "automatic mail" if automatic else "the customer has not written"
        elif not any(c.isalnum() for c in target.text) and not _has_emoji(target.text):
            why = "no words"
        elif (language := language_of(target.text, ticket.customer.locale)) != "en":
            why = f"not read: the message is not in English ({language})"
        else:
            return None
        return Reading(ticket_version=ticket.version, reader=self.version, read=False, why_not=why, language=language)

    def _claims(self, scores: NDArray[np.float32], own: NDArray[np.float32] | None, row: int) -> dict[str, float]:
        """Heads that fire on the target, with their confidence; rules of the codebook applied."""
        fired: dict[str, float] = {}
        for heads, matrix in ((self.heads, scores), (self.own, own)):
            if heads is None or matrix is None:
                continue
            for column, name in enumerate(heads.labels):
                label = name.partition(":")[2]
                if name.startswith("mood:") or (
                    not name.startswith("flag:") and self.enabled is not None and label not in self.enabled
                ):
                    continue
                if (confidence := float(matrix[row, column])) >= heads.thresholds[name]:
                    fired[name] = confidence
        mood = _mood(scores[row])[0]
        if mood not in HAPPY:  # a signal needs a customer who credits the company
            fired = {name: value for name, value in fired.items() if not name.startswith("signal:")}
            fired.pop("flag:ask_ok", None)
            fired.pop("flag:moment", None)
        else:
            fired.pop("flag:sarcasm", None)
        fired[f"mood:{mood}"] = _mood(scores[row])[1]
        return fired

    def _evidence(self, works: Iterable[tuple[_Work, dict[str, float]]]) -> list[dict[str, Evidence]]:
        """For every claim, the sentence of the target on which its own head fires most."""
        works = list(works)
        pieces: list[tuple[int, list[tuple[int, int]]]] = []
        texts: list[str] = []
        rows: list[NDArray[np.int64]] = []
        for work, claims in works:
            text = work.ticket.messages[work.places[-1]].text
            needed = any(name != "mood:neutral" and not name.startswith("flag:") for name in claims)
            spans = self._shortlist(text, claims) if needed else []
            pieces.append((len(texts), spans))
            if len(spans) > 1:
                texts += [text[start:end] for start, end in spans]
                rows += [hashed([Turn("customer", text[start:end])]) for start, end in spans]
        vectors = self.encoder.encode(texts)
        scored = [(heads, heads.scores(vectors, rows)) for heads in (self.heads, self.own) if heads is not None]
        out: list[dict[str, Evidence]] = []
        for (work, claims), (first, spans) in zip(works, pieces, strict=True):
            place = work.places[-1]
            text = work.ticket.messages[place].text
            found: dict[str, Evidence] = {}
            for name in claims:
                if name == "mood:neutral" or name.startswith("flag:") or not spans:
                    continue
                best = 0
                if len(spans) > 1:
                    heads, matrix = next((h, m) for h, m in scored if name in h.labels)
                    column = heads.labels.index(name)
                    best = int(np.argmax(matrix[first : first + len(spans), column]))
                start, end = spans[best]
                found[name] = Evidence(message=place, start=start, end=end, text=text[start:end])
            out.append(found)
        return out

    def _shortlist(self, text: str, claims: dict[str, float]) -> list[tuple[int, int]]:
        """The sentences worth encoding: all of a short message; of a long one, those whose words alone score highest."""
        spans = list(sentences(text))[:MAX_SENTENCES]
        if len(spans) <= SHORTLIST:
            return spans
        rows = [hashed([Turn("customer", text[start:end])]) for start, end in spans]
        nothing = np.zeros((len(spans), self.encoder.dimensions), dtype=np.float32)
        columns = [place for place, name in enumerate(self.heads.labels) if name in claims]
        best = np.argsort(-self.heads.scores(nothing, rows)[:, columns].max(axis=1), kind="stable")[:SHORTLIST]
        return [spans[place] for place in sorted(best)]

    def _reading(
        self, work: _Work, scores: NDArray[np.float32], claims: dict[str, float], found: dict[str, Evidence]
    ) -> Reading:
        ticket, places, first = work
        path = tuple(MoodPoint(message=place, mood=_mood(scores[first + k])[0]) for k, place in enumerate(places))
        mood, confidence = _mood(scores[first + len(places) - 1])
        signals = self._labels("signal:", claims, found)
        risks = self._labels("risk:", claims, found)
        quotable = len(ticket.messages[places[-1]].text.split()) >= MIN_QUOTE_WORDS
        return Reading(
            ticket_version=ticket.version,
            reader=self.version,
            mood=mood,
            mood_confidence=round(confidence, 4),
            mood_evidence=found.get(f"mood:{mood}"),
            path=path,
            sarcasm="flag:sarcasm" in claims,
            signals=signals,
            risks=risks,
            moment="flag:moment" in claims and any(label.name != "resolved_thanks" for label in signals) and not risks,
            ask_ok="flag:ask_ok" in claims and not risks and quotable,
        )

    @staticmethod
    def _labels(prefix: str, claims: dict[str, float], found: dict[str, Evidence]) -> tuple[Label, ...]:
        labels = [
            Label(name=name.partition(":")[2], confidence=round(confidence, 4), evidence=found[name])
            for name, confidence in claims.items()
            if name.startswith(prefix) and name in found
        ]
        return tuple(sorted(labels, key=lambda label: (-label.confidence, label.name)))


def _turns(ticket: Ticket, place: int) -> list[Turn]:
    return [
        Turn(m.role, m.text)
        for m in ticket.messages[: place + 1]
        if m.public and not m.automatic and m.role != "system"
    ]


def _mood(row: NDArray[np.float32]) -> tuple[Mood, float]:
    best = int(np.argmax(row[: len(MOODS)]))
    return MOODS[best], float(row[best])


def _has_emoji(text: str) -> bool:
    return any(ord(c) >= 0x2600 for c in text)
