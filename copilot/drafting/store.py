"""Keeps drafts and what became of them. The only module that queries these tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import JSON, Column, Connection, ForeignKey, Index, Integer, String, Table, Text, select
from sqlalchemy.dialects.sqlite import insert

from copilot.db.engine import UtcDateTime, metadata
from copilot.drafting.learning import Outcome
from copilot.drafting.models import Draft

drafts = Table(
    "drafts",
    metadata,
    Column("id", String, primary_key=True),
    Column("ticket_ref", ForeignKey("tickets.ref"), nullable=False),
    Column("state", String, nullable=False),
    Column("text", Text, nullable=False),
    Column("body", JSON, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)
Index("drafts_ticket", drafts.c.ticket_ref, drafts.c.state)
draft_outcomes = Table(
    "draft_outcomes",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("at", UtcDateTime, nullable=False),
    Column("draft_id", String, nullable=False, index=True),
    Column("play_id", String, nullable=False),
    Column("model", String, nullable=False),
    Column("prompt", String, nullable=False),
    Column("fate", String, nullable=False),
    Column("body", JSON, nullable=False),
)


def put(connection: Connection, draft: Draft) -> None:
    """Store a draft as it stands now."""
    values = {
        "ticket_ref": draft.ticket_ref,
        "state": draft.state,
        "text": draft.text,
        "body": draft.model_dump(mode="json", exclude={"text"}),
        "updated_at": draft.updated_at,
    }
    connection.execute(
        insert(drafts).values(id=draft.id, **values).on_conflict_do_update(index_elements=["id"], set_=values)
    )


def open_draft(connection: Connection, ref: str) -> Draft | None:
    """The draft of a ticket that is neither sent nor discarded: the newest."""
    query = (
        select(drafts.c.body, drafts.c.text)
        .where(drafts.c.ticket_ref == ref, drafts.c.state.in_(["proposed", "edited", "approved"]))
        .order_by(drafts.c.updated_at.desc(), drafts.c.id)
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else Draft.model_validate({**row.body, "text": row.text})


def sent(connection: Connection, ref: str) -> list[Draft]:
    """Drafts of a ticket that went out, oldest first."""
    query = select(drafts.c.body, drafts.c.text).where(drafts.c.ticket_ref == ref, drafts.c.state == "sent")
    rows = connection.execute(query.order_by(drafts.c.updated_at))
    return [Draft.model_validate({**row.body, "text": row.text}) for row in rows]


def of_ticket(connection: Connection, ref: str) -> list[Draft]:
    """Every draft of a ticket, the newest first."""
    rows = connection.execute(select(drafts.c.body, drafts.c.text).where(drafts.c.ticket_ref == ref))
    found = [Draft.model_validate({**row.body, "text": row.text}) for row in rows]
    return sorted(found, key=lambda draft: draft.created_at, reverse=True)


def every_sent(connection: Connection) -> list[Draft]:
    """Every draft that went out, oldest first."""
    query = select(drafts.c.body, drafts.c.text).where(drafts.c.state == "sent").order_by(drafts.c.updated_at)
    return [Draft.model_validate({**row.body, "text": row.text}) for row in connection.execute(query)]


def add_outcomes(connection: Connection, found: Sequence[Outcome], at: datetime) -> None:
    """Keep what became of a draft."""
    columns = ("draft_id", "play_id", "model", "prompt", "fate")
    rows = [
        {"at": at, "body": o.model_dump(mode="json"), **{name: getattr(o, name) for name in columns}} for o in found
    ]
    if rows:
        connection.execute(draft_outcomes.insert(), rows)


def outcomes_of(connection: Connection) -> list[Outcome]:
    """Everything that is known of what became of drafts, oldest first."""
    found = connection.execute(select(draft_outcomes.c.body).order_by(draft_outcomes.c.seq)).scalars()
    return [Outcome.model_validate(body) for body in found]


def forget(connection: Connection, refs: Sequence[str]) -> None:
    """Erase the drafts of some tickets, and what became of their paragraphs."""
    ids = select(drafts.c.id).where(drafts.c.ticket_ref.in_(refs))
    connection.execute(draft_outcomes.delete().where(draft_outcomes.c.draft_id.in_(ids)))
    connection.execute(drafts.delete().where(drafts.c.ticket_ref.in_(refs)))
