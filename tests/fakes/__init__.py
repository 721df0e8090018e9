"""Doubles for the ports. Each records its calls, and is held to the port's contract in tests/contract/."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np

from copilot.reading.encoder import Vectors
from copilot.text import digest
from copilot.tickets.models import Message, Ticket

NOW = datetime(2026, 11, 23, 18, 40, tzinfo=UTC)


@dataclass
class FakeClock:
    """A clock that stands still until it is told to go on."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **step: float) -> None:
        """Let time pass."""
        self.now += timedelta(**step)


@dataclass
class FakeSender:
    """Takes replies and keeps them; `error` is raised instead where one is set."""

    sent: list[tuple[str, str, str]] = field(default_factory=list)
    error: Exception | None = None

    def send(self, ticket: Ticket, text: str, author: str, key: str, at: datetime) -> Message:
        """Keep (ref, text, key)."""
        if self.error is not None:
            raise self.error
        self.sent.append((ticket.ref, text, key))
        return Message(id=f"<{digest(key)}@fake>", role="agent", text=text, at=at, author=author)


@dataclass
class FakeEncoder:
    """Vectors from hashed words: texts that share words are near each other."""

    name: str = "all-MiniLM-L6-v2"
    dimensions: int = 384
    encoded: list[str] = field(default_factory=list)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """One unit vector a text."""
        self.encoded += texts
        out = np.full((len(texts), self.dimensions), 1e-3, dtype=np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().split():
                out[row, int(digest(word), 16) % self.dimensions] += 1
        normal: Vectors = out / np.linalg.norm(out, axis=1, keepdims=True)
        return normal
