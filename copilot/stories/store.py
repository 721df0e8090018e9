"""Keeps stories and marketing's approvals."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import JSON, Column, Connection, ForeignKey, Integer, String, Table, select
from sqlalchemy.dialects.sqlite import insert

from copilot.asking import store as asking
from copilot.asking.models import Entry
from copilot.db.engine import UtcDateTime, metadata
from copilot.errors import NotFound
from copilot.stories.models import Approval, Standing, Story
from copilot.stories.release import standing

stories = Table(
    "stories",
    metadata,
    Column("id", String, primary_key=True),
    Column("ticket_ref", ForeignKey("tickets.ref"), nullable=False, unique=True),
    Column("body", JSON, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)
approvals = Table(
    "approvals",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("story_id", ForeignKey("stories.id"), nullable=False, index=True),
    Column("body", JSON, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,
)


def put(connection: Connection, story: Story) -> None:
    """Store a story as it stands now."""
    values = {"ticket_ref": story.ticket_ref, "body": story.model_dump(mode="json"), "updated_at": story.updated_at}
    connection.execute(
        insert(stories).values(id=story.id, **values).on_conflict_do_update(index_elements=["id"], set_=values)
    )


def add_approval(connection: Connection, approval: Approval) -> None:
    """Record marketing's key; earlier ones are kept."""
    connection.execute(
        approvals.insert().values(story_id=approval.story_id, body=approval.model_dump(mode="json"), at=approval.at)
    )


def of_ticket(connection: Connection, ref: str) -> Story | None:
    """The story of a ticket, if one was noticed."""
    body = connection.execute(select(stories.c.body).where(stories.c.ticket_ref == ref)).scalar_one_or_none()
    return None if body is None else Story.model_validate(body)


def all_standing(connection: Connection) -> list[tuple[Standing, Approval | None]]:
    """Every story with where it stands, newest first: the one place from which any door learns it."""
    ledger: dict[str, list[Entry]] = defaultdict(list)
    for entry in asking.entries(connection):
        ledger[entry.ticket_ref].append(entry)
    sent = set(connection.execute(select(asking.asks.c.ticket_ref).where(asking.asks.c.sent_at.is_not(None))).scalars())
    last: dict[str, Approval] = {}
    for body in connection.execute(select(approvals.c.body).order_by(approvals.c.seq)).scalars():
        approval = Approval.model_validate(body)
        last[approval.story_id] = approval
    query = select(stories.c.body).order_by(stories.c.updated_at.desc(), stories.c.id)
    found = [Story.model_validate(body) for body in connection.execute(query).scalars()]
    return [(standing(s, ledger[s.ticket_ref], s.ticket_ref in sent, last.get(s.id)), last.get(s.id)) for s in found]


def get_standing(connection: Connection, story_id: str) -> tuple[Standing, Approval | None]:
    """One story with where it stands.

    Raises:
        NotFound: There is none of that id.
    """
    for where, approval in all_standing(connection):
        if where.story.id == story_id:
            return where, approval
    raise NotFound(f"There is no story {story_id}.", hint="`delight stories list` shows them.")
