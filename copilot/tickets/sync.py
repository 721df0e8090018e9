"""Brings a queue into the store: new tickets, changed threads, and a report of what was set aside."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from copilot.db.engine import Database
from copilot.errors import QueueFault
from copilot.tickets import store
from copilot.tickets.models import Model, SetAside, Ticket
from copilot.tickets.sources import Source

BATCH = 200
"""Tickets stored in one transaction: a killed sync keeps whole batches, and the next one goes on."""


class SyncReport(Model):
    """What one sync did."""

    queue: str
    seen: int
    changed: tuple[str, ...]
    set_aside: tuple[SetAside, ...]


def sync(
    database: Database, queue: str, source: Source, now: datetime, *, progress: Callable[[int], None] = lambda _: None
) -> SyncReport:
    """Read all of `source` into the store; running it twice changes nothing.

    Args:
        progress: Called with the number of tickets seen so far, after each batch.

    Raises:
        QueueFault: The queue cannot be reached; what was stored before stays.
    """
    changed: list[str] = []
    aside: list[SetAside] = []
    batch: list[Ticket] = []
    seen = 0

    def flush() -> None:
        with database.begin() as connection:
            changed.extend(ticket.ref for ticket in batch if store.put(connection, ticket, now))
        batch.clear()
        progress(seen)

    for item in source.items():
        if isinstance(item, SetAside):
            aside.append(item)
            continue
        batch.append(item)
        seen += 1
        if len(batch) == BATCH:
            flush()
    flush()
    if not seen and not aside:
        raise QueueFault(f"The queue {queue} holds no conversation.")
    with database.begin() as connection:
        store.put_aside(connection, queue, aside, now)
    return SyncReport(queue=queue, seen=seen, changed=tuple(changed), set_aside=tuple(aside))
