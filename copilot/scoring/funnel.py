"""The funnel from a moment to a ready story, counted from what is stored."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from copilot.asking.store import asks, permissions
from copilot.reading.store import readings
from copilot.stories.store import all_standing
from copilot.tickets.models import Model


class Funnel(Model):
    """How many got how far.

    Attributes:
        moments: Conversations read as worth keeping.
        asked: Asks sent.
        granted: Asks whose latest answer is a yes, with or without conditions.
        stories: Stories noticed.
        ready: Stories released by both keys.
    """

    moments: int
    asked: int
    granted: int
    stories: int
    ready: int


def funnel(connection: Connection) -> Funnel:
    """The funnel of the whole workspace."""
    latest = select(func.max(permissions.c.seq)).group_by(permissions.c.ask_id)
    yes = select(func.count()).select_from(permissions)
    standings = [where for where, _ in all_standing(connection)]
    return Funnel(
        moments=connection.execute(select(func.count()).select_from(readings).where(readings.c.moment)).scalar_one(),
        asked=connection.execute(
            select(func.count()).select_from(asks).where(asks.c.sent_at.is_not(None))
        ).scalar_one(),
        granted=connection.execute(
            yes.where(permissions.c.seq.in_(latest), permissions.c.answer.in_(["granted", "conditional"]))
        ).scalar_one(),
        stories=len(standings),
        ready=sum(where.state == "ready" for where in standings),
    )
