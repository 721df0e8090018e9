"""The sample queue: invented conversations that `delight demo` brings up to date by moving them in time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from copilot.tickets.models import Message, Ticket
from copilot.tickets.sources import Item
from copilot.tickets.sources.jsonl import JsonLines

SAMPLE = Path(__file__).parent / "queue.jsonl"
EPOCH = datetime(2026, 11, 23, 18, 40, tzinfo=UTC)
"""The moment at which the sample was written: its newest message is three minutes older."""


class SampleQueue:
    """The sample as if its last message had come just before `now`.

    Args:
        queue: Name of the queue.
        now: When the demo begins; the same `now` gives the same tickets, so that syncing again changes nothing.
    """

    def __init__(self, queue: str, now: datetime) -> None:
        self.queue = queue
        self.shift = now - EPOCH

    def items(self) -> Iterator[Item]:
        """Yield the tickets, every time moved by the same step."""
        for item in JsonLines(self.queue, SAMPLE).items():
            yield _moved(item, self.shift) if isinstance(item, Ticket) else item


def _moved(ticket: Ticket, shift: timedelta) -> Ticket:
    messages: list[Message] = [
        m.model_copy(update={"at": m.at + shift}) if m.at is not None else m for m in ticket.messages
    ]
    return ticket.model_copy(update={"messages": tuple(messages)})
